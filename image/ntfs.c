/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking up and reading files; mounting is in ntfs_mount.c, changing in ntfs_write.c. */
#include "image/ntfs_volume.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"

#define NAMES_MAX 500000       /* in one directory */
#define FETCH_MAX (2ull << 30) /* a hive has at most 2 GiB */
#define FILE_ATTRIBUTE_DIRECTORY 0x10
#define FILE_ATTRIBUTES_WINDOWS 0xffff /* above: NTFS's own */

/* ---- looking up ---- */

static ntfs_inode *open_inode(struct ntfsvol *v, u64 number, const char *path, struct error *err)
{
	ntfs_inode *ni = ntfs_inode_open(v->vol, number);

	if (!ni)
		ntfsvol_failed(v, "open", path, err);
	return ni;
}

/* One step down: 1/0/-1. The volume's own files ($MFT …) are not there for us. */
static int lookup_child(struct ntfsvol *v, ntfs_inode *dir, const char *name, const char *path,
    u64 *number, struct error *err)
{
	ntfschar *unicode = NULL;
	int n = ntfs_mbstoucs(name, &unicode);
	CLEANUP(free) ntfschar *freed = unicode;

	if (n <= 0 || n > NTFS_MAX_NAME_LEN)
		return 0;
	u64 ref = ntfs_inode_lookup_by_name(dir, unicode, n);
	if (ref == (u64)-1)
		return errno == ENOENT ? 0 : ntfsvol_failed(v, "find", path, err);
	*number = MREF(ref);
	return *number >= FILE_first_user;
}

static int through_link(const char *path, struct error *err)
{
	return err_set(err, ERR_UNKNOWN_SHAPE,
	    "%s: there is a link (reparse point) on the way, which is not followed", path);
}

int ntfsvol_lookup(struct ntfsvol *v, const char *path, ntfs_inode **out, struct error *err)
{
	CLEANUP(free) char *copy = xstrdup(path);
	char *save = NULL;

	ntfsvol_forget_message();
	ntfs_inode *ni = open_inode(v, FILE_root, path, err);
	for (char *name = strtok_r(copy, "/", &save); ni && name;
	     name = strtok_r(NULL, "/", &save)) {
		u64 number = 0;
		int rc = 0;

		if (ntfs_is_reparse(ni))
			rc = through_link(path, err);
		else if (ntfs_is_directory(ni))
			rc = lookup_child(v, ni, name, path, &number, err);
		ntfs_inode_close(ni);
		if (rc <= 0)
			return rc;
		ni = open_inode(v, number, path, err);
	}
	*out = ni;
	return ni ? 1 : -1;
}

/* Names of the file, its 8.3 names not counted: what Windows calls links. */
static unsigned count_links(ntfs_inode *ni)
{
	ntfs_attr_search_ctx *ctx = ntfs_attr_get_search_ctx(ni, NULL);
	unsigned links = 0;

	while (ctx && ntfs_attr_lookup(
			  AT_FILE_NAME, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0, ctx) == 0) {
		const FILE_NAME_ATTR *fn =
		    (const FILE_NAME_ATTR *)((const char *)ctx->attr +
					     le16_to_cpu(ctx->attr->value_offset));

		links += fn->file_name_type != FILE_NAME_DOS;
	}
	if (ctx)
		ntfs_attr_put_search_ctx(ctx);
	return links;
}

int ntfsvol_stat(struct ntfsvol *v, const char *path, struct image_stat *st, struct error *err)
{
	ntfs_inode *ni;
	int rc = ntfsvol_lookup(v, path, &ni, err);

	memset(st, 0, sizeof(*st));
	if (rc <= 0)
		return rc;
	st->is_dir = ntfs_is_directory(ni);
	st->is_link = ntfs_is_reparse(ni);
	st->size = st->is_dir ? 0 : (uint64_t)ni->data_size;
	st->attributes = (le32_to_cpu(ni->flags) & FILE_ATTRIBUTES_WINDOWS) |
			 (st->is_dir ? FILE_ATTRIBUTE_DIRECTORY : 0);
	st->links = count_links(ni);
	ntfs_inode_close(ni);
	return 1;
}

/* ---- reading ---- */

struct listing {
	struct strvec *names;
	bool too_many;
};

static int on_entry(void *opaque, const ntfschar *name, const int name_len, const int name_type,
    const s64 pos, const MFT_REF mref, const unsigned dt_type)
{
	struct listing *l = opaque;

	(void)pos, (void)dt_type;
	/* "." and ".." are among the first for the root only */
	if ((name_type & FILE_NAME_WIN32_AND_DOS) == FILE_NAME_DOS ||
	    MREF(mref) < FILE_first_user || (name_len == 1 && name[0] == const_cpu_to_le16('.')) ||
	    (name_len == 2 && name[0] == const_cpu_to_le16('.') &&
		name[1] == const_cpu_to_le16('.')))
		return 0;
	if (l->names->n >= NAMES_MAX) {
		l->too_many = true;
		errno = EOVERFLOW;
		return -1;
	}
	strvec_take(l->names, utf16le_to_utf8(name, (size_t)name_len * sizeof(*name)));
	return 0;
}

/* While it ignores case the library lists names in lower case: not what is stored. */
static int read_names(struct ntfsvol *v, ntfs_inode *ni, struct listing *l)
{
	s64 pos = 0;

	NVolSetCaseSensitive(v->vol);
	int rc = ntfs_readdir(ni, &pos, l, on_entry);
	NVolClearCaseSensitive(v->vol);
	return rc;
}

