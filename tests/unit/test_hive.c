/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading and editing sound hives; what is damaged or hostile is in test_hive_damage.c. */
#include <fcntl.h>

#include "common/fsutil.h"
#include "common/text.h"
#include "image/hive.h"
#include "tests/fixtures/hivegen.h"
#include "tests/unit/hive_dump.h"
#include "tests/unit/unit.h"

static void cleanup_hive(struct hive **h)
{
	hive_close(*h);
}

static void cleanup_value(struct hive_value *v)
{
	hive_value_free(v);
}

static int mem(void)
{
	struct error err = ERROR_INIT;
	int fd = memfile("test", &err);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Keys and values of every kind that the tests below use. */
static int sample(const struct hivegen_options *o)
{
	static const char *const list[] = {"one", "", "two", NULL};
	static char big[40000];
	struct error err = ERROR_INIT;
	struct hivegen *g = hivegen_new();
	int fd = mem();

	memset(big, 'B', sizeof(big));
	hivegen_set_dword(g, "Select", "Current", 1);
	hivegen_set_sz(g, "Select", "", "default value");
	hivegen_set_expand_sz(g, "Select", "Path", "%SystemRoot%\\x");
	hivegen_set_multi_sz(g, "Select", "List", list);
	hivegen_set_binary(g, "Select", "Short", "ab", 2);
	hivegen_set_binary(g, "Big", "Blob", big, sizeof(big));
	hivegen_set_dword(g, "Big", "Small", 7);
	hivegen_set_dword(g, "Big\\Below", "x", 1);
	hivegen_set_sz(g, "Tree\\A\\Deep", "v", "w");
	hivegen_set_sz(g, "Tree\\B", "v", "w");
	hivegen_set_sz(g, "Umlaut", "Größe", "ü");
	for (int i = 0; i < 1200; i++) {
		CLEANUP(free) char *key = xasprintf("Many\\Key%04d", i);

		hivegen_set_dword(g, key, "n", (uint32_t)i);
	}
	assert_ok(hivegen_write_fd(g, fd, o, &err), err);
	hivegen_free(g);
	return fd;
}

static struct hive *open_hive(int fd, bool write)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct hive *h = hive_open(fd, "test hive", write, false, &err);

	ck_assert_msg(h, "%s", err.message);
	return h;
}
#define HIVE CLEANUP(hive) struct hive *
#define FD CLEANUP(close) int

START_TEST(values_are_read_by_type)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = sample(NULL);
	HIVE h = open_hive(fd, false);
	CLEANUP(strvec) struct strvec list = STRVEC_INIT;
	CLEANUP(free) char *path = NULL;
	CLEANUP(free) char *none = NULL;
	CLEANUP(free) char *named = NULL;
	uint32_t n = 0;

	ck_assert_int_eq(hive_get_dword(h, "SELECT", "current", &n, &err), 1);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(hive_get_string(h, "Select", "PATH", &path, &err), 1);
	ck_assert_str_eq(path, "%SystemRoot%\\x");
	ck_assert_int_eq(hive_get_string(h, "select", "", &none, &err), 1);
	ck_assert_str_eq(none, "default value");
	ck_assert_int_eq(hive_get_string(h, "umlaut", "Größe", &named, &err), 1);
	ck_assert_str_eq(named, "ü");
	ck_assert_int_eq(hive_get_strings(h, "select", "list", &list, &err), 1);
	ck_assert_uint_eq(list.n, 3);
	ck_assert_str_eq(list.v[1], "");
	ck_assert_str_eq(list.v[2], "two");
}
END_TEST

START_TEST(what_is_absent_or_of_another_type_is_zero)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = sample(NULL);
	HIVE h = open_hive(fd, false);
	struct hive_value v;
	char *s = NULL;
	uint32_t n = 0;

	ck_assert_int_eq(hive_key_exists(h, "", &err), 1);
	ck_assert_int_eq(hive_key_exists(h, "Tree\\A\\deep", &err), 1);
	ck_assert_int_eq(hive_key_exists(h, "Tree\\A\\deeper", &err), 0);
	ck_assert_int_eq(hive_key_exists(h, "Tre", &err), 0);
	ck_assert_int_eq(hive_get(h, "Nowhere\\at all", "x", &v, &err), 0);
	ck_assert_int_eq(hive_get(h, "Select", "x", &v, &err), 0);
	ck_assert_int_eq(hive_get_dword(h, "Select", "Path", &n, &err), 0);
	ck_assert_int_eq(hive_get_dword(h, "Select", "Short", &n, &err), 0);
	ck_assert_int_eq(hive_get_string(h, "Select", "Current", &s, &err), 0);
	ck_assert_ptr_null(s);
}
END_TEST

