/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A directory that is taken for a mounted volume, changed through the engine "tree". */
#ifndef W7PREP_TESTS_TREE_FIXTURE_H
#define W7PREP_TESTS_TREE_FIXTURE_H

#include <fcntl.h>

#include "common/fsutil.h"
#include "image/image.h"
#include "image/secdesc.h"
#include "image/txn.h"
#include "tests/unit/tree_state.h"

static char *top, *root; /* top/win is the tree, top/.w7prep its records */

static inline void put_file(const char *path, const char *text)
{
	CLEANUP(free) char *full = path_join(root, path);
	CLEANUP(free) char *dir = path_dir(full);
	const char *const mkdirs[] = {"mkdir", "-p", dir, NULL};
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(run_tool(mkdirs, NULL, &err), err);
	assert_ok(write_file_atomic(full, text, strlen(text), 0644, &err), err);
}

static inline void setup(void)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	top = scratch_create(NULL, &err);
	ck_assert_ptr_nonnull(top);
	root = path_join(top, "win");
	put_file("Windows/System32/config/SOFTWARE", "registry");
	put_file("Windows/System32/Wat/WatUX.exe", "program");
	put_file("Windows/System32/Wat/deeper/x.dll", "library");
	put_file("Windows/win.ini", "[fonts]");
}

static inline void teardown(void)
{
	scratch_remove(top);
	free(root);
	free(top);
}

static inline struct image *open_tree(const char *path, bool write, bool no_undo)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_options o = {.write = write, .no_undo = no_undo, .engine = "tree"};
	struct image *im = image_open(path, &o, &err);

	ck_assert_msg(im, "%s", err.message);
	return im;
}

static inline char *read_text(struct image *im, const char *path)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct buf b = BUF_INIT;

	assert_ok(image_read(im, 0, path, 0, 1000, &b, &err), err);
	return buf_steal(&b);
}

static inline void put_text(struct image *im, const char *path, const char *text)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = memfile("new", &err);
	CLEANUP(buf) struct buf sd = BUF_INIT;
	struct image_put put = {.path = path, .fd = fd, .old_fd = -1};

	if (!image_exists(im, 0, path)) {
		secdesc_make(SECDESC_SECRET, &sd);
		put.sd = &sd;
	}
	assert_ok(write_all(fd, text, strlen(text), &err), err);
	assert_ok(image_put(im, 0, &put, &err), err);
}

#define assert_text(im, path, want)                                                                \
	do {                                                                                       \
		CLEANUP(free) char *text_ = read_text(im, path);                                   \
		ck_assert_str_eq(text_, want);                                                     \
	} while (0)

#define assert_state(want)                                                                         \
	do {                                                                                       \
		CLEANUP(free) char *now_ = state_of(root);                                         \
		ck_assert_str_eq(now_, want);                                                      \
	} while (0)

/* The changes of one apply: overwrite, create with directories, remove a file and a tree. */
static inline void change(struct image *im)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(image_begin(im, &err), err);
	put_text(im, "/windows/system32/CONFIG/software", "a longer registry");
	put_text(im, "/Windows/System32/config/SOFTWARE", "short");
	put_text(im, "/Windows/Setup/Scripts/w7prep/firstboot.cmd", "@echo off");
	assert_ok(image_remove(im, 0, "/WINDOWS/WIN.INI", &err), err);
	assert_ok(image_remove(im, 0, "/Windows/System32/Wat", &err), err);
	assert_ok(image_settle(im, &err), err);
}

static inline void expect_changed(struct image *im)
{
	assert_text(im, "/Windows/System32/config/SOFTWARE", "short");
	assert_text(im, "/Windows/Setup/Scripts/w7prep/firstboot.cmd", "@echo off");
	ck_assert(!image_exists(im, 0, "/Windows/win.ini"));
	ck_assert(!image_exists(im, 0, "/Windows/System32/Wat/WatUX.exe"));
	ck_assert(!image_exists(im, 0, "/Windows/System32/Wat"));
}

#endif
