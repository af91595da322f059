/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/profiles.h"

static int read_mak_of(
    const char *content, size_t n, unsigned mode, struct buf *out, struct error *err)
{
	CLEANUP(free) char *key = put("mak.key", content, n);
	struct profile p = {.path = dir, .mak_key_file = key};

	ck_assert_int_eq(chmod(key, mode), 0);
	return profile_read_mak(&p, out, err);
}

START_TEST(mak_is_read)
{
	static const char *const good[] = {MAK, MAK "\n", "\xef\xbb\xbf" MAK "\r\n",
	    "  " MAK " \n\n", "bcdfg-hjkmp-qrtvw-xy234-6789b\n"};
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct buf out = BUF_INIT;

		assert_ok(read_mak_of(good[i], strlen(good[i]), i ? 0600 : 0400, &out, &err), err);
		ck_assert_str_eq(out.data, MAK);
		ck_assert_uint_eq(out.len, 29);
		buf_wipe_free(&out);
	}
}
END_TEST

START_TEST(bad_mak_files_are_refused_without_the_key)
{
	static const struct {
		const char *content;
		size_t n;
		unsigned mode;
		const char *says, *hint;
	} bad[] = {
	    {MAK, 29, 0640, "others may read", "chmod 600 "},
	    {MAK, 29, 0604, "(mode 0604)", "chmod 600 "},
	    {MAK, 29, 0620, "others may read", "chmod 600 "},
	    {MAK, 29, 0601, "others may read", "chmod 600 "},
	    {"", 0, 0600, "no product key", "five groups"},
	    {MAK "\n" MAK "\n", 60, 0600, "no product key", "five groups"},
	    {"key=" MAK, 33, 0600, "no product key", "five groups"},
	    {"BCDFA-HJKMP-QRTVW-XY234-6789B", 29, 0600, "no product key", "five groups"},
	    {"BCDFGHJKMPQRTVWXY2346789B", 25, 0600, "no product key", "five groups"},
	    {MAK "\0x", 31, 0600, "no file with a MAK", "nothing else"},
	    {"\xff\xfe" "B\0", 4, 0600, "UTF-16", "Notepad"},
	    {"\xfe\xff" "\0B", 4, 0600, "UTF-16", "Notepad"},
	    {"33pxh-7y6kf-2vjc9-xbbr8-hvthh", 29, 0600,
		"the public KMS client key of Windows 7 Enterprise", "strategy = kms"},
	};
	struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(read_mak_of(bad[i].content, bad[i].n, bad[i].mode, &out, &err) < 0,
		    "case %zu", i);
		ck_assert_int_eq(err.code, ERR_PROFILE);
		ck_assert_msg(strstr(err.message, bad[i].says), "%s", err.message);
		ck_assert_msg(strstr(err.hint, bad[i].hint), "%s", err.hint);
		ck_assert_msg(
		    !strcasestr(err.message, "-7Y6KF") && !strcasestr(err.message, "HJKMP"), "%s",
		    err.message);
		ck_assert_uint_eq(out.len, 0);
		err_clear(&err);
	}
	CLEANUP(free) char *long_file = xcalloc(1, 1000);
	memset(long_file, '\n', 1000);
	assert_fails(read_mak_of(long_file, 1000, 0600, &out, &err), err, ERR_PROFILE);
}
END_TEST

START_TEST(what_is_no_mak_file)
{
	CLEANUP(free) char *missing = path_join(dir, "nothing");
	CLEANUP(free) char *fifo = path_join(dir, "fifo");
	CLEANUP(free) char *theirs = puts_file("theirs", MAK);
	struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;
	struct profile p = {.path = dir};

	assert_fails(profile_read_mak(&p, &out, &err), err, ERR_PROFILE);
	p.mak_key_file = missing;
	assert_fails(profile_read_mak(&p, &out, &err), err, ERR_PROFILE);
	p.mak_key_file = dir;
	assert_fails(profile_read_mak(&p, &out, &err), err, ERR_PROFILE);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	p.mak_key_file = fifo;
	assert_fails(profile_read_mak(&p, &out, &err), err, ERR_PROFILE);
	if (geteuid() != 0) {
		printf("SKIP: only root can make a file that belongs to somebody else\n");
		return;
	}
	ck_assert_int_eq(chown(theirs, 65534, 65534), 0);
	p.mak_key_file = theirs;
	ck_assert_int_lt(profile_read_mak(&p, &out, &err), 0);
	ck_assert_msg(strstr(err.message, "belongs to another user"), "%s", err.message);
	err_clear(&err);
}
END_TEST

PROFILE_SUITE(
    "profile_mak", mak_is_read, bad_mak_files_are_refused_without_the_key, what_is_no_mak_file)
