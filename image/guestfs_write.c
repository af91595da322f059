/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing files through the appliance. ntfs-3g keeps inode, 8.3 name and hard links of a
 * file that is written in place; descriptors, times and attributes are in guestfs_meta.c.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/guestfs_internal.h"
#include "image/guestfs_launch.h"
#include "image/secdesc.h"

/* One message of libguestfs's protocol, with room for the rest of it. */
#define PIECE (2u << 20)
/* What differs is found in blocks; a message costs as much as sending this many equal bytes. */
#define BLOCK 4096u
#define GAP (64u << 10)
#define COMPARE_PIECE (1u << 20)
#define TREE_MAX 200000u	/* files in one directory that is removed */
#define DEPTH_MAX 128

static int write_piece(struct gfs *f, const char *path, int fd, uint64_t from, uint64_t to,
    struct error *err)
{
	CLEANUP(free) char *data = xmalloc(PIECE);

	while (from < to) {
		size_t n = to - from < PIECE ? (size_t)(to - from) : PIECE;

		if (cancel_requested())
			return err_set(err, ERR_INTERRUPT, "interrupted");
		if (pread_all(fd, data, n, from, err) != 0)
			return -1;
		int done = guestfs_pwrite(f->g, path, data, n, (int64_t)from);
		if (done <= 0)
			return appliance_err(f->g, err, "cannot write %s", path);
		from += (uint64_t)done;
	}
	return 0;
}

/* Ranges to write, joined where sending what is between them is cheaper than a message. */
struct span {
	uint64_t from, to;
};

static int add_difference(struct gfs *f, const char *path, int fd, struct span *s,
    uint64_t from, uint64_t to, struct error *err)
{
	if (s->to > s->from && from - s->to <= GAP) {
		s->to = to;
		return 0;
	}
	if (s->to > s->from && write_piece(f, path, fd, s->from, s->to, err) != 0)
		return -1;
	*s = (struct span){from, to};
	return 0;
}

/* Write where @fd and @old_fd differ; @common bytes are in both. */
static int write_differences(struct gfs *f, const char *path, int fd, int old_fd,
    uint64_t common, uint64_t size, struct error *err)
{
	CLEANUP(free) char *a = xmalloc(COMPARE_PIECE), *b = xmalloc(COMPARE_PIECE);
	struct span s = {0};

	for (uint64_t at = 0; at < common; at += COMPARE_PIECE) {
		size_t n = common - at < COMPARE_PIECE ? (size_t)(common - at) : COMPARE_PIECE;

		if (pread_all(fd, a, n, at, err) != 0 || pread_all(old_fd, b, n, at, err) != 0)
			return -1;
		for (size_t i = 0; i < n; i += BLOCK) {
			size_t len = n - i < BLOCK ? n - i : BLOCK;

			if (memcmp(a + i, b + i, len) != 0 &&
			    add_difference(f, path, fd, &s, at + i, at + i + len, err) != 0)
				return -1;
		}
	}
	if (size > common && add_difference(f, path, fd, &s, common, size, err) != 0)
		return -1;
	return write_piece(f, path, fd, s.from, s.to, err);
}

static int size_of(int fd, uint64_t *size, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(err, "cannot read the new content");
	*size = (uint64_t)st.st_size;
	return 0;
}

/* Make the existing file @path hold what @fd holds. */
static int write_content(struct gfs *f, const char *path, uint64_t old_size,
    const struct image_put *put, struct error *err)
{
	uint64_t size = 0, known = 0;

	if (size_of(put->fd, &size, err) != 0 ||
	    (put->old_fd >= 0 && size_of(put->old_fd, &known, err) != 0))
		return -1;
	if (size < old_size && guestfs_truncate_size(f->g, path, (int64_t)size) != 0)
		return appliance_err(f->g, err, "cannot shorten %s", path);
	/* a copy of the old content that is of another size is a copy of something else */
	if (put->old_fd < 0 || known != old_size)
		return write_piece(f, path, put->fd, 0, size, err);
	return write_differences(f, path, put->fd, put->old_fd, size < known ? size : known, size,
	    err);
}

static int overwrite(struct gfs *f, struct gfs_volume *v, struct gfs_node *n,
    const struct image_put *put, struct error *err)
{
	CLEANUP(free) char *path = gfs_path(v, n);

	if (gfs_refresh(f, v, n, err) != 0 || gfs_meta_keep(f, path, err) != 0)
		return -1;
	v->changed = true;
	v->generation++;
	if (write_content(f, path, n->size, put, err) != 0)
		return -1;
	if (put->sd)
		gfs_meta_sd(f, path, put->sd);
	return 0;
}

/*
 * Of an inheriting mount a directory gets what Windows would give it. Where its parent has nothing
 * to inherit that would be "everybody may do everything".
 */
static int protect_dir(struct gfs *f, const char *path, struct error *err)
{
	CLEANUP(buf) struct buf sd = BUF_INIT;

	if (gfs_read_sd(f, path, &sd, err) != 0)
		return -1;
	if (!secdesc_others(sd.data, sd.len).others_write)
		return 0;
	buf_reset(&sd);
	secdesc_make(SECDESC_DIRECTORY, &sd);
	return gfs_meta_sd_now(f, path, &sd, err);
}

