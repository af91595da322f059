/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <sqlite3.h>

#include "common/fsutil.h"
#include "common/text.h"
#include "profiles/cid_store.h"
#include "tests/unit/unit.h"

static char *dir, *path;

static void setup(void)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	dir = scratch_create(NULL, &err);
	ck_assert_msg(dir != NULL, "%s", err.message);
	path = path_join(dir, "data/w7prep/cid.sqlite");
}

static void teardown(void)
{
	scratch_remove(dir);
	free(dir);
	free(path);
}

/* A row whose IDs are those digits, over and over. */
static struct cid_row row(const char *computer, const char *mac, int iid, int cid)
{
	struct cid_row r = {.line = 1};

	strcpy(r.computer, computer);
	strcpy(r.mac, mac);
	memset(r.iid, '0' + iid, CID_IID_DIGITS);
	memset(r.cid, '0' + cid, CID_CID_DIGITS);
	return r;
}

static int import(
    const struct cid_row *r, size_t n, bool replace, struct cid_import *out, struct error *err)
{
	struct cid_rows rows = {0};
	struct cid_store *s = cid_store_open(path, CID_STORE_WRITE, err);

	ck_assert_msg(s != NULL, "%s", err->message);
	for (size_t i = 0; i < n; i++)
		*VEC_PUSH(&rows.list) = r[i];
	int rc = cid_store_import(s, "list.csv", &rows, replace, out, err);
	cid_rows_free(&rows);
	cid_store_close(s);
	return rc;
}

static void assert_imported(
    const struct cid_row *r, size_t n, size_t added, size_t known, size_t notes)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_import im;

	assert_ok(import(r, n, false, &im, &err), err);
	ck_assert_uint_eq(im.added, added);
	ck_assert_uint_eq(im.known, known);
	ck_assert_uint_eq(im.replaced, 0);
	ck_assert_uint_eq(im.notes.n, notes);
	strvec_free(&im.notes);
}

/* The first digits of the installation IDs found, in their order. */
static void assert_found(const char *computer, const char *mac, const char *want)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(cid_rows) struct cid_rows rows = {0};
	CLEANUP(buf) struct buf got = BUF_INIT;
	struct cid_store *s = cid_store_open(path, CID_STORE_READ, &err);

	ck_assert_msg(s != NULL, "%s", err.message);
	assert_ok(cid_store_find(s, computer, mac, &rows, &err), err);
	for (size_t i = 0; i < rows.list.n; i++)
		buf_add(&got, rows.list.v[i].iid, 1);
	ck_assert_str_eq(got.len ? got.data : "", want);
	cid_store_close(s);
}

#define MAC1 "00:1B:21:AA:BB:01"
#define MAC2 "00:1B:21:AA:BB:02"

START_TEST(a_new_store_is_private)
{
	struct cid_row r = row("PC07", MAC1, 1, 2);
	struct stat st;

	setup();
	mode_t old = umask(0);
	assert_imported(&r, 1, 1, 0, 0);
	umask(old);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	CLEANUP(free) char *parent = path_dir(path), *above = path_dir(parent);
	ck_assert_int_eq(stat(parent, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(above, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	teardown();
}
END_TEST

START_TEST(rows_are_found_by_name_and_address)
{
	const struct cid_row r[] = {row("PC01", MAC1, 1, 9), row("PC02", MAC2, 2, 8),
	    row("PC03", "", 3, 7), row("", "00:1B:21:AA:BB:04", 4, 6)};

	setup();
	assert_imported(r, 4, 4, 0, 0);
	assert_found(NULL, NULL, "4321");
	assert_found("PC02", NULL, "2");
	assert_found(NULL, MAC1, "1");
	assert_found("PC03", MAC1, "31");
	assert_found("PC09", NULL, "");
	teardown();
}
END_TEST

START_TEST(imported_again_is_known_and_the_newest)
{
	const struct cid_row r[] = {row("PC01", MAC1, 1, 9), row("PC01", MAC1, 2, 8)};

	setup();
	assert_imported(r, 2, 2, 0, 1);
	assert_found("PC01", NULL, "21");
	assert_imported(r, 2, 0, 2, 0);
	assert_found("PC01", NULL, "21");
	assert_imported(&r[0], 1, 0, 1, 0);
	assert_found("PC01", NULL, "12");
	teardown();
}
END_TEST

START_TEST(what_a_list_leaves_out_is_kept)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(cid_rows) struct cid_rows rows = {0};
	struct cid_row full = row("PC01", MAC1, 1, 9), part = row("PC01B", "", 1, 9);

	setup();
	strcpy(full.partial_key, "9B6T4");
	assert_imported(&full, 1, 1, 0, 0);
	assert_imported(&part, 1, 0, 1, 0);
	struct cid_store *s = cid_store_open(path, CID_STORE_READ, &err);
	assert_ok(cid_store_find(s, NULL, NULL, &rows, &err), err);
	cid_store_close(s);
	ck_assert_uint_eq(rows.list.n, 1);
	ck_assert_str_eq(rows.list.v[0].computer, "PC01B");
	ck_assert_str_eq(rows.list.v[0].mac, MAC1);
	ck_assert_str_eq(rows.list.v[0].partial_key, "9B6T4");
	ck_assert_int_gt(rows.list.v[0].imported, 1500000000);
	teardown();
}
END_TEST

/* The row before it in the list is not taken over either. */
START_TEST(a_conflict_takes_nothing_over)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_row old = row("PC01", MAC1, 1, 9);
	struct cid_row r[] = {row("PC02", MAC2, 2, 8), row("PC01", MAC1, 1, 5)};
	struct cid_import im;

	setup();
	r[1].line = 3;
	assert_imported(&old, 1, 1, 0, 0);
	ck_assert_int_lt(import(r, 2, false, &im, &err), 0);
	strvec_free(&im.notes);
	ck_assert_int_eq(err.code, ERR_LAB_DATA);
	ck_assert_msg(name_has_prefix(err.message, "list.csv:3: "), "%s", err.message);
	ck_assert_msg(name_contains(err.message, "PC01"), "%s", err.message);
	ck_assert_ptr_nonnull(err.hint);
	err_clear(&err);
	assert_found(NULL, NULL, "1");

	assert_ok(import(r, 2, true, &im, &err), err);
	ck_assert_uint_eq(im.added, 1);
	ck_assert_uint_eq(im.replaced, 1);
	strvec_free(&im.notes);
	assert_found(NULL, NULL, "12");
	assert_imported(&r[1], 1, 0, 1, 0);
	teardown();
}
END_TEST

START_TEST(a_conflict_within_one_list_is_found)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_row r[] = {
	    row("PC01", MAC1, 1, 9), row("PC01", MAC1, 1, 9), row("PC01", MAC1, 1, 5)};
	struct cid_import im;

	setup();
	r[2].line = 4;
	ck_assert_int_lt(import(r, 3, false, &im, &err), 0);
	strvec_free(&im.notes);
	ck_assert_msg(name_has_prefix(err.message, "list.csv:4: "), "%s", err.message);
	assert_found(NULL, NULL, "");
	teardown();
}
END_TEST

