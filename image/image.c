/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/image.h"

#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/txn.h"

/* Files fetched whole, of one volume at a time: a hive serves facts and executor. */
struct image_cache {
	size_t vol;
	VEC(struct cached_file {
		char *path;
		int fd;
	}) files;
};

static void cache_entry_drop(struct cached_file *f)
{
	close(f->fd);
	free(f->path);
}

static void cache_clear(struct image *im)
{
	struct image_cache *c = im->cache;

	if (!c)
		return;
	for (size_t i = 0; i < c->files.n; i++)
		cache_entry_drop(&c->files.v[i]);
	c->files.n = 0;
}

/* Forget @path and, for a removed directory, everything below it. */
static void cache_forget(struct image *im, const char *path)
{
	struct image_cache *c = im->cache;
	size_t n = strlen(path);

	for (size_t i = 0; c && i < c->files.n;) {
		const char *p = c->files.v[i].path;

		if (name_has_prefix(p, path) && (p[n] == '\0' || p[n] == '/')) {
			cache_entry_drop(&c->files.v[i]);
			c->files.v[i] = c->files.v[--c->files.n];
		} else {
			i++;
		}
	}
}

static void cache_free(struct image *im)
{
	cache_clear(im);
	if (im->cache)
		free(im->cache->files.v);
	free(im->cache);
	im->cache = NULL;
}

bool image_path_ok(const char *path)
{
	if (path[0] != '/')
		return false;
	if (!path[1])
		return true;
	for (const char *p = path + 1;; p++) {
		size_t n = strcspn(p, "/");

		if (n == 0 || n > 255 || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)p[i] < 0x20 || strchr("<>:\"|?*\\", p[i]))
				return false;
		p += n;
		if (!*p)
			return true;
	}
}

static int check_path(const char *path, struct error *err)
{
	if (image_path_ok(path))
		return 0;
	return err_set(err, ERR_DAMAGED, "'%s' is not a path that Windows allows", path);
}

static const struct image_ops *find_engine(enum image_format format, const char *name,
    const char *path, struct error *err)
{
	CLEANUP(buf) struct buf names = BUF_INIT;
	bool known = false;

	for (size_t i = 0; image_engines[i]; i++) {
		const struct image_ops *ops = image_engines[i];

		if (name && name_eq(ops->name, name))
			known = true;
		if (!ops->handles(format))
			continue;
		if (name ? name_eq(ops->name, name) : ops->is_default)
			return ops;
		buf_addf(&names, "%s%s", names.len ? ", " : "", ops->name);
	}
	if (name && !known) {
		err_set(err, ERR_USAGE, "there is no engine '%s'", name);
	} else if (name) {
		err_set(err, ERR_USAGE, "%s: the engine %s cannot open a %s image", path, name,
		    image_format_name(format));
	} else {
		err_set(err, ERR_FORMAT, "%s: no engine for %s images in this build", path,
		    image_format_name(format));
	}
	if (names.len)
		err_hint(err, "for this image: --engine %s", names.data);
	return NULL;
}

/* A commit that was cut short may have left what is no image of any kind: before all else. */
static int settle_interrupted(const char *path, const struct image_options *options,
    struct error *err)
{
	int rc = txn_interrupted(path, err);

	if (rc <= 0 || !options->write)
		return rc == 0 ? 0 : -1;
	err_clear(err);
	struct txn *t = txn_open(path, err);
	txn_close(t);
	return t ? 0 : -1;
}

struct image *image_open(const char *path, const struct image_options *options,
    struct error *err)
{
	enum image_format format;

	if (settle_interrupted(path, options, err) != 0 || image_probe(path, &format, err) != 0)
		return NULL;
	const struct image_ops *ops = find_engine(format, options->engine, path, err);
	if (!ops)
		return NULL;

