/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>

#include "profiles/editions.h"
#include "profiles/ini_scan.h"
#include "tests/unit/profiles.h"

/*
 * Had the scan let these pass, iniparser would read something else, and that is found out.
 * It says nothing itself, though its message would quote the line.
 */
START_TEST(iniparser_has_to_read_the_same)
{
	static const struct {
		const char *text, *value, *says;
	} laxities[] = {
	    {"[lab]\nk = a;b\n", "a;b", "line 2: iniparser reads key 'k' differently"},
	    {"[lab]\nk = a\\\nl = b\n", "a\\", "line 2: iniparser reads key 'k' differently"},
	    {"[lab]\nk = a\nl = b\n", "a", "iniparser finds 2 keys instead of 1"},
	    {"[lab]\nk = a\nsecret\n", "a", "iniparser cannot read it"},
	};
	CLEANUP(free) char *said = path_join(dir, "stderr");
	struct error err = ERROR_INIT;
	struct stat st;
	int saved = dup(2), fd = open(said, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(dup2(fd, 2), 2);
	for (size_t i = 0; i < sizeof(laxities) / sizeof(laxities[0]); i++) {
		struct ini_entry e = {.line = 2,
		    .section = (char *)"lab",
		    .key = (char *)"k",
		    .value = (char *)laxities[i].value};
		struct ini_file f = {.v = &e, .n = 1};

		buf_adds(&f.text, laxities[i].text);
		int rc = ini_cross_check(&f, &err);
		buf_free(&f.text);
		ck_assert_int_lt(rc, 0);
		ck_assert_int_eq(err.code, ERR_INTERNAL);
		ck_assert_str_eq(err.message, laxities[i].says);
		err_clear(&err);
	}
	dup2(saved, 2);
	close(saved);
	close(fd);
	ck_assert_int_eq(stat(said, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
}
END_TEST

static const char *const seeds[] = {
    "[profile]\nname = x\nextends = nobody\n; comment\n[activation]\nstrategy = mak\n"
    "kms_host = \"a\"\nmak_key_file = 'k'\n[lab]\nseats = 3\n",
    /* where nearly anything is a value, so that iniparser gets to see it */
    "[profile]\nname = \"anything; that # is = in 'quotes' \"\n"
    "description = or (without) \"them\" = as it's said, [or] not\n; comment\n[lab]\nseats = 3\n",
};

static void mutate(struct buf *b, unsigned *state)
{
	static const char *const bits[] = {"\n", "=", "[", "]", "\"", "'", ";", "#", "\\", "\\\n",
	    "\r", "\0", "\xff", "\xc2\x80", " ", "\t", "[lab]", "seats", "\"\"", "= \"", "%s", ":",
	    "extends = lab", "\v", "\xef\xbb\xbf", "BCDFG-HJKMP-QRTVW-XY234-6789B"};
	unsigned how = rand_r(state) % 4;
	size_t at = b->len ? (size_t)rand_r(state) % b->len : 0;

	if (how == 0 && b->len) {
		b->data[at] = (char)rand_r(state);
	} else if (how == 1 && b->len) {
		size_t cut = 1 + (size_t)rand_r(state) % (b->len - at);

		memmove(b->data + at, b->data + at + cut, b->len - at - cut);
		b->len -= cut;
	} else {
		const char *bit = bits[(size_t)rand_r(state) % (sizeof(bits) / sizeof(bits[0]))];
		struct buf n = BUF_INIT;

		buf_add(&n, b->data, at);
		buf_add(&n, bit, *bit ? strlen(bit) : 1);
		buf_add(&n, b->data + at, b->len - at);
		buf_free(b);
		*b = n;
	}
}

/*
 * Whatever the bytes, profile_read() returns: a profile, or complaints that are one line of valid
 * text each and have no key in them. Were the scan and iniparser to differ on a file without
 * complaints, the code would be ERR_INTERNAL and complaints_of() would stop.
 */
START_TEST(any_bytes_are_survived)
{
	unsigned state = 20190108, read = 0;

	for (unsigned i = 0; i < 6000; i++) {
		struct buf b = BUF_INIT;

		if (i % 8 == 7) {
			for (unsigned n = (unsigned)rand_r(&state) % 300; n; n--)
				buf_add(&b, (char[]){(char)rand_r(&state)}, 1);
			buf_reserve(&b, 0);
		} else {
			buf_adds(&b, seeds[i % 2]);
			for (unsigned n = 1 + (unsigned)rand_r(&state) % 4; n; n--)
				mutate(&b, &state);
		}
		CLEANUP(free) char *said = complaints_of("lab.ini", b.data, b.len);
		read += !*said;
		for (const char *p = said; *p; p++)
			ck_assert_msg(
			    (unsigned char)*p >= 0x20 || *p == '\n', "case %u: %s", i, said);
		ck_assert_msg(!product_key_inside(said, strlen(said)), "case %u: %s", i, said);
		buf_free(&b);
	}
	/* enough of them got as far as iniparser */
	ck_assert_uint_gt(read, 300);
}
END_TEST

PROFILE_SUITE("profile_bytes", iniparser_has_to_read_the_same, any_bytes_are_survived)
