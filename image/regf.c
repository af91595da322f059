/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/regf.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/bytes.h"

#define BASE_BLOCK 0x1000u
#define CHECKSUM_AT 0x1fcu
#define BIG_SEGMENT 16344u

/* Offsets in the content of a cell, that is without the four bytes of its size. */
enum {
	NK_FLAGS = 2,
	NK_PARENT = 16,
	NK_SUBKEYS = 20,
	NK_SUBKEY_LIST = 28,
	NK_VALUES = 36,
	NK_VALUE_LIST = 40,
	NK_SECURITY = 44,
	NK_CLASS = 48,
	NK_NAME_LEN = 72,
	NK_NAME = 76,
	VK_NAME_LEN = 2,
	VK_LEN = 4,
	VK_DATA = 8,
	VK_TYPE = 12,
	VK_FLAGS = 16,
	VK_NAME = 20,
	DB_COUNT = 2,
	DB_LIST = 4,
	DB_MIN = 8,
};

#define NK_LATIN1 0x0020u
#define VK_LATIN1 0x0001u
#define INLINE_DATA 0x80000000u
/* A list of lists holds lists of keys; Windows never nests deeper. */
#define MAX_LIST_DEPTH 2

static uint32_t checksum(const unsigned char *p)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < CHECKSUM_AT; i += 4)
		sum ^= get_le32(p + i);
	if (sum == 0xffffffffu)
		return 0xfffffffeu;
	return sum ? sum : 1;
}

int regf_read_header(int fd, struct regf *out, struct error *err)
{
	unsigned char p[CHECKSUM_AT + 4];

	if (pread_all(fd, p, sizeof(p), 0, err) != 0)
		return -1;
	if (memcmp(p, "regf", 4) != 0)
		return err_set(err, ERR_DAMAGED, "not a registry hive");
	*out = (struct regf){
	    .sequence1 = get_le32(p + 4),
	    .sequence2 = get_le32(p + 8),
	    .major = get_le32(p + 20),
	    .minor = get_le32(p + 24),
	    .root = get_le32(p + 36),
	    .end = get_le32(p + 40),
	    .checksum_ok = get_le32(p + CHECKSUM_AT) == checksum(p),
	};
	return 0;
}

static int check_header(const struct regf *r, uint64_t size, struct error *err)
{
	if (!r->checksum_ok)
		return err_set(err, ERR_DAMAGED,
		    "damaged registry hive: wrong checksum in its header");
	if (r->major != 1)
		return err_set(err, ERR_DAMAGED, "registry hive of unknown version %u.%u", r->major,
		    r->minor);
	if (size > REGF_MAX_SIZE)
		return err_set(err, ERR_LIMIT, "registry hive of %llu bytes, more than %u",
		    (unsigned long long)size, REGF_MAX_SIZE);
	if (r->end == 0 || r->end % 4096 != 0)
		return err_set(err, ERR_DAMAGED,
		    "damaged registry hive: impossible length in its header");
	if (size < BASE_BLOCK + (uint64_t)r->end)
		return err_set(err, ERR_DAMAGED,
		    "registry hive cut short: %llu bytes of %llu", (unsigned long long)size,
		    BASE_BLOCK + (unsigned long long)r->end);
	return 0;
}

