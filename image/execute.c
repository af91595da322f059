/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Carrying out a changeset: the only code that writes to an image what hooks have planned. */
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/text.h"
#include "image/changeset.h"
#include "image/image.h"
#include "image/windows.h"

/* What holds a key is text. */
#define WIPE_MAX (16u << 20)

/* Where and of what: the arguments that every step needs. */
struct run {
	struct image *im;
	size_t vol;
	const struct windows *win;
	const struct changeset *cs;
};

static bool is_registry(const struct change *c)
{
	return c->op == CHANGE_SET_VALUE || c->op == CHANGE_DELETE_VALUE ||
	    c->op == CHANGE_DELETE_KEY;
}

static bool touches_hive(const struct changeset *cs, enum change_hive hive)
{
	for (size_t i = 0; i < cs->list.n; i++)
		if (is_registry(&cs->list.v[i]) && cs->list.v[i].hive == hive)
			return true;
	return false;
}

/* SYSTEM\WPA holds Windows' own activation state; whatever a hook says, it is not ours to edit. */
static bool is_off_limits(const struct change *c)
{
	return c->hive == CHANGE_SYSTEM &&
	    (name_eq(c->key, "WPA") || name_has_prefix(c->key, "WPA\\"));
}

static int edit(struct hive *h, const struct change *c, struct error *err)
{
	if (is_off_limits(c))
		return err_set(
		    err, ERR_INTERNAL, "hook %s: SYSTEM\\%s is never changed", c->hook, c->key);
	switch (c->op) {
	case CHANGE_SET_VALUE:
		return hive_set(h, c->key, c->value, &c->data, err);
	case CHANGE_DELETE_VALUE:
		return hive_delete_value(h, c->key, c->value, err);
	default:
		return hive_delete_key(h, c->key, err);
	}
}

static int edit_hive(const struct run *r, struct hive *h, enum change_hive hive,
    struct error *err)
{
	for (size_t i = 0; i < r->cs->list.n; i++) {
		const struct change *c = &r->cs->list.v[i];

		if (is_registry(c) && c->hive == hive && edit(h, c, err) != 0)
			return -1;
	}
	return 0;
}

/* Write the edited @h to a memory file; *@fd is -1 when there was nothing to change. */
static int commit_hive(struct hive *h, const char *path, int *fd, struct error *err)
{
	*fd = -1;
	if (!hive_is_changed(h))
		return 0;
	CLEANUP(close) int out = memfile(path_base(path), err);
	if (out < 0 || hive_commit(h, out, err) != 0)
		return -1;
	*fd = steal_fd(&out);
	return 0;
}

static char *hive_path(const struct run *r, enum change_hive hive)
{
	return xasprintf("%s/System32/config/%s", r->win->root, change_hive_name(hive));
}

/* Open the hive and make the edits in memory; *@old_fd is its present content. */
static struct hive *open_edited(const struct run *r, enum change_hive hive, const char *path,
    int *old_fd, struct error *err)
{
	int rc = image_file_fd(r->im, r->vol, path, old_fd, err);

	if (rc == 0) {
		err_set(err, ERR_DAMAGED, "%s: not there, and it is to be changed", path);
		err_hint(err, "the image is incomplete: capture it again");
	}
	struct hive *h = rc == 1 ? hive_open(*old_fd, path, true, false, err) : NULL;
	if (h && edit_hive(r, h, hive, err) != 0) {
		hive_close(h);
		return NULL;
	}
	return h;
}

static int run_hive(const struct run *r, enum change_hive hive, struct error *err)
{
	CLEANUP(free) char *path = hive_path(r, hive);
	CLEANUP(close) int fd = -1;
	int old_fd;
	struct hive *h = open_edited(r, hive, path, &old_fd, err);

	if (!h)
		return -1;
	int rc = commit_hive(h, path, &fd, err);
	hive_close(h);
	if (rc != 0 || fd < 0)
		return rc;
	log_debug("writing %s", path);
	const struct image_put put = {.path = path, .fd = fd, .old_fd = old_fd};
	return image_put(r->im, r->vol, &put, err);
}

