/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header of a WIM: what it names lies within the file, which may be much longer than it. */
#include "image/wim.h"
#include "tests/fuzz/fuzz.h"

static void check_within(const struct wim_header *h, const struct wim_reshdr *r)
{
	FUZZ_CHECK(r->size <= h->file_size && r->offset <= h->file_size - r->size);
	FUZZ_CHECK(r->offset + r->size <= wim_header_end(h));
}

/* @data: the length of the file in KiB (16 bits), its beginning. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes b = {data, size};
	off_t length = (off_t)(fuzz_byte(&b) | fuzz_byte(&b) << 8) << 10;
	CLEANUP(close) int fd = fuzz_fd(b.p, b.n);
	CLEANUP(error) struct error err = ERROR_INIT;
	struct wim_header h;

	FUZZ_CHECK((size_t)length <= b.n || ftruncate(fd, length) == 0);
	if (wim_header_read(fd, &h, &err) != 0) {
		fuzz_check_error(&err);
		return 0;
	}
	check_within(&h, &h.blobs);
	check_within(&h, &h.xml);
	check_within(&h, &h.integrity);
	FUZZ_CHECK(h.file_size >= WIM_HEADER_SIZE && wim_header_end(&h) <= h.file_size);
	return 0;
}
