/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/text.h"
#include "profiles/csv.h"
#include "tests/unit/unit.h"

/* All of @text as "line:field|field/line:field…", the error's message in its place. */
static char *parse(const char *text, size_t n)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct csv csv;
	int rc;

	buf_add(&in, text, n);
	rc = csv_start(&csv, "f", &in, &err);
	while (rc >= 0) {
		CLEANUP(strvec) struct strvec fields = STRVEC_INIT;
		unsigned line;

		rc = csv_next(&csv, &fields, &line, &err);
		if (rc <= 0)
			break;
		buf_addf(&out, "%s%u:", out.len ? "/" : "", line);
		for (size_t i = 0; i < fields.n; i++)
			buf_addf(&out, "%s%s", i ? "|" : "", fields.v[i]);
	}
	if (rc < 0) {
		ck_assert_int_eq(err.code, ERR_LAB_DATA);
		buf_reset(&out);
		buf_addf(&out, "! %s", err.message);
	}
	buf_free(&in);
	return buf_steal(&out);
}

static void assert_parses(const char *text, const char *want)
{
	CLEANUP(free) char *got = parse(text, strlen(text));

	ck_assert_msg(strcmp(got, want) == 0, "%s\nparsed as %s\ninstead of %s", text, got, want);
}

START_TEST(records_as_rfc_4180_has_them)
{
	assert_parses("a,b\r\nc,d\r\n", "1:a|b/2:c|d");
	assert_parses("a,b\nc,d", "1:a|b/2:c|d");
	assert_parses("a,\r\n,\r\n", "1:a|/2:|");
	assert_parses("\"a\",\"b,c\"\r\n", "1:a|b,c");
	assert_parses("\"say \"\"x\"\"\",\"\"\r\n", "1:say \"x\"|");
	assert_parses("\"two\r\nlines\",x\r\ny,z\r\n", "1:two\r\nlines|x/3:y|z");
	assert_parses("\xef\xbb\xbf"
		      "a,b\r\n",
	    "1:a|b");
	assert_parses("\r\n\na\r\n\r\nb\r\n\r\n", "3:a/5:b");
	assert_parses(" a , b ", "1: a | b ");
	assert_parses("", "");
	assert_parses("\xef\xbb\xbf", "");
}
END_TEST

START_TEST(separator_is_the_headers)
{
	assert_parses("a;b\r\nc,d;e\r\n", "1:a|b/2:c,d|e");
	assert_parses("a,b\r\nc;d,e\r\n", "1:a|b/2:c;d|e");
	/* those within quotation marks do not count */
	assert_parses("\"a,,,\";b\r\n", "1:a,,,|b");
	assert_parses("only\r\nx;y\r\n", "1:only/2:x;y");
}
END_TEST

START_TEST(powershells_type_line_is_passed_over)
{
	assert_parses("#TYPE Selected.Object\r\n\"a\",\"b\"\r\n1,2\r\n", "2:a|b/3:1|2");
	assert_parses("#TYPE", "1:#TYPE");
	assert_parses("#TYPE x", "");
}
END_TEST

START_TEST(anything_else_is_an_error_with_its_line)
{
	assert_parses("a\nb \"c\"\n", "! f:2: a quotation mark within a field");
	assert_parses("a\n\"b\"c\n", "! f:2: text after the quotation mark that closes a field");
	assert_parses("a\n\"b\nc\n", "! f:2: a quotation mark opens a field and nothing closes it");
	assert_parses("a\rb", "! f:1: a carriage return without a line feed");
	assert_parses("\"", "! f:1: a quotation mark opens a field and nothing closes it");
	assert_parses("caf\xe9", "! f: this is no UTF-8 text");
	assert_parses("\xff\xfe"
		      "a",
	    "! f: this is UTF-16 text");
	CLEANUP(free) char *nul = parse("a\0b", 3);
	ck_assert_str_eq(nul, "! f: this is no UTF-8 text");
}
END_TEST

