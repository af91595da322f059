/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of the profile reader: profiles in a scratch directory, and what is said of them. */
#ifndef W7PREP_TESTS_PROFILES_H
#define W7PREP_TESTS_PROFILES_H

#include "common/fsutil.h"
#include "profiles/profile.h"
#include "tests/unit/unit.h"

#define MAK "BCDFG-HJKMP-QRTVW-XY234-6789B"

/* One scratch directory a test; every case is a process of its own, so nothing leaks over. */
static char *dir;

static inline __attribute__((unused)) void setup(void)
{
	struct error err = ERROR_INIT;

	dir = scratch_create(NULL, &err);
	ck_assert_msg(dir, "%s", err.message);
	/* what is installed on the machine must not matter */
	setenv("W7PREP_PROFILES", dir, 1);
	setenv("XDG_CONFIG_HOME", dir, 1);
}

static inline __attribute__((unused)) void teardown(void)
{
	scratch_remove(dir);
	free(dir);
}

static inline __attribute__((unused)) char *put(const char *name, const void *text, size_t n)
{
	char *path = path_join(dir, name);

	unlink(path); /* one of an earlier step may be read-only */
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
	return path;
}

static inline __attribute__((unused)) char *puts_file(const char *name, const char *text)
{
	return put(name, text, strlen(text));
}

/* All complaints about a profile of these bytes, with the hints, one a line. "" for none. */
static inline __attribute__((unused)) char *complaints_of(const char *name, const void *text, size_t n)
{
	CLEANUP(free) char *path = put(name, text, n);
	CLEANUP(strvec) struct strvec more = STRVEC_INIT;
	struct error err = ERROR_INIT;
	struct profile p;
	struct buf all = BUF_INIT;

	if (profile_read(path, &p, &more, &err) == 0) {
		profile_free(&p);
		return xstrdup("");
	}
	ck_assert_msg(err.code == ERR_PROFILE, "%s: %s", err_code_name(err.code), err.message);
	ck_assert_ptr_nonnull(err.hint);
	buf_addf(&all, "%s (%s)\n", err.message, err.hint);
	for (size_t i = 0; i < more.n; i++)
		buf_addf(&all, "%s\n", more.v[i]);
	err_clear(&err);
	return buf_steal(&all);
}

static inline __attribute__((unused)) char *complaints(const char *text)
{
	return complaints_of("lab.ini", text, strlen(text));
}

static inline __attribute__((unused)) size_t lines(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static inline __attribute__((unused)) void read_ok(const char *text, struct profile *p)
{
	CLEANUP(free) char *path = puts_file("lab.ini", text);
	struct error err = ERROR_INIT;

	assert_ok(profile_read(path, p, NULL, &err), err);
}

/* As SUITE, with a scratch directory for each case. */
#define PROFILE_SUITE(name, ...) SUITE_WITH(name, setup, teardown, __VA_ARGS__)

#endif
