/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A partition image of FOG: codec, header, bitmap, blocks, checksums. With the first byte of the
 * input odd, the checksum of a header of version 2 is mended, so that what is behind is reached.
 */
#include "tests/fuzz/fuzz_partclone.h"

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
	if (size < 2)
		return 0;
	CLEANUP(free) uint8_t *stream = fuzz_stream(data + 1, size - 1, data[0] & 1);
	read_image(fuzz_image(stream, size - 1), codec_of(stream, size - 1));
	return 0;
}
