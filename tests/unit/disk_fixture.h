/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk image of every format, opened, edited through the overlay, compared by qemu-img. */
#ifndef W7PREP_TESTS_DISK_FIXTURE_H
#define W7PREP_TESTS_DISK_FIXTURE_H

#include <fcntl.h>

#include "common/fsutil.h"
#include "image/disk.h"
#include "image/txn.h"
#include "tests/unit/unit.h"

#define MIB (1ull << 20)
#define SIZE (24 * MIB)

static char *dir;

static inline void setup_dir(void)
{
	struct error err = ERROR_INIT;

	dir = scratch_create("/tmp", &err);
	ck_assert_ptr_nonnull(dir);
}

#define run(...) run_in(".", __VA_ARGS__)

/* A disk of SIZE bytes: pattern in the first 8 MiB, nothing after; bootable-looking. */
static inline char *make_raw(void)
{
	static const uint8_t entry[16] = {0, 0, 0, 0, 7, 0, 0, 0, 0, 8, 0, 0, 0, 0x10};
	char *path = path_join(dir, "disk.raw");
	CLEANUP(free) uint8_t *p = xmalloc(8 * MIB);
	struct error err = ERROR_INIT;
	uint32_t seed = 7;

	for (size_t i = 0; i < 8 * MIB; i++) {
		seed = seed * 1103515245 + 12345;
		p[i] = (uint8_t)(seed >> 24);
	}
	memset(p + 446, 0, 64);
	memcpy(p + 446, entry, sizeof(entry));
	memcpy(p + 510, "\x55\xaa", 2);
	assert_ok(write_file_atomic(path, p, 8 * MIB, 0600, &err), err);
	ck_assert_int_eq(truncate(path, SIZE), 0);
	return path;
}

static const struct kind {
	const char *name, *qemu, *options;
	enum image_format format;
} kinds[] = {
	{"raw", "raw", "", FORMAT_RAW},
	{"vhd", "vpc", "-o subformat=dynamic,force_size=on", FORMAT_VHD_DYNAMIC},
	{"vhd", "vpc", "-o subformat=fixed,force_size=on", FORMAT_VHD_FIXED},
	{"vhdx", "vhdx", "", FORMAT_VHDX},
	{"vmdk", "vmdk", "", FORMAT_VMDK},
	{"vmdk", "vmdk", "-o subformat=twoGbMaxExtentSparse", FORMAT_VMDK},
	{"qcow2", "qcow2", "", FORMAT_QCOW2},
};

struct fixture {
	const struct kind *kind;
	char *raw, *path;
	struct image im;
	struct disk *disk;
};

static inline struct fixture make_fixture(const struct kind *k)
{
	struct fixture f = {.kind = k};

	setup_dir();
	f.raw = make_raw();
	f.path = xasprintf("%s/image.%s", dir, k->name);
	run("qemu-img convert -q -f raw -O %s %s %s %s", k->qemu, k->options, f.raw, f.path);
	return f;
}

static inline void open_fixture(struct fixture *f, bool undo)
{
	struct error err = ERROR_INIT;
	enum image_format format;

	assert_ok(image_probe(f->path, &format, &err), err);
	ck_assert_int_eq(format, f->kind->format);
	f->im = (struct image){.path = f->path, .format = format, .options = {.write = true}};
	if (undo) {
		f->im.txn = txn_open(f->path, &err);
		ck_assert_msg(f->im.txn != NULL, "%s", err.message);
	}
	f->disk = disk_open(&f->im, &err);
	ck_assert_msg(f->disk != NULL, "%s", err.message ? err.message : "?");
}

static inline void close_fixture(struct fixture *f)
{
	disk_close(f->disk);
	txn_close(f->im.txn);
	for (size_t i = 0; i < f->im.volumes.n; i++)
		free(f->im.volumes.v[i].name);
	free(f->im.volumes.v);
	f->im = (struct image){0};
	f->disk = NULL;
}

static inline void end_fixture(struct fixture *f)
{
	scratch_remove(dir);
	free(dir);
	free(f->raw);
	free(f->path);
}

/* Guest-visible content of the image is that of @raw, says qemu-img. */
static inline bool same_content(const struct fixture *f, const char *raw)
{
	CLEANUP(free) char *cmd = xasprintf("qemu-img compare -q -f %s -F raw %s %s", f->kind->qemu,
	    f->path, raw);

	return system(cmd) == 0;
}

/* The container itself is as it was when "cp" made the copy. */
static inline bool same_file(const struct fixture *f)
{
	CLEANUP(free) char *cmd = xasprintf("cmp -s %s %s/copy", f->path, dir);

	return system(cmd) == 0;
}

/* Over data, over nothing (new blocks in a sparse container), and zeros over data. */
static const struct {
	uint64_t off;
	size_t n;
	int byte;
} edits[] = {
	{MIB + 512, 3000, 'a'},
	{3 * MIB, 200000, 0},
	{16 * MIB + 100, 70000, 'b'},
	{SIZE - 5000, 5000, 'c'},
};

static inline void edit(struct disk *d)
{
	struct error err = ERROR_INIT;

	assert_ok(disk_begin(d, &err), err);
	struct blockdev *dev = disk_attach(d, true, &err);
	ck_assert_msg(dev != NULL, "%s", err.message ? err.message : "?");
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		CLEANUP(free) char *p = xmalloc(edits[i].n);

		memset(p, edits[i].byte, edits[i].n);
		assert_ok(blockdev_write(dev, p, edits[i].n, edits[i].off, &err), err);
	}
	assert_ok(disk_detach(d, &err), err);
}

/* What the disk should hold after edit(), made without the code under test. */
static inline char *edited_raw(const struct fixture *f)
{
	char *path = path_join(dir, "expect.raw");
	struct error err = ERROR_INIT;

	run("cp %s %s", f->raw, path);
	struct blockdev *dev = blockdev_file(path, 1, &err);
	ck_assert_ptr_nonnull(dev);
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		CLEANUP(free) char *p = xmalloc(edits[i].n);

		memset(p, edits[i].byte, edits[i].n);
		assert_ok(blockdev_write(dev, p, edits[i].n, edits[i].off, &err), err);
	}
	blockdev_close(dev);
	return path;
}

/* Everything of one apply but the file system. */
static inline int apply(struct fixture *f, struct error *err)
{
	open_fixture(f, true);
	edit(f->disk);
	int rc = disk_commit(f->disk, err);
	close_fixture(f);
	return rc;
}

#endif