START_TEST(names_are_listed)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = sample(NULL);
	HIVE h = open_hive(fd, false);
	CLEANUP(strvec) struct strvec keys = STRVEC_INIT;
	CLEANUP(strvec) struct strvec many = STRVEC_INIT;
	CLEANUP(strvec) struct strvec values = STRVEC_INIT;

	ck_assert_int_eq(hive_subkeys(h, "tree", &keys, &err), 1);
	ck_assert_uint_eq(keys.n, 2);
	ck_assert_str_eq(keys.v[1], "B");
	ck_assert_int_eq(hive_subkeys(h, "many", &many, &err), 1);
	ck_assert_uint_eq(many.n, 1200);
	ck_assert_int_eq(hive_key_exists(h, "many\\KEY1199", &err), 1);
	ck_assert_int_eq(hive_values(h, "Select", &values, &err), 1);
	ck_assert_uint_eq(values.n, 5);
	ck_assert(strvec_has(&values, ""));
	ck_assert_int_eq(hive_values(h, "None", &values, &err), 0);
}
END_TEST

START_TEST(every_kind_of_subkey_list_is_read)
{
	static const struct hivegen_options kinds[] = {
	    {.list = HIVEGEN_LF}, {.list = HIVEGEN_LI}, {.index_root = true}, {.minor = 3}};
	CLEANUP(error) struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		FD fd = sample(&kinds[i]);
		HIVE h = open_hive(fd, false);
		CLEANUP(value) struct hive_value v;

		ck_assert_int_eq(hive_key_exists(h, "many\\key0600", &err), 1);
		ck_assert_int_eq(hive_get(h, "big", "blob", &v, &err), 1);
		ck_assert_uint_eq(v.data.len, 40000);
		ck_assert_int_eq(v.data.data[39999], 'B');
	}
}
END_TEST

START_TEST(lists_of_strings_split)
{
	static const struct {
		const char *utf16;
		size_t bytes, n;
		const char *last;
	} cases[] = {
	    {"", 0, 0, NULL},
	    {"\0\0", 2, 0, NULL},
	    {"a\0\0\0", 4, 1, "a"},
	    {"a\0\0\0\0\0", 6, 1, "a"},
	    {"a\0b\0", 4, 1, "ab"},
	    {"a\0\0\0b\0", 6, 2, "b"},
	    {"a\0\0\0\0\0b\0\0\0\0\0", 12, 3, "b"},
	    {"a\0\0\0x", 5, 1, "a"},
	    {"\x00\xd8\0\0\0\0", 6, 1, "\xef\xbf\xbd"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(buf) struct buf b = BUF_INIT;
		CLEANUP(strvec) struct strvec out = STRVEC_INIT;

		buf_add(&b, cases[i].utf16, cases[i].bytes);
		hive_split_strings(&b, &out);
		ck_assert_msg(out.n == cases[i].n, "case %zu: %zu strings", i, out.n);
		if (out.n)
			ck_assert_str_eq(out.v[out.n - 1], cases[i].last);
	}
}
END_TEST

/* Set a value and let go of it. */
static int set(struct hive *h, const char *key, const char *name, struct hive_value v,
    struct error *err)
{
	int rc = hive_set(h, key, name, &v, err);

	hive_value_free(&v);
	return rc;
}

START_TEST(an_edit_changes_what_it_says_and_nothing_else)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(strvec) struct strvec two = STRVEC_INIT;
	FD fd = sample(NULL);
	FD out = mem();
	HIVE h = open_hive(fd, true);

	strvec_add(&two, "a");
	strvec_add(&two, "b");
	assert_ok(set(h, "select", "current", hive_dword(2), &err), err);
	assert_ok(set(h, "Select", "New", hive_sz("n"), &err), err);
	assert_ok(hive_delete_value(h, "Select", "short", &err), err);
	assert_ok(set(h, "Made\\By\\Us", "", hive_multi_sz(&two), &err), err);
	assert_ok(set(h, "Made\\By\\Us", "e", hive_expand_sz("%x%"), &err), err);
	assert_ok(hive_delete_key(h, "tree\\a", &err), err);
	assert_ok(hive_delete_key(h, "Many\\Key0007", &err), err);
	ck_assert(hive_is_changed(h));
	assert_ok(hive_commit(h, out, &err), err);
	assert_diff(fd, out, false,
	    (const char *const[]){
		"+\\Made 0",
		"+\\Made\\By 0",
		"+\\Made\\By\\Us 0",
		"+\\Made\\By\\Us! 7 6100000062000000" "0000",
		"+\\Made\\By\\Us!e 2 2500780025000000",
		"-\\Many\\Key0007 0",
		"-\\Many\\Key0007!n 4 07000000",
		"-\\Select!Current 4 01000000",
		"+\\Select!Current 4 02000000",
		"+\\Select!New 1 6e000000",
		"-\\Select!Short 3 6162",
		"-\\Tree\\A 0",
		"-\\Tree\\A\\Deep 0",
		"-\\Tree\\A\\Deep!v 1 77000000",
		NULL});
}
END_TEST

