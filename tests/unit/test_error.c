/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "common/error.h"
#include "tests/unit/unit.h"

START_TEST(context_is_added_on_the_way_up)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	ck_assert_int_eq(err_set(&err, ERR_HIVE_DIRTY, "dirty (%d)", 3), -1);
	err_context(&err, "%s", "SYSTEM");
	err_context(&err, "image %u", 2u);
	ck_assert_str_eq(err.message, "image 2: SYSTEM: dirty (3)");
	ck_assert_int_eq(err_status(&err), EXIT_UNSAFE);
	ck_assert_str_eq(err_code_name(err.code), "hive-dirty");
}
END_TEST

START_TEST(messages_are_one_line)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	err_set(&err, ERR_ENGINE, "a\nb\x1b[31m\r");
	ck_assert_ptr_null(strpbrk(err.message, "\n\r\x1b"));
}
END_TEST

START_TEST(a_changed_image_is_always_seven)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	err_set(&err, ERR_IO, "x");
	ck_assert_int_eq(err_status(&err), EXIT_FAILED_UNCHANGED);
	err.image_changed = true;
	err_context(&err, "y");
	ck_assert_int_eq(err_status(&err), EXIT_FAILED_CHANGED);
	err_set(&err, ERR_NO_SPACE, "z");
	ck_assert_int_eq(err_status(&err), EXIT_FAILED_CHANGED);
	err_set(&err, ERR_LOCKED, "z");
	ck_assert_int_eq(err_status(&err), EXIT_FAILED_CHANGED);
	err_clear(&err);
	err_set(&err, ERR_LOCKED, "z");
	ck_assert_int_eq(err_status(&err), EXIT_UNSAFE);
}
END_TEST

START_TEST(errno_is_told_and_no_space_is_its_own_code)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	errno = ENOENT;
	err_errno(&err, "cannot open %s", "x");
	ck_assert_str_eq(err.message, "cannot open x: No such file or directory");
	ck_assert_int_eq(err.code, ERR_IO);
	errno = ENOSPC;
	err_errno(&err, "cannot write");
	ck_assert_int_eq(err.code, ERR_NO_SPACE);
}
END_TEST

START_TEST(hints)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	err_set(&err, ERR_LOCKED, "x");
	ck_assert_ptr_nonnull(err_hint_text(&err));
	err_hint(&err, "wait");
	ck_assert_str_eq(err_hint_text(&err), "wait");
}
END_TEST

START_TEST(moving_keeps_the_changed_mark)
{
	CLEANUP(error) struct error a = ERROR_INIT, b = ERROR_INIT;

	a.image_changed = true;
	err_set(&b, ERR_IO, "x");
	err_move(&a, &b);
	ck_assert_int_eq(b.code, ERR_NONE);
	ck_assert(a.image_changed);
	err_set(NULL, ERR_IO, "nobody listens");
	err_context(NULL, "nobody");
}
END_TEST

SUITE("error", context_is_added_on_the_way_up, messages_are_one_line,
    a_changed_image_is_always_seven, errno_is_told_and_no_space_is_its_own_code, hints,
    moving_keeps_the_changed_mark)
