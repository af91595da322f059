/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/hive_cells.h"

#include <string.h>

#include "common/cleanup.h"
#include "image/bytes.h"

#define BIN_HEADER 32u
#define BIN_ALIGN 4096u

enum {
	SK_NEXT = 4,
	SK_PREV = 8,
	SK_COUNT = 12,
	SK_MIN = 20,
};

static bool get_bit(const unsigned char *map, uint32_t at)
{
	return map[at >> 6] & 1u << (at >> 3 & 7);
}

static void set_bit(unsigned char *map, uint32_t at)
{
	map[at >> 6] |= (unsigned char)(1u << (at >> 3 & 7));
}

static void clear_bit(unsigned char *map, uint32_t at)
{
	map[at >> 6] &= (unsigned char)~(1u << (at >> 3 & 7));
}

static int damaged(const char *what, uint32_t at, struct error *err)
{
	return err_set(err, ERR_DAMAGED, "damaged registry hive: %s at 0x%x", what, at);
}

/* The cells of one bin; @p is the bin. */
static bool scan_bin(struct hive_cells *c, const unsigned char *p, uint32_t at, uint32_t size)
{
	for (uint32_t off = BIN_HEADER; off < size;) {
		int64_t n = (int32_t)get_le32(p + off);
		bool used = n < 0;

		if (used)
			n = -n;
		if (n < 8 || n % 8 != 0 || n > size - off)
			return false;
		if (used)
			set_bit(c->used, at + off);
		off += (uint32_t)n;
	}
	return true;
}

int hive_cells_open(struct hive_cells *c, const struct regf *r, struct error *err)
{
	const unsigned char *cells = r->p + 0x1000;

	*c = (struct hive_cells){.r = r};
	c->used = xcalloc(r->end / 64 + 1, 1);
	c->doomed = xcalloc(r->end / 64 + 1, 1);
	c->shared = xcalloc(r->end / 64 + 1, 1);
	for (uint32_t at = 0; at < r->end;) {
		const unsigned char *p = cells + at;
		uint32_t size = get_le32(p + 8);

		if (memcmp(p, "hbin", 4) != 0 || get_le32(p + 4) != at || size == 0 ||
		    size % BIN_ALIGN != 0 || size > r->end - at)
			return damaged("bad bin", at, err);
		if (!scan_bin(c, p, at, size))
			return damaged("bad cells in the bin", at, err);
		at += size;
	}
	return 0;
}

void hive_cells_close(struct hive_cells *c)
{
	free(c->used);
	free(c->doomed);
	free(c->shared);
	*c = (struct hive_cells){0};
}

static bool is_cell(const struct hive_cells *c, uint32_t at)
{
	return at % 8 == 0 && at < c->r->end && get_bit(c->used, at);
}

static int claim(struct hive_cells *c, uint32_t at, struct error *err)
{
	if (!is_cell(c, at) || get_bit(c->shared, at))
		return damaged("a stray or doubled reference", at, err);
	clear_bit(c->used, at);
	return 0;
}

static int check_security_record(const struct hive_cells *c, uint32_t at, struct error *err)
{
	size_t len;
	const unsigned char *p = is_cell(c, at) ? regf_cell(c->r, at, &len) : NULL;

	if (!p || len < SK_MIN || memcmp(p, "sk", 2) != 0 || get_le32(p + SK_COUNT) == 0)
		return damaged("no security record", at, err);
	return 0;
}

/* libhivex counts the record's users, and unlinks it from its neighbours with the last of them. */
static int check_security(struct hive_cells *c, uint32_t at, struct error *err)
{
	size_t len;

	if (check_security_record(c, at, err) != 0)
		return -1;
	set_bit(c->shared, at);
	const unsigned char *p = regf_cell(c->r, at, &len);
	if (check_security_record(c, get_le32(p + SK_NEXT), err) != 0)
		return -1;
	return check_security_record(c, get_le32(p + SK_PREV), err);
}

static int claim_data(struct hive_cells *c, const struct regf_value *v, struct error *err)
{
	struct buf data = BUF_INIT;
	bool ok = regf_data(c->r, v, &data);

	buf_free(&data);
	if (!ok)
		return damaged("a value", v->at, err);
	return v->is_inline ? 0 : claim(c, v->data, err);
}

