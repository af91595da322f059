/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A volume like one of Windows, changed in process and looked at with the tools of ntfs-3g. */
#ifndef W7PREP_TESTS_NTFS_FIXTURE_H
#define W7PREP_TESTS_NTFS_FIXTURE_H

#include <fcntl.h>
#include <sys/mman.h>

#include "common/fsutil.h"
#include "common/proc.h"
#include "image/ntfs_volume.h"
#include "image/secdesc.h"
#include "tests/fixtures/volume.h"
#include "tests/unit/unit.h"

/* LeakSanitizer's, where the test is built with it: for what libntfs-3g leaks. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static inline void leaks_expected(bool yes)
{
	if (__lsan_disable && __lsan_enable)
		yes ? __lsan_disable() : __lsan_enable();
}

#define MIB (1u << 20)
#define HIVE "/Windows/System32/config/SOFTWARE"
#define HIVE_SIZE 300000u

static char *dir, *volume;

__attribute__((format(printf, 1, 2))) static inline char *output(const char *fmt, ...)
{
	struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;
	CLEANUP(free) char *cmd = NULL;
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_gt(vasprintf(&cmd, fmt, ap), 0);
	va_end(ap);
	const char *const argv[] = {"sh", "-c", cmd, NULL};
	ck_assert_msg(
	    run_tool(argv, &out, &err) == 0, "%s: %s", cmd, err.message ? err.message : "");
	buf_add(&out, "", 0);
	return buf_steal(&out);
}

/* Bytes that do not repeat, so that a block in the wrong place shows. */
static inline int pattern(size_t n, unsigned seed)
{
	struct error err = ERROR_INIT;
	int fd = memfile("pattern", &err);
	CLEANUP(free) uint32_t *p = xmalloc(n + 4);

	for (size_t i = 0; i * 4 < n; i++)
		p[i] = seed = seed * 1664525 + 1013904223;
	assert_ok(write_all(fd, p, n, &err), err);
	return fd;
}

static inline void save(int fd, const char *path)
{
	struct error err = ERROR_INIT;
	struct buf b = BUF_INIT;

	assert_ok(read_whole_fd(fd, 64 * MIB, &b, &err), err);
	assert_ok(write_file_atomic(path, b.data, b.len, 0600, &err), err);
	buf_free(&b);
}

/* A volume like one of Windows: a hive, a program with two names, a tree with a junction beside. */
static inline void make_volume(const struct volume_options *o)
{
	struct error err = ERROR_INIT;
	int hive = pattern(HIVE_SIZE, 1);

	dir = scratch_create("/tmp", &err);
	volume = path_join(dir, "volume");
	free(output(
	    "cd %s; mkdir -p tree/Windows/System32/config tree/Users/Public tree/Windows/winsxs "
	    "'tree/Program Files/deep/er'; "
	    "echo kernel >tree/Windows/System32/kernel32.dll; "
	    "ln tree/Windows/System32/kernel32.dll tree/Windows/winsxs/kernel32-copy.dll; "
	    "echo öffentlich >tree/Users/Public/Übung.txt; echo d >'tree/Program Files/deep/er/x'; "
	    "echo e >'tree/Program Files/deep/y'",
	    dir));
	CLEANUP(free) char *path = xasprintf("%s/tree" HIVE, dir);
	CLEANUP(free) char *tree = path_join(dir, "tree");
	save(hive, path);
	close(hive);
	assert_ok(volume_make(volume, 24, tree, o, &err), err);
}

static inline void drop_volume(void)
{
	scratch_remove(dir);
	free(dir);
	free(volume);
}

struct mounted {
	struct blockdev *dev;
	struct ntfsvol *v;
};

static inline struct mounted mount(bool write)
{
	struct error err = ERROR_INIT;
	struct mounted m = {.dev = blockdev_file(volume, write, &err)};

	ck_assert_ptr_nonnull(m.dev);
	m.v = ntfsvol_open(m.dev, 0, m.dev->size, write, &err);
	ck_assert_msg(m.v != NULL, "%s", err.message);
	return m;
}

/* The volume is whole: what ntfsfix and a look at every file say. */
static inline void unmount(struct mounted *m)
{
	struct error err = ERROR_INIT;

	assert_ok(ntfsvol_close(m->v, &err), err);
	blockdev_close(m->dev);
	free(output("ntfsfix -n %s", volume));
	free(output("ntfscluster -i -f %s", volume));
}

static inline void put(
    struct ntfsvol *v, const char *path, int fd, int old_fd, const struct buf *sd)
{
	struct error err = ERROR_INIT;
	struct image_put p = {.path = path, .fd = fd, .old_fd = old_fd, .sd = sd};

	assert_ok(ntfsvol_put(v, &p, &err), err);
}

/* ntfscat says what a file holds. */
static inline void check_content(const char *path, int fd)
{
	CLEANUP(free) char *got = path_join(dir, "got"), *want = path_join(dir, "want");

	free(output("ntfscat -f %s '%s' >%s", volume, path, got));
	save(fd, want);
	free(output("cmp %s %s", got, want));
}

static inline char *info(const char *path)
{
	return output("ntfsinfo -f -v -F '%s' %s 2>&1", path, volume);
}

#endif
