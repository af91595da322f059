/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files on the scratch volume: new content for those there, new ones with their directories. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/ntfstime.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "image/secdesc.h"
#include "image/wim.h"

#define BLOCK (1u << 20)
#define NO_NODE ((u64)-1)

struct volume {
	ntfs_volume *ntfs;
	struct SECURITY_CONTEXT security;
	struct PERMISSIONS_CACHE *cache;
	VEC(u64) new_dirs;
};

static void set_times(ntfs_inode *ni, ntfs_time created, ntfs_time written, ntfs_time accessed)
{
	ni->creation_time = created;
	ni->last_data_change_time = written;
	ni->last_mft_change_time = written;
	ni->last_access_time = accessed;
	NInoFileNameSetDirty(ni);
	NInoSetDirty(ni);
}

static ntfs_time now(void)
{
	return timespec2ntfs((struct timespec){.tv_sec = wim_now()});
}

static int write_content(ntfs_inode *ni, const struct wim_change *c, struct error *err)
{
	CLEANUP(free) char *block = xmalloc(BLOCK);
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	int rc = -1;

	if (!na)
		return err_errno(err, "cannot open its data");
	if (ntfs_attr_truncate_solid(na, (s64)c->size) != 0) {
		err_errno(err, "cannot make room for it");
		goto out;
	}
	for (uint64_t off = 0; off < c->size;) {
		size_t n = c->size - off < BLOCK ? (size_t)(c->size - off) : BLOCK;

		if (pread_all(c->fd, block, n, off, err) != 0)
			goto out;
		if (ntfs_attr_pwrite(na, (s64)off, (s64)n, block) != (s64)n) {
			err_errno(err, "cannot write it");
			goto out;
		}
		off += n;
	}
	rc = 0;
out:
	ntfs_attr_close(na);
	return rc;
}

static int set_descriptor(struct volume *v, ntfs_inode *ni, const struct buf *sd, struct error *err)
{
	if (ntfs_set_ntfs_acl(&v->security, ni, sd->data, sd->len, 0) != 0)
		return err_errno(err, "cannot set its security descriptor");
	return 0;
}

static int replace_file(
    struct volume *v, ntfs_inode *ni, const struct wim_change *c, struct error *err)
{
	ntfs_time created = ni->creation_time, written = ni->last_data_change_time,
		  accessed = ni->last_access_time;

	if (write_content(ni, c, err) != 0)
		return -1;
	if (c->sd.len && set_descriptor(v, ni, &c->sd, err) != 0)
		return -1;
	/* extraction drops those that say how data is stored on disk, such as "compressed" */
	ni->flags = cpu_to_le32(c->attributes & ~(uint32_t)WIMLIB_FILE_ATTRIBUTE_NORMAL);
	set_times(ni, created, written, accessed);
	return 0;
}

static int fill_new_file(
    struct volume *v, ntfs_inode *ni, const struct wim_change *c, struct error *err)
{
	if (write_content(ni, c, err) != 0 || set_descriptor(v, ni, &c->sd, err) != 0)
		return -1;
	set_times(ni, now(), now(), now());
	return 0;
}

/* Where nothing is inherited, ntfs-3g leaves a directory open to everybody. */
static int close_directory(struct volume *v, ntfs_inode *ni, struct error *err)
{
	CLEANUP(buf) struct buf sd = BUF_INIT;
	int n = ntfs_get_ntfs_acl(&v->security, ni, NULL, 0);

	if (n > 0) {
		buf_reserve(&sd, (size_t)n);
		n = ntfs_get_ntfs_acl(&v->security, ni, sd.data, (size_t)n);
	}
	if (n <= 0)
		return err_errno(err, "cannot read its security descriptor");
	if (!secdesc_others(sd.data, (size_t)n).others_write)
		return 0;
	secdesc_make(SECDESC_DIRECTORY, &sd);
	return set_descriptor(v, ni, &sd, err);
}

static bool is_directory(const ntfs_inode *ni)
{
	return ni->mrec->flags & MFT_RECORD_IS_DIRECTORY;
}

/* A name for libntfs-3g. Its length, -1 on error. */
static int to_ntfs_name(const char *name, ntfschar **out, struct error *err)
{
	int len = ntfs_mbstoucs(name, out);

	if (len > 0 && len <= 255)
		return len;
	return err_set(err, ERR_DAMAGED, "'%s' is not a name that Windows allows", name);
}

/* Make @name in @dir. Its number, NO_NODE on error. */
static u64 make_node(struct volume *v, ntfs_inode *dir, const ntfschar *name, int len, mode_t type,
    struct error *err)
{
	le32 sd = ntfs_inherited_id(&v->security, dir, type == S_IFDIR);
	ntfs_inode *ni = ntfs_create(dir, sd, name, (u8)len, type);
	u64 node = ni ? ni->mft_no : NO_NODE;
	int rc = ni && type == S_IFDIR ? close_directory(v, ni, err) : 0;

