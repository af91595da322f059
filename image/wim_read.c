/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading files of an image. libwim keeps the metadata of one image in memory and finds
 * paths in it without regard to case, so there is no index of our own. It extracts
 * only to a directory: a private one, from which the file is taken and removed at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/wim.h"

/* A file can only be read whole. The largest that is asked for are hives, 100 MB or so. */
#define READ_MAX (1ull << 30)

void wim_entry_free(struct wim_entry *e)
{
	free(e->path);
	free(e->name);
	buf_free(&e->sd);
}

/* The first stream is the file's content; named ones follow. */
static bool any_absent(const struct wimlib_dir_entry *d)
{
	for (uint32_t i = 0; i <= d->num_named_streams; i++)
		if (d->streams[i].resource.is_missing)
			return true;
	return false;
}

struct scan {
	uint64_t files, absent;
};

static int scan_one(const struct wimlib_dir_entry *d, void *opaque)
{
	struct scan *s = opaque;

	s->files++;
	s->absent += any_absent(d);
	return 0;
}

/*
 * A delta WIM, or one of a WDS image group, names data that it does not hold. The
 * whole image is looked through once (35 ms for 81,000 files, its metadata included).
 */
static int check_complete(struct image *im, WIMStruct *handle, size_t vol, struct error *err)
{
	struct wim *w = im->data;
	struct scan s = {0};

	if (w->scanned[vol])
		return 0;
	wim_lib_quiet();
	int code = wimlib_iterate_dir_tree(handle, (int)im->volumes.v[vol].index, "/",
	    WIMLIB_ITERATE_DIR_TREE_FLAG_RECURSIVE, scan_one, &s);
	if (code)
		return wim_lib_error(code, err, "image %u", im->volumes.v[vol].index);
	if (s.absent) {
		err_set(err, ERR_METADATA_ONLY_WIM,
		    "image %u: the data of %llu of its %llu files is not in this file (delta WIM "
		    "or WDS image group)",
		    im->volumes.v[vol].index, (unsigned long long)s.absent,
		    (unsigned long long)s.files);
		return err_hint(err, "export the image to a WIM of its own first "
				     "(wdsutil /Export-Image, wimlib-imagex export --ref=)");
	}
	w->scanned[vol] = true;
	return 0;
}

/* wimlib_iterate_dir_tree() with our errors: 1, 0 when @path is not there, -1. */
static int iterate(struct image *im, size_t vol, const char *path, int flags,
    wimlib_iterate_dir_tree_callback_t each, void *opaque, struct error *err)
{
	WIMStruct *handle = wim_handle(im, err);

	if (!handle || check_complete(im, handle, vol, err) != 0)
		return -1;
	wim_lib_quiet();
	int code = wimlib_iterate_dir_tree(
	    handle, (int)im->volumes.v[vol].index, path, flags, each, opaque);
	if (code == WIMLIB_ERR_PATH_DOES_NOT_EXIST)
		return 0;
	return code ? wim_lib_error(code, err, "%s", path) : 1;
}

static int take_entry(const struct wimlib_dir_entry *d, void *opaque)
{
	struct wim_entry *e = opaque;

	e->path = xstrdup(d->full_path);
	e->name = xstrdup(d->filename ? d->filename : "");
	e->attributes = d->attributes;
	e->is_dir = d->attributes & WIMLIB_FILE_ATTRIBUTE_DIRECTORY;
	e->is_link = d->attributes & WIMLIB_FILE_ATTRIBUTE_REPARSE_POINT;
	e->links = d->num_links;
	e->size = e->is_dir ? 0 : d->streams[0].resource.uncompressed_size;
	for (uint32_t i = 0; i <= d->num_named_streams; i++)
		e->all_size += d->streams[i].resource.uncompressed_size;
	buf_add(&e->sd, d->security_descriptor, d->security_descriptor_size);
	return 0;
}

int wim_lookup(
    struct image *im, size_t vol, const char *path, struct wim_entry *e, struct error *err)
{
	memset(e, 0, sizeof(*e));
	return iterate(im, vol, path, 0, take_entry, e, err);
}

int wim_stat(
    struct image *im, size_t vol, const char *path, struct image_stat *st, struct error *err)
{
	CLEANUP(wim_entry) struct wim_entry e;
	int rc = wim_lookup(im, vol, path, &e, err);

	if (rc == 1)
		*st = (struct image_stat){
		    .is_dir = e.is_dir,
		    .is_link = e.is_link,
		    .size = e.size,
		    .attributes = e.attributes,
		    .links = e.links,
		};
	return rc;
}

static int take_name(const struct wimlib_dir_entry *d, void *opaque)
{
	strvec_add(opaque, d->filename);
	return 0;
}

int wim_list_dir(
    struct image *im, size_t vol, const char *path, struct strvec *names, struct error *err)
{
	CLEANUP(wim_entry) struct wim_entry e;
	int rc = wim_lookup(im, vol, path, &e, err);

