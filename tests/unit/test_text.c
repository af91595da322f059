/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/text.h"
#include "tests/unit/unit.h"

START_TEST(utf16_round_trip)
{
	CLEANUP(buf) struct buf b = BUF_INIT;

	ck_assert(utf8_to_utf16le("Grüße \xf0\x9f\x98\x80", &b));
	CLEANUP(free) char *s = utf16le_to_utf8(b.data, b.len);
	ck_assert_str_eq(s, "Grüße \xf0\x9f\x98\x80");
	ck_assert_uint_eq(b.len, (6 + 2 + 1) * 2);
}
END_TEST

START_TEST(lone_surrogate_is_replaced)
{
	static const unsigned char lone[] = {0x41, 0, 0x00, 0xd8, 0x42, 0, 0x99};
	CLEANUP(free) char *s = utf16le_to_utf8(lone, sizeof(lone));

	ck_assert_str_eq(s, "A\xef\xbf\xbd"
			    "B");
	ck_assert(utf8_valid(s, strlen(s)));
}
END_TEST

START_TEST(malformed_utf8_is_refused)
{
	static const char *const bad[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "a\xff"};
	CLEANUP(buf) struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!utf8_to_utf16le(bad[i], &b), "case %zu", i);
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(names_ignore_ascii_case)
{
	ck_assert(name_eq("System32", "SYSTEM32"));
	ck_assert(!name_eq("System32", "System3"));
	ck_assert(name_has_prefix("ControlSet001", "controlset"));
	ck_assert(name_has_suffix("a.XRM-ms", ".xrm-MS"));
	ck_assert(!name_has_suffix("ms", "-ms"));
	ck_assert(name_contains("x-ActivationTechnologies-y", "activationtechnologies"));
	ck_assert_int_lt(name_cmp("a", "B"), 0);
}
END_TEST

START_TEST(patterns)
{
	ck_assert(name_matches("*", ""));
	ck_assert(name_matches("a*c?e", "AbbbCde"));
	ck_assert(!name_matches("a*c", "abcd"));
	ck_assert(name_matches("*~x86~~*", "Foo~31~x86~~7.1"));
	ck_assert(!name_matches("?", ""));
}
END_TEST

START_TEST(lines_cannot_command_a_terminal)
{
	char s[] = "a\x1b[2J\nb\x7f" "c\xc2\x9b" "d\xc2\xa0\xc3\xa4\xc2";

	text_one_line(s);
	ck_assert_str_eq(s, "a [2J b c  d\xc2\xa0\xc3\xa4\xc2");
	text_one_line(NULL);
}
END_TEST

START_TEST(did_you_mean)
{
	ck_assert_uint_eq(edit_distance("kms_host", "kms_hots", 3), 2);
	ck_assert_uint_eq(edit_distance("abc", "abc", 3), 0);
	ck_assert_uint_eq(edit_distance("a", "bcdefg", 2), 3);
}
END_TEST

START_TEST(suggestion_is_the_nearest)
{
	struct suggestion s = SUGGESTION_INIT("kms_hots");

	suggestion_offer(&s, "strategy");
	ck_assert_ptr_null(s.best);
	suggestion_offer(&s, "kms_port");
	suggestion_offer(&s, "kms_host");
	suggestion_offer(&s, "kms_port");
	ck_assert_str_eq(s.best, "kms_host");

	/* the beginning of a name, when nothing is nearer */
	s = SUGGESTION_INIT("mak_key");
	suggestion_offer(&s, "strategy");
	suggestion_offer(&s, "MAK_key_file");
	ck_assert_str_eq(s.best, "MAK_key_file");
	suggestion_offer(&s, "mak_kex");
	ck_assert_str_eq(s.best, "mak_kex");

	/* three of three letters replaced is not a typing error */
	s = SUGGESTION_INIT("foo");
	suggestion_offer(&s, "kms");
	ck_assert_ptr_null(s.best);
	suggestion_offer(&s, "FOO");
	suggestion_offer(&s, "foo2");
	ck_assert_str_eq(s.best, "FOO");
}
END_TEST

START_TEST(numbers_are_strict)
{
	unsigned long n = 7;

	ck_assert(parse_uint("65535", 1, 65535, &n));
	ck_assert_uint_eq(n, 65535);
	const char *const bad[] = {"", "12a", "-1", " 1", "99999999999999999999999", "65536", "0"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!parse_uint(bad[i], 1, 65535, &n), "%s", bad[i]);
	ck_assert_uint_eq(n, 65535);
}
END_TEST

SUITE("text", utf16_round_trip, lone_surrogate_is_replaced, malformed_utf8_is_refused,
    names_ignore_ascii_case, patterns, lines_cannot_command_a_terminal, did_you_mean,
    suggestion_is_the_nearest, numbers_are_strict)
