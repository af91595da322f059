/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dirty, damaged and hostile hives: refused with a reason, never a crash. */
#include <fcntl.h>
#include <stdint.h>

#include "common/fsutil.h"
#include "image/hive.h"
#include "tests/fixtures/hivegen.h"
#include "tests/unit/unit.h"

static void cleanup_hive(struct hive **h)
{
	hive_close(*h);
}
#define HIVE CLEANUP(hive) struct hive *
#define FD CLEANUP(close) int

static int mem(void)
{
	struct error err = ERROR_INIT;
	int fd = memfile("test", &err);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Small, and with every kind of cell: lists, a list of lists, values of all sizes. */
static int small_hive(const struct hivegen_options *o)
{
	static char big[20000];
	struct error err = ERROR_INIT;
	struct hivegen *g = hivegen_new();
	int fd = mem();

	hivegen_set_dword(g, "A", "n", 1);
	hivegen_set_sz(g, "A", "s", "string of some length");
	hivegen_set_sz(g, "A\\B", "s", "string");
	hivegen_set_binary(g, "A\\B\\C", "b", "binary data", 11);
	hivegen_set_binary(g, "A\\Big", "big", big, sizeof(big));
	hivegen_key(g, "D");
	assert_ok(hivegen_write_fd(g, fd, o, &err), err);
	hivegen_free(g);
	return fd;
}

static void assert_refused(int fd, enum err_code code, const char *why)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	HIVE h = hive_open(fd, "config/SYSTEM", true, false, &err);

	ck_assert_msg(!h, "opened: should be refused with \"%s\"", why);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.message, why), "%s", err.message);
	ck_assert_msg(strstr(err.message, "config/SYSTEM: ") == err.message, "%s", err.message);
	ck_assert_ptr_nonnull(err.hint);
}

START_TEST(dirty_hives_are_refused)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = small_hive(&(struct hivegen_options){.sequence1 = 5, .sequence2 = 4});
	struct hive_header header;
	uint32_t n = 0;

	assert_refused(fd, ERR_HIVE_DIRTY, "(5, 4)");
	assert_ok(hive_read_header(fd, &header, &err), err);
	ck_assert_uint_eq(header.sequence1, 5);
	ck_assert_uint_eq(header.sequence2, 4);
	HIVE h = hive_open(fd, "x", false, true, &err);
	ck_assert_ptr_nonnull(h);
	ck_assert(hive_is_dirty(h));
	ck_assert_int_eq(hive_get_dword(h, "A", "n", &n, &err), 1);
	HIVE write = hive_open(fd, "x", true, true, &err);
	ck_assert_ptr_null(write);
	ck_assert_int_eq(err.code, ERR_HIVE_DIRTY);
	ck_assert_ptr_nonnull(err.hint);
}
END_TEST

START_TEST(what_is_no_hive_is_refused)
{
	static const struct hivegen_options bad_checksum = {.bad_checksum = true};
	static const struct hivegen_options cut = {.truncate = 0x3000};
	static const struct hivegen_options tiny = {.truncate = 100};
	FD text = mem();
	FD empty = mem();
	FD sum = small_hive(&bad_checksum);
	FD shorter = small_hive(&cut);
	FD shortest = small_hive(&tiny);
	char zero[512] = "hello";

	ck_assert_int_eq(write(text, zero, sizeof(zero)), sizeof(zero));
	assert_refused(text, ERR_DAMAGED, "not a registry hive");
	assert_refused(empty, ERR_DAMAGED, "ends before");
	assert_refused(sum, ERR_DAMAGED, "checksum");
	assert_refused(shorter, ERR_DAMAGED, "cut short");
	assert_refused(shortest, ERR_DAMAGED, "ends before");
}
END_TEST

/* Change four bytes of the base block and make its checksum right again. */
static void patch_header(int fd, unsigned at, uint32_t value)
{
	uint32_t block[128], sum = 0;

	ck_assert_int_eq(pread(fd, block, sizeof(block), 0), sizeof(block));
	block[at / 4] = value;
	for (unsigned i = 0; i < 127; i++)
		sum ^= block[i];
	block[127] = sum;
	ck_assert_int_eq(pwrite(fd, block, sizeof(block), 0), sizeof(block));
}