int regf_map(struct regf *r, int fd, struct error *err)
{
	struct stat st;
	struct regf_key root;

	*r = (struct regf){0};
	if (fstat(fd, &st) != 0)
		return err_errno(err, "cannot read");
	if (regf_read_header(fd, r, err) != 0 || check_header(r, (uint64_t)st.st_size, err) != 0)
		return -1;
	r->size = (size_t)st.st_size;
	void *p = mmap(NULL, r->size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_errno(err, "cannot map");
	r->p = p;
	if (!regf_key(r, r->root, &root)) {
		regf_unmap(r);
		return err_set(err, ERR_DAMAGED, "damaged registry hive: no root key");
	}
	return 0;
}

void regf_unmap(struct regf *r)
{
	if (r->p)
		munmap((void *)(uintptr_t)r->p, r->size);
	r->p = NULL;
}

const unsigned char *regf_cell(const struct regf *r, uint32_t at, size_t *len)
{
	if (at % 8 != 0 || at >= r->end)
		return NULL;
	const unsigned char *p = r->p + BASE_BLOCK + at;
	int64_t size = -(int64_t)(int32_t)get_le32(p);
	if (size < 8 || size > r->end - at)
		return NULL;
	*len = (size_t)size - 4;
	return p + 4;
}

/* The cell at @at when it is a record @id of @min bytes at least. */
static const unsigned char *record(const struct regf *r, uint32_t at, const char *id, size_t min,
    size_t *len)
{
	const unsigned char *p = regf_cell(r, at, len);

	return p && *len >= min && memcmp(p, id, 2) == 0 ? p : NULL;
}

bool regf_key(const struct regf *r, uint32_t at, struct regf_key *out)
{
	size_t len;
	const unsigned char *p = record(r, at, "nk", NK_NAME, &len);

	if (!p || get_le16(p + NK_NAME_LEN) > len - NK_NAME)
		return false;
	*out = (struct regf_key){
	    .at = at,
	    .parent = get_le32(p + NK_PARENT),
	    .subkeys = get_le32(p + NK_SUBKEYS),
	    .subkey_list = get_le32(p + NK_SUBKEY_LIST),
	    .values = get_le32(p + NK_VALUES),
	    .value_list = get_le32(p + NK_VALUE_LIST),
	    .security = get_le32(p + NK_SECURITY),
	    .class = get_le32(p + NK_CLASS),
	    .name = {p + NK_NAME, get_le16(p + NK_NAME_LEN), get_le16(p + NK_FLAGS) & NK_LATIN1},
	};
	return true;
}

bool regf_value(const struct regf *r, uint32_t at, struct regf_value *out)
{
	size_t len;
	const unsigned char *p = record(r, at, "vk", VK_NAME, &len);

	if (!p || get_le16(p + VK_NAME_LEN) > len - VK_NAME)
		return false;
	*out = (struct regf_value){
	    .at = at,
	    .type = get_le32(p + VK_TYPE),
	    .len = get_le32(p + VK_LEN) & ~INLINE_DATA,
	    .is_inline = get_le32(p + VK_LEN) & INLINE_DATA,
	    .data = get_le32(p + VK_DATA),
	    .inline_data = p + VK_DATA,
	    .name = {p + VK_NAME, get_le16(p + VK_NAME_LEN), get_le16(p + VK_FLAGS) & VK_LATIN1},
	};
	return !out->is_inline || out->len <= 4;
}

char *regf_name_utf8(const struct regf_name *name, bool *exact)
{
	CLEANUP(buf) struct buf wide = BUF_INIT;
	size_t n = name->latin1 ? name->len : name->len / 2;
	bool ok = name->latin1 || name->len % 2 == 0;

	buf_reserve(&wide, 2 * n);
	for (size_t i = 0; i < n; i++) {
		unsigned u = name->latin1 ? name->p[i] : get_le16(name->p + 2 * i);

		if (u == 0) {
			u = 0xfffd;
			ok = false;
		}
		buf_add(&wide, (char[]){(char)(u & 0xff), (char)(u >> 8)}, 2);
	}
	char *s = utf16le_to_utf8(wide.data, wide.len);
	if (exact) {
		CLEANUP(buf) struct buf back = BUF_INIT;

		utf8_to_utf16le(s, &back);
		*exact = ok && back.len == wide.len + 2 &&
		    memcmp(back.data, wide.data, wide.len) == 0;
	}
	return s;
}

/* Latin-1 and ASCII are the same where they meet; other names are rare and may cost more. */
static bool name_is(const struct regf_name *name, const char *utf8)
{
	if (name->latin1) {
		bool ascii = true;

		for (size_t i = 0; ascii && i < name->len; i++)
			ascii = name->p[i] < 0x80 && name->p[i] != 0;
		if (ascii) {
			if (strlen(utf8) != name->len)
				return false;
			for (size_t i = 0; i < name->len; i++)
				if ((name->p[i] ^ (unsigned char)utf8[i]) & ~0x20u)
					return false;
		}
	}
	CLEANUP(free) char *s = regf_name_utf8(name, NULL);
	return name_eq(s, utf8);
}

void regf_list_free(struct regf_list *list)
{
	free(list->cells.v);
	*list = (struct regf_list){0};
}

static void list_add(struct regf_list *list, uint32_t cell)
{
	if (list)
		*VEC_PUSH(&list->cells) = cell;
}

/* A list: "li" of keys or "ri" of lists, 4 bytes an entry; "lf" and "lh", 8 with a hash. */
static bool add_list(const struct regf *r, uint32_t at, uint32_t max, unsigned depth,
    struct regf_list *out, struct regf_list *lists)
{
	size_t len;
	const unsigned char *p = regf_cell(r, at, &len);

	if (!p || depth > MAX_LIST_DEPTH)
		return false;
	bool of_lists = memcmp(p, "ri", 2) == 0;
	size_t entry = of_lists || memcmp(p, "li", 2) == 0 ? 4 : 8;
	if (entry == 8 && memcmp(p, "lf", 2) != 0 && memcmp(p, "lh", 2) != 0)
		return false;
	size_t n = get_le16(p + 2);
	if (n * entry > len - 4)
		return false;
	list_add(lists, at);
	for (size_t i = 0; i < n; i++) {
		uint32_t cell = get_le32(p + 4 + i * entry);

		if (of_lists) {
			if (!add_list(r, cell, max, depth + 1, out, lists))
				return false;
		} else if (out->cells.n >= max) {
			return false;
		} else {
			list_add(out, cell);
		}
	}
	return true;
}

bool regf_subkeys(const struct regf *r, const struct regf_key *key, struct regf_list *out,
    struct regf_list *lists)
{
	if (key->subkeys == 0)
		return true;
	if (key->subkeys > REGF_MAX_LIST)
		return false;
	return add_list(r, key->subkey_list, key->subkeys, 1, out, lists) &&
	    out->cells.n == key->subkeys;
}

bool regf_values(const struct regf *r, const struct regf_key *key, struct regf_list *out)
{
	size_t len;

	if (key->values == 0)
		return true;
	const unsigned char *p = regf_cell(r, key->value_list, &len);
	if (!p || key->values > REGF_MAX_LIST || key->values > len / 4)
		return false;
	for (uint32_t i = 0; i < key->values; i++)
		list_add(out, get_le32(p + 4 * (size_t)i));
	return true;
}

int regf_subkey(const struct regf *r, const struct regf_key *key, const char *name,
    struct regf_key *out)
{
	struct regf_list list = {0};
	int rc = regf_subkeys(r, key, &list, NULL) ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < list.cells.n; i++) {
		if (!regf_key(r, list.cells.v[i], out))
			rc = -1;
		else if (name_is(&out->name, name))
			rc = 1;
	}
	regf_list_free(&list);
	return rc;
}

