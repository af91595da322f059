/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hive builder, checked with hivex's tools: tests of the program stand on it. */
#include <fcntl.h>
#include <time.h>

#include "common/fsutil.h"
#include "common/proc.h"
#include "tests/fixtures/hivegen.h"
#include "tests/unit/unit.h"

static char *temp_hive(void)
{
	char *path = xstrdup("/tmp/w7prep-hivegen.XXXXXX");
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return path;
}

static void remove_hive(char **path)
{
	unlink(*path);
	free(*path);
}
#define TEMP_HIVE __attribute__((cleanup(remove_hive))) char *

/* Run a tool over the hive: its output. */
static char *tool(const char *const argv[])
{
	struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;

	assert_ok(run_tool(argv, &out, &err), err);
	return buf_steal(&out);
}

static void assert_refused(const char *path)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	const char *const argv[] = {"hivexml", path, NULL};

	ck_assert_msg(run_tool(argv, NULL, &err) < 0, "hivexml reads the damaged hive");
}

static char *get(const char *path, const char *key, const char *name)
{
	const char *const argv[] = {"hivexget", path, key, name, NULL};
	char *out = tool(argv);

	out[strcspn(out, "\n")] = '\0';
	return out;
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, part)); p++)
		n++;
	return n;
}

START_TEST(values_of_every_type)
{
	static const char *const list[] = {"one", "two", NULL};
	CLEANUP(error) struct error err = ERROR_INIT;
	TEMP_HIVE path = temp_hive();
	struct hivegen *h = hivegen_new();

	hivegen_set_sz(h, "Microsoft\\Windows NT\\CurrentVersion", "ProductName", "Windows 7 Ümlaut");
	hivegen_set_expand_sz(h, "A", "Path", "%SystemRoot%\\x");
	hivegen_set_dword(h, "a", "Start", 0x12345678);
	hivegen_set_dword(h, "A", "START", 4);
	hivegen_set_multi_sz(h, "A", "List", list);
	hivegen_set_binary(h, "A", "Raw", "\x01\x02\x03\x04\x05", 5);
	hivegen_set_binary(h, "A", "Empty", NULL, 0);
	hivegen_set_sz(h, "A\\Straße\\日本", "", "default");
	assert_ok(hivegen_write(h, path, NULL, &err), err);
	hivegen_free(h);

	CLEANUP(free) char *name = get(path, "\\microsoft\\Windows NT\\CurrentVersion", "ProductName");
	ck_assert_str_eq(name, "Windows 7 Ümlaut");
	const char *const export[] = {"hivexregedit", "--export", path, "\\", NULL};
	CLEANUP(free) char *reg = tool(export);
	ck_assert_ptr_nonnull(strstr(reg, "\"Start\"=dword:00000004"));
	ck_assert_ptr_nonnull(strstr(reg, "\"Raw\"=hex(3):01,02,03,04,05"));
	ck_assert_ptr_nonnull(strstr(reg, "\"Empty\"=hex(3):\n"));
	ck_assert_ptr_nonnull(strstr(reg, "\"List\"=hex(7):6f,00,6e,00,65,00,00,00,74"));
	ck_assert_ptr_nonnull(strstr(reg, "[\\A\\Straße\\日本]"));
}
END_TEST

START_TEST(big_values_are_split)
{
	static const size_t sizes[] = {16344, 16345, 32688, 190000};
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf data = BUF_INIT, file = BUF_INIT;
	TEMP_HIVE path = temp_hive();

	for (size_t i = 0; i < 200000; i++)
		buf_addf(&data, "%c", (int)('a' + i % 23));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct hivegen *h = hivegen_new();

		hivegen_set(h, "K", "V", 3, data.data, sizes[i]);
		assert_ok(hivegen_write(h, path, NULL, &err), err);
		hivegen_free(h);
		CLEANUP(free) char *back = get(path, "\\K", "V");
		ck_assert_uint_eq(strlen(back), sizes[i]);
		ck_assert_int_eq(memcmp(back, data.data, sizes[i]), 0);
		assert_ok(read_whole_file(path, 1 << 20, &file, &err), err);
		ck_assert_int_eq(memmem(file.data, file.len, "\360\377\377\377db", 6) != NULL,
		    sizes[i] > 16344);
	}
}
END_TEST

