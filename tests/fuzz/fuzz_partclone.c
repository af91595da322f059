/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A partition image of FOG: codec, header, bitmap, blocks, checksums. With the first byte of the
 * input odd, the checksum of a header of version 2 is mended, so that what is behind is reached.
 */
#include <fcntl.h>

#include "image/bytes.h"
#include "image/partclone_stream.h"
#include "tests/fuzz/fuzz.h"

#define HEADER_CRC (PTCL_V2_HEADER - 4)

static void check_header(const struct ptcl_header *h)
{
	uint8_t raw[PTCL_V2_HEADER];
	struct ptcl_header again;
	size_t size;

	if (h->version != 2)
		return;
	ptcl_header_make(h, raw);
	FUZZ_CHECK(ptcl_header_parse(raw, sizeof(raw), &again, &size, NULL) == 0);
	FUZZ_CHECK(size == sizeof(raw) && again.blocks == h->blocks && again.stored == h->stored);
	FUZZ_CHECK(again.device_size == h->device_size && again.block_size == h->block_size);
	FUZZ_CHECK(again.sum_mode == h->sum_mode && again.blocks_per_sum == h->blocks_per_sum);
}

static int read_blocks(struct ptcl_reader *r, struct error *err)
{
	const struct ptcl_header *h = ptcl_reader_header(r);
	uint64_t block, next = 0, n = 0;
	const uint8_t *p;
	int rc;

	check_header(h);
	while ((rc = ptcl_reader_next(r, &block, &p, err)) == 1) {
		FUZZ_CHECK(block >= next && block < h->blocks && p);
		next = block + 1;
		n++;
	}
	FUZZ_CHECK(rc < 0 || n == h->stored);
	return rc;
}

static void read_image(const char *path, enum codec codec)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct ptcl_set set;

	FUZZ_CHECK(ptcl_set_find(path, &set, &err) == 0);
	struct ptcl_reader *r = ptcl_reader_open(&set, codec, &err);
	if (!r || read_blocks(r, &err) != 0)
		fuzz_check_error(&err);
	ptcl_reader_close(r);
	ptcl_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *path;

	if (!path) {
		CLEANUP(free) char *dir = scratch_create(NULL, NULL);

		FUZZ_CHECK(dir);
		path = path_join(dir, "d1p2.img");
		atexit(scratch_remove_all);
	}
	if (size < 2)
		return 0;
	CLEANUP(free) uint8_t *stream = xmemdup(data + 1, --size);
	if (data[0] & 1 && size >= PTCL_V2_HEADER) {
		uint32_t crc = htole32(ptcl_crc32(stream, HEADER_CRC));

		memcpy(stream + HEADER_CRC, &crc, sizeof(crc));
	}
	CLEANUP(close) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0 && pwrite_all(fd, stream, size, 0, NULL) == 0);
	read_image(path, codec_of(stream, size));
	return 0;
}