	if ((!ni || ntfs_inode_close_in_dir(ni, dir) != 0) && rc == 0)
		rc = err_errno(err, "cannot make it");
	if (rc == 0 && type == S_IFDIR)
		*VEC_PUSH(&v->new_dirs) = node;
	return rc == 0 ? node : NO_NODE;
}

static u64 find_or_make(
    struct volume *v, ntfs_inode *dir, const char *name, mode_t type, struct error *err)
{
	CLEANUP(free) ntfschar *uname = NULL;
	int len = to_ntfs_name(name, &uname, err);

	if (len < 0)
		return NO_NODE;
	/* not the lookup by char *: that one remembers what was not there */
	u64 node = ntfs_inode_lookup_by_name(dir, uname, len);
	return node == NO_NODE ? make_node(v, dir, uname, len, type, err) : MREF(node);
}

/*
 * The number of @name in the directory @parent, made where it is not there. Nothing stays
 * open: libntfs-3g wants the directories of a file closed when it writes the file's names.
 */
static u64 enter(struct volume *v, u64 parent, const char *name, mode_t type, struct error *err)
{
	ntfs_inode *dir = ntfs_inode_open(v->ntfs, parent);
	u64 node = NO_NODE;

	if (!dir || !is_directory(dir)) {
		err_set(err, ERR_UNKNOWN_SHAPE, "what '%s' should be in is not a directory", name);
	} else {
		node = find_or_make(v, dir, name, type, err);
	}
	if (dir && ntfs_inode_close(dir) != 0 && node != NO_NODE) {
		err_errno(err, "cannot write the directory of '%s'", name);
		node = NO_NODE;
	}
	return node;
}

/* The directory that @path (relative to the volume's root) is in. */
static u64 enter_parent(struct volume *v, const char *path, struct error *err)
{
	CLEANUP(free) char *copy = xstrdup(path);
	u64 dir = FILE_root;
	char *name = copy + 1;

	for (char *slash; dir != NO_NODE && (slash = strchr(name, '/')); name = slash + 1) {
		*slash = '\0';
		dir = enter(v, dir, name, S_IFDIR, err);
	}
	return dir;
}

static int put_in(struct volume *v, u64 dir, const struct wim_change *c, struct error *err)
{
	u64 node = enter(v, dir, path_base(c->path), S_IFREG, err);

	if (node == NO_NODE)
		return -1;
	ntfs_inode *ni = ntfs_inode_open(v->ntfs, node);
	if (!ni || is_directory(ni)) {
		if (ni)
			ntfs_inode_close(ni);
		return err_set(err, ERR_UNKNOWN_SHAPE, "it is a directory");
	}
	int rc = c->existed ? replace_file(v, ni, c, err) : fill_new_file(v, ni, c, err);
	if (ntfs_inode_close(ni) != 0 && rc == 0)
		rc = err_errno(err, "cannot write it");
	return rc;
}

static int put_one(
    struct volume *v, const char *top, const struct wim_change *c, bool with_sd, struct error *err)
{
	const char *path = c->path + (strcmp(top, "/") == 0 ? 0 : strlen(top));
	u64 dir = enter_parent(v, path, err);

	/* one of the other kind is here only for the directories that are made for it */
	if (dir != NO_NODE && (c->has_sd != with_sd || put_in(v, dir, c, err) == 0))
		return 0;
	return err_context(err, "%s", c->path);
}

/* Last, because what is made in a directory touches its times. */
static int date_new_dirs(struct volume *v, struct error *err)
{
	for (size_t i = 0; i < v->new_dirs.n; i++) {
		ntfs_inode *ni = ntfs_inode_open(v->ntfs, v->new_dirs.v[i]);

		if (!ni)
			return err_errno(err, "cannot open a new directory");
		set_times(ni, now(), now(), now());
		if (ntfs_inode_close(ni) != 0)
			return err_errno(err, "cannot write a new directory");
	}
	return 0;
}

static int put_all(struct image *im, size_t vol, bool with_sd, const char *top, struct volume *v,
    struct error *err)
{
	const struct wim *w = im->data;

	for (size_t i = 0; i < w->changes.n; i++) {
		const struct wim_change *c = &w->changes.v[i];

		if (c->vol == vol && wim_change_concerns(c, with_sd) &&
		    put_one(v, top, c, with_sd, err) != 0)
			return -1;
	}
	return date_new_dirs(v, err);
}

int wim_scratch_put(
    struct image *im, size_t vol, bool with_sd, const struct wim_scratch *s, struct error *err)
{
	struct volume v = {.ntfs = ntfs_mount(s->path, 0)};

	if (!v.ntfs)
		return err_errno(err, "cannot open the scratch volume");
	v.security.vol = v.ntfs;
	v.security.pseccache = &v.cache;
	int rc = put_all(im, vol, with_sd, s->top, &v, err);
	if (ntfs_umount(v.ntfs, FALSE) != 0 && rc == 0)
		rc = err_errno(err, "cannot write the scratch volume");
	free(v.new_dirs.v);
	return rc;
}
