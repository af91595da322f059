/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/hive.h"

#include <assert.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/bytes.h"
#include "image/hive_internal.h"

void hive_value_free(struct hive_value *v)
{
	buf_free(&v->data);
	*v = (struct hive_value){0};
}

struct hive_value hive_dword(uint32_t n)
{
	struct hive_value v = {.type = HIVE_DWORD};
	const char le[4] = {(char)n, (char)(n >> 8), (char)(n >> 16), (char)(n >> 24)};

	buf_add(&v.data, le, sizeof(le));
	return v;
}

static void add_string(struct hive_value *v, const char *utf8)
{
	bool valid = utf8_to_utf16le(utf8, &v->data);

	assert(valid);
	(void)valid;
}

struct hive_value hive_sz(const char *utf8)
{
	struct hive_value v = {.type = HIVE_SZ};

	add_string(&v, utf8);
	return v;
}

struct hive_value hive_expand_sz(const char *utf8)
{
	struct hive_value v = {.type = HIVE_EXPAND_SZ};

	add_string(&v, utf8);
	return v;
}

struct hive_value hive_multi_sz(const struct strvec *strings)
{
	struct hive_value v = {.type = HIVE_MULTI_SZ};

	for (size_t i = 0; i < strings->n; i++)
		add_string(&v, strings->v[i]);
	add_string(&v, "");
	return v;
}

int hive_read_header(int fd, struct hive_header *out, struct error *err)
{
	struct regf r;

	if (regf_read_header(fd, &r, err) != 0)
		return -1;
	*out = (struct hive_header){
	    .sequence1 = r.sequence1,
	    .sequence2 = r.sequence2,
	    .major = r.major,
	    .minor = r.minor,
	    .checksum_ok = r.checksum_ok,
	};
	return 0;
}

struct hive *hive_open(int fd, const char *name, bool write, bool allow_dirty,
    struct error *err)
{
	struct hive *h = xcalloc(1, sizeof(*h));

	h->fd = fd;
	h->name = xstrdup(name);
	h->write = write;
	if (regf_map(&h->r, fd, err) != 0) {
		err_context(err, "%s", name);
		hive_damaged_hint(err);
	} else if (hive_is_dirty(h) && (write || !allow_dirty)) {
		err_set(err, ERR_HIVE_DIRTY,
		    "%s: dirty registry hive: Windows had not finished writing it (%u, %u)", name,
		    h->r.sequence1, h->r.sequence2);
		err_hint(err, "start this Windows once, shut it down cleanly and capture it again");
	} else {
		return h;
	}
	hive_close(h);
	return NULL;
}

void hive_close(struct hive *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->keys.n; i++)
		hive_key_free(h->keys.v[i]);
	free(h->keys.v);
	free(h->doomed.v);
	regf_unmap(&h->r);
	free(h->name);
	free(h);
}

bool hive_is_dirty(const struct hive *h)
{
	return h->r.sequence1 != h->r.sequence2;
}

const char *hive_key_label(const char *key)
{
	return *key ? key : "(root)";
}

const char *hive_value_label(const char *value)
{
	return *value ? value : "(default)";
}

int hive_damaged_hint(struct error *err)
{
	return err_hint(err, "repair this Windows' registry, or capture the image again");
}

int hive_damaged_key(const char *hive, const char *key, struct error *err)
{
	err_set(err, ERR_DAMAGED, "%s: damaged registry hive: key %s cannot be read", hive,
	    hive_key_label(key));
	return hive_damaged_hint(err);
}

void hive_key_free(struct hive_key *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->values.n; i++) {
		free(k->values.v[i].name);
		hive_value_free(&k->values.v[i].value);
	}
	free(k->values.v);
	strvec_free(&k->subkeys);
	free(k->path);
	free(k);
}

struct hive_key *hive_touched(const struct hive *h, const char *path, size_t len)
{
	for (size_t i = 0; i < h->keys.n; i++) {
		struct hive_key *k = h->keys.v[i];

		if (strlen(k->path) == len && name_has_prefix(path, k->path))
			return k;
	}
	return NULL;
}

