/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The undo stack, with a kind of record of the test's own: the image's whole text. */
#include "image/txn.h"

#include "common/fsutil.h"
#include "tests/unit/unit.h"

static int text_undo(const char *image, const char *dir, const json_t *detail, bool check,
    struct error *err)
{
	const char *before = json_string_value(json_object_get(detail, "before"));
	const char *after = json_string_value(json_object_get(detail, "after"));
	CLEANUP(buf) struct buf now = BUF_INIT;

	(void)dir;
	if (read_whole_file(image, 1000, &now, err) != 0)
		return -1;
	if (check && strcmp(now.data, after) != 0)
		return err_set(err, ERR_CHANGED_SINCE, "changed since");
	return write_file_atomic(image, before, strlen(before), 0644, err);
}

static const struct undo_ops text_ops = {"text", text_undo};
const struct undo_ops *const undo_kinds[] = {&text_ops, NULL};

static char *dir, *image;

static void setup(void)
{
	dir = scratch_create("/tmp", NULL);
	ck_assert_ptr_nonnull(dir);
	image = path_join(dir, "a b.img");
	ck_assert_int_eq(write_file_atomic(image, "one", 3, 0644, NULL), 0);
}

static void teardown(void)
{
	scratch_remove(dir);
	free(dir);
	free(image);
}

static void expect_text(const char *want)
{
	CLEANUP(buf) struct buf b = BUF_INIT;

	ck_assert_int_eq(read_whole_file(image, 1000, &b, NULL), 0);
	ck_assert_str_eq(b.data, want);
}

/* Change the image as an engine would; stop before txn_done when @cut. */
static void change(const char *from, const char *to, bool cut)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct txn *t = txn_open(image, &err);

	ck_assert_msg(t, "%s", err.message);
	ck_assert_ptr_nonnull(txn_begin(t, &err));
	assert_ok(txn_committing(t, "text", json_pack("{ss ss}", "before", from, "after", to), &err), err);
	ck_assert_int_eq(write_file_atomic(image, to, strlen(to), 0644, NULL), 0);
	if (!cut)
		assert_ok(txn_done(t, NULL, &err), err);
	txn_close(t);
}

START_TEST(undo_is_a_stack)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	setup();
	change("one", "two", false);
	change("two", "three", false);
	ck_assert_uint_eq(txn_records(image), 2);
	assert_ok(txn_undo(image, false, &err), err);
	expect_text("two");
	assert_ok(txn_undo(image, false, &err), err);
	expect_text("one");
	assert_fails(txn_undo(image, false, &err), err, ERR_NO_UNDO);
	teardown();
}
END_TEST

START_TEST(undo_all)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	setup();
	change("one", "two", false);
	change("two", "three", false);
	assert_ok(txn_undo(image, true, &err), err);
	expect_text("one");
	ck_assert_uint_eq(txn_records(image), 0);
	teardown();
}
END_TEST

START_TEST(changed_since_is_refused_and_the_record_stays)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	setup();
	change("one", "two", false);
	ck_assert_int_eq(write_file_atomic(image, "else", 4, 0644, NULL), 0);
	assert_fails(txn_undo(image, false, &err), err, ERR_CHANGED_SINCE);
	expect_text("else");
	ck_assert_uint_eq(txn_records(image), 1);
	teardown();
}
END_TEST

START_TEST(interrupted_commit_is_rolled_back_by_the_next_writer)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	setup();
	change("one", "half", true);
	ck_assert_int_eq(txn_interrupted(image, &err), 1);
	ck_assert_int_eq(err.code, ERR_INTERRUPTED);
	err_clear(&err);
	struct txn *t = txn_open(image, &err);
	ck_assert_msg(t, "%s", err.message);
	expect_text("one");
	txn_close(t);
	ck_assert_int_eq(txn_interrupted(image, &err), 0);
	teardown();
}
END_TEST

START_TEST(undo_of_an_interrupted_commit_stops_there)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	setup();
	change("one", "two", false);
	change("two", "half", true);
	assert_ok(txn_undo(image, false, &err), err);
	expect_text("two");
	ck_assert_uint_eq(txn_records(image), 1);
	teardown();
}
END_TEST

START_TEST(two_writers_are_kept_apart)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	setup();
	struct txn *t = txn_open(image, &err);
	ck_assert_ptr_nonnull(t);
	ck_assert_ptr_null(txn_open(image, &err));
	ck_assert_int_eq(err.code, ERR_LOCKED);
	ck_assert_int_eq(err_status(&err), EXIT_UNSAFE);
	txn_close(t);
	teardown();
}
END_TEST

START_TEST(nothing_is_left_where_nothing_was_done)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	setup();
	struct txn *t = txn_open(image, &err);
	ck_assert_ptr_nonnull(txn_begin(t, &err));
	txn_close(t);
	CLEANUP(free) char *records = path_join(dir, ".w7prep");
	ck_assert_int_ne(access(records, F_OK), 0);
	teardown();
}
END_TEST

START_TEST(records_are_private)
{
	struct stat st;

	setup();
	change("one", "two", false);
	CLEANUP(free) char *record = path_join(dir, ".w7prep/a b.img/0001/record.json");
	ck_assert_int_eq(stat(record, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	CLEANUP(free) char *records = path_join(dir, ".w7prep");
	ck_assert_int_eq(stat(records, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	teardown();
}
END_TEST

START_TEST(a_damaged_record_is_refused)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	setup();
	change("one", "two", false);
	CLEANUP(free) char *record = path_join(dir, ".w7prep/a b.img/0001/record.json");
	ck_assert_int_eq(write_file_atomic(record, "{\"schema\": 1", 12, 0600, NULL), 0);
	assert_fails(txn_undo(image, false, &err), err, ERR_DAMAGED);
	expect_text("two");
	teardown();
}
END_TEST

START_TEST(no_such_image)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_fails(txn_undo("/nonexistent/x", false, &err), err, ERR_NO_SUCH_FILE);
}
END_TEST

SUITE("txn", undo_is_a_stack, undo_all, changed_since_is_refused_and_the_record_stays,
    interrupted_commit_is_rolled_back_by_the_next_writer,
    undo_of_an_interrupted_commit_stops_there, two_writers_are_kept_apart,
    nothing_is_left_where_nothing_was_done, records_are_private, a_damaged_record_is_refused,
    no_such_image)