static void assert_refused(enum cid_store_mode mode, enum err_code code, const char *part)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_store *s = cid_store_open(path, mode, &err);

	ck_assert_msg(s == NULL, "opened");
	ck_assert_msg(err.code == code, "%s: %s", err_code_name(err.code), err.message);
	ck_assert_msg(name_contains(err.message, part), "%s", err.message);
	ck_assert_msg(err.hint != NULL, "no hint: %s", err.message);
}

START_TEST(no_store_is_not_made_for_reading)
{
	setup();
	assert_refused(CID_STORE_READ, ERR_NO_SUCH_FILE, "no confirmation IDs yet");
	ck_assert_int_ne(access(path, F_OK), 0);
	teardown();
}
END_TEST

START_TEST(a_store_that_others_may_read_is_refused)
{
	struct cid_row r = row("PC01", MAC1, 1, 9);

	setup();
	assert_imported(&r, 1, 1, 0, 0);
	ck_assert_int_eq(chmod(path, 0640), 0);
	assert_refused(CID_STORE_READ, ERR_LAB_DATA, "mode 0640");
	assert_refused(CID_STORE_WRITE, ERR_LAB_DATA, "others may read");
	ck_assert_int_eq(chmod(path, 0602), 0);
	assert_refused(CID_STORE_READ, ERR_LAB_DATA, "others may read");
	ck_assert_int_eq(chmod(path, 0400), 0);
	assert_found(NULL, NULL, "1");
	teardown();
}
END_TEST

/* Run @sql on the file at path, without our code. */
static void sql(const char *text)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(
	    sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

START_TEST(files_that_are_no_store_are_refused)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_row r = row("PC01", MAC1, 1, 9);

	setup();
	assert_imported(&r, 1, 1, 0, 0);
	sql("PRAGMA user_version = 99");
	assert_refused(CID_STORE_READ, ERR_LAB_DATA, "later version");
	sql("PRAGMA user_version = -1");
	assert_refused(CID_STORE_READ, ERR_LAB_DATA, "not a store");
	sql("PRAGMA user_version = 0");
	assert_refused(CID_STORE_WRITE, ERR_LAB_DATA, "not a store");
	ck_assert_int_eq(unlink(path), 0);

	assert_ok(
	    write_file_atomic(path, "not a database at all, but long enough", 38, 0600, &err), err);
	assert_refused(CID_STORE_READ, ERR_LAB_DATA, "not a sound store");
	assert_refused(CID_STORE_WRITE, ERR_LAB_DATA, "not a sound store");
	ck_assert_int_eq(unlink(path), 0);

	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_refused(CID_STORE_READ, ERR_NO_SUCH_FILE, "no confirmation IDs yet");
	sql("CREATE TABLE photos (id INTEGER)");
	assert_refused(CID_STORE_READ, ERR_LAB_DATA, "not a store");
	assert_refused(CID_STORE_WRITE, ERR_LAB_DATA, "not a store");
	ck_assert_int_eq(unlink(path), 0);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	assert_refused(CID_STORE_READ, ERR_LAB_DATA, "not a regular file");
	teardown();
}
END_TEST

