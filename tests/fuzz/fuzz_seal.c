/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealed files of an undo record: whatever was done to one, it is opened to what was sealed, or
 * not at all. The input is a byte (what follows is the file; or changes to a sealed one), then the
 * file, or places of 32 bits and what to do there: another byte, the file's end, or a piece of 4
 * KiB from another place.
 */
#include "image/bytes.h"
#include "image/seal.h"
#include "tests/fuzz/fuzz.h"

#define CONTENT 150000u
#define MOVED 4096u

static struct buf content = BUF_INIT, sealed = BUF_INIT;

static void make_sealed(void)
{
	CLEANUP(free) char *dir = scratch_create(NULL, NULL);

	FUZZ_CHECK(dir);
	atexit(scratch_remove_all);
	setenv("XDG_STATE_HOME", dir, 1);
	setenv("HOME", dir, 1);
	for (uint32_t i = 0; content.len < CONTENT; i++)
		buf_add(&content, &i, sizeof(i));
	CLEANUP(close) int from = fuzz_fd((const uint8_t *)content.data, content.len);
	CLEANUP(close) int to = memfile("sealed", NULL);
	FUZZ_CHECK(seal_fd(from, to, NULL) == 0);
	FUZZ_CHECK(read_whole_fd(to, 1u << 20, &sealed, NULL) == 0);
}

static uint32_t place(struct fuzz_bytes *b, size_t size)
{
	uint32_t at = 0;

	for (int i = 0; i < 4; i++)
		at = at << 8 | fuzz_byte(b);
	return size ? at % (uint32_t)size : 0;
}

static void change(struct fuzz_bytes *b, struct buf *file)
{
	uint32_t at = place(b, file->len), from = place(b, file->len);
	size_t n = MOVED;

	switch (fuzz_byte(b) % 3) {
	case 0:
		if (file->len)
			file->data[at] = (char)fuzz_byte(b);
		break;
	case 1:
		file->len = at;
		break;
	default:
		n = n < file->len - at ? n : file->len - at;
		n = n < file->len - from ? n : file->len - from;
		memmove(file->data + at, file->data + from, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes b = {data, size};
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf file = BUF_INIT;
	CLEANUP(buf) struct buf out = BUF_INIT;
	CLEANUP(close) int to = memfile("out", NULL);

	if (!sealed.len)
		make_sealed();
	bool raw = fuzz_byte(&b) & 1;
	buf_add(&file, raw ? (const char *)b.p : sealed.data, raw ? b.n : sealed.len);
	for (int i = 0; i < 4 && !raw && b.n; i++)
		change(&b, &file);
	CLEANUP(close) int from = fuzz_fd((const uint8_t *)file.data, file.len);
	bool sound = unseal_fd(from, -1, NULL) == 0;
	if (unseal_fd(from, to, &err) != 0) {
		FUZZ_CHECK(!sound);
		fuzz_check_error(&err);
		return 0;
	}
	FUZZ_CHECK(sound && read_whole_fd(to, 1u << 20, &out, NULL) == 0);
	FUZZ_CHECK(buf_equal(&out, &content) && buf_equal(&file, &sealed));
	return 0;
}