struct hive_item *hive_key_item(const struct hive_key *k, const char *name)
{
	for (size_t i = 0; i < k->values.n; i++)
		if (name_eq(k->values.v[i].name, name))
			return &k->values.v[i];
	return NULL;
}

static bool has_name(const struct strvec *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (name_eq(names->v[i], name))
			return true;
	return false;
}

/* One step down: from @at to its subkey @name, whose whole path is @path[0..len). */
static int step(struct hive *h, struct hive_place *at, const char *name, const char *path,
    size_t len, struct error *err)
{
	struct regf_key parent = at->key;

	if (at->touched && !has_name(&at->touched->subkeys, name))
		return 0;
	struct hive_key *k = hive_touched(h, path, len);
	if (k) {
		at->touched = k;
		return 1;
	}
	if (at->touched && !regf_key(&h->r, at->touched->at, &parent))
		return hive_damaged_key(h->name, at->touched->path, err);
	at->touched = NULL;
	int rc = regf_subkey(&h->r, &parent, name, &at->key);
	if (rc < 0) {
		CLEANUP(free) char *where = xstrndup(path, len);
		return hive_damaged_key(h->name, where, err);
	}
	return rc;
}

int hive_find(struct hive *h, const char *path, struct hive_place *out, struct error *err)
{
	const char *p = path;

	out->touched = hive_touched(h, "", 0);
	if (!regf_key(&h->r, h->r.root, &out->key))
		return hive_damaged_key(h->name, "", err);
	while (*p) {
		const char *end = strchrnul(p, '\\');
		CLEANUP(free) char *name = xstrndup(p, (size_t)(end - p));
		int rc = step(h, out, name, path, (size_t)(end - path), err);

		if (rc != 1)
			return rc;
		p = *end ? end + 1 : end;
	}
	return 1;
}

/* Call @each for every value of an untouched key; 1 from it ends the loop and is returned. */
typedef int (*value_visitor)(const struct regf *r, const struct regf_value *v, void *opaque);

static int each_value(const struct regf *r, const struct regf_key *key, value_visitor each,
    void *opaque)
{
	struct regf_list list = {0};
	struct regf_value v;
	size_t left = r->end;
	int rc = regf_values(r, key, &list) ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < list.cells.n; i++) {
		if (regf_value(r, list.cells.v[i], &v) && regf_take(&left, v.name.len))
			rc = each(r, &v, opaque);
		else
			rc = -1;
	}
	regf_list_free(&list);
	return rc;
}

static int load_subkeys(const struct regf *r, const struct regf_key *key, struct strvec *names)
{
	struct regf_list list = {0};
	struct regf_key k;
	size_t left = r->end;
	bool ok = regf_subkeys(r, key, &list, NULL);

	for (size_t i = 0; ok && i < list.cells.n; i++) {
		ok = regf_key(r, list.cells.v[i], &k) && regf_take(&left, k.name.len);
		if (ok)
			strvec_take(names, regf_name_utf8(&k.name, NULL));
	}
	regf_list_free(&list);
	return ok ? 0 : -1;
}

struct loading {
	struct hive_key *k;
	size_t left;
};

static int load_value(const struct regf *r, const struct regf_value *v, void *opaque)
{
	struct loading *l = opaque;
	struct hive_item *item = VEC_PUSH(&l->k->values);

	item->name = regf_name_utf8(&v->name, &item->exact);
	item->value.type = v->type;
	return regf_take(&l->left, v->len) && regf_data(r, v, &item->value.data) ? 0 : -1;
}

int hive_load_key(const struct regf *r, const char *hive, const struct regf_key *from,
    struct hive_key *k, struct error *err)
{
	struct loading l = {k, r->end};

	k->at = from->at;
	if (each_value(r, from, load_value, &l) < 0 || load_subkeys(r, from, &k->subkeys) != 0)
		return hive_damaged_key(hive, k->path, err);
	return 0;
}

int hive_key_exists(struct hive *h, const char *key, struct error *err)
{
	struct hive_place at;

	return hive_find(h, key, &at, err);
}