START_TEST(sizes_are_limited)
{
	CLEANUP(buf) struct buf text = BUF_INIT;

	for (int i = 0; i < 64; i++)
		buf_adds(&text, "x,");
	CLEANUP(free) char *wide = parse(text.data, text.len);
	ck_assert_str_eq(wide, "! f:1: more than 64 fields");
	CLEANUP(free) char *fits = parse(text.data, text.len - 1);
	ck_assert(strncmp(fits, "1:x|x", 5) == 0);

	for (int quoted = 0; quoted < 2; quoted++) {
		buf_reset(&text);
		if (quoted)
			buf_adds(&text, "\"");
		for (int i = 0; i < 4097; i++)
			buf_adds(&text, "x");
		if (quoted)
			buf_adds(&text, "\"");
		CLEANUP(free) char *longer = parse(text.data, text.len);
		ck_assert_str_eq(longer, "! f:1: a field of more than 4096 bytes");
	}
}
END_TEST

START_TEST(what_is_written_is_read_again)
{
	static const char *const fields[] = {
	    "", "plain", "a,b", "a;b", "say \"x\"", "two\r\nlines", " blank ", "\"", "Grüße"};
	const size_t n = sizeof(fields) / sizeof(*fields);
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(strvec) struct strvec got = STRVEC_INIT;
	CLEANUP(buf) struct buf text = BUF_INIT;
	struct csv csv;
	unsigned line;

	csv_add(&text, fields, n);
	assert_ok(csv_start(&csv, "f", &text, &err), err);
	ck_assert_int_eq(csv_next(&csv, &got, &line, &err), 1);
	ck_assert_uint_eq(got.n, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_str_eq(got.v[i], fields[i]);
}
END_TEST

/* A record that would read as an empty line, a byte order mark or PowerShell's type line. */
START_TEST(odd_first_fields_are_read_again)
{
	static const char *const odd[] = {"", "\xef\xbb\xbfname", "#TYPE x"};

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		CLEANUP(error) struct error err = ERROR_INIT;
		CLEANUP(strvec) struct strvec got = STRVEC_INIT;
		CLEANUP(buf) struct buf text = BUF_INIT;
		struct csv csv;
		unsigned line;

		csv_add(&text, &odd[i], 1);
		assert_ok(csv_start(&csv, "f", &text, &err), err);
		ck_assert_int_eq(csv_next(&csv, &got, &line, &err), 1);
		ck_assert_uint_eq(got.n, 1);
		ck_assert_str_eq(got.v[0], odd[i]);
	}
}
END_TEST

/* Whatever is done to a sound file: fields or an error, nothing read past the end (ASan). */
START_TEST(damaged_text_does_no_harm)
{
	static const char sound[] = "\xef\xbb\xbf"
				    "a,b;c\r\n\"d \"\"e\"\"\",\"f\r\ng\"\r\nh,i\n";
	static const char odd[] = "\",;\r\n\0\xff#x";
	unsigned seed = 7;

	for (int round = 0; round < 20000; round++) {
		size_t n = sizeof(sound) - 1;
		CLEANUP(free) char *text = xmemdup(sound, n);

		for (int k = 0; k < 3; k++) {
			seed = seed * 1103515245u + 12345u;
			text[(seed >> 8) % n] = odd[(seed >> 20) % (sizeof(odd) - 1)];
		}
		seed = seed * 1103515245u + 12345u;
		CLEANUP(free) char *cut = xmemdup(text, (seed >> 8) % (n + 1));
		CLEANUP(free) char *got = parse(cut, (seed >> 8) % (n + 1));
		ck_assert_msg(*got != '!' || strstr(got, "! f:") == got, "%s", got);
	}
}
END_TEST

SUITE("csv", records_as_rfc_4180_has_them, separator_is_the_headers,
    powershells_type_line_is_passed_over, anything_else_is_an_error_with_its_line,
    sizes_are_limited, what_is_written_is_read_again, odd_first_fields_are_read_again,
    damaged_text_does_no_harm)
