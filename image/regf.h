/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of a registry hive, read in place with every offset and length checked. No walk
 * over the whole hive is ever needed: a look-up touches the cells on its way and no others.
 *
 * This is what facts are read with and what a commit of libhivex is compared with: libhivex
 * trusts cell sizes of a damaged hive further than an image from elsewhere deserves, scans
 * every cell before its first answer, and would read back its own mistakes happily.
 *
 * Format: "Windows registry file format specification" (msuhanov/regf), base block at 0,
 * cells at 0x1000 + offset: int32 size (negative: in use), then a record of two letters.
 */
#ifndef W7PREP_IMAGE_REGF_H
#define W7PREP_IMAGE_REGF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

/* More than any hive of Windows 7 can be or hold: SYSTEM and SOFTWARE are 10 to 100 MB. */
#define REGF_MAX_SIZE (512u << 20)
#define REGF_MAX_LIST (1u << 20)
/* Windows itself stops at 512 levels. */
#define REGF_MAX_DEPTH 512u

#define REGF_NO_CELL 0xffffffffu

/* A mapped hive. Offsets of cells are as the hive has them: from the end of the base block. */
struct regf {
	const unsigned char *p;
	size_t size;		/* of the mapping */
	uint32_t end;		/* of the cells; all of them lie in [0, end) */
	uint32_t root;
	uint32_t sequence1, sequence2;
	uint32_t major, minor;
	bool checksum_ok;
};

/* Fields of the base block. ERR_DAMAGED when there is none. Nothing is mapped. */
int regf_read_header(int fd, struct regf *out, struct error *err);

/*
 * Map @fd and check the base block and the root key. @fd may be closed afterwards.
 * ERR_DAMAGED, ERR_LIMIT.
 */
int regf_map(struct regf *r, int fd, struct error *err);
void regf_unmap(struct regf *r);

/* Content of the used cell at @at, its length in @len; NULL when there is none. */
const unsigned char *regf_cell(const struct regf *r, uint32_t at, size_t *len);

struct regf_name {
	const unsigned char *p;
	size_t len;		/* bytes */
	bool latin1;		/* one byte a character; else UTF-16LE */
};

/*
 * A name as UTF-8; the caller frees it. NULs and lone surrogates, which no Win32 program can
 * make, become U+FFFD, and *@exact (if not NULL) false.
 */
char *regf_name_utf8(const struct regf_name *name, bool *exact);

struct regf_key {
	uint32_t at;
	uint32_t parent;
	uint32_t subkeys, subkey_list;
	uint32_t values, value_list;
	uint32_t security, class;
	struct regf_name name;
};

struct regf_value {
	uint32_t at;
	uint32_t type, len;
	bool is_inline;
	uint32_t data;		/* cell of the data; inline: no meaning */
	const unsigned char *inline_data;
	struct regf_name name;
};

struct regf_list {
	VEC(uint32_t) cells;
};

void regf_list_free(struct regf_list *list);

/* The record at @at. False when there is no sound one. */
bool regf_key(const struct regf *r, uint32_t at, struct regf_key *out);
bool regf_value(const struct regf *r, uint32_t at, struct regf_value *out);

/*
 * Cells of the subkeys of @key, in the order of the hive, and of its values. With
 * @lists the cells of the lists themselves as well. False when a list is damaged.
 */
bool regf_subkeys(const struct regf *r, const struct regf_key *key, struct regf_list *out,
		  struct regf_list *lists);
bool regf_values(const struct regf *r, const struct regf_key *key, struct regf_list *out);

/* Find a subkey by name: 1, 0, or -1 when the list is damaged. */
int regf_subkey(const struct regf *r, const struct regf_key *key, const char *name,
		struct regf_key *out);

/*
 * In a sound hive a cell is named once, so names and data that were put together are never larger
 * than the hive. Take @n bytes from what is @left of it; false: a cell is named again and again.
 */
static inline bool regf_take(size_t *left, size_t n)
{
	if (n > *left)
		return false;
	*left -= n;
	return true;
}

/* The data, big-data values put together, appended to @out. False when damaged. */
bool regf_data(const struct regf *r, const struct regf_value *value, struct buf *out);

#endif