START_TEST(impossible_headers_are_refused)
{
	FD version = small_hive(NULL);
	FD root = small_hive(NULL);
	FD length = small_hive(NULL);
	FD huge = small_hive(NULL);

	patch_header(version, 20, 2);
	assert_refused(version, ERR_DAMAGED, "version 2.5");
	patch_header(root, 36, 0x28);
	assert_refused(root, ERR_DAMAGED, "no root key");
	patch_header(length, 40, 0x1010);
	assert_refused(length, ERR_DAMAGED, "impossible length");
	ck_assert_int_eq(ftruncate(huge, (off_t)600 << 20), 0);
	assert_refused(huge, ERR_LIMIT, "more than");
}
END_TEST

/* Read everything that can be reached. */
static void walk(struct hive *h, const char *key, unsigned depth)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(strvec) struct strvec values = STRVEC_INIT;
	CLEANUP(strvec) struct strvec keys = STRVEC_INIT;

	hive_values(h, key, &values, &err);
	for (size_t i = 0; i < values.n && i < 20; i++) {
		struct hive_value v;

		if (hive_get(h, key, values.v[i], &v, &err) == 1)
			hive_value_free(&v);
	}
	hive_subkeys(h, key, &keys, &err);
	for (size_t i = 0; depth < 5 && i < keys.n && i < 20; i++) {
		CLEANUP(free) char *below = xasprintf("%s%s%s", key, *key ? "\\" : "", keys.v[i]);

		walk(h, below, depth + 1);
	}
}

/* Edit what the small hive should hold. 0 when all of it was taken and read back right. */
static int edit_all(int fd, struct error *err)
{
	HIVE h = hive_open(fd, "hive", true, false, err);
	struct hive_value v = hive_dword(7);
	FD out = mem();
	bool ok = h && hive_set(h, "A", "new", &v, err) == 0 &&
		hive_delete_key(h, "A\\B", err) == 0 && hive_delete_key(h, "A\\Big", err) == 0 &&
		hive_set(h, "D\\E", "x", &v, err) == 0 && hive_commit(h, out, err) == 0;

	hive_value_free(&v);
	return ok ? 0 : -1;
}

static int try_hive(int fd, struct error *err)
{
	HIVE h = hive_open(fd, "hive", false, true, err);

	if (h)
		walk(h, "", 0);
	return edit_all(fd, err);
}

START_TEST(damage_is_met_where_it_is)
{
	static const struct {
		enum hivegen_damage damage;
		const char *key;
	} cases[] = {
	    {HIVEGEN_LOOP, "A\\B"},
	    {HIVEGEN_STRAY_KEY, "A"},
	    {HIVEGEN_STRAY_KEY, "A\\B"},
	    {HIVEGEN_STRAY_VALUE, "A\\B"},
	    {HIVEGEN_HUGE_VALUE, "A"},
	    {HIVEGEN_HUGE_VALUE, "A\\B\\C"},
	    {HIVEGEN_HUGE_COUNT, "A"},
	    {HIVEGEN_HUGE_COUNT, "A\\B"},
	};
	CLEANUP(error) struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FD fd = small_hive(&(struct hivegen_options){
		    .damage = cases[i].damage, .damaged_key = cases[i].key});

		ck_assert_msg(try_hive(fd, &err) < 0, "case %zu was not noticed", i);
		ck_assert_msg(err.code == ERR_DAMAGED, "case %zu: %s", i, err.message);
		err_clear(&err);
	}
	FD sound = small_hive(NULL);
	assert_ok(try_hive(sound, &err), err);
}
END_TEST

/* The only place where @what is in the hive. */
static off_t find_bytes(int fd, const void *what, size_t n)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf b = BUF_INIT;

	assert_ok(read_whole_fd(fd, 1 << 20, &b, &err), err);
	char *p = memmem(b.data, b.len, what, n);
	ck_assert_ptr_nonnull(p);
	return p - b.data;
}