int changeset_check(struct image *im, size_t vol, const struct windows *win,
    const struct changeset *cs, struct error *err)
{
	const struct run r = {im, vol, win, cs};

	for (enum change_hive hive = 0; hive < CHANGE_HIVES; hive++) {
		CLEANUP(free) char *path = hive_path(&r, hive);
		int fd;

		if (!touches_hive(cs, hive))
			continue;
		struct hive *h = open_edited(&r, hive, path, &fd, err);
		if (!h)
			return -1;
		hive_close(h);
	}
	return 0;
}

/*
 * Overwrite what @c deletes or replaces. What is deleted stays in unused clusters, and a shorter
 * content leaves the rest of a longer one. In an overlay a file is written where it is: nothing of
 * a secret is left. (A WIM takes a rebuild; a mounted volume belongs to its driver.)
 */
static int wipe(const struct run *r, const struct change *c, const struct image_stat *st,
    struct error *err)
{
	/* the other names of a file that is deleted stay */
	if (!c->secret || !(r->im->ops->caps & IMAGE_CAP_OVERLAY) ||
	    (c->op == CHANGE_DELETE_FILE && st->links > 1))
		return 0;
	if (st->size > WIPE_MAX)
		return err_set(err, ERR_LIMIT, "%s: too large for a file with a key", c->path);
	CLEANUP(free) char *zeros = xcalloc(st->size, 1);
	CLEANUP(close) int fd = memfile(path_base(c->path), err);
	if (fd < 0 || write_all(fd, zeros, st->size, err) != 0)
		return err_context(err, "%s", c->path);
	const struct image_put put = {.path = c->path, .fd = fd, .old_fd = -1};
	return image_put(r->im, r->vol, &put, err);
}

static int delete_path(const struct run *r, const struct change *c, struct error *err)
{
	struct image_stat st;
	int rc = image_stat(r->im, r->vol, c->path, &st, err);

	if (rc != 1)
		return rc;
	if (c->op == CHANGE_DELETE_FILE && st.is_dir)
		return err_set(err, ERR_UNKNOWN_SHAPE,
		    "%s: a directory where a file was to be deleted", c->path);
	if (wipe(r, c, &st, err) != 0)
		return -1;
	return image_remove(r->im, r->vol, c->path, err);
}

static int write_file(const struct run *r, const struct change *c, struct error *err)
{
	struct image_stat st;
	CLEANUP(buf) struct buf sd = BUF_INIT;
	int rc = image_stat(r->im, r->vol, c->path, &st, err);

	if (rc < 0)
		return -1;
	if (rc == 1 && (st.is_dir || st.is_link))
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s: a %s where a file was to be written",
		    c->path, st.is_dir ? "directory" : "link");
	bool keep = rc == 1 && c->keep_metadata;
	if (!keep)
		secdesc_make(c->sd, &sd);
	if (rc == 1 && wipe(r, c, &st, err) != 0)
		return -1;
	CLEANUP(close) int fd = memfile(path_base(c->path), err);
	if (fd < 0 || write_all(fd, c->content.data, c->content.len, err) != 0)
		return err_context(err, "%s", c->path);
	const struct image_put put = {
	    .path = c->path, .fd = fd, .old_fd = -1, .sd = keep ? NULL : &sd};
	return image_put(r->im, r->vol, &put, err);
}

static int run_file(const struct run *r, const struct change *c, struct error *err)
{
	if (!image_path_ok(c->path))
		return err_set(err, ERR_INTERNAL, "hook %s: bad path %s", c->hook, c->path);
	log_debug("%s %s", change_op_name(c->op), c->path);
	return c->op == CHANGE_WRITE_FILE ? write_file(r, c, err) : delete_path(r, c, err);
}

int changeset_run(struct image *im, size_t vol, const struct windows *win,
    const struct changeset *cs, struct error *err)
{
	const struct run r = {im, vol, win, cs};

	/* hives first: what must be refused is most likely there */
	for (enum change_hive hive = 0; hive < CHANGE_HIVES; hive++) {
		if (cancel_requested())
			return err_set(err, ERR_INTERRUPT, "interrupted");
		if (touches_hive(cs, hive) && run_hive(&r, hive, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < cs->list.n; i++) {
		if (cancel_requested())
			return err_set(err, ERR_INTERRUPT, "interrupted");
		if (!is_registry(&cs->list.v[i]) && run_file(&r, &cs->list.v[i], err) != 0)
			return -1;
	}
	return 0;
}
