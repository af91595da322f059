/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading files through the appliance. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/guestfs_internal.h"
#include "image/guestfs_launch.h"
#include "image/guestfs_runs.h"

/* A message of libguestfs's protocol holds 4 MiB. */
#define PIECE (2u << 20)
/* Below this the bytes are here sooner than it is found out where they are. */
#define RUNS_MIN (1u << 20)
#define BLOCK 4096u
#define HOST_PIECE (4u << 20)
#define SD_MAX (64u << 10)
#define FETCH_MAX (2ull << 30)	/* a hive has at most 2 GiB */

static int find(struct image *im, size_t vol, const char *path, struct gfs_volume **v,
    struct gfs_node **n, struct error *err)
{
	*v = gfs_volume(im, vol, err);
	return *v ? gfs_lookup(im->data, *v, path, n, err) : -1;
}

/* A file that is to be read: 1/0/-1. */
static int find_file(struct image *im, size_t vol, const char *path, struct gfs_volume **v,
    struct gfs_node **n, struct error *err)
{
	int rc = find(im, vol, path, v, n, err);

	if (rc != 1)
		return rc;
	if ((*n)->kind != GFS_FILE)
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s is a %s, not a file", path,
		    (*n)->kind == GFS_DIR ? "directory" : "link (reparse point)");
	return gfs_refresh(im->data, *v, *n, err) == 0 ? 1 : -1;
}

int gfs_stat(struct image *im, size_t vol, const char *path, struct image_stat *st,
    struct error *err)
{
	struct gfs *f = im->data;
	struct gfs_volume *v;
	struct gfs_node *n;
	int rc = find(im, vol, path, &v, &n, err);

	if (rc != 1)
		return rc;
	if (gfs_refresh(f, v, n, err) != 0)
		return -1;
	st->is_dir = n->kind == GFS_DIR;
	st->is_link = n->kind == GFS_LINK;
	st->size = n->size;
	st->links = n->links;
	return 1;
}

int gfs_list_dir(struct image *im, size_t vol, const char *path, struct strvec *names,
    struct error *err)
{
	struct gfs *f = im->data;
	struct gfs_volume *v;
	struct gfs_node *n;
	int rc = find(im, vol, path, &v, &n, err);

	if (rc != 1)
		return rc;
	if (n->kind == GFS_LINK)
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s is a link (reparse point)", path);
	if (n->kind == GFS_FILE)
		return 0;
	if (gfs_list(f, v, n, err) != 0)
		return -1;
	for (size_t i = 0; i < n->children.n; i++)
		strvec_add(names, n->children.v[i]->name);
	return 1;
}

/* At most @max bytes from @off, fewer at the file's end. */
static int pread_some(struct gfs *f, const char *path, uint64_t off, size_t max,
    struct buf *out, struct error *err)
{
	while (max) {
		size_t n, want = max < PIECE ? max : PIECE;
		CLEANUP(free) char *data =
		    guestfs_pread(f->g, path, (int)want, (int64_t)off, &n);

		if (!data)
			return appliance_err(f->g, err, "cannot read %s", path);
		if (n == 0)
			return 0;
		if (n > want)
			return err_set(err, ERR_ENGINE, "the appliance sent too much");
		buf_add(out, data, n);
		off += n;
		max -= n;
	}
	return 0;
}

int gfs_read(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
    struct buf *out, struct error *err)
{
	struct gfs *f = im->data;
	struct gfs_volume *v;
	struct gfs_node *n;
	int rc = find_file(im, vol, path, &v, &n, err);

	if (rc != 1)
		return rc;
	if (off >= n->size)
		return 1;
	if (max > n->size - off)
		max = (size_t)(n->size - off);
	CLEANUP(free) char *real = gfs_path(v, n);
	return pread_some(f, real, off, max, out, err) == 0 ? 1 : -1;
}

/* Does the file begin and end, as the appliance reads it, with what is in @fd? */
static bool ends_agree(struct gfs *f, const char *real, int fd, uint64_t size)
{
	const uint64_t places[] = {0, size - BLOCK};
	char mine[BLOCK];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		CLEANUP(buf) struct buf theirs = BUF_INIT;

		if (pread_all(fd, mine, BLOCK, places[i], NULL) != 0 ||
		    pread_some(f, real, places[i], BLOCK, &theirs, NULL) != 0 ||
		    theirs.len != BLOCK || memcmp(mine, theirs.data, BLOCK) != 0)
			return false;
	}
	return true;
}