/* A program can hide a value behind a name with a NUL in it: libhivex would cut the name. */
START_TEST(a_name_with_a_nul_is_not_lost)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	struct hivegen *g = hivegen_new();
	struct hive_value one = hive_dword(1);
	FD fd = mem();

	hivegen_set_dword(g, "K", "hidden-name", 1);
	assert_ok(hivegen_write_fd(g, fd, NULL, &err), err);
	hivegen_free(g);
	ck_assert_int_eq(pwrite(fd, "", 1, find_bytes(fd, "hidden-name", 11) + 6), 1);
	HIVE h = hive_open(fd, "hive", true, false, &err);
	ck_assert_int_eq(hive_values(h, "K", &names, &err), 1);
	ck_assert_str_eq(names.v[0], "hidden\xef\xbf\xbdname");
	ck_assert_int_eq(hive_get_dword(h, "K", "hidden", &(uint32_t){0}, &err), 0);
	assert_fails(hive_check_writable(h, "K", &err), err, ERR_UNKNOWN_SHAPE);
	assert_fails(hive_set(h, "K", "x", &one, &err), err, ERR_UNKNOWN_SHAPE);
	hive_value_free(&one);
}
END_TEST

/* A hive in which "second" of @key names the data of "first" of K. */
static int shared_cell(const char *key)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct hivegen *g = hivegen_new();
	uint32_t data;
	int fd = mem();

	hivegen_set_binary(g, "K", "first", "data of one", 11);
	hivegen_set_binary(g, key, "second", "data of two", 11);
	assert_ok(hivegen_write_fd(g, fd, NULL, &err), err);
	hivegen_free(g);
	/* a value's name is 20 bytes into its record, where its data are is 8 bytes into it */
	assert_ok(pread_all(fd, &data, 4, (uint64_t)find_bytes(fd, "first", 5) - 12, &err), err);
	ck_assert_int_eq(pwrite(fd, &data, 4, find_bytes(fd, "second", 6) - 12), 4);
	return fd;
}

/* libhivex frees a cell twice here, which ends the program with an assertion. */
START_TEST(shared_cells_are_refused)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct hive_value one = hive_dword(1);
	FD fd = shared_cell("K");
	FD out = mem();
	HIVE h = hive_open(fd, "hive", true, false, &err);
	assert_ok(hive_set(h, "K", "x", &one, &err), err);
	assert_fails(hive_commit(h, out, &err), err, ERR_DAMAGED);
	hive_value_free(&one);
}
END_TEST

/* The cell belongs to a key that is changed and to one that nobody has asked to change. */
START_TEST(cells_shared_with_another_key_are_refused)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct hive_value one = hive_dword(1);
	FD fd = shared_cell("Other");
	FD out = mem();
	HIVE h = hive_open(fd, "hive", true, false, &err);
	assert_ok(hive_set(h, "K", "first", &one, &err), err);
	assert_fails(hive_commit(h, out, &err), err, ERR_VERIFY);
	hive_value_free(&one);
}
END_TEST