static int claim_values(struct hive_cells *c, const struct regf_key *key, struct error *err)
{
	struct regf_list list = {0};
	struct regf_value v;
	int rc = 0;

	if (!regf_values(c->r, key, &list))
		rc = damaged("a list of values", key->value_list, err);
	else if (list.cells.n)
		rc = claim(c, key->value_list, err);
	for (size_t i = 0; rc == 0 && i < list.cells.n; i++) {
		if (!regf_value(c->r, list.cells.v[i], &v))
			rc = damaged("a value", list.cells.v[i], err);
		else if (claim_data(c, &v, err) != 0 || claim(c, v.at, err) != 0)
			rc = -1;
	}
	regf_list_free(&list);
	return rc;
}

/* The lists of @key's subkeys; the subkeys go to @subkeys. */
static int claim_lists(struct hive_cells *c, const struct regf_key *key,
    struct regf_list *subkeys, struct error *err)
{
	struct regf_list lists = {0};
	int rc = 0;

	if (!regf_subkeys(c->r, key, subkeys, &lists))
		rc = damaged("a list of subkeys", key->subkey_list, err);
	for (size_t i = 0; rc == 0 && i < lists.cells.n; i++)
		rc = claim(c, lists.cells.v[i], err);
	regf_list_free(&lists);
	return rc;
}

static int claim_tree(struct hive_cells *c, const struct regf_key *key, unsigned depth,
    struct error *err)
{
	struct regf_list list = {0};
	struct regf_key sub;

	if (depth > REGF_MAX_DEPTH)
		return damaged("keys nested too deep", key->at, err);
	int rc = claim(c, key->at, err);
	if (rc == 0)
		rc = claim_values(c, key, err);
	if (rc == 0 && key->security != REGF_NO_CELL)
		rc = check_security(c, key->security, err);
	if (rc == 0 && key->class != REGF_NO_CELL)
		rc = claim(c, key->class, err);
	if (rc == 0)
		rc = claim_lists(c, key, &list, err);
	for (size_t i = 0; rc == 0 && i < list.cells.n; i++) {
		uint32_t at = list.cells.v[i];

		if (at < c->r->end && get_bit(c->doomed, at))
			continue;
		if (!regf_key(c->r, at, &sub) || sub.parent != key->at)
			rc = damaged("a subkey", at, err);
		else
			rc = claim_tree(c, &sub, depth + 1, err);
	}
	regf_list_free(&list);
	return rc;
}

int hive_cells_doom(struct hive_cells *c, uint32_t at, struct error *err)
{
	struct regf_key key;

	if (!regf_key(c->r, at, &key))
		return damaged("a key", at, err);
	if (claim_tree(c, &key, 1, err) != 0)
		return -1;
	set_bit(c->doomed, at);
	return 0;
}

/* libhivex sorts a new key in among these by their names. */
static int check_names(const struct hive_cells *c, const struct regf_list *subkeys,
    struct error *err)
{
	struct regf_key key;

	for (size_t i = 0; i < subkeys->cells.n; i++) {
		bool exact;

		if (!regf_key(c->r, subkeys->cells.v[i], &key))
			return damaged("a subkey", subkeys->cells.v[i], err);
		CLEANUP(free) char *name = regf_name_utf8(&key.name, &exact);
		if (!exact)
			return err_set(err, ERR_UNKNOWN_SHAPE,
			    "none can be made beside a key that libhivex cannot read (%s)", name);
	}
	return 0;
}

int hive_cells_rewrite(struct hive_cells *c, uint32_t at, bool values, bool subkeys,
    struct error *err)
{
	struct regf_list list = {0};
	struct regf_key key;

	if (!regf_key(c->r, at, &key))
		return damaged("a key", at, err);
	int rc = claim(c, at, err);
	if (rc == 0 && values)
		rc = claim_values(c, &key, err);
	if (rc == 0 && subkeys)
		rc = check_security(c, key.security, err);
	if (rc == 0 && subkeys)
		rc = claim_lists(c, &key, &list, err);
	if (rc == 0)
		rc = check_names(c, &list, err);
	regf_list_free(&list);
	return rc;
}