/* Big data: a record "db" with a list of segments of 16344 bytes each, the last shorter. */
static bool big_data(const struct regf *r, const unsigned char *db, uint32_t want,
    struct buf *out)
{
	size_t list_len, len;
	uint32_t n = get_le16(db + DB_COUNT);
	const unsigned char *list = regf_cell(r, get_le32(db + DB_LIST), &list_len);

	if (!list || n > list_len / 4)
		return false;
	for (uint32_t i = 0; i < n && want; i++) {
		const unsigned char *p = regf_cell(r, get_le32(list + 4 * (size_t)i), &len);
		uint32_t part = want < BIG_SEGMENT ? want : BIG_SEGMENT;

		if (!p || len < part)
			return false;
		buf_add(out, p, part);
		want -= part;
	}
	return want == 0;
}

bool regf_data(const struct regf *r, const struct regf_value *value, struct buf *out)
{
	size_t len;

	if (value->is_inline) {
		buf_add(out, value->inline_data, value->len);
		return true;
	}
	if (value->len == 0)
		return true;
	/* segments may be named more than once: a value is never larger than its hive */
	const unsigned char *p = regf_cell(r, value->data, &len);
	if (!p || value->len > r->end)
		return false;
	if (value->len > BIG_SEGMENT && r->minor >= 4 && len >= DB_MIN && memcmp(p, "db", 2) == 0)
		return big_data(r, p, value->len, out);
	if (value->len > len)
		return false;
	buf_add(out, p, value->len);
	return true;
}
