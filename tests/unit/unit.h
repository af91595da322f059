/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every unit test needs: Check, a main(), a scratch directory, the optional real data. */
#ifndef W7PREP_TESTS_UNIT_H
#define W7PREP_TESTS_UNIT_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"

#define assert_ok(call, err) \
	do { \
		int rc_ = (call); \
		ck_assert_msg(rc_ >= 0, "%s: %s", #call, (err).message ? (err).message : "?"); \
	} while (0)

#define assert_fails(call, err, want) \
	do { \
		int rc_ = (call); \
		ck_assert_msg(rc_ < 0, "%s: did not fail", #call); \
		ck_assert_msg((err).code == (want), "%s: %s: %s", #call, \
		    err_code_name((err).code), (err).message ? (err).message : "?"); \
		err_clear(&(err)); \
	} while (0)

/* A line for the shell, run in directory @where; the test fails when it does. */
__attribute__((format(printf, 2, 3), unused)) static inline void run_in(
    const char *where, const char *fmt, ...)
{
	char *cmd;
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_gt(vasprintf(&cmd, fmt, ap), 0);
	va_end(ap);
	CLEANUP(free) char *line = xasprintf("cd '%s' && { %s; }", where, cmd);
	ck_assert_msg(system(line) == 0, "%s (in %s)", cmd, where);
	free(cmd);
}

/*
 * Path of a file of the optional real data ($W7PREP_TESTDATA or ../shared/data), an .xz one
 * unpacked into a temporary file. NULL where it is absent, and then "SKIP: …" was
 * printed. The caller frees the path.
 */
static inline __attribute__((unused)) char *real_data(const char *name)
{
	const char *dir = getenv("W7PREP_TESTDATA");
	char *path = xasprintf("%s/%s", dir ? dir : "../shared/data", name);
	size_t n = strlen(path);

	if (access(path, R_OK) != 0) {
		printf("SKIP: %s: no real data here (W7PREP_TESTDATA)\n", name);
		free(path);
		return NULL;
	}
	if (n > 3 && strcmp(path + n - 3, ".xz") == 0) {
		char *out = xstrdup("/tmp/w7prep-real.XXXXXX");
		int fd = mkstemp(out);
		ck_assert_int_ge(fd, 0);
		close(fd);
		char *cmd = xasprintf("xz -dc '%s' > '%s'", path, out);
		ck_assert_int_eq(system(cmd), 0);
		free(cmd);
		free(path);
		return out;
	}
	return path;
}

/* SUITE(name, case, case, …): a main() that runs the cases and prints Check's counts. */
#define SUITE(name, ...) SUITE_WITH(name, NULL, NULL, __VA_ARGS__)

/* The same with functions that run before and after each case. */
#define SUITE_WITH(name, before, after, ...) \
	int main(void) \
	{ \
		const TTest *const cases[] = {__VA_ARGS__}; \
		Suite *s = suite_create(name); \
		TCase *tc = tcase_create(name); \
\
		tcase_set_timeout(tc, 120); \
		tcase_add_checked_fixture(tc, before, after); \
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) \
			tcase_add_test(tc, cases[i]); \
		suite_add_tcase(s, tc); \
		SRunner *sr = srunner_create(s); \
		srunner_run_all(sr, CK_NORMAL); \
		int failed = srunner_ntests_failed(sr); \
		srunner_free(sr); \
		return failed ? 1 : 0; \
	}

#endif
