/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of one module: hive.c reads, hive_edit.c changes, hive_commit.c writes. */
#ifndef W7PREP_IMAGE_HIVE_INTERNAL_H
#define W7PREP_IMAGE_HIVE_INTERNAL_H

#include "image/hive.h"
#include "image/regf.h"

struct hive_item {
	char *name;
	bool exact;		/* libhivex can write this name back as it is */
	struct hive_value value;
};

/* A key that an edit touched, as it must be after the commit. */
struct hive_key {
	char *path;
	uint32_t at;		/* its cell; 0: made by an edit */
	size_t node;		/* libhivex's handle, while committing */
	VEC(struct hive_item) values;
	struct strvec subkeys;
	bool values_changed, subkeys_changed;
};

struct hive {
	struct regf r;
	int fd;
	char *name;
	bool write, failed;
	/* touched keys, parents before the keys that edits made below them */
	VEC(struct hive_key *) keys;
	VEC(uint32_t) doomed;	/* cells of deleted keys, in the order of the edits */
};

/* Where a path leads: a touched key, or one that is as it was. */
struct hive_place {
	struct hive_key *touched;
	struct regf_key key;	/* when not touched */
};

/* 1, 0 when there is no such key, -1 */
int hive_find(struct hive *h, const char *path, struct hive_place *out, struct error *err);
struct hive_key *hive_touched(const struct hive *h, const char *path, size_t len);
struct hive_item *hive_key_item(const struct hive_key *k, const char *name);

/* Fill in the values and subkeys of a key as it is in @r. */
int hive_load_key(const struct regf *r, const char *hive, const struct regf_key *from,
		  struct hive_key *k, struct error *err);
void hive_key_free(struct hive_key *k);

/*
 * Is all that no edit touched in @fresh, which hive_commit() has written, as it was? ERR_VERIFY.
 * In a damaged hive a cell that was freed may have been another key's as well.
 */
int hive_compare(const struct hive *h, const struct regf *fresh, struct error *err);

/* "Key" or "(root)" for messages; "(default)" for the value without a name. */
const char *hive_key_label(const char *key);
const char *hive_value_label(const char *value);

/* Both return -1. */
int hive_damaged_hint(struct error *err);
int hive_damaged_key(const char *hive, const char *key, struct error *err);

#endif
