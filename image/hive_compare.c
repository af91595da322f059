/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What no edit touched must be in the committed hive as it was, bit for bit and in its old
 * place: libhivex moves no cell that it does not rewrite. In a damaged hive a cell that it frees
 * or reuses may belong to another key as well, and nothing but this would notice.
 */
#include <stdlib.h>
#include <string.h>

#include "image/hive_internal.h"

/* Of a security record: its links and its count of users change with every key made or deleted. */
#define SK_DESCRIPTOR 16

struct compare {
	const struct regf *old, *fresh;
	unsigned char *touched, *done; /* bit: of the key at that cell */
	struct buf a, b;
};

static bool get_bit(const unsigned char *map, uint32_t at)
{
	return map[at >> 6] & 1u << (at >> 3 & 7);
}

static void set_bit(unsigned char *map, uint32_t at)
{
	map[at >> 6] |= (unsigned char)(1u << (at >> 3 & 7));
}

/* The cell less its first @skip bytes. What could not be read before need not be readable now. */
static bool same_cell(const struct compare *c, uint32_t at, size_t skip)
{
	size_t n, m;
	const unsigned char *p = regf_cell(c->old, at, &n), *q = regf_cell(c->fresh, at, &m);

	if (!p || n < skip)
		return true;
	return q && n == m && memcmp(p + skip, q + skip, n - skip) == 0;
}

/* Big data has cells of its own. */
static bool same_data(struct compare *c, const struct regf_value *v)
{
	if (v->is_inline || v->len == 0)
		return true;
	if (v->len <= HIVE_BIG_VALUE)
		return same_cell(c, v->data, 0);
	buf_reset(&c->a);
	buf_reset(&c->b);
	return !regf_data(c->old, v, &c->a) ||
	       (regf_data(c->fresh, v, &c->b) && buf_equal(&c->a, &c->b));
}

static bool same_values(struct compare *c, const struct regf_key *key)
{
	struct regf_list list = {0};
	struct regf_value v;
	bool same = true;

	if (key->values && regf_values(c->old, key, &list))
		same = same_cell(c, key->value_list, 0);
	for (size_t i = 0; same && i < list.cells.n; i++)
		if (regf_value(c->old, list.cells.v[i], &v))
			same = same_cell(c, v.at, 0) && same_data(c, &v);
	regf_list_free(&list);
	return same;
}

static bool same_key(struct compare *c, const struct regf_key *key, const struct regf_list *lists)
{
	for (size_t i = 0; i < lists->cells.n; i++)
		if (!same_cell(c, lists->cells.v[i], 0))
			return false;
	return same_cell(c, key->at, 0) && same_cell(c, key->security, SK_DESCRIPTOR) &&
	       same_cell(c, key->class, 0) && same_values(c, key);
}

/* The key at @at with all below it; its cell where they differ, REGF_NO_CELL where they do not. */
static uint32_t differing_key(struct compare *c, uint32_t at, unsigned depth)
{
	struct regf_list list = {0}, lists = {0};
	struct regf_key key;
	uint32_t found = REGF_NO_CELL;

	if (depth > REGF_MAX_DEPTH || !regf_key(c->old, at, &key) || get_bit(c->done, at))
		return REGF_NO_CELL;
	set_bit(c->done, at);
	bool readable = regf_subkeys(c->old, &key, &list, &lists);
	if (readable && !get_bit(c->touched, at) && !same_key(c, &key, &lists))
		found = at;
	for (size_t i = 0; readable && found == REGF_NO_CELL && i < list.cells.n; i++)
		found = differing_key(c, list.cells.v[i], depth + 1);
	regf_list_free(&list);
	regf_list_free(&lists);
	return found;
}

int hive_compare(const struct hive *h, const struct regf *fresh, struct error *err)
{
	const size_t bitmap = h->r.end / 64 + 1;
	struct compare c = {.old = &h->r,
	    .fresh = fresh,
	    .touched = xcalloc(bitmap, 1),
	    .done = xcalloc(bitmap, 1)};

	for (size_t i = 0; i < h->keys.n; i++)
		if (h->keys.v[i]->at)
			set_bit(c.touched, h->keys.v[i]->at);
	for (size_t i = 0; i < h->doomed.n; i++)
		set_bit(c.done, h->doomed.v[i]);
	uint32_t at = differing_key(&c, h->r.root, 1);
	free(c.touched);
	free(c.done);
	buf_free(&c.a);
	buf_free(&c.b);
	if (at == REGF_NO_CELL)
		return 0;
	return err_set(err, ERR_VERIFY,
	    "%s: damaged registry hive: the changes would spoil another key, at 0x%x", h->name, at);
}
