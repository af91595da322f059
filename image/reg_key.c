/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/reg_key.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/bytes.h"
#include "image/hive.h"

/*
 * Bytes of a hive for each subkey and value, at least: more of them than fit in it are a loop, or
 * lists and data that many keys share, made to keep a reader busy for ever.
 */
#define ENTRY_MIN 16u

static void cleanup_regf_list(struct regf_list *list)
{
	regf_list_free(list);
}

void reg_key_free(struct reg_key *k)
{
	for (size_t i = 0; i < k->values.n; i++) {
		free(k->values.v[i].name);
		buf_free(&k->values.v[i].data);
	}
	free(k->values.v);
	strvec_free(&k->subkeys);
	*k = (struct reg_key){0};
}

const struct reg_value *reg_key_value(const struct reg_key *k, const char *name)
{
	for (size_t i = 0; i < k->values.n; i++)
		if (name_eq(k->values.v[i].name, name))
			return &k->values.v[i];
	return NULL;
}

bool reg_value_dword(const struct reg_value *v, uint32_t *out)
{
	if (!v || v->type != HIVE_DWORD || v->data.len != 4)
		return false;
	*out = get_le32(v->data.data);
	return true;
}

char *reg_value_text(const struct reg_value *v)
{
	if (!v || (v->type != HIVE_SZ && v->type != HIVE_EXPAND_SZ))
		return NULL;
	return utf16le_to_utf8(v->data.data, v->data.len);
}

static int damaged(const char *path, struct error *err)
{
	return err_set(err, ERR_DAMAGED, "key %s: the hive is damaged there", path);
}

/* 1/0/-1 */
static int find_key(const struct regf *r, const char *path, struct regf_key *out)
{
	int rc = regf_key(r, r->root, out) ? 1 : -1;

	while (rc == 1 && *path) {
		struct regf_key parent = *out;
		CLEANUP(free) char *name = xstrndup(path, strcspn(path, "\\"));

		path += strlen(name);
		path += *path == '\\';
		rc = regf_subkey(r, &parent, name, out);
	}
	return rc;
}

static bool load_values(const struct regf *r, const struct regf_key *key, struct reg_key *out)
{
	size_t left = r->end;
	CLEANUP(regf_list) struct regf_list list = {0};

	if (!regf_values(r, key, &list))
		return false;
	for (size_t i = 0; i < list.cells.n; i++) {
		struct regf_value from;

		if (!regf_value(r, list.cells.v[i], &from) || !regf_take(&left, from.name.len))
			return false;
		struct reg_value *v = VEC_PUSH(&out->values);
		v->name = regf_name_utf8(&from.name, NULL);
		v->type = from.type;
		v->len = from.len;
		if (from.len > REG_DATA_MAX)
			continue;
		if (!regf_take(&left, from.len) || !regf_data(r, &from, &v->data))
			return false;
	}
	return true;
}

/* @cells gets the subkeys in the order of @out->subkeys. */
static bool load(
    const struct regf *r, const struct regf_key *key, struct reg_key *out, struct regf_list *cells)
{
	size_t left = r->end;

	if (!regf_subkeys(r, key, cells, NULL) || !load_values(r, key, out))
		return false;
	for (size_t i = 0; i < cells->cells.n; i++) {
		struct regf_key sub;

		if (!regf_key(r, cells->cells.v[i], &sub) || !regf_take(&left, sub.name.len))
			return false;
		strvec_take(&out->subkeys, regf_name_utf8(&sub.name, NULL));
	}
	return true;
}

int reg_key_load(const struct regf *r, const char *path, struct reg_key *out, struct error *err)
{
	CLEANUP(regf_list) struct regf_list cells = {0};
	struct regf_key key;

	*out = (struct reg_key){0};
	int rc = find_key(r, path, &key);
	if (rc == 1 && !load(r, &key, out, &cells))
		rc = -1;
	if (rc >= 0)
		return rc;
	reg_key_free(out);
	return damaged(path, err);
}

struct walk {
	const struct regf *r;
	reg_visit visit;
	void *opaque;
	size_t entries, bytes; /* subkeys and values, and data, that may still come */
	unsigned max_depth;
};

/* A key costs what it holds. */
static bool afford(struct walk *w, const struct reg_key *k)
{
	size_t entries = k->subkeys.n + k->values.n, bytes = 0;

	for (size_t i = 0; i < k->values.n; i++)
		bytes += k->values.v[i].data.len;
	if (entries > w->entries || bytes > w->bytes)
		return false;
	w->entries -= entries;
	w->bytes -= bytes;
	return true;
}

static char *join(const char *path, const char *name)
{
	return *path ? xasprintf("%s\\%s", path, name) : xstrdup(name);
}

static int walk_key(
    struct walk *w, const char *path, const struct regf_key *key, unsigned depth, struct error *err)
{
	CLEANUP(regf_list) struct regf_list cells = {0};
	CLEANUP(reg_key) struct reg_key k = {0};

	if (depth > REGF_MAX_DEPTH || !load(w->r, key, &k, &cells) || !afford(w, &k))
		return damaged(path, err);
	int rc = depth || w->max_depth > 1 ? w->visit(w->opaque, path, &k, err) : 1;
	if (rc != 1 || depth >= w->max_depth)
		return rc < 0 ? -1 : 0;
	for (size_t i = 0; i < cells.cells.n; i++) {
		CLEANUP(free) char *below = join(path, k.subkeys.v[i]);
		struct regf_key sub;

		if (!regf_key(w->r, cells.cells.v[i], &sub))
			return damaged(below, err);
		if (walk_key(w, below, &sub, depth + 1, err) != 0)
			return -1;
	}
	return 0;
}

static int walk(const struct regf *r, const char *top, unsigned max_depth, reg_visit visit,
    void *opaque, struct error *err)
{
	struct walk w = {r, visit, opaque, r->end / ENTRY_MIN, r->end, max_depth};
	struct regf_key key;
	int rc = find_key(r, top, &key);

	if (rc < 0)
		return damaged(top, err);
	return rc == 0 ? 0 : walk_key(&w, top, &key, 0, err);
}

int reg_walk(
    const struct regf *r, const char *top, reg_visit visit, void *opaque, struct error *err)
{
	return walk(r, top, REGF_MAX_DEPTH, visit, opaque, err);
}

int reg_each_subkey(
    const struct regf *r, const char *top, reg_visit visit, void *opaque, struct error *err)
{
	return walk(r, top, 1, visit, opaque, err);
}
