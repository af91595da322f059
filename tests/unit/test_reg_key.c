/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole keys and walks over hives, sound ones and such as are made to harm. */
#include <fcntl.h>

#include "common/fsutil.h"
#include "image/hive.h"
#include "image/reg_key.h"
#include "tests/fixtures/hivegen.h"
#include "tests/unit/unit.h"

static struct regf map(struct hivegen *h, const struct hivegen_options *how)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = memfile("hive", &err);
	struct regf r;

	assert_ok(hivegen_write_fd(h, fd, how, &err), err);
	assert_ok(regf_map(&r, fd, &err), err);
	hivegen_free(h);
	return r;
}

static struct hivegen *small(void)
{
	struct hivegen *h = hivegen_new();

	hivegen_set_sz(h, "A", "", "default");
	hivegen_set_dword(h, "A", "Number", 0x01020304);
	hivegen_set_expand_sz(h, "A\\B", "Path", "%SystemRoot%\\x");
	hivegen_key(h, "A\\C\\D");
	hivegen_key(h, "Z");
	return h;
}

START_TEST(key_is_loaded_whole)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(reg_key) struct reg_key k = {0};
	struct regf r = map(small(), NULL);
	uint32_t n = 0;

	ck_assert_int_eq(reg_key_load(&r, "a", &k, &err), 1);
	ck_assert_uint_eq(k.subkeys.n, 2);
	ck_assert_uint_eq(k.values.n, 2);
	CLEANUP(free) char *text = reg_value_text(reg_key_value(&k, ""));
	ck_assert_str_eq(text, "default");
	ck_assert(reg_value_dword(reg_key_value(&k, "NUMBER"), &n));
	ck_assert_uint_eq(n, 0x01020304);
	ck_assert(!reg_value_dword(reg_key_value(&k, ""), &n));
	ck_assert(!reg_value_dword(NULL, &n));
	ck_assert_ptr_null(reg_value_text(reg_key_value(&k, "Number")));
	ck_assert_ptr_null(reg_value_text(NULL));
	ck_assert_ptr_null(reg_key_value(&k, "Other"));
	reg_key_free(&k);
	ck_assert_int_eq(reg_key_load(&r, "A\\C\\D", &k, &err), 1);
	ck_assert_uint_eq(k.subkeys.n + k.values.n, 0);
	ck_assert_int_eq(reg_key_load(&r, "A\\D", &k, &err), 0);
	ck_assert_int_eq(reg_key_load(&r, "", &k, &err), 1);
	ck_assert_uint_eq(k.subkeys.n, 2);
	regf_unmap(&r);
}
END_TEST

START_TEST(large_data_is_left_out)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(reg_key) struct reg_key k = {0};
	char *data = xcalloc(1, REG_DATA_MAX + 1);
	struct hivegen *h = hivegen_new();

	hivegen_set_binary(h, "A", "fits", data, REG_DATA_MAX);
	hivegen_set_binary(h, "A", "too large", data, REG_DATA_MAX + 1);
	free(data);
	struct regf r = map(h, NULL);
	ck_assert_int_eq(reg_key_load(&r, "A", &k, &err), 1);
	ck_assert_uint_eq(reg_key_value(&k, "fits")->data.len, REG_DATA_MAX);
	ck_assert_uint_eq(reg_key_value(&k, "too large")->data.len, 0);
	ck_assert_uint_eq(reg_key_value(&k, "too large")->len, REG_DATA_MAX + 1);
	regf_unmap(&r);
}
END_TEST

static int note(void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	(void)key;
	(void)err;
	buf_addf(opaque, "%s;", path);
	return strcmp(path, "A\\C") != 0; /* not below this one */
}

START_TEST(walk_goes_where_it_is_let)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf b = BUF_INIT;
	struct regf r = map(small(), NULL);

	assert_ok(reg_walk(&r, "", note, &b, &err), err);
	ck_assert_str_eq(b.data, ";A;A\\B;A\\C;Z;");
	buf_reset(&b);
	assert_ok(reg_walk(&r, "A", note, &b, &err), err);
	ck_assert_str_eq(b.data, "A;A\\B;A\\C;");
	buf_reset(&b);
	assert_ok(reg_each_subkey(&r, "A", note, &b, &err), err);
	ck_assert_str_eq(b.data, "A\\B;A\\C;");
	buf_reset(&b);
	assert_ok(reg_walk(&r, "Other", note, &b, &err), err);
	ck_assert_uint_eq(b.len, 0);
	regf_unmap(&r);
}
END_TEST

static int stop(void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	(void)opaque;
	(void)key;
	return strcmp(path, "A\\B") == 0 ? err_set(err, ERR_LIMIT, "enough") : 1;
}

START_TEST(visitor_ends_the_walk)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct regf r = map(small(), NULL);

	assert_fails(reg_walk(&r, "", stop, NULL, &err), err, ERR_LIMIT);
	assert_fails(reg_each_subkey(&r, "A", stop, NULL, &err), err, ERR_LIMIT);
	regf_unmap(&r);
}
END_TEST

static int any(void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	size_t *n = opaque;

	(void)path;
	(void)key;
	(void)err;
	(*n)++;
	return 1;
}

START_TEST(damage_ends_the_walk)
{
	static const enum hivegen_damage kinds[] = {
	    HIVEGEN_LOOP, HIVEGEN_STRAY_KEY, HIVEGEN_STRAY_VALUE, HIVEGEN_HUGE_COUNT};
	CLEANUP(error) struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct hivegen_options how = {.damage = kinds[i], .damaged_key = "A"};
		struct regf r = map(small(), &how);
		size_t n = 0;

		assert_fails(reg_walk(&r, "", any, &n, &err), err, ERR_DAMAGED);
		ck_assert_uint_lt(n, 1000);
		regf_unmap(&r);
	}
}
END_TEST

SUITE("reg_key", key_is_loaded_whole, large_data_is_left_out, walk_goes_where_it_is_let,
    visitor_ends_the_walk, damage_ends_the_walk)
