/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Did the changes take effect? Asked change by change, of the image as it is now: facts and a
 * second plan do not see everything that was deleted, and an engine, a library or a mounted volume
 * may say that all is well when it is not.
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/changeset.h"
#include "image/image.h"
#include "image/windows.h"

struct verify {
	struct image *im;
	size_t vol;
	const struct windows *win;
	const struct changeset *cs;
	struct hive *hives[CHANGE_HIVES];
};

static bool is_delete(const struct change *c)
{
	return c->op == CHANGE_DELETE_FILE || c->op == CHANGE_DELETE_TREE;
}

static bool is_within(const char *path, const char *top, char separator)
{
	size_t n = strlen(top);

	return name_has_prefix(path, top) && (path[n] == '\0' || path[n] == separator);
}

/* What a later change makes anew, or changes once more, is not what this one left. */
static bool is_overtaken(const struct verify *v, size_t i)
{
	const struct change *c = &v->cs->list.v[i];

	while (++i < v->cs->list.n) {
		const struct change *later = &v->cs->list.v[i];

		if (c->path && later->path && is_within(later->path, c->path, '/'))
			return true;
		if (c->key && later->key && c->hive == later->hive &&
		    (c->value ? later->value && name_eq(later->key, c->key) &&
				    name_eq(later->value, c->value)
			      : is_within(later->key, c->key, '\\')))
			return true;
	}
	return false;
}

static struct hive *hive_of(struct verify *v, enum change_hive hive, struct error *err)
{
	CLEANUP(free)
	char *path = xasprintf("%s/System32/config/%s", v->win->root, change_hive_name(hive));
	int fd;

	if (v->hives[hive])
		return v->hives[hive];
	int rc = image_file_fd(v->im, v->vol, path, &fd, err);
	if (rc == 0)
		err_set(err, ERR_VERIFY, "%s: not there any more", path);
	if (rc == 1)
		v->hives[hive] = hive_open(fd, path, false, false, err);
	return v->hives[hive];
}

static int value_is(struct hive *h, const struct change *c, struct error *err)
{
	struct hive_value now;
	int rc = hive_get(h, c->key, c->value, &now, err);

	if (rc == 1)
		rc = now.type == c->data.type && buf_equal(&now.data, &c->data.data);
	hive_value_free(&now);
	return rc;
}

/* 1: it is as the change says, 0: it is not, -1 */
static int holds(struct verify *v, const struct change *c, struct error *err)
{
	struct image_stat st;
	int there;

	if (is_delete(c)) {
		there = image_stat(v->im, v->vol, c->path, &st, err);
		return there < 0 ? -1 : !there;
	}
	struct hive *h = hive_of(v, c->hive, err);
	if (!h)
		return -1;
	if (c->op == CHANGE_SET_VALUE)
		return value_is(h, c, err);
	if (c->op == CHANGE_DELETE_KEY) {
		there = hive_key_exists(h, c->key, err);
	} else {
		struct hive_value value;

		there = hive_get(h, c->key, c->value, &value, err);
		hive_value_free(&value);
	}
	return there < 0 ? -1 : !there;
}

static int verify_all(struct verify *v, struct error *err)
{
	for (size_t i = 0; i < v->cs->list.n; i++) {
		const struct change *c = &v->cs->list.v[i];

		/* what was written is read as a fact, and planned again where it differs */
		if (c->op == CHANGE_WRITE_FILE || is_overtaken(v, i))
			continue;
		int rc = holds(v, c, err);
		if (rc < 0)
			return -1;
		if (rc == 1)
			continue;
		CLEANUP(free) char *target = change_target(c);
		return err_set(err, ERR_VERIFY, "a change did not take effect: %s %s (%s)",
		    change_op_name(c->op), target, c->reason);
	}
	return 0;
}

int changeset_verify(struct image *im, size_t vol, const struct windows *win,
    const struct changeset *cs, struct error *err)
{
	struct verify v = {.im = im, .vol = vol, .win = win, .cs = cs};
	int rc = verify_all(&v, err);

	for (size_t i = 0; i < CHANGE_HIVES; i++)
		hive_close(v.hives[i]);
	return rc;
}
