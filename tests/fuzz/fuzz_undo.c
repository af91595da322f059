/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An undo record beside an image, and putting the image back by it: whatever the record says,
 * nothing outside of the image is touched. The input is a byte (odd: the image is a directory),
 * record.json, a NUL, and the journal of the engine "tree".
 *
 * Records of disk images are not among these: each would start a qemu-nbd.
 */
#include <sys/stat.h>

#include "image/partclone.h"
#include "image/tree.h"
#include "image/txn.h"
#include "image/wim.h"
#include "tests/fuzz/fuzz.h"

const struct undo_ops *const undo_kinds[] = {
    &wim_undo_append, &wim_undo_rebuild, &tree_undo, &partclone_undo, NULL};

#define BYSTANDER "nobody has asked to change this"

static void put_file(const char *dir, const char *name, const void *p, size_t n)
{
	CLEANUP(free) char *path = path_join(dir, name);

	FUZZ_CHECK(write_file_atomic(path, p, n, 0600, NULL) == 0);
}

static void make_dir(const char *parent, const char *name)
{
	CLEANUP(free) char *path = path_join(parent, name);

	FUZZ_CHECK(mkdir(path, 0700) == 0);
}

static void make_image(const char *dir, bool tree)
{
	CLEANUP(buf) struct buf wim = BUF_INIT;

	if (tree) {
		make_dir(dir, "image");
		put_file(dir, "image/file", "new", 3);
		return;
	}
	buf_adds(&wim, "MSWIM");
	while (wim.len < 300)
		buf_add(&wim, "", 1);
	put_file(dir, "image", wim.data, wim.len);
}

static void make_record(const char *dir, const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\0', size) : NULL;
	size_t n = end ? (size_t)(end - data) : size;

	make_dir(dir, ".w7prep");
	make_dir(dir, ".w7prep/image");
	make_dir(dir, ".w7prep/image/0001");
	put_file(dir, ".w7prep/image/0001/record.json", data, n);
	put_file(dir, ".w7prep/image/0001/1", "old", 3);
	put_file(dir, ".w7prep/image/0001/original.wim.sealed", "MSWIM", 5);
	if (end)
		put_file(dir, ".w7prep/image/0001/journal", end + 1, size - n - 1);
}

/* The image may be anything by now, but it is all that is there. */
static void check_surroundings(const char *dir)
{
	CLEANUP(free) char *path = path_join(dir, "bystander");
	CLEANUP(free) char *stray = path_join(dir, "file");
	CLEANUP(buf) struct buf text = BUF_INIT;

	FUZZ_CHECK(read_whole_file(path, 100, &text, NULL) == 0);
	FUZZ_CHECK(strcmp(text.data, BYSTANDER) == 0);
	FUZZ_CHECK(access(stray, F_OK) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	if (size == 0)
		return 0;
	CLEANUP(free) char *dir = scratch_create(NULL, &err);
	FUZZ_CHECK(dir);
	CLEANUP(free) char *image = path_join(dir, "image");
	put_file(dir, "bystander", BYSTANDER, strlen(BYSTANDER));
	make_image(dir, data[0] & 1);
	make_record(dir, data + 1, size - 1);
	if (txn_interrupted(image, &err) != 0)
		fuzz_check_error(&err);
	err_clear(&err);
	if (txn_undo(image, false, &err) != 0)
		fuzz_check_error(&err);
	check_surroundings(dir);
	scratch_remove(dir);
	return 0;
}
