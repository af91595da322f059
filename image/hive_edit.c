/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Edits of a hive, kept in memory until hive_commit(). */
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/hive_internal.h"

/* What Windows allows a key's name to have. */
#define MAX_KEY_NAME 255

static int big_value(const struct hive *h, const char *key, const char *value, size_t len,
    struct error *err)
{
	err_set(err, ERR_BIG_VALUE, "%s: key %s holds the value %s of %zu bytes, which rewriting "
	    "the key would damage", h->name, hive_key_label(key), hive_value_label(value), len);
	return err_hint(err,
	    "libhivex cannot write values over %u bytes: make this change in the running Windows "
	    "before it is captured", HIVE_BIG_VALUE);
}

static int check_values(const struct hive *h, const char *key, const struct hive_key *k,
    struct error *err)
{
	for (size_t i = 0; i < k->values.n; i++) {
		const struct hive_item *item = &k->values.v[i];

		if (item->value.data.len > HIVE_BIG_VALUE)
			return big_value(h, key, item->name, item->value.data.len, err);
		if (!item->exact)
			return err_set(err, ERR_UNKNOWN_SHAPE,
			    "%s: key %s holds a value whose name (%s) libhivex cannot write",
			    h->name, hive_key_label(key), item->name);
	}
	return 0;
}

int hive_check_writable(struct hive *h, const char *key, struct error *err)
{
	struct hive_place at;
	int rc = hive_find(h, key, &at, err);

	if (rc != 1)
		return rc;
	if (at.touched)
		return check_values(h, key, at.touched, err);
	struct hive_key *k = xcalloc(1, sizeof(*k));
	k->path = xstrdup(key);
	rc = hive_load_key(&h->r, h->name, &at.key, k, err);
	if (rc == 0)
		rc = check_values(h, key, k, err);
	hive_key_free(k);
	return rc;
}

static int begin_edit(const struct hive *h, const char *key, struct error *err)
{
	const char *p = key;

	if (!h->write || h->failed)
		return err_set(
		    err, ERR_INTERNAL, "%s: edit of a hive that cannot be committed", h->name);
	while (*key) {
		size_t n = strcspn(p, "\\");

		if (n == 0)
			return err_set(err, ERR_INTERNAL, "%s: bad key path %s", h->name, key);
		if (!p[n])
			break;
		p += n + 1;
	}
	return 0;
}

static struct hive_key *add_touched(struct hive *h, const char *path)
{
	struct hive_key *k = xcalloc(1, sizeof(*k));

	k->path = xstrdup(path);
	*VEC_PUSH(&h->keys) = k;
	return k;
}

/* Make the key at @path, found as @at, one that edits can be done to. */
static struct hive_key *touch(struct hive *h, const char *path, const struct hive_place *at,
    struct error *err)
{
	if (at->touched)
		return at->touched;
	struct hive_key *k = add_touched(h, path);
	return hive_load_key(&h->r, h->name, &at->key, k, err) == 0 ? k : NULL;
}

static char *parent_path(const char *path)
{
	const char *slash = strrchr(path, '\\');

	return slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '\\');

	return slash ? slash + 1 : path;
}

/* libhivex computes wrong hashes for other names, and Windows would not find the key. */
static bool name_can_be_made(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < 0x20 || (unsigned char)name[i] >= 0x7f)
			return false;
	return n <= MAX_KEY_NAME;
}

/* The touched key at @path; it and the keys above it are made where they are missing. */
static struct hive_key *need_key(struct hive *h, const char *path, struct error *err)
{
	struct hive_place at;
	int rc = hive_find(h, path, &at, err);

	if (rc < 0)
		return NULL;
	if (rc == 1)
		return touch(h, path, &at, err);
	if (!name_can_be_made(last_name(path))) {
		err_set(err, ERR_INTERNAL,
		    "%s: key %s cannot be made: its name is not ASCII or too long", h->name, path);
		return NULL;
	}
	CLEANUP(free) char *above = parent_path(path);
	struct hive_key *parent = need_key(h, above, err);
	if (!parent)
		return NULL;
	strvec_add(&parent->subkeys, last_name(path));
	parent->subkeys_changed = true;
	return add_touched(h, path);
}