START_TEST(an_empty_file_becomes_a_store)
{
	struct cid_row r = row("PC01", MAC1, 1, 9);

	setup();
	assert_imported(&r, 1, 1, 0, 0);
	ck_assert_int_eq(truncate(path, 0), 0);
	assert_imported(&r, 1, 1, 0, 0);
	assert_found(NULL, NULL, "1");
	teardown();
}
END_TEST

START_TEST(what_another_program_put_in_is_checked)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(cid_rows) struct cid_rows rows = {0};
	struct cid_row r = row("PC01", MAC1, 1, 9);

	setup();
	assert_imported(&r, 1, 1, 0, 0);
	sql("UPDATE confirmation SET computer = 'not a name'");
	struct cid_store *s = cid_store_open(path, CID_STORE_READ, &err);
	ck_assert_ptr_nonnull(s);
	assert_fails(cid_store_find(s, NULL, NULL, &rows, &err), err, ERR_LAB_DATA);
	cid_store_close(s);
	sql("DROP TABLE confirmation");
	s = cid_store_open(path, CID_STORE_READ, &err);
	ck_assert_ptr_nonnull(s);
	assert_fails(cid_store_find(s, NULL, NULL, &rows, &err), err, ERR_LAB_DATA);
	cid_store_close(s);
	teardown();
}
END_TEST

START_TEST(another_writer_is_waited_for_then_named)
{
	struct cid_row r = row("PC01", MAC1, 1, 9);
	sqlite3 *db;

	setup();
	assert_imported(&r, 1, 1, 0, 0);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_found(NULL, NULL, "1");
	assert_refused(CID_STORE_WRITE, ERR_LOCKED, "another program");
	sqlite3_close(db);
	assert_imported(&r, 1, 0, 1, 0);
	teardown();
}
END_TEST

/* Bytes of a sound store changed at random: rows that pass our checks, or an error. */
START_TEST(damaged_stores_do_no_harm)
{
	struct cid_row r[9];
	CLEANUP(buf) struct buf sound = BUF_INIT;
	CLEANUP(error) struct error err = ERROR_INIT;
	unsigned seed = 3;

	setup();
	for (int i = 0; i < 9; i++)
		r[i] = row("PC01", MAC1, i, i);
	assert_imported(r, 9, 9, 0, 8);
	assert_ok(read_whole_file(path, 1 << 20, &sound, &err), err);
	for (int round = 0; round < 1000; round++) {
		CLEANUP(free) char *bad = xmemdup(sound.data, sound.len);
		CLEANUP(cid_rows) struct cid_rows rows = {0};

		for (int k = 0; k < 8; k++) {
			seed = seed * 1103515245u + 12345u;
			/* most of it where the b-trees are described */
			size_t at = (seed >> 4) % (k & 1 ? sound.len : 512);
			bad[at] = (char)(seed >> 16);
		}
		int fd = open(path, O_WRONLY | O_TRUNC);
		assert_ok(write_all(fd, bad, sound.len, &err), err);
		close(fd);
		struct cid_store *s = cid_store_open(path, CID_STORE_READ, &err);
		if (s && cid_store_find(s, NULL, NULL, &rows, &err) == 0)
			for (size_t i = 0; i < rows.list.n; i++)
				ck_assert_uint_eq(
				    strspn(rows.list.v[i].iid, "0123456789"), CID_IID_DIGITS);
		cid_store_close(s);
		err_clear(&err);
	}
	teardown();
}
END_TEST

START_TEST(the_default_place)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	setenv("HOME", "/home/x", 1);
	setenv("XDG_DATA_HOME", "/srv/data", 1);
	CLEANUP(free) char *xdg = cid_store_default(&err);
	ck_assert_str_eq(xdg, "/srv/data/w7prep/cid.sqlite");
	setenv("XDG_DATA_HOME", "relative", 1);
	CLEANUP(free) char *home = cid_store_default(&err);
	ck_assert_str_eq(home, "/home/x/.local/share/w7prep/cid.sqlite");
	unsetenv("HOME");
	ck_assert_ptr_null(cid_store_default(&err));
	ck_assert_int_eq(err.code, ERR_USAGE);
}
END_TEST

SUITE("cid_store", a_new_store_is_private, rows_are_found_by_name_and_address,
    imported_again_is_known_and_the_newest, what_a_list_leaves_out_is_kept,
    a_conflict_takes_nothing_over, a_conflict_within_one_list_is_found,
    no_store_is_not_made_for_reading, a_store_that_others_may_read_is_refused,
    files_that_are_no_store_are_refused, an_empty_file_becomes_a_store,
    what_another_program_put_in_is_checked, another_writer_is_waited_for_then_named,
    damaged_stores_do_no_harm, the_default_place)