/* Few bytes of a hive must not become many in memory: here 64 values name the data of one. */
START_TEST(data_named_again_and_again_are_refused)
{
	static const char data[16000];
	CLEANUP(error) struct error err = ERROR_INIT;
	struct hivegen *g = hivegen_new();
	char length_and_data[8];
	FD fd = mem();

	hivegen_set_binary(g, "K", "only", data, sizeof(data));
	for (int i = 0; i < 64; i++) {
		CLEANUP(free) char *name = xasprintf("again%02d", i);

		hivegen_set_binary(g, "K", name, "abcdef", 6);
	}
	assert_ok(hivegen_write_fd(g, fd, NULL, &err), err);
	hivegen_free(g);
	uint64_t only = (uint64_t)find_bytes(fd, "only", 4) - 16;
	assert_ok(pread_all(fd, length_and_data, 8, only, &err), err);
	for (int i = 0; i < 64; i++) {
		CLEANUP(free) char *name = xasprintf("again%02d", i);

		ck_assert_int_eq(pwrite(fd, length_and_data, 8, find_bytes(fd, name, 7) - 16), 8);
	}
	HIVE h = hive_open(fd, "hive", true, false, &err);
	assert_fails(hive_check_writable(h, "K", &err), err, ERR_DAMAGED);
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Whole 32-bit fields are overwritten with what could be a reference, a size or a count. */
static void mutate(struct buf *b, uint32_t *seed)
{
	static const uint32_t odd[] = {0, 1, 0xffffffff, 0x80000000, 0x7fffffff, 0x10, 0xfffffff8};
	unsigned n = 1 + next_random(seed) % 3;

	while (n--) {
		size_t at = 0x1000 + next_random(seed) % (b->len - 0x1000 - 4);
		uint32_t kind = next_random(seed) % 4, v = next_random(seed);

		if (kind == 0)
			v = odd[v % 7];
		else if (kind == 1)
			memcpy(&v, b->data + 0x1000 + v % (b->len - 0x1000 - 4) / 4 * 4, 4);
		else if (kind == 2)
			v = v % (uint32_t)(b->len - 0x1000) & ~7u;
		if (kind == 3)
			b->data[at] = (char)v;
		else
			memcpy(b->data + (at & ~(size_t)3), &v, 4);
	}
}

START_TEST(hostile_hives_never_crash)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf sound = BUF_INIT;
	FD fd = small_hive(&(struct hivegen_options){.index_root = true});
	const char *rounds = getenv("W7PREP_FUZZ_ROUNDS");
	unsigned accepted = 0, n = rounds ? (unsigned)atoi(rounds) : 3000;

	assert_ok(read_whole_fd(fd, 1 << 20, &sound, &err), err);
	/* what the cells hold is what is interesting: not the 20,000 zeros of the big value */
	for (uint32_t i = 1; i <= n; i++) {
		CLEANUP(buf) struct buf b = BUF_INIT;
		uint32_t seed = i * 2654435761u;
		FD bad = mem();

		buf_add(&b, sound.data, sound.len);
		mutate(&b, &seed);
		assert_ok(write_all(bad, b.data, b.len, &err), err);
		if (try_hive(bad, &err) == 0)
			accepted++;
		err_clear(&err);
	}
	ck_assert_uint_gt(accepted, 0);
	ck_assert_uint_lt(accepted, n);
}
END_TEST

START_TEST(real_odd_hives_never_crash)
{
	static const char *const names[] = {
	    "hives/minimal",
	    "odd-hives/BadListHive.xz",
	    "odd-hives/BadSubkeyHive.xz",
	    "odd-hives/BigDataHive.xz",
	    "odd-hives/DuplicateSubkeysHive.xz",
	    "odd-hives/EmptyHive.xz",
	    "odd-hives/ExtendedASCIIHive.xz",
	    "odd-hives/GarbageHive.xz",
	    "odd-hives/ManySubkeysHive.xz",
	    "odd-hives/TruncatedHive.xz",
	    "dirty-hives/win7-format/OldDirtyHive.xz",
	    "dirty-hives/win81-format/NewDirtyHive.xz",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CLEANUP(error) struct error err = ERROR_INIT;
		CLEANUP(free) char *path = real_data(names[i]);

		if (!path)
			continue;
		FD fd = open(path, O_RDONLY | O_CLOEXEC);
		if (strcmp(names[i] + strlen(names[i]) - 3, ".xz") == 0)
			unlink(path);
		int rc = try_hive(fd, &err);
		bool bad = strstr(names[i], "Garbage") || strstr(names[i], "Truncated");
		bool dirty = strstr(names[i], "Dirty");
		ck_assert_msg((rc < 0) == (bad || dirty), "%s: %s", names[i], err.message);
		if (rc < 0)
			ck_assert_int_eq(err.code, dirty ? ERR_HIVE_DIRTY : ERR_DAMAGED);
	}
}
END_TEST

START_TEST(the_real_dirty_hive_is_refused)
{
	CLEANUP(free) char *path = real_data("hives/win81-x64-dirty-SYSTEM.xz");

	if (!path)
		return;
	FD fd = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	assert_refused(fd, ERR_HIVE_DIRTY, "(205, 204)");
}
END_TEST

SUITE("hive damage", dirty_hives_are_refused, what_is_no_hive_is_refused,
    impossible_headers_are_refused, damage_is_met_where_it_is, a_name_with_a_nul_is_not_lost,
    shared_cells_are_refused, cells_shared_with_another_key_are_refused,
    data_named_again_and_again_are_refused, hostile_hives_never_crash, real_odd_hives_never_crash,
    the_real_dirty_hive_is_refused)
