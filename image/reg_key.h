/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole keys of a hive that is only read: for code that judges the shape of a key, not one
 * value of it, and for walks over many keys. Nothing of libhivex is involved (see regf.h).
 */
#ifndef W7PREP_IMAGE_REG_KEY_H
#define W7PREP_IMAGE_REG_KEY_H

#include "image/regf.h"

/* Larger data is not loaded: nothing that servicing keeps in a value comes near. */
#define REG_DATA_MAX 65536u

struct reg_value {
	char *name;		/* "": the default value */
	uint32_t type;
	uint32_t len;
	struct buf data;	/* empty when @len is over REG_DATA_MAX */
};

/* One key: names of its subkeys, its values. Nothing of what is below the subkeys. */
struct reg_key {
	struct strvec subkeys;
	VEC(struct reg_value) values;
};

void reg_key_free(struct reg_key *k);

static inline void cleanup_reg_key(struct reg_key *k)
{
	reg_key_free(k);
}

/* The value of that name (no case), or NULL. */
const struct reg_value *reg_key_value(const struct reg_key *k, const char *name);

/* REG_DWORD of 4 bytes. */
bool reg_value_dword(const struct reg_value *v, uint32_t *out);
/* REG_SZ or REG_EXPAND_SZ as UTF-8, else NULL; the caller frees it. */
char *reg_value_text(const struct reg_value *v);

/* 1 and the key at @path (backslashes, "" for the root), 0: not there, -1: ERR_DAMAGED. */
int reg_key_load(const struct regf *r, const char *path, struct reg_key *out, struct error *err);

/*
 * Called with each key: 1 to go on below it, 0 to leave out what is below, -1 (and the error)
 * to stop.
 */
typedef int (*reg_visit)(void *opaque, const char *path, const struct reg_key *key,
			 struct error *err);

/*
 * Visit @top and all below it, in the order of the hive; a @top that is not there is no error.
 * Loops in a damaged hive, and lists or data that many keys share, end as ERR_DAMAGED.
 */
int reg_walk(const struct regf *r, const char *top, reg_visit visit, void *opaque,
	     struct error *err);

/* The same for the keys directly below @top, without @top; 0 and 1 of @visit mean the same. */
int reg_each_subkey(const struct regf *r, const char *top, reg_visit visit, void *opaque,
		    struct error *err);

#endif
