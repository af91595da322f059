/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WIMs for tests, made and looked at with wimlib-imagex: nothing of ours reads what we wrote. */
#ifndef W7PREP_TESTS_WIM_FIXTURE_H
#define W7PREP_TESTS_WIM_FIXTURE_H

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "common/fsutil.h"
#include "common/proc.h"
#include "image/image.h"
#include "image/secdesc.h"
#include "image/txn.h"
#include "tests/fixtures/volume.h"
#include "tests/unit/unit.h"

#define SOFTWARE "/Windows/System32/config/SOFTWARE"
#define KERNEL32 "/Windows/System32/kernel32.dll"

/* A directory of the test's own; everything of a test is in it. */
static char *work;

static void make_work(void)
{
	work = scratch_create(NULL, NULL);
	ck_assert_ptr_nonnull(work);
}

static void drop_work(void)
{
	scratch_remove(work);
	free(work);
}

/* Run a shell command in the directory; its output, which the caller frees. */
__attribute__((format(printf, 1, 2))) static inline char *sh(const char *fmt, ...)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;
	char *command;
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_ge(vasprintf(&command, fmt, ap), 0);
	va_end(ap);
	CLEANUP(free) char *line = xasprintf("cd '%s' && { %s; } 2>&1", work, command);
	const char *const argv[] = {"sh", "-c", line, NULL};
	int rc = run_tool(argv, &out, &err);
	ck_assert_msg(rc == 0, "%s: %s", command, out.len ? out.data : err.message);
	free(command);
	buf_add(&out, "", 0);
	return buf_steal(&out);
}

#define run(...) free(sh(__VA_ARGS__))

/* Text that does not compress to nothing, and differs by @seed. */
static inline void make_text(const char *name, size_t n, unsigned seed)
{
	CLEANUP(free) char *path = path_join(work, name);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	for (size_t at = 0; at < n; at += 32) {
		seed = seed * 1103515245u + 12345u;
		fprintf(f, "%08x-InprocServer32-%08x\n", seed, seed ^ (unsigned)at);
	}
	fflush(f);
	ck_assert_int_eq(ftruncate(fileno(f), (off_t)n), 0);
	fclose(f);
}

static inline void make_tree(size_t hive_size)
{
	run("mkdir -p tree/Windows/System32/config tree/Windows/winsxs/x tree/Users/Public");
	make_text("tree" SOFTWARE, hive_size, 1);
	run("cd tree/Windows && echo dll > System32/kernel32.dll && "
	    "ln System32/kernel32.dll winsxs/x/ && echo a > System32/a.dll && "
	    "ln System32/a.dll winsxs/x/ && : > empty && echo ini > win.ini && "
	    "cp System32/config/SOFTWARE 'A long file name.txt'");
}

/* @name: a WIM of that tree as Windows would have captured it from an NTFS volume. */
static inline char *make_wim_of(const char *name, size_t hive_size, const char *options)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *volume = path_join(work, "volume.ntfs");
	CLEANUP(free) char *tree = path_join(work, "tree");
	const struct volume_options o = {.log = VOLUME_LOG_EMPTY};

	make_tree(hive_size);
	assert_ok(volume_make(volume, 16 + (unsigned)(hive_size >> 19), tree, &o, &err), err);
	run("wimlib-imagex capture volume.ntfs %s 'Windows 7' %s && rm -r tree", name, options);
	return path_join(work, name);
}

static inline char *make_wim(const char *options)
{
	return make_wim_of("x.wim", 300000, options);
}

static inline struct image *open_wim(const char *path, const struct image_options *o)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im = image_open(path, o, &err);

	ck_assert_msg(im != NULL, "%s", err.message);
	return im;
}

static inline struct image *open_rw(const char *path)
{
	struct image *im = open_wim(path, &(struct image_options){.write = true});
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(image_begin(im, &err), err);
	return im;
}

static inline int text_fd(const char *text)
{
	int fd = memfile("test", NULL);

	ck_assert_int_eq(write_all(fd, text, strlen(text), NULL), 0);
	return fd;
}

static inline int put_text(struct image *im, size_t vol, const char *path, const char *text,
    const struct buf *sd, struct error *err)
{
	CLEANUP(close) int fd = text_fd(text);

	return image_put(im, vol,
	    &(struct image_put){.path = path, .fd = fd, .old_fd = -1, .sd = sd}, err);
}

static inline int put_script(struct image *im, size_t vol, const char *path, const char *text,
    struct error *err)
{
	CLEANUP(buf) struct buf sd = BUF_INIT;

	secdesc_make(SECDESC_SCRIPT, &sd);
	return put_text(im, vol, path, text, &sd, err);
}

static inline void finish(struct image *im)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(image_settle(im, &err), err);
	assert_ok(image_commit(im, &err), err);
	image_close(im);
}

static inline char *sha(const char *path)
{
	return sh("sha256sum < '%s'", path);
}

/* Both are freed. Long texts: where they begin to differ. */
#define assert_same(a, b) \
	do { \
		CLEANUP(free) char *a_ = (a), *b_ = (b); \
		size_t at_ = 0; \
		while (a_[at_] && a_[at_] == b_[at_]) \
			at_++; \
		ck_assert_msg(a_[at_] == b_[at_], "%s: at %zu: '%.300s' is not '%.300s'", #a, at_, \
		    a_ + (at_ < 60 ? 0 : at_ - 60), b_ + (at_ < 60 ? 0 : at_ - 60)); \
	} while (0)

/*
 * Everything that wimlib-imagex shows of an image but where data is and what it is: metadata.
 * Link groups are numbered anew at each write; their count stays.
 */
static inline char *metadata(const char *wim, int image, const char *path)
{
	return sh("wimlib-imagex dir %s %d --detailed --path='%s' | grep -vE "
		  "'^(Hash|Uncompressed|Compressed|Offset|Reference|Flags|Part|Link Group)'",
	    wim, image, path);
}

static inline char *content(const char *wim, int image, const char *path)
{
	return sh("wimlib-imagex extract %s %d '%s' --to-stdout", wim, image, path);
}

/* As SUITE() of unit.h, each case with a directory of its own. */
#define WIM_SUITE(name, ...) SUITE_WITH(name, make_work, drop_work, __VA_ARGS__)

#endif
