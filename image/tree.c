/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/text.h"

#define FILE_ATTRIBUTE_REPARSE_POINT 0x400u
#define BLOCK 65536

/* Set by tree_open() where the file system shows security descriptors. */
static const struct image_ops tree_ntfs_ops;

static bool tree_handles(enum image_format format)
{
	return format == FORMAT_TREE;
}

static int check_writable(const struct image *im, int root, struct error *err)
{
	struct statvfs fs;

	if (fstatvfs(root, &fs) != 0)
		return err_errno(err, "cannot look at the file system");
	if (!(fs.f_flag & ST_RDONLY) && faccessat(root, ".", W_OK, AT_EACCESS) == 0)
		return 0;
	if (!(fs.f_flag & ST_RDONLY) && errno != EROFS)
		return err_errno(err, "cannot write");
	err_set(err, ERR_VOLUME_DIRTY, "%s is mounted read-only", im->path);
	return err_hint(err, "ntfs-3g does that when Windows is hibernated or was not shut down "
	    "cleanly: boot it once and shut it down; else mount it read-write");
}

static int tree_open(struct image *im, struct error *err)
{
	struct tree *t = xcalloc(1, sizeof(*t));

	im->data = t;
	t->root = open(im->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->root < 0)
		return err_errno(err, "cannot open the directory");
	t->sd_xattr = tree_sd_xattr(t->root);
	if (t->sd_xattr)
		im->ops = &tree_ntfs_ops;
	struct image_volume *v = VEC_PUSH(&im->volumes);
	v->name = xstrdup("");
	v->ntfs = true;
	return im->options.write ? check_writable(im, t->root, err) : 0;
}

static void tree_close(struct image *im)
{
	struct tree *t = im->data;

	if (!t)
		return;
	tree_abort(im);
	if (t->root >= 0)
		close(t->root);
	free(t);
	im->data = NULL;
}

/* Find a file or directory; 0 for what is neither (a link, a device). */
static int find(struct image *im, const char *path, struct tree_place *p, struct error *err)
{
	const struct tree *t = im->data;
	int rc = tree_find(t->root, path, p, err);

	return rc == 1 && !S_ISREG(p->st.st_mode) && !S_ISDIR(p->st.st_mode) ? 0 : rc;
}

static uint32_t read_attributes(const struct tree *t, const struct tree_place *p)
{
	CLEANUP(meta) struct tree_meta meta = TREE_META_INIT;
	CLEANUP(close) int fd = -1;
	uint32_t n = 0;

	if (!t->sd_xattr)
		return 0;
	fd = openat(p->dir, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	tree_meta_read(fd, t->sd_xattr, &meta);
	if (meta.attributes.len == sizeof(n))
		memcpy(&n, meta.attributes.data, sizeof(n));
	return n;
}

static int tree_stat(struct image *im, size_t vol, const char *path, struct image_stat *st,
    struct error *err)
{
	CLEANUP(place) struct tree_place p = TREE_PLACE_INIT;
	const struct tree *t = im->data;
	(void)vol;
	int rc = tree_find(t->root, path, &p, err);

	if (rc != 1)
		return rc;
	st->is_dir = S_ISDIR(p.st.st_mode);
	st->is_link = !st->is_dir && !S_ISREG(p.st.st_mode);
	st->size = st->is_dir || st->is_link ? 0 : (uint64_t)p.st.st_size;
	st->links = (unsigned)p.st.st_nlink;
	if (!st->is_link)
		st->attributes = read_attributes(t, &p);
	st->is_link |= (st->attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
	return 1;
}

static int tree_list_dir(struct image *im, size_t vol, const char *path, struct strvec *names,
    struct error *err)
{
	CLEANUP(place) struct tree_place p = TREE_PLACE_INIT;
	(void)vol;
	int rc = find(im, path, &p, err);

	if (rc != 1 || !S_ISDIR(p.st.st_mode))
		return rc < 0 ? rc : 0;
	CLEANUP(close) int fd = tree_open_dir(&p, err);
	if (fd < 0 || tree_list(fd, names, err) != 0)
		return err_context(err, "%s", path);
	return 1;
}

/* Open the file at @path for reading. 1/0/-1. */
static int open_path(struct image *im, const char *path, int *fd, struct error *err)
{
	CLEANUP(place) struct tree_place p = TREE_PLACE_INIT;
	int rc = find(im, path, &p, err);

	if (rc != 1 || !S_ISREG(p.st.st_mode))
		return rc < 0 ? rc : 0;
	*fd = tree_open_file(&p, O_RDONLY, err);
	return *fd >= 0 ? 1 : err_context(err, "%s", path);
}

static int tree_read(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
    struct buf *out, struct error *err)
{
	CLEANUP(close) int fd = -1;
	(void)vol;
	int rc = open_path(im, path, &fd, err);

	if (rc != 1)
		return rc;
	while (out->len < max) {
		size_t want = max - out->len < BLOCK ? max - out->len : BLOCK;

		buf_reserve(out, want);
		ssize_t n = pread(fd, out->data + out->len, want, (off_t)(off + out->len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "%s: cannot read", path);
		if (n == 0)
			break;
		out->len += (size_t)n;
	}
	buf_reserve(out, 0);
	out->data[out->len] = '\0';
	return 1;
}

static int tree_fetch(struct image *im, size_t vol, const char *path, int to, struct error *err)
{
	CLEANUP(close) int fd = -1;
	(void)vol;
	int rc = open_path(im, path, &fd, err);

	if (rc != 1)
		return rc;
	return tree_copy(fd, to, err) == 0 ? 1 : err_context(err, "%s", path);
}

static int tree_get_sd(struct image *im, size_t vol, const char *path, struct buf *out,
    struct error *err)
{
	const struct tree *t = im->data;
	CLEANUP(place) struct tree_place p = TREE_PLACE_INIT;
	CLEANUP(meta) struct tree_meta meta = TREE_META_INIT;
	(void)vol;
	int rc = find(im, path, &p, err);

	if (rc != 1)
		return rc;
	CLEANUP(close) int fd =
	    openat(p.dir, p.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "%s: cannot open", path);
	tree_meta_read(fd, t->sd_xattr, &meta);
	buf_add(out, meta.sd.data, meta.sd.len);
	return 1;
}

#define TREE_OPS(capabilities, preferred) \
	{ \
		.name = "tree", .caps = (capabilities), .handles = tree_handles, \
		.is_default = (preferred), .open = tree_open, .stat = tree_stat, \
		.list_dir = tree_list_dir, .read = tree_read, .fetch = tree_fetch, \
		.get_sd = tree_get_sd, .begin = tree_begin, .put = tree_put, \
		.remove = tree_remove, .settle = tree_settle, .commit = tree_commit, \
		.abort = tree_abort, .close = tree_close, \
	}

const struct image_ops tree_ops = TREE_OPS(0, true);
static const struct image_ops tree_ntfs_ops = TREE_OPS(IMAGE_CAP_SECURITY, true);
