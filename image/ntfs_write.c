/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing files of a mounted volume. Two inodes of one file must never be open at once: the
 * library would write back both. That decides the order in which things are closed here.
 */
#include "image/ntfs_volume.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "image/secdesc.h"

/* Compared and written in units that a cluster is a multiple or a part of. */
#define BLOCK 4096u

/* ---- content ---- */

struct content {
	struct ntfsvol *v;
	ntfs_attr *na;
	const struct image_put *put;
	uint64_t size; /* new */
	uint64_t old_size;
	uint8_t *fresh, *old; /* NTFS_PIECE each */
};

/* What the file holds at @off now: from old_fd where the caller has it at hand. */
static int read_old(struct content *c, size_t n, uint64_t off, struct error *err)
{
	if (c->put->old_fd >= 0)
		return pread_all(c->put->old_fd, c->old, n, off, err);
	if (ntfs_attr_pread(c->na, (s64)off, (s64)n, c->old) == (s64)n)
		return 0;
	return ntfsvol_failed(c->v, "read", c->put->path, err);
}

static int write_range(
    struct content *c, const uint8_t *p, size_t n, uint64_t off, struct error *err)
{
	while (n) {
		s64 done = ntfs_attr_pwrite(c->na, (s64)off, (s64)n, p);

		if (done <= 0)
			return ntfsvol_failed(c->v, "write", c->put->path, err);
		p += done;
		off += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

/* Write the blocks of one piece that differ, neighbours together. */
static int write_changed(struct content *c, size_t n, size_t known, uint64_t off, struct error *err)
{
	size_t from = 0;

	for (size_t i = 0; i < n; i += BLOCK) {
		size_t part = n - i < BLOCK ? n - i : BLOCK;

		if (i + part > known || memcmp(c->fresh + i, c->old + i, part) != 0)
			continue;
		if (from < i && write_range(c, c->fresh + from, i - from, off + from, err) != 0)
			return -1;
		from = i + part;
	}
	return from < n ? write_range(c, c->fresh + from, n - from, off + from, err) : 0;
}

static int write_pieces(struct content *c, struct error *err)
{
	for (uint64_t off = 0; off < c->size;) {
		size_t n = c->size - off < NTFS_PIECE ? (size_t)(c->size - off) : NTFS_PIECE;
		size_t known = 0;

		if (off < c->old_size)
			known = c->old_size - off < n ? (size_t)(c->old_size - off) : n;
		if (pread_all(c->put->fd, c->fresh, n, off, err) != 0)
			return err_context(err, "new content of %s", c->put->path);
		if (known && read_old(c, known, off, err) != 0)
			return -1;
		if (write_changed(c, n, known, off, err) != 0)
			return -1;
		off += n;
	}
	return 0;
}

static int set_size(struct content *c, uint64_t size, struct error *err)
{
	if ((uint64_t)c->na->data_size == size || ntfs_attr_truncate(c->na, (s64)size) == 0)
		return 0;
	return ntfsvol_failed(c->v, "resize", c->put->path, err);
}

static int write_content(struct content *c, struct error *err)
{
	bool compressed = c->na->data_flags & ATTR_COMPRESSION_MASK;

	c->old_size = (uint64_t)c->na->data_size;
	/* the library writes a compressed file from its beginning to its end only */
	if (compressed) {
		if (set_size(c, 0, err) != 0)
			return -1;
		c->old_size = 0;
	}
	if (c->size < c->old_size && set_size(c, c->size, err) != 0)
		return -1;
	if (c->size < c->old_size)
		c->old_size = c->size;
	if (write_pieces(c, err) != 0)
		return -1;
	if (compressed && ntfs_attr_pclose(c->na) != 0)
		return ntfsvol_failed(c->v, "write", c->put->path, err);
	return 0;
}

static int put_content(
    struct ntfsvol *v, ntfs_inode *ni, const struct image_put *put, struct error *err)
{
	struct stat st;
	struct content c = {.v = v, .put = put};

	if (fstat(put->fd, &st) != 0)
		return err_errno(err, "new content of %s", put->path);
	c.size = (uint64_t)st.st_size;
	c.na = ntfsvol_open_data(v, ni, put->path, err);
	if (!c.na)
		return -1;
	CLEANUP(free) uint8_t *fresh = xmalloc(NTFS_PIECE);
	CLEANUP(free) uint8_t *old = xmalloc(NTFS_PIECE);
	c.fresh = fresh;
	c.old = old;
	int rc = write_content(&c, err);
	ntfs_attr_close(c.na);
	return rc;
}

/* ---- metadata ---- */

static int set_sd(
    struct ntfsvol *v, ntfs_inode *ni, const char *path, const struct buf *sd, struct error *err)
{
	if (ntfs_set_ntfs_acl(&v->security, ni, sd->data, sd->len, 0) == 0)
		return 0;
	return ntfsvol_failed(v, "set the security descriptor of", path, err);
}

struct times {
	ntfs_time created, changed, mft_changed, accessed;
};

static struct times get_times(const ntfs_inode *ni)
{
	return (struct times){ni->creation_time, ni->last_data_change_time,
	    ni->last_mft_change_time, ni->last_access_time};
}

static void set_times(ntfs_inode *ni, const struct times *t)
{
	ni->creation_time = t->created;
	ni->last_data_change_time = t->changed;
	ni->last_mft_change_time = t->mft_changed;
	ni->last_access_time = t->accessed;
	/* the directory keeps a copy of them (and of the size) with the name */
	NInoFileNameSetDirty(ni);
	ntfs_inode_mark_dirty(ni);
}

static int close_inode(
    struct ntfsvol *v, ntfs_inode *ni, const char *path, int rc, struct error *err)
{
	if (ntfs_inode_close(ni) != 0 && rc == 0)
		return ntfsvol_failed(v, "write", path, err);
	return rc;
}

/* ---- new files ---- */

/*
 * A new directory has what it inherits. Where its parent has nothing to inherit that would be
 * "everybody may do everything", and anybody could replace what is put into it.
 */
static int protect_directory(struct ntfsvol *v, ntfs_inode *ni, const char *path, struct error *err)
{
	CLEANUP(buf) struct buf sd = BUF_INIT;

	buf_reserve(&sd, NTFS_SD_MAX);
	int n = ntfs_get_ntfs_acl(&v->security, ni, sd.data, NTFS_SD_MAX);
	if (n > 0 && n <= NTFS_SD_MAX && !secdesc_others(sd.data, (size_t)n).others_write)
		return 0;
	buf_reset(&sd);
	secdesc_make(SECDESC_DIRECTORY, &sd);
	return set_sd(v, ni, path, &sd, err);
}

static int create(struct ntfsvol *v, ntfs_inode *dir, const char *name, mode_t type,
    const char *path, const struct buf *sd, struct error *err)
{
	ntfschar *unicode = NULL;
	int n = ntfs_mbstoucs(name, &unicode);
	CLEANUP(free) ntfschar *freed = unicode;

	if (n <= 0 || n > NTFS_MAX_NAME_LEN)
		return err_set(err, ERR_INTERNAL, "%s: not a name for NTFS", path);
	le32 id = ntfs_inherited_id(&v->security, dir, type == S_IFDIR);
	ntfs_inode *ni = ntfs_create(dir, id, unicode, (u8)n, type);
	if (!ni)
		return ntfsvol_failed(v, "create", path, err);
	int rc = sd ? set_sd(v, ni, path, sd, err) : protect_directory(v, ni, path, err);
	/* the name is in the directory's index, which is open: hand it over, do not open it again
	 */
	if (ntfs_inode_close_in_dir(ni, dir) != 0 && rc == 0)
		rc = ntfsvol_failed(v, "create", path, err);
	ntfs_inode_update_times(dir, NTFS_UPDATE_MCTIME);
	return rc;
}

/* Make @path in its directory, that first where it is not there. */
static int create_path(struct ntfsvol *v, const char *path, mode_t type, const struct buf *sd,
    unsigned depth, struct error *err)
{
	CLEANUP(free) char *parent = path_dir(path);
	ntfs_inode *dir;

	if (depth > NTFS_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "%s: too many directories", path);
	int rc = ntfsvol_lookup(v, parent, &dir, err);
	if (rc == 0) {
		if (create_path(v, parent, S_IFDIR, NULL, depth + 1, err) != 0)
			return -1;
		rc = ntfsvol_lookup(v, parent, &dir, err);
	}
	if (rc <= 0)
		return rc < 0 ? -1 : err_set(err, ERR_ENGINE, "cannot create %s", parent);
	if (ntfs_is_directory(dir) && !ntfs_is_reparse(dir))
		rc = create(v, dir, path_base(path), type, path, sd, err);
	else
		rc = err_set(err, ERR_UNKNOWN_SHAPE, "%s is not a directory", parent);
	return close_inode(v, dir, parent, rc, err);
}

int ntfsvol_put(struct ntfsvol *v, const struct image_put *put, struct error *err)
{
	ntfs_inode *ni;
	int found = ntfsvol_lookup(v, put->path, &ni, err);

	if (found == 0) {
		if (!put->sd)
			return err_set(err, ERR_INTERNAL,
			    "%s: new file without a security descriptor", put->path);
		if (create_path(v, put->path, S_IFREG, put->sd, 0, err) != 0 ||
		    ntfsvol_lookup(v, put->path, &ni, err) != 1)
			return -1;
	} else if (found < 0) {
		return -1;
	}
	struct times times = get_times(ni);
	int rc = put_content(v, ni, put, err);
	if (rc == 0 && found && put->sd)
		rc = set_sd(v, ni, put->path, put->sd, err);
	set_times(ni, &times);
	return close_inode(v, ni, put->path, rc, err);
}

/* ---- removing ---- */

static int remove_path(struct ntfsvol *v, const char *path, unsigned depth, struct error *err);

static int remove_children(struct ntfsvol *v, const char *path, unsigned depth, struct error *err)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	if (ntfsvol_list(v, path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(free) char *child = path_join(path, names.v[i]);

		if (remove_path(v, child, depth + 1, err) != 0)
			return -1;
	}
	return 0;
}

static int unlink_path(struct ntfsvol *v, const char *path, struct error *err)
{
	CLEANUP(free) char *parent = path_dir(path);
	ntfschar *unicode = NULL;
	ntfs_inode *ni, *dir;
	int n = ntfs_mbstoucs(path_base(path), &unicode);
	CLEANUP(free) ntfschar *freed = unicode;

	if (n <= 0 || n > NTFS_MAX_NAME_LEN)
		return err_set(err, ERR_INTERNAL, "%s: not a name for NTFS", path);
	if (ntfsvol_lookup(v, path, &ni, err) != 1)
		return -1;
	if (ntfsvol_lookup(v, parent, &dir, err) != 1) {
		ntfs_inode_close(ni);
		return -1;
	}
	/* closes both, whatever happens */
	if (ntfs_delete(v->vol, NULL, ni, dir, unicode, (u8)n) != 0)
		return ntfsvol_failed(v, "remove", path, err);
	return 0;
}

static int remove_path(struct ntfsvol *v, const char *path, unsigned depth, struct error *err)
{
	struct image_stat st;
	int rc = ntfsvol_stat(v, path, &st, err);

	if (rc <= 0)
		return rc;
	if (depth > NTFS_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "%s: directories nested too deep", path);
	if (st.is_dir && !st.is_link && remove_children(v, path, depth, err) != 0)
		return -1;
	return unlink_path(v, path, err);
}

int ntfsvol_remove(struct ntfsvol *v, const char *path, struct error *err)
{
	if (strcmp(path, "/") == 0)
		return err_set(err, ERR_INTERNAL, "the root directory cannot be removed");
	return remove_path(v, path, 0, err);
}