int ntfsvol_list(struct ntfsvol *v, const char *path, struct strvec *names, struct error *err)
{
	struct listing l = {.names = names};
	ntfs_inode *ni;
	int rc = ntfsvol_lookup(v, path, &ni, err);

	if (rc <= 0)
		return rc;
	if (ntfs_is_reparse(ni))
		rc = through_link(path, err);
	else if (!ntfs_is_directory(ni))
		rc = 0;
	else if (read_names(v, ni, &l) != 0)
		rc = l.too_many ? err_set(err, ERR_LIMIT, "%s: more than %d names", path, NAMES_MAX)
				: ntfsvol_failed(v, "list", path, err);
	ntfs_inode_close(ni);
	return rc;
}

ntfs_attr *ntfsvol_open_data(struct ntfsvol *v, ntfs_inode *ni, const char *path, struct error *err)
{
	if (ntfs_is_directory(ni) || ntfs_is_reparse(ni)) {
		err_set(err, ERR_UNKNOWN_SHAPE, "%s is a %s, not a file", path,
		    ntfs_is_reparse(ni) ? "link (reparse point)" : "directory");
		return NULL;
	}
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (!na) {
		ntfsvol_failed(v, "open", path, err);
		return NULL;
	}
	if (!NAttrEncrypted(na))
		return na;
	err_set(err, ERR_UNKNOWN_SHAPE, "%s is encrypted (EFS)", path);
	err_hint(err, "decrypt it in Windows: cipher /d");
	ntfs_attr_close(na);
	return NULL;
}

/* Exactly the bytes that the file says it has there. */
static int read_data(struct ntfsvol *v, ntfs_attr *na, void *p, size_t n, uint64_t off,
    const char *path, struct error *err)
{
	if (ntfs_attr_pread(na, (s64)off, (s64)n, p) == (s64)n)
		return 0;
	return ntfsvol_failed(v, "read", path, err);
}

int ntfsvol_read(struct ntfsvol *v, const char *path, uint64_t off, size_t max, struct buf *out,
    struct error *err)
{
	ntfs_inode *ni;
	int rc = ntfsvol_lookup(v, path, &ni, err);

	buf_reset(out);
	if (rc <= 0)
		return rc;
	ntfs_attr *na = ntfsvol_open_data(v, ni, path, err);
	uint64_t size = na ? (uint64_t)na->data_size : 0;
	if (!na)
		rc = -1;
	else if (off < size && max) {
		size_t n = max < size - off ? max : (size_t)(size - off);

		buf_reserve(out, n);
		rc = read_data(v, na, out->data, n, off, path, err) == 0 ? 1 : -1;
		out->len = rc == 1 ? n : 0;
		out->data[out->len] = '\0';
	}
	if (na)
		ntfs_attr_close(na);
	ntfs_inode_close(ni);
	return rc;
}

static int fetch_data(struct ntfsvol *v, ntfs_attr *na, const char *path, int fd, struct error *err)
{
	CLEANUP(free) uint8_t *p = xmalloc(NTFS_PIECE);
	uint64_t size = (uint64_t)na->data_size;

	if (size > FETCH_MAX)
		return err_set(err, ERR_LIMIT, "%s has %llu bytes", path, (unsigned long long)size);
	for (uint64_t off = 0; off < size;) {
		size_t n = size - off < NTFS_PIECE ? (size_t)(size - off) : NTFS_PIECE;

		if (read_data(v, na, p, n, off, path, err) != 0)
			return -1;
		if (pwrite_all(fd, p, n, off, err) != 0)
			return err_context(err, "%s", path);
		off += n;
	}
	return 1;
}

int ntfsvol_fetch(struct ntfsvol *v, const char *path, int fd, struct error *err)
{
	ntfs_inode *ni;
	int rc = ntfsvol_lookup(v, path, &ni, err);

	if (rc <= 0)
		return rc;
	ntfs_attr *na = ntfsvol_open_data(v, ni, path, err);
	rc = na ? fetch_data(v, na, path, fd, err) : -1;
	if (na)
		ntfs_attr_close(na);
	ntfs_inode_close(ni);
	return rc;
}

int ntfsvol_get_sd(struct ntfsvol *v, const char *path, struct buf *out, struct error *err)
{
	ntfs_inode *ni;
	int rc = ntfsvol_lookup(v, path, &ni, err);

	buf_reset(out);
	if (rc <= 0)
		return rc;
	buf_reserve(out, NTFS_SD_MAX);
	int n = ntfs_get_ntfs_acl(&v->security, ni, out->data, NTFS_SD_MAX);
	if (n <= 0)
		rc = ntfsvol_failed(v, "read the security descriptor of", path, err);
	else if (n > NTFS_SD_MAX)
		rc = err_set(err, ERR_LIMIT, "%s: security descriptor of %d bytes", path, n);
	else
		out->len = (size_t)n;
	out->data[out->len] = '\0';
	ntfs_inode_close(ni);
	return rc;
}

int ntfsvol_used(struct ntfsvol *v, uint8_t *bits, uint64_t clusters, struct error *err)
{
	uint64_t there = (uint64_t)v->vol->nr_clusters < clusters ? (uint64_t)v->vol->nr_clusters : clusters;
	size_t bytes = (size_t)((there + 7) / 8);

	ntfsvol_forget_message();
	if (read_data(v, v->vol->lcnbmp_na, bits, bytes, 0, "$Bitmap", err) != 0)
		return -1;
	if (there % 8)
		bits[bytes - 1] &= (uint8_t)((1u << (there % 8)) - 1);
	return 0;
}