START_TEST(every_kind_of_list)
{
	static const struct hivegen_options kinds[] = {{.list = HIVEGEN_LH}, {.list = HIVEGEN_LF},
	    {.list = HIVEGEN_LI}, {.index_root = true}};
	CLEANUP(error) struct error err = ERROR_INIT;
	TEMP_HIVE path = temp_hive();
	struct hivegen *h = hivegen_new();

	for (unsigned i = 0; i < 1200; i++) {
		CLEANUP(free) char *key = xasprintf("many\\key%u", i * 7 % 1200);
		hivegen_set_dword(h, key, "n", i);
	}
	for (unsigned i = 0; i < 5; i++) {
		CLEANUP(free) char *key = xasprintf("few\\%u", i);
		hivegen_key(h, key);
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		assert_ok(hivegen_write(h, path, &kinds[i], &err), err);
		const char *const argv[] = {"hivexml", path, NULL};
		CLEANUP(free) char *xml = tool(argv);
		ck_assert_uint_eq(count(xml, "<node"), 1 + 2 + 1200 + 5);
		CLEANUP(free) char *n = get(path, "\\MANY\\KEY7", "n");
		ck_assert_str_eq(n, "1");
	}
	hivegen_free(h);
}
END_TEST

/* The hash of a real name as Windows 7 stored it: services\WatAdminSvc. */
START_TEST(hash_is_that_of_windows)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf file = BUF_INIT;
	TEMP_HIVE path = temp_hive();
	struct hivegen *h = hivegen_new();
	uint32_t hash = 0;

	hivegen_key(h, "WatAdminSvc");
	assert_ok(hivegen_write(h, path, NULL, &err), err);
	hivegen_free(h);
	assert_ok(read_whole_file(path, 1 << 20, &file, &err), err);
	const char *lh = memmem(file.data, file.len, "lh\1\0", 4);
	ck_assert_ptr_nonnull(lh);
	memcpy(&hash, lh + 8, 4);
	ck_assert_uint_eq(hash, 0xe7e71a55);
}
END_TEST

START_TEST(header_as_asked_for)
{
	static const struct hivegen_options o = {.file_name = "SYSTEM", .sequence1 = 205,
	    .sequence2 = 204, .minor = 3};
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf file = BUF_INIT;
	TEMP_HIVE path = temp_hive();
	struct hivegen *h = hivegen_new();
	uint32_t head[8];

	assert_ok(hivegen_write(h, path, &o, &err), err);
	assert_ok(read_whole_file(path, 1 << 20, &file, &err), err);
	memcpy(head, file.data, sizeof(head));
	ck_assert_uint_eq(head[1], 205);
	ck_assert_uint_eq(head[2], 204);
	ck_assert_uint_eq(head[6], 3);
	ck_assert_int_eq(memcmp(file.data + 48, "S\0Y\0S\0T\0E\0M\0", 13), 0);
	hivegen_free(h);
}
END_TEST

START_TEST(damage_is_damage)
{
	static const struct hivegen_options bad[] = {{.bad_checksum = true}, {.truncate = 4096},
	    {.truncate = 5000}, {.truncate = 100},
	    {.damage = HIVEGEN_LOOP, .damaged_key = "A"},
	    {.damage = HIVEGEN_STRAY_KEY, .damaged_key = "A"},
	    {.damage = HIVEGEN_STRAY_VALUE, .damaged_key = "A\\B"},
	    {.damage = HIVEGEN_HUGE_VALUE, .damaged_key = "A\\B"},
	    {.damage = HIVEGEN_HUGE_COUNT, .damaged_key = "A"}};
	CLEANUP(error) struct error err = ERROR_INIT;
	TEMP_HIVE path = temp_hive();
	struct hivegen *h = hivegen_new();

	hivegen_set_sz(h, "A\\B", "text", "longer than inline");
	assert_ok(hivegen_write(h, path, NULL, &err), err);
	const char *const argv[] = {"hivexml", path, NULL};
	CLEANUP(free) char *xml = tool(argv);
	ck_assert_uint_eq(count(xml, "<node"), 3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_ok(hivegen_write(h, path, &bad[i], &err), err);
		assert_refused(path);
	}
	const struct hivegen_options nothing = {.damage = HIVEGEN_LOOP, .damaged_key = "A\\B"};
	assert_fails(hivegen_write(h, path, &nothing, &err), err, ERR_USAGE);
	hivegen_free(h);
}
END_TEST

START_TEST(large_hive)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	TEMP_HIVE path = temp_hive();
	struct hivegen *h = hivegen_new();
	struct stat st;

	hivegen_fill(h, "Classes\\Filler", 60u << 20);
	hivegen_set_sz(h, "Microsoft", "x", "found");
	assert_ok(hivegen_write(h, path, NULL, &err), err);
	hivegen_free(h);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_gt(st.st_size, 57 << 20);
	ck_assert_int_lt(st.st_size, 63 << 20);
	CLEANUP(free) char *found = get(path, "\\Microsoft", "x");
	ck_assert_str_eq(found, "found");
}
END_TEST

SUITE("hivegen", values_of_every_type, big_values_are_split, every_kind_of_list,
    hash_is_that_of_windows, header_as_asked_for, damage_is_damage, large_hive)