	/* a junction to a directory is not looked into */
	if (rc != 1 || !e.is_dir || e.is_link)
		return rc < 0 ? -1 : 0;
	return iterate(im, vol, path, WIMLIB_ITERATE_DIR_TREE_FLAG_CHILDREN, take_name, names, err);
}

int wim_get_sd(struct image *im, size_t vol, const char *path, struct buf *out, struct error *err)
{
	CLEANUP(wim_entry) struct wim_entry e;
	int rc = wim_lookup(im, vol, path, &e, err);

	if (rc != 1)
		return rc;
	buf_add(out, e.sd.data, e.sd.len);
	return e.sd.len > 0;
}

static int readable_file(const struct wim_entry *e, const char *path, struct error *err)
{
	if (e->is_link)
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s is a link (reparse point)", path);
	if (e->is_dir)
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s is a directory", path);
	if (e->attributes & WIMLIB_FILE_ATTRIBUTE_ENCRYPTED)
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s is encrypted (EFS)", path);
	if (e->size > READ_MAX)
		return err_set(
		    err, ERR_LIMIT, "%s has %llu bytes", path, (unsigned long long)e->size);
	return 0;
}

static int copy_fd(int in, int out, struct error *err)
{
	struct stat st;

	if (fstat(in, &st) != 0)
		return err_errno(err, "cannot read");
	while (st.st_size > 0) {
		ssize_t n = sendfile(out, in, NULL, (size_t)st.st_size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "cannot write");
		if (n == 0)
			return err_set(err, ERR_IO, "the extracted file became shorter");
		st.st_size -= n;
	}
	return 0;
}

/* Extract one file into the private directory @dir and from there into @fd. */
static int extract_via(struct image *im, size_t vol, const struct wim_entry *e, const char *dir,
    int fd, struct error *err)
{
	WIMStruct *handle = wim_handle(im, err);
	const wimlib_tchar *paths[] = {e->path};

	if (!handle)
		return -1;
	wim_lib_quiet();
	int code = wimlib_extract_paths(handle, (int)im->volumes.v[vol].index, dir, paths, 1,
	    WIMLIB_EXTRACT_FLAG_NO_ACLS | WIMLIB_EXTRACT_FLAG_NO_ATTRIBUTES |
		WIMLIB_EXTRACT_FLAG_NO_PRESERVE_DIR_STRUCTURE);
	if (code)
		return wim_lib_error(code, err, "%s", e->path);
	CLEANUP(free) char *file = path_join(dir, e->name);
	CLEANUP(close) int in = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0)
		return err_errno(err, "%s: cannot read what was extracted", e->path);
	unlink(file);
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		return err_errno(err, "%s: cannot write", e->path);
	return copy_fd(in, fd, err) == 0 ? 0 : err_context(err, "%s", e->path);
}

static int extract(
    struct image *im, size_t vol, const struct wim_entry *e, int fd, struct error *err)
{
	char *dir = scratch_create(NULL, err);

	if (!dir)
		return -1;
	int rc = extract_via(im, vol, e, dir, fd, err);
	scratch_remove(dir);
	free(dir);
	return rc;
}

int wim_fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err)
{
	CLEANUP(wim_entry) struct wim_entry e;
	int rc = wim_lookup(im, vol, path, &e, err);

	if (rc != 1)
		return rc;
	if (readable_file(&e, path, err) != 0 || extract(im, vol, &e, fd, err) != 0)
		return -1;
	return 1;
}

void wim_cache_drop(struct wim *w)
{
	free(w->cached_path);
	w->cached_path = NULL;
	if (w->cached_fd >= 0)
		close(w->cached_fd);
	w->cached_fd = -1;
}

/* The file at @path as w->cached_fd: what is read in pieces is extracted once. 1/0/-1. */
static int cache_file(struct image *im, size_t vol, const char *path, struct error *err)
{
	struct wim *w = im->data;

	if (w->cached_path && w->cached_vol == vol && strcmp(w->cached_path, path) == 0)
		return 1;
	wim_cache_drop(w);
	CLEANUP(close) int fd = memfile("wim", err);
	if (fd < 0)
		return -1;
	int rc = wim_fetch(im, vol, path, fd, err);
	if (rc != 1)
		return rc;
	w->cached_fd = steal_fd(&fd);
	w->cached_path = xstrdup(path);
	w->cached_vol = vol;
	return 1;
}

int wim_read(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
    struct buf *out, struct error *err)
{
	struct wim *w = im->data;
	struct stat st;
	int rc = cache_file(im, vol, path, err);

	if (rc != 1)
		return rc;
	if (fstat(w->cached_fd, &st) != 0)
		return err_errno(err, "%s: cannot read", path);
	uint64_t size = (uint64_t)st.st_size;
	if (off >= size)
		return 1;
	size_t n = size - off < max ? (size_t)(size - off) : max;
	buf_reserve(out, n);
	if (pread_all(w->cached_fd, out->data + out->len, n, off, err) != 0)
		return -1;
	out->len += n;
	out->data[out->len] = '\0';
	return 1;
}