static int copy_run(struct gfs *f, uint64_t from, uint64_t length, int fd, uint64_t to,
    struct error *err)
{
	CLEANUP(free) char *piece = xmalloc(HOST_PIECE);

	while (length) {
		size_t n = length < HOST_PIECE ? (size_t)length : HOST_PIECE;

		if (cancel_requested())
			return err_set(err, ERR_INTERRUPT, "interrupted");
		if (blockdev_read(f->dev, piece, n, from, err) != 0 ||
		    pwrite_all(fd, piece, n, to, err) != 0)
			return -1;
		from += n;
		to += n;
		length -= n;
	}
	return 0;
}

/*
 * What the appliance's ntfsinfo says of @n. The device is looked up by where it is mounted: the
 * names that libguestfs gives to devices are not those of the appliance's kernel, which
 * numbers them as it finds them.
 */
static char *ask_runs(struct gfs *f, const struct gfs_volume *v, const struct gfs_node *n)
{
	CLEANUP(free) char *command = xasprintf(
	    "while read -r device where rest; do test \"$where\" = /sysroot%s && "
	    "exec ntfsinfo -f -v -i %llu \"$device\"; done </proc/mounts; exit 1",
	    v->mountpoint, (unsigned long long)n->inode);

	return gfs_shell(f, command);
}

/*
 * Read the file's clusters from this side. 1 done, 0 it has to be done another way, -1.
 * Not while files are being changed: the device may not have it yet.
 */
static int fetch_runs(struct gfs *f, struct gfs_volume *v, const struct gfs_node *n,
    const char *real, int fd, struct error *err)
{
	if (v->changed || !v->cluster_size)
		return 0;
	CLEANUP(free) char *text = ask_runs(f, v, n);
	struct gfs_runs runs = {0};
	uint64_t done = 0;
	int rc = text &&
	    gfs_runs_parse(text, n->size, v->cluster_size, v->info->size, &runs);

	for (size_t i = 0; rc == 1 && i < runs.list.n; i++) {
		const struct gfs_run *r = &runs.list.v[i];

		if (copy_run(f, v->info->offset + r->offset, r->length, fd, done, err) != 0)
			rc = -1;
		done += r->length;
	}
	free(runs.list.v);
	if (rc == 1 && !ends_agree(f, real, fd, n->size))
		rc = 0;
	if (rc == 0)
		log_debug("%s: read through ntfs-3g", real);
	return rc;
}

int gfs_fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err)
{
	struct gfs *f = im->data;
	struct gfs_volume *v;
	struct gfs_node *n;
	int rc = find_file(im, vol, path, &v, &n, err);

	if (rc != 1)
		return rc;
	CLEANUP(free) char *real = gfs_path(v, n);
	CLEANUP(free) char *self = xasprintf("/proc/self/fd/%d", fd);
	if (n->size > FETCH_MAX)
		return err_set(err, ERR_LIMIT, "%s has %llu bytes", path,
		    (unsigned long long)n->size);
	if (ftruncate(fd, 0) != 0)
		return err_errno(err, "cannot write a copy of %s", path);
	if (n->size < RUNS_MIN) {
		CLEANUP(buf) struct buf all = BUF_INIT;

		if (pread_some(f, real, 0, (size_t)n->size, &all, err) != 0 ||
		    pwrite_all(fd, all.data, all.len, 0, err) != 0)
			return -1;
		return 1;
	}
	rc = fetch_runs(f, v, n, real, fd, err);
	if (rc == 0 && guestfs_download(f->g, real, self) != 0)
		rc = appliance_err(f->g, err, "cannot read %s", path);
	return rc < 0 ? -1 : 1;
}

int gfs_read_sd(struct gfs *f, const char *path, struct buf *out, struct error *err)
{
	size_t n;
	CLEANUP(free) char *sd = guestfs_lgetxattr(f->g, path, "system.ntfs_acl", &n);

	if (!sd)
		return appliance_err(f->g, err, "cannot read the descriptor of %s", path);
	if (n > SD_MAX)
		return err_set(err, ERR_LIMIT, "%s: a descriptor of %zu bytes", path, n);
	buf_reset(out);
	buf_add(out, sd, n);
	return 0;
}

int gfs_get_sd(struct image *im, size_t vol, const char *path, struct buf *out,
    struct error *err)
{
	struct gfs *f = im->data;
	struct gfs_volume *v;
	struct gfs_node *n;
	int rc = find(im, vol, path, &v, &n, err);

	if (rc != 1)
		return rc;
	CLEANUP(free) char *real = gfs_path(v, n);
	return gfs_read_sd(f, real, out, err) == 0 ? 1 : -1;
}
