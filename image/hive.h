/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registry hives: read in place (regf.h), changed by libhivex, with what libhivex leaves
 * out: a dirty hive is refused (it neither says so nor replays the logs, and its commit would
 * declare the hive clean), a key that holds a big-data value is never rewritten (it would become
 * a plain cell that Windows cannot read), cells it would free or follow are checked first (it
 * trusts a damaged hive, or stops the program), and a commit is read back and compared.
 *
 * Edits are kept in memory, seen by every later read of the same handle, and carried out by
 * hive_commit() in one go: an edit that must be refused is refused before anything is done.
 *
 * Key paths use backslashes and are relative to the hive's root; "" is the root.
 * Value name "" is the key's default value. Names are compared without case.
 */
#ifndef W7PREP_IMAGE_HIVE_H
#define W7PREP_IMAGE_HIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

/* Values larger than this are stored as "db" cells (hive format 1.4 and later). */
#define HIVE_BIG_VALUE 16344u

enum hive_value_type {
	HIVE_NONE = 0,
	HIVE_SZ = 1,
	HIVE_EXPAND_SZ = 2,
	HIVE_BINARY = 3,
	HIVE_DWORD = 4,
	HIVE_MULTI_SZ = 7,
	HIVE_QWORD = 11,
};

struct hive_value {
	uint32_t type;		/* enum hive_value_type, or any number that is there */
	struct buf data;	/* as stored: strings are UTF-16LE with a NUL unit */
};

void hive_value_free(struct hive_value *v);

/* Values as a caller writes them; strings must be valid UTF-8. */
struct hive_value hive_dword(uint32_t n);
struct hive_value hive_sz(const char *utf8);
struct hive_value hive_expand_sz(const char *utf8);
struct hive_value hive_multi_sz(const struct strvec *strings);

/*
 * The strings of REG_MULTI_SZ data, added to @out. Each ends with a NUL and the list with one
 * more; empty ones within are kept (PendingFileRenameOperations has them), and so is a last
 * one without its NUL.
 */
void hive_split_strings(const struct buf *data, struct strvec *out);

struct hive;

/* How the base block looks, without libhivex. */
struct hive_header {
	uint32_t sequence1, sequence2;
	uint32_t major, minor;
	bool checksum_ok;
};

/* ERR_DAMAGED when @fd does not start with a base block. */
int hive_read_header(int fd, struct hive_header *out, struct error *err);

/*
 * Open the hive in @fd (kept open by the caller until hive_close). @name is for
 * messages: its path in the image. Errors: ERR_HIVE_DIRTY when the sequence numbers
 * differ (@allow_dirty opens it for reading all the same), ERR_DAMAGED, ERR_LIMIT.
 */
struct hive *hive_open(int fd, const char *name, bool write, bool allow_dirty,
		       struct error *err);
void hive_close(struct hive *h);
bool hive_is_dirty(const struct hive *h);

/* 1 it is there, 0 it is not, -1 the hive cannot be read. */
int hive_key_exists(struct hive *h, const char *key, struct error *err);
/* Names of subkeys, of values. 1/0/-1. */
int hive_subkeys(struct hive *h, const char *key, struct strvec *names, struct error *err);
int hive_values(struct hive *h, const char *key, struct strvec *names, struct error *err);
int hive_get(struct hive *h, const char *key, const char *value, struct hive_value *out,
	     struct error *err);

/* The same with a type: 0 also when the value is of another type. */
int hive_get_dword(struct hive *h, const char *key, const char *value, uint32_t *out,
		   struct error *err);
/* REG_SZ or REG_EXPAND_SZ as UTF-8; the caller frees it. */
int hive_get_string(struct hive *h, const char *key, const char *value, char **out,
		    struct error *err);
/* REG_MULTI_SZ as UTF-8 strings. */
int hive_get_strings(struct hive *h, const char *key, const char *value, struct strvec *out,
		     struct error *err);

/*
 * Would writing a value of @key be safe? ERR_BIG_VALUE when the key holds a value over
 * HIVE_BIG_VALUE bytes. A key that is not there is safe.
 */
int hive_check_writable(struct hive *h, const char *key, struct error *err);

/*
 * Keys that are missing are made, with their parent's security. ERR_BIG_VALUE also when @v
 * itself is larger than HIVE_BIG_VALUE.
 */
int hive_set(struct hive *h, const char *key, const char *value, const struct hive_value *v,
	     struct error *err);
/* Deleting what is not there is success. */
int hive_delete_value(struct hive *h, const char *key, const char *value, struct error *err);
int hive_delete_key(struct hive *h, const char *key, struct error *err);

/* Would a commit change anything? False after edits that found all as they wanted it. */
bool hive_is_changed(const struct hive *h);

/*
 * Write the changed hive to @fd (truncated first), sync it, open it again and
 * compare every key that was touched with what it must now be: named values as set,
 * all other values and subkeys as before, and all other keys bit for bit. ERR_VERIFY when it
 * differs. @fd is another file than the one that was opened. After an error of any editing
 * function the hive must not be committed and this refuses to; after a commit the handle is only
 * good for hive_close().
 */
int hive_commit(struct hive *h, int fd, struct error *err);

#endif