START_TEST(edits_are_seen_before_the_commit)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	FD fd = sample(NULL);
	HIVE h = open_hive(fd, true);
	uint32_t n = 0;

	assert_ok(set(h, "Tree\\C\\D", "v", hive_dword(5), &err), err);
	ck_assert_int_eq(hive_get_dword(h, "TREE\\c\\d", "V", &n, &err), 1);
	ck_assert_uint_eq(n, 5);
	assert_ok(hive_delete_key(h, "Tree\\A", &err), err);
	ck_assert_int_eq(hive_key_exists(h, "Tree\\A\\Deep", &err), 0);
	ck_assert_int_eq(hive_subkeys(h, "Tree", &names, &err), 1);
	ck_assert_uint_eq(names.n, 2);
	assert_ok(hive_delete_value(h, "Tree\\B", "v", &err), err);
	ck_assert_int_eq(hive_get_dword(h, "Tree\\B", "v", &n, &err), 0);
}
END_TEST

START_TEST(deleted_keys_can_be_made_anew)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	FD fd = sample(NULL);
	FD out = mem();
	HIVE h = open_hive(fd, true);

	assert_ok(hive_delete_key(h, "Tree\\A\\Deep", &err), err);
	assert_ok(set(h, "Tree\\B", "lost", hive_dword(1), &err), err);
	assert_ok(hive_delete_key(h, "Tree", &err), err);
	assert_ok(set(h, "Tree\\A", "new", hive_dword(1), &err), err);
	assert_ok(set(h, "Tree\\Gone", "x", hive_dword(1), &err), err);
	assert_ok(hive_delete_key(h, "Tree\\Gone", &err), err);
	assert_ok(hive_commit(h, out, &err), err);
	HIVE again = open_hive(out, false);
	ck_assert_int_eq(hive_subkeys(again, "Tree", &names, &err), 1);
	ck_assert_uint_eq(names.n, 1);
	ck_assert_int_eq(hive_key_exists(again, "Tree\\A\\Deep", &err), 0);
	ck_assert_int_eq(hive_values(again, "Tree\\A", &names, &err), 1);
	ck_assert_str_eq(names.v[1], "new");
}
END_TEST

START_TEST(deleting_what_is_not_there_changes_nothing)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = sample(NULL);
	HIVE h = open_hive(fd, true);

	assert_ok(hive_delete_key(h, "No\\Such", &err), err);
	assert_ok(hive_delete_value(h, "No", "such", &err), err);
	assert_ok(hive_delete_value(h, "Select", "such", &err), err);
	assert_ok(set(h, "Select", "CURRENT", hive_dword(1), &err), err);
	ck_assert(!hive_is_changed(h));
	ck_assert_int_eq(hive_key_exists(h, "No", &err), 0);
}
END_TEST

START_TEST(a_key_with_a_big_value_is_not_rewritten)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = sample(NULL);
	FD out = mem();
	HIVE h = open_hive(fd, true);

	assert_fails(hive_check_writable(h, "Big", &err), err, ERR_BIG_VALUE);
	assert_ok(hive_check_writable(h, "Big\\Below", &err), err);
	assert_ok(hive_check_writable(h, "Nowhere", &err), err);
	ck_assert_int_eq(set(h, "Big", "Small", hive_dword(8), &err), -1);
	ck_assert_int_eq(err.code, ERR_BIG_VALUE);
	ck_assert_msg(strstr(err.message, "key Big ") && strstr(err.message, "value Blob "), "%s",
	    err.message);
	ck_assert_ptr_nonnull(err.hint);
	assert_fails(hive_commit(h, out, &err), err, ERR_INTERNAL);
	assert_fails(set(h, "Select", "x", hive_dword(1), &err), err, ERR_INTERNAL);
	ck_assert_int_eq(lseek(out, 0, SEEK_END), 0);
}
END_TEST