static int set(struct hive *h, const char *key, const char *value, const struct hive_value *v,
    struct error *err)
{
	if (begin_edit(h, key, err) != 0)
		return -1;
	if (v->data.len > HIVE_BIG_VALUE)
		return big_value(h, key, value, v->data.len, err);
	if (!utf8_valid(value, strlen(value)))
		return err_set(err, ERR_INTERNAL, "%s: key %s: the value's name is not UTF-8",
		    h->name, hive_key_label(key));
	struct hive_key *k = need_key(h, key, err);
	if (!k || check_values(h, key, k, err) != 0)
		return -1;
	struct hive_item *item = hive_key_item(k, value);
	if (item && item->value.type == v->type && buf_equal(&item->value.data, &v->data))
		return 0;
	if (!item) {
		item = VEC_PUSH(&k->values);
		item->name = xstrdup(value);
		item->exact = true;
	}
	item->value.type = v->type;
	buf_reset(&item->value.data);
	buf_add(&item->value.data, v->data.data, v->data.len);
	k->values_changed = true;
	return 0;
}

int hive_set(struct hive *h, const char *key, const char *value, const struct hive_value *v,
    struct error *err)
{
	if (set(h, key, value, v, err) == 0)
		return 0;
	h->failed = true;
	return -1;
}

static int delete_value(struct hive *h, const char *key, const char *value, struct error *err)
{
	struct hive_place at;

	if (begin_edit(h, key, err) != 0)
		return -1;
	int rc = hive_find(h, key, &at, err);
	if (rc != 1)
		return rc;
	struct hive_key *k = touch(h, key, &at, err);
	if (!k)
		return -1;
	struct hive_item *item = hive_key_item(k, value);
	if (!item)
		return 0;
	if (check_values(h, key, k, err) != 0)
		return -1;
	free(item->name);
	hive_value_free(&item->value);
	size_t i = (size_t)(item - k->values.v);
	k->values.n--;
	memmove(item, item + 1, (k->values.n - i) * sizeof(*item));
	k->values_changed = true;
	return 0;
}

int hive_delete_value(struct hive *h, const char *key, const char *value, struct error *err)
{
	if (delete_value(h, key, value, err) == 0)
		return 0;
	h->failed = true;
	return -1;
}

static void remove_name(struct strvec *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!name_eq(names->v[i], name))
			continue;
		free(names->v[i]);
		names->n--;
		memmove(names->v + i, names->v + i + 1, (names->n - i) * sizeof(*names->v));
		return;
	}
}

/* Forget what was planned for @path and for all below it. */
static void forget_tree(struct hive *h, const char *path)
{
	size_t n = strlen(path), kept = 0;

	for (size_t i = 0; i < h->keys.n; i++) {
		struct hive_key *k = h->keys.v[i];

		if (name_has_prefix(k->path, path) && (!k->path[n] || k->path[n] == '\\'))
			hive_key_free(k);
		else
			h->keys.v[kept++] = k;
	}
	h->keys.n = kept;
}

static int delete_key(struct hive *h, const char *key, struct error *err)
{
	struct hive_place at, above;

	if (begin_edit(h, key, err) != 0)
		return -1;
	if (!*key)
		return err_set(err, ERR_INTERNAL, "%s: the root key cannot be deleted", h->name);
	int rc = hive_find(h, key, &at, err);
	if (rc != 1)
		return rc;
	uint32_t cell = at.touched ? at.touched->at : at.key.at;
	CLEANUP(free) char *parent = parent_path(key);
	if (hive_find(h, parent, &above, err) < 0)
		return -1;
	struct hive_key *k = touch(h, parent, &above, err);
	if (!k)
		return -1;
	remove_name(&k->subkeys, last_name(key));
	k->subkeys_changed = true;
	forget_tree(h, key);
	if (cell)
		*VEC_PUSH(&h->doomed) = cell;
	return 0;
}

int hive_delete_key(struct hive *h, const char *key, struct error *err)
{
	if (delete_key(h, key, err) == 0)
		return 0;
	h->failed = true;
	return -1;
}

bool hive_is_changed(const struct hive *h)
{
	bool changed = h->doomed.n > 0;

	for (size_t i = 0; i < h->keys.n && !changed; i++)
		changed = h->keys.v[i]->values_changed || h->keys.v[i]->subkeys_changed;
	return changed;
}
