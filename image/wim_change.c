/* SPDX-License-Identifier: GPL-3.0-or-later */
/* begin, put, remove: what is to change is collected; the WIM is not touched before settle(). */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/wim.h"

/* New content of one settle() is held in memory files; hives are 100 MB or so. */
#define CONTENT_MAX (2ull << 30)

static void change_free(struct wim_change *c)
{
	free(c->path);
	free(c->dir);
	buf_free(&c->sd);
	if (c->fd >= 0)
		close(c->fd);
}

static void cleanup_change(struct wim_change *c)
{
	change_free(c);
}

void wim_changes_drop(struct wim *w)
{
	for (size_t i = 0; i < w->changes.n; i++)
		change_free(&w->changes.v[i]);
	free(w->changes.v);
	memset(&w->changes, 0, sizeof(w->changes));
}

void wim_changes_release(struct wim *w, size_t vol)
{
	for (size_t i = 0; i < w->changes.n; i++) {
		struct wim_change *c = &w->changes.v[i];

		if (c->vol == vol && c->fd >= 0) {
			close(c->fd);
			c->fd = -1;
		}
	}
}

int wim_begin(struct image *im, struct error *err)
{
	struct wim *w = im->data;

	(void)err;
	wim_changes_drop(w);
	return 0;
}

static bool is_at_or_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return name_has_prefix(path, top) && (path[n] == '\0' || path[n] == '/');
}

bool wim_is_removed(const struct image *im, size_t vol, const char *path)
{
	const struct wim *w = im->data;

	for (size_t i = 0; i < w->changes.n; i++)
		if (w->changes.v[i].remove && w->changes.v[i].vol == vol &&
		    is_at_or_below(path, w->changes.v[i].path))
			return true;
	return false;
}

/* Forget puts at @path, or with @below in the whole tree: a later change overrides them. */
static void forget_puts(struct wim *w, size_t vol, const char *path, bool below)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->changes.n; i++) {
		struct wim_change *c = &w->changes.v[i];

		if (!c->remove && c->vol == vol &&
		    (below ? is_at_or_below(c->path, path) : name_eq(c->path, path)))
			change_free(c);
		else
			w->changes.v[kept++] = *c;
	}
	w->changes.n = kept;
}

/*
 * The nearest directory above @path that will be there: into c->dir. c->path becomes that
 * directory as the image spells it and the rest as the caller does.
 */
static int find_parent(struct image *im, const char *path, struct wim_change *c, struct error *err)
{
	CLEANUP(free) char *dir = xstrdup(path);

	for (;;) {
		CLEANUP(wim_entry) struct wim_entry e;
		char *slash = strrchr(dir, '/');

		*slash = '\0';
		int rc = wim_lookup(im, c->vol, *dir ? dir : "/", &e, err);
		if (rc < 0)
			return -1;
		if (rc == 0 || wim_is_removed(im, c->vol, dir))
			continue;
		if (!e.is_dir || e.is_link)
			return err_set(
			    err, ERR_UNKNOWN_SHAPE, "%s: %s is not a directory", path, dir);
		c->path = xasprintf("%s%s", *dir ? e.path : "", path + strlen(dir));
		c->dir = xstrdup(e.path);
		c->bare_dirs = strchr(path + strlen(dir) + 1, '/') && !e.sd.len;
		return 0;
	}
}

static int check_replaced(const struct wim_entry *e, struct error *err)
{
	const char *what = e->is_link ? "a link (reparse point)" : e->is_dir ? "a directory" : NULL;

	if (e->attributes & WIMLIB_FILE_ATTRIBUTE_ENCRYPTED)
		what = "encrypted (EFS)";
	return what ? err_set(err, ERR_UNKNOWN_SHAPE, "%s is %s", e->path, what) : 0;
}

static int take_target(
    struct image *im, const struct image_put *put, struct wim_change *c, struct error *err)
{
	CLEANUP(wim_entry) struct wim_entry e;
	int rc = wim_lookup(im, c->vol, put->path, &e, err);

	if (rc < 0 || find_parent(im, put->path, c, err) != 0)
		return -1;
	if (put->sd)
		buf_add(&c->sd, put->sd->data, put->sd->len);
	c->has_sd = c->sd.len > 0;
	if (rc == 0 || wim_is_removed(im, c->vol, put->path)) {
		if (!put->sd)
			return err_set(
			    err, ERR_INTERNAL, "%s: a new file without a descriptor", put->path);
		return 0;
	}
	if (check_replaced(&e, err) != 0)
		return -1;
	c->existed = true;
	c->has_sd |= e.sd.len > 0;
	c->attributes = e.attributes;
	c->old_size = e.all_size;
	free(c->path);
	c->path = xstrdup(e.path);
	return 0;
}

static int take_content(const struct image_put *put, struct wim_change *c, struct error *err)
{
	struct stat st;

	c->fd = fcntl(put->fd, F_DUPFD_CLOEXEC, 3);
	if (c->fd < 0 || fstat(c->fd, &st) != 0)
		return err_errno(err, "%s: cannot take the new content", put->path);
	c->size = (uint64_t)st.st_size;
	if (c->size > CONTENT_MAX)
		return err_set(err, ERR_LIMIT, "%s: %llu bytes are too many", put->path,
		    (unsigned long long)c->size);
	return 0;
}

int wim_put(struct image *im, size_t vol, const struct image_put *put, struct error *err)
{
	struct wim *w = im->data;
	CLEANUP(change) struct wim_change c = {.vol = vol, .fd = -1};

	if (take_target(im, put, &c, err) != 0 || take_content(put, &c, err) != 0)
		return -1;
	forget_puts(w, vol, c.path, false);
	*VEC_PUSH(&w->changes) = c;
	c = (struct wim_change){.fd = -1};
	return 0;
}

int wim_remove(struct image *im, size_t vol, const char *path, struct error *err)
{
	struct wim *w = im->data;
	CLEANUP(wim_entry) struct wim_entry e;
	int rc = wim_lookup(im, vol, path, &e, err);

	if (rc < 0)
		return -1;
	if (strcmp(path, "/") == 0)
		return err_set(err, ERR_INTERNAL, "the root of an image cannot be removed");
	forget_puts(w, vol, path, true);
	if (rc == 0 || wim_is_removed(im, vol, path))
		return 0;
	struct wim_change *c = VEC_PUSH(&w->changes);
	c->vol = vol;
	c->path = xstrdup(e.path);
	c->remove = true;
	c->fd = -1;
	return 0;
}