START_TEST(subkeys_of_a_key_with_a_big_value_can_change)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = sample(NULL);
	FD out = mem();
	HIVE h = open_hive(fd, true);

	assert_ok(hive_delete_value(h, "Big", "no such", &err), err);
	assert_ok(hive_delete_key(h, "Big\\Below", &err), err);
	assert_ok(set(h, "Big\\Other", "y", hive_dword(1), &err), err);
	assert_ok(hive_commit(h, out, &err), err);
	assert_diff(fd, out, false,
	    (const char *const[]){
		"-\\Big\\Below 0",
		"-\\Big\\Below!x 4 01000000",
		"+\\Big\\Other 0",
		"+\\Big\\Other!y 4 01000000",
		NULL});
}
END_TEST

START_TEST(a_value_that_would_be_big_is_refused)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = sample(NULL);
	FD out = mem();
	HIVE h = open_hive(fd, true);
	HIVE other = open_hive(fd, true);
	CLEANUP(value) struct hive_value v = {.type = HIVE_BINARY};

	buf_reserve(&v.data, HIVE_BIG_VALUE + 1);
	memset(v.data.data, 1, HIVE_BIG_VALUE + 1);
	v.data.len = HIVE_BIG_VALUE;
	assert_ok(hive_set(h, "Select", "v", &v, &err), err);
	assert_ok(hive_commit(h, out, &err), err);
	v.data.len++;
	assert_fails(hive_set(other, "Select", "v", &v, &err), err, ERR_BIG_VALUE);
}
END_TEST

START_TEST(what_libhivex_would_write_wrong_is_refused)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	static const char *const keys[] = {"Größe", "a\\\\b", "\\a", "a\\"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		FD fd = sample(NULL);
		HIVE h = open_hive(fd, true);

		assert_fails(set(h, keys[i], "x", hive_dword(1), &err), err, ERR_INTERNAL);
	}
	FD fd = sample(NULL);
	HIVE h = open_hive(fd, true);
	assert_fails(hive_delete_key(h, "", &err), err, ERR_INTERNAL);
	HIVE reader = open_hive(fd, false);
	assert_fails(set(reader, "Select", "x", hive_dword(1), &err), err, ERR_INTERNAL);
}
END_TEST

/* Windows 2000 has lists of subkeys without names: libhivex can add to them, not take away. */
START_TEST(a_list_that_libhivex_cannot_shorten_is_refused)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = sample(&(struct hivegen_options){.list = HIVEGEN_LI});
	FD out = mem();
	FD added = mem();
	HIVE h = open_hive(fd, true);
	HIVE other = open_hive(fd, true);

	assert_ok(hive_delete_key(h, "Tree\\A", &err), err);
	assert_fails(hive_commit(h, out, &err), err, ERR_UNKNOWN_SHAPE);
	assert_ok(set(other, "Tree\\C", "x", hive_dword(1), &err), err);
	assert_ok(hive_commit(other, added, &err), err);
}
END_TEST

START_TEST(commit_goes_to_another_file_that_takes_it)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = sample(NULL);
	FD full = open("/dev/full", O_RDWR);
	HIVE h = open_hive(fd, true);
	HIVE other = open_hive(fd, true);

	assert_ok(set(h, "Select", "x", hive_dword(1), &err), err);
	assert_fails(hive_commit(h, fd, &err), err, ERR_INTERNAL);
	assert_ok(set(other, "Select", "x", hive_dword(1), &err), err);
	assert_fails(hive_commit(other, full, &err), err, ERR_NO_SPACE);
	assert_fails(hive_commit(other, full, &err), err, ERR_INTERNAL);
}
END_TEST

