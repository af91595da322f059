/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A partition image as a block device: every block is what a reading from the beginning finds, in
 * whatever order it is asked for. Of the first byte of the input the lowest bit has the
 * checksum of the header mended, the next the stream compressed.
 */
#include <zlib.h>

#include "image/partclone_dev.h"
#include "tests/fuzz/fuzz_partclone.h"

#define BLOCKS_MAX 1024u
#define BYTES_MAX (4u << 20)

/* What the reader finds, block by block; NULL: a fault, or more than is looked at here. */
static uint8_t *read_all(const struct ptcl_set *set, enum codec codec)
{
	struct ptcl_reader *r = ptcl_reader_open(set, codec, NULL);
	const struct ptcl_header *h = r ? ptcl_reader_header(r) : NULL;
	uint8_t *all = NULL;
	uint64_t block;
	const uint8_t *p;
	int rc = -1;

	if (h && h->blocks <= BLOCKS_MAX && h->blocks * h->block_size <= BYTES_MAX) {
		all = xcalloc(h->blocks, h->block_size);
		while ((rc = ptcl_reader_next(r, &block, &p, NULL)) == 1)
			memcpy(all + block * h->block_size, p, h->block_size);
	}
	ptcl_reader_close(r);
	if (rc != 0) {
		free(all);
		return NULL;
	}
	return all;
}

static void compare(struct ptcl_dev *d, const uint8_t *all)
{
	const struct ptcl_header *h = ptcl_dev_header(d);
	struct blockdev *dev = ptcl_dev_blockdev(d);
	CLEANUP(free) uint8_t *p = xmalloc(h->block_size);
	CLEANUP(error) struct error err = ERROR_INIT;

	for (uint64_t i = 0; i < h->blocks; i++) {
		uint64_t off = i * 7 % h->blocks * h->block_size;

		if (off + h->block_size > dev->size)
			continue;
		FUZZ_CHECK(blockdev_read(dev, p, h->block_size, off, &err) == 0);
		FUZZ_CHECK(memcmp(p, all + off, h->block_size) == 0);
	}
}

static void look_at(const char *path, enum codec codec)
{
	static const struct image_want want[] = {{.path = "/Windows", .max = 4096, .below = true}};
	CLEANUP(error) struct error err = ERROR_INIT;
	struct ptcl_set set;

	FUZZ_CHECK(ptcl_set_find(path, &set, &err) == 0);
	CLEANUP(free) uint8_t *all = read_all(&set, codec);
	struct ptcl_dev *d = ptcl_dev_open(&set, &err);
	if (!d)
		fuzz_check_error(&err);
	else if (all && ptcl_dev_prefetch(d, want, 1, &err) == 0)
		compare(d, all);
	ptcl_dev_close(d);
	ptcl_set_free(&set);
}

static void add_stream(const uint8_t *p, size_t n, bool compressed, struct buf *out)
{
	uLongf size = compressBound(n) + 64;
	z_stream z = {.next_in = (uint8_t *)(uintptr_t)p, .avail_in = (uInt)n};

	if (!compressed) {
		buf_add(out, p, n);
		return;
	}
	CLEANUP(free) uint8_t *packed = xmalloc(size);
	FUZZ_CHECK(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_out = packed;
	z.avail_out = (uInt)size;
	FUZZ_CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	buf_add(out, packed, size - z.avail_out);
	deflateEnd(&z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf) struct buf file = BUF_INIT;

	if (size < 2)
		return 0;
	CLEANUP(free) uint8_t *stream = fuzz_stream(data + 1, size - 1, data[0] & 1);
	add_stream(stream, size - 1, data[0] & 2, &file);
	look_at(fuzz_image(file.data, file.len), codec_of((const uint8_t *)file.data, file.len));
	return 0;
}