int hive_subkeys(struct hive *h, const char *key, struct strvec *names, struct error *err)
{
	struct hive_place at;
	int rc = hive_find(h, key, &at, err);

	if (rc != 1)
		return rc;
	if (at.touched) {
		for (size_t i = 0; i < at.touched->subkeys.n; i++)
			strvec_add(names, at.touched->subkeys.v[i]);
	} else if (load_subkeys(&h->r, &at.key, names) != 0) {
		return hive_damaged_key(h->name, key, err);
	}
	return 1;
}

static int collect_name(const struct regf *r, const struct regf_value *v, void *opaque)
{
	(void)r;
	strvec_take(opaque, regf_name_utf8(&v->name, NULL));
	return 0;
}

int hive_values(struct hive *h, const char *key, struct strvec *names, struct error *err)
{
	struct hive_place at;
	int rc = hive_find(h, key, &at, err);

	if (rc != 1)
		return rc;
	if (at.touched) {
		for (size_t i = 0; i < at.touched->values.n; i++)
			strvec_add(names, at.touched->values.v[i].name);
	} else if (each_value(&h->r, &at.key, collect_name, names) < 0) {
		return hive_damaged_key(h->name, key, err);
	}
	return 1;
}

struct wanted {
	const char *name;
	struct hive_value *out;
};

static int take_wanted(const struct regf *r, const struct regf_value *v, void *opaque)
{
	struct wanted *w = opaque;
	CLEANUP(free) char *name = regf_name_utf8(&v->name, NULL);

	if (!name_eq(name, w->name))
		return 0;
	w->out->type = v->type;
	return regf_data(r, v, &w->out->data) ? 1 : -1;
}

int hive_get(struct hive *h, const char *key, const char *value, struct hive_value *out,
    struct error *err)
{
	struct hive_place at;
	struct wanted w = {.name = value};
	int rc = hive_find(h, key, &at, err);

	*out = (struct hive_value){0};
	w.out = out;
	if (rc != 1)
		return rc;
	if (at.touched) {
		const struct hive_item *item = hive_key_item(at.touched, value);

		if (!item)
			return 0;
		out->type = item->value.type;
		buf_add(&out->data, item->value.data.data, item->value.data.len);
		return 1;
	}
	rc = each_value(&h->r, &at.key, take_wanted, &w);
	if (rc < 0) {
		hive_value_free(out);
		err_set(err, ERR_DAMAGED,
		    "%s: damaged registry hive: value %s of key %s cannot be read", h->name,
		    hive_value_label(value), hive_key_label(key));
		return hive_damaged_hint(err);
	}
	return rc;
}

int hive_get_dword(struct hive *h, const char *key, const char *value, uint32_t *out,
    struct error *err)
{
	struct hive_value v;
	int rc = hive_get(h, key, value, &v, err);

	if (rc == 1 && v.type == HIVE_DWORD && v.data.len == 4)
		*out = get_le32(v.data.data);
	else if (rc == 1)
		rc = 0;
	hive_value_free(&v);
	return rc;
}

int hive_get_string(struct hive *h, const char *key, const char *value, char **out,
    struct error *err)
{
	struct hive_value v;
	int rc = hive_get(h, key, value, &v, err);

	if (rc == 1 && (v.type == HIVE_SZ || v.type == HIVE_EXPAND_SZ))
		*out = utf16le_to_utf8(v.data.data, v.data.len);
	else if (rc == 1)
		rc = 0;
	hive_value_free(&v);
	return rc;
}

void hive_split_strings(const struct buf *b, struct strvec *out)
{
	size_t start = 0, n = b->len / 2;

	for (size_t i = 0; i < n; i++) {
		if (b->data[2 * i] || b->data[2 * i + 1])
			continue;
		if (i > start || i + 1 < n)
			strvec_take(out, utf16le_to_utf8(b->data + 2 * start, 2 * (i - start)));
		start = i + 1;
	}
	if (start < n)
		strvec_take(out, utf16le_to_utf8(b->data + 2 * start, 2 * (n - start)));
}

int hive_get_strings(struct hive *h, const char *key, const char *value, struct strvec *out,
    struct error *err)
{
	struct hive_value v;
	int rc = hive_get(h, key, value, &v, err);

	if (rc == 1 && v.type == HIVE_MULTI_SZ)
		hive_split_strings(&v.data, out);
	else if (rc == 1)
		rc = 0;
	hive_value_free(&v);
	return rc;
}