static int make_dir(struct gfs *f, struct gfs_volume *v, struct gfs_node *parent,
    const char *name, struct gfs_node **out, struct error *err)
{
	CLEANUP(free) char *dir = gfs_path(v, parent);
	CLEANUP(free) char *path = xasprintf("%s/%s", dir, name);

	v->changed = true;
	v->generation++;
	if (guestfs_mkdir(f->g, path) != 0)
		return appliance_err(f->g, err, "cannot make the directory %s", path);
	if (protect_dir(f, path, err) != 0)
		return -1;
	*out = gfs_add(parent, name, GFS_DIR);
	(*out)->listed = true;
	return 0;
}

/* The directory at @path, made with those above it where it is not there. */
static int need_dir(struct gfs *f, struct gfs_volume *v, const char *path,
    struct gfs_node **out, struct error *err)
{
	int rc = gfs_lookup(f, v, path, out, err);

	if (rc < 0)
		return -1;
	if (rc == 1 && (*out)->kind != GFS_DIR)
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s: not a directory", path);
	if (rc == 1)
		return 0;
	CLEANUP(free) char *above = path_dir(path);
	struct gfs_node *parent;
	if (need_dir(f, v, above, &parent, err) != 0)
		return -1;
	return make_dir(f, v, parent, path_base(path), out, err);
}

static int create(struct gfs *f, struct gfs_volume *v, const struct image_put *put,
    struct error *err)
{
	CLEANUP(free) char *above = path_dir(put->path);
	const struct image_put whole = {.fd = put->fd, .old_fd = -1};
	struct gfs_node *dir;

	if (!put->sd)
		return err_set(err, ERR_INTERNAL, "a new file needs a descriptor");
	if (need_dir(f, v, above, &dir, err) != 0)
		return -1;
	CLEANUP(free) char *parent = gfs_path(v, dir);
	CLEANUP(free) char *path = xasprintf("%s/%s", parent, path_base(put->path));
	v->changed = true;
	v->generation++;
	if (guestfs_touch(f->g, path) != 0)
		return appliance_err(f->g, err, "cannot create %s", path);
	gfs_add(dir, path_base(put->path), GFS_FILE);
	gfs_meta_sd(f, path, put->sd);
	return write_content(f, path, 0, &whole, err);
}

int gfs_put(struct image *im, size_t vol, const struct image_put *put, struct error *err)
{
	struct gfs *f = im->data;
	struct gfs_volume *v = gfs_writable(im, vol, err);
	struct gfs_node *n;
	int rc = v ? gfs_lookup(f, v, put->path, &n, err) : -1;

	if (rc < 0)
		return err_context(err, "%s", put->path);
	if (rc == 1 && n->kind != GFS_FILE)
		err_set(err, ERR_UNKNOWN_SHAPE, "not a file");
	else if ((rc == 1 ? overwrite(f, v, n, put, err) : create(f, v, put, err)) == 0)
		return 0;
	return err_context(err, "%s", put->path);
}

/* What would go with directory @n: more than a limit is a mistake, not a change. */
static int count(struct gfs *f, struct gfs_volume *v, struct gfs_node *n, unsigned depth,
    size_t *total, struct error *err)
{
	if (depth > DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "nested deeper than %d directories", DEPTH_MAX);
	if (cancel_requested())
		return err_set(err, ERR_INTERRUPT, "interrupted");
	if (gfs_list(f, v, n, err) != 0)
		return -1;
	*total += n->children.n;
	if (*total > TREE_MAX)
		return err_set(err, ERR_LIMIT, "holds more than %u files", TREE_MAX);
	for (size_t i = 0; i < n->children.n; i++)
		if (n->children.v[i]->kind == GFS_DIR &&
		    count(f, v, n->children.v[i], depth + 1, total, err) != 0)
			return -1;
	return 0;
}

int gfs_remove(struct image *im, size_t vol, const char *path, struct error *err)
{
	struct gfs *f = im->data;
	struct gfs_volume *v = gfs_writable(im, vol, err);
	struct gfs_node *n;
	size_t total = 0;
	int rc = v ? gfs_lookup(f, v, path, &n, err) : -1;

	if (rc != 1)
		return rc;
	if (!n->parent)
		return err_set(err, ERR_INTERNAL, "the root of a volume is not removed");
	if (n->kind == GFS_DIR && count(f, v, n, 0, &total, err) != 0)
		return err_context(err, "%s", path);
	CLEANUP(free) char *real = gfs_path(v, n);
	v->changed = true;
	v->generation++;
	/* a link itself goes; neither it nor one further down is followed */
	rc = n->kind == GFS_DIR ? guestfs_rm_rf(f->g, real) : guestfs_rm(f->g, real);
	if (rc != 0)
		return appliance_err(f->g, err, "cannot remove %s", path);
	gfs_meta_drop(f, real);
	gfs_forget(n);
	return 0;
}