	struct image *im = xcalloc(1, sizeof(*im));
	im->ops = ops;
	im->path = xstrdup(path);
	im->format = format;
	im->options = *options;
	im->cache = xcalloc(1, sizeof(*im->cache));
	if (options->write && !options->no_undo && !(im->txn = txn_open(path, err)))
		goto fail;
	if (ops->open(im, err) == 0)
		return im;
	err_context(err, "%s", path);
fail:
	image_close(im);
	return NULL;
}

void image_close(struct image *im)
{
	if (!im)
		return;
	cache_free(im);
	im->ops->close(im);
	txn_close(im->txn);
	for (size_t i = 0; i < im->volumes.n; i++)
		free(im->volumes.v[i].name);
	free(im->volumes.v);
	free(im->path);
	free(im);
}

int image_stat(struct image *im, size_t vol, const char *path, struct image_stat *st,
    struct error *err)
{
	memset(st, 0, sizeof(*st));
	return check_path(path, err) != 0 ? -1 : im->ops->stat(im, vol, path, st, err);
}

bool image_exists(struct image *im, size_t vol, const char *path)
{
	struct image_stat st;

	return image_stat(im, vol, path, &st, NULL) == 1;
}

int image_list_dir(struct image *im, size_t vol, const char *path, struct strvec *names,
    struct error *err)
{
	return check_path(path, err) != 0 ? -1 : im->ops->list_dir(im, vol, path, names, err);
}

int image_read(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
    struct buf *out, struct error *err)
{
	buf_reset(out);
	return check_path(path, err) != 0 ? -1 : im->ops->read(im, vol, path, off, max, out, err);
}

int image_fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err)
{
	return check_path(path, err) != 0 ? -1 : im->ops->fetch(im, vol, path, fd, err);
}

int image_get_sd(struct image *im, size_t vol, const char *path, struct buf *out,
    struct error *err)
{
	buf_reset(out);
	return check_path(path, err) != 0 ? -1 : im->ops->get_sd(im, vol, path, out, err);
}

int image_prefetch(struct image *im, size_t vol, const struct image_want *want, size_t n,
    struct error *err)
{
	return im->ops->prefetch ? im->ops->prefetch(im, vol, want, n, err) : 0;
}

int image_file_fd(struct image *im, size_t vol, const char *path, int *fd, struct error *err)
{
	struct image_cache *c = im->cache;

	if (c->vol != vol)
		cache_clear(im);
	c->vol = vol;
	for (size_t i = 0; i < c->files.n; i++) {
		if (name_eq(c->files.v[i].path, path)) {
			*fd = c->files.v[i].fd;
			return 1;
		}
	}
	CLEANUP(close) int mem = memfile(path_base(path), err);
	if (mem < 0)
		return -1;
	int rc = image_fetch(im, vol, path, mem, err);
	if (rc != 1)
		return rc;
	struct cached_file *f = VEC_PUSH(&c->files);
	f->path = xstrdup(path);
	*fd = f->fd = steal_fd(&mem);
	return 1;
}

int image_begin(struct image *im, struct error *err)
{
	return im->ops->begin(im, err);
}

int image_put(struct image *im, size_t vol, const struct image_put *put, struct error *err)
{
	if (check_path(put->path, err) != 0)
		return -1;
	int rc = im->ops->put(im, vol, put, err);
	/* the caller may still hold the old content's descriptor: forget it only now */
	cache_forget(im, put->path);
	return rc;
}

int image_remove(struct image *im, size_t vol, const char *path, struct error *err)
{
	if (check_path(path, err) != 0)
		return -1;
	cache_forget(im, path);
	return im->ops->remove(im, vol, path, err);
}

int image_settle(struct image *im, struct error *err)
{
	cache_clear(im);
	return im->ops->settle(im, err);
}

int image_commit(struct image *im, struct error *err)
{
	return im->ops->commit(im, err);
}

void image_abort(struct image *im)
{
	cache_clear(im);
	im->ops->abort(im);
}