START_TEST(a_commit_replaces_longer_content)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = sample(NULL);
	FD out = mem();
	HIVE h = open_hive(fd, true);
	struct hive_header header;

	ck_assert_int_eq(ftruncate(out, 8 << 20), 0);
	assert_ok(set(h, "Select", "x", hive_dword(1), &err), err);
	assert_ok(hive_commit(h, out, &err), err);
	ck_assert_int_lt(lseek(out, 0, SEEK_END), 8 << 20);
	assert_ok(hive_read_header(out, &header, &err), err);
	ck_assert_uint_eq(header.sequence1, header.sequence2);
	ck_assert(header.checksum_ok);
}
END_TEST

#define NOTIFY(n) "ControlSet00" n "\\services\\sppuinotify"
#define PRODUCT_OPTIONS "ControlSet001\\Control\\ProductOptions"
#define REAL "hives/win7sp1-x86-kb971033-SYSTEM.xz"

/* The real SYSTEM hive, or -1. */
static int real_system(void)
{
	CLEANUP(free) char *path = real_data(REAL);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (path)
		unlink(path);
	return fd;
}

START_TEST(the_real_hive_keeps_what_was_not_planned)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = real_system();
	FD out = mem();

	if (fd < 0)
		return;
	HIVE h = open_hive(fd, true);
	assert_ok(set(h, NOTIFY("1"), "Start", hive_dword(4), &err), err);
	assert_ok(hive_delete_value(h, NOTIFY("2"), "Start", &err), err);
	assert_ok(hive_delete_key(h, "ControlSet001\\services\\WatAdminSvc", &err), err);
	assert_ok(hive_delete_key(h, "ControlSet001\\Enum\\no such", &err), err);
	assert_ok(set(h, "Setup\\w7prep test", "x", hive_sz("y"), &err), err);
	assert_ok(hive_commit(h, out, &err), err);
	assert_diff(fd, out, true,
	    (const char *const[]){
		"-\\ControlSet001\\services\\WatAdminSvc 1*",
		"-\\ControlSet001\\services\\WatAdminSvc!Description 1 *",
		"-\\ControlSet001\\services\\WatAdminSvc!DisplayName 1 *",
		"-\\ControlSet001\\services\\WatAdminSvc!ErrorControl 4 01000000",
		"-\\ControlSet001\\services\\WatAdminSvc!ImagePath 2 *",
		"-\\ControlSet001\\services\\WatAdminSvc!ObjectName 1 *",
		"-\\ControlSet001\\services\\WatAdminSvc!RequiredPrivileges 7 *",
		"-\\ControlSet001\\services\\WatAdminSvc!ServiceSidType 4 01000000",
		"-\\ControlSet001\\services\\WatAdminSvc!Start 4 03000000",
		"-\\ControlSet001\\services\\WatAdminSvc!Type 4 10000000",
		"-\\ControlSet001\\services\\WatAdminSvc\\Security 1*",
		"-\\ControlSet001\\services\\WatAdminSvc\\Security!Security 3 *",
		"-\\ControlSet001\\services\\sppuinotify!Start 4 03000000",
		"+\\ControlSet001\\services\\sppuinotify!Start 4 04000000",
		"-\\ControlSet002\\services\\sppuinotify!Start 4 03000000",
		"+\\Setup\\w7prep test 1*",
		"+\\Setup\\w7prep test!x 1 79000000",
		NULL});
}
END_TEST

START_TEST(product_options_of_the_real_hive_are_refused)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	FD fd = real_system();

	if (fd < 0)
		return;
	HIVE h = open_hive(fd, true);
	ck_assert_int_eq(set(h, PRODUCT_OPTIONS, "x", hive_dword(1), &err), -1);
	ck_assert_int_eq(err.code, ERR_BIG_VALUE);
	ck_assert_msg(strstr(err.message, "ProductPolicy"), "%s", err.message);
}
END_TEST

SUITE("hive", values_are_read_by_type, what_is_absent_or_of_another_type_is_zero,
    names_are_listed, every_kind_of_subkey_list_is_read, lists_of_strings_split,
    an_edit_changes_what_it_says_and_nothing_else, edits_are_seen_before_the_commit,
    deleted_keys_can_be_made_anew, deleting_what_is_not_there_changes_nothing,
    a_key_with_a_big_value_is_not_rewritten, subkeys_of_a_key_with_a_big_value_can_change,
    a_value_that_would_be_big_is_refused, what_libhivex_would_write_wrong_is_refused,
    a_list_that_libhivex_cannot_shorten_is_refused, commit_goes_to_another_file_that_takes_it,
    a_commit_replaces_longer_content,
    the_real_hive_keeps_what_was_not_planned, product_options_of_the_real_hive_are_refused)
