/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The static program's iconv says what glibc's says: on random input, and on what is on the edge.
 */
#include <errno.h>
#include <stdint.h>

#define iconv_open own_iconv_open
#define iconv own_iconv
#define iconv_close own_iconv_close
#include "common/iconv_static.c"
#undef iconv_open
#undef iconv
#undef iconv_close
#include "tests/unit/unit.h"

extern iconv_t iconv_open(const char *to, const char *from);
extern size_t iconv(iconv_t cd, char **in, size_t *in_left, char **out, size_t *out_left);
extern int iconv_close(iconv_t cd);

static const char *const pairs[][2] = {
    {"UTF-16LE", "UTF-8"},
    {"UTF-8", "UTF-16LE"},
    {"LATIN1", "UTF-8"},
    {"UTF-8", "LATIN1"},
};

struct result {
	size_t rc, used, made;
	int error;
	char out[256];
};

static void convert(bool own, iconv_t cd, const char *in, size_t n, size_t room, struct result *r)
{
	char *p = (char *)in, *out = r->out;
	size_t in_left = n, out_left = room;

	memset(r, 0, sizeof(*r));
	errno = 0;
	r->rc = own ? own_iconv(cd, &p, &in_left, &out, &out_left)
		    : iconv(cd, &p, &in_left, &out, &out_left);
	r->error = r->rc == (size_t)-1 ? errno : 0;
	r->used = n - in_left;
	r->made = room - out_left;
	if (!own && r->rc == (size_t)-1)
		iconv(cd, NULL, NULL, NULL, NULL);
}

static void same(const char *to, const char *from, const char *in, size_t n)
{
	const size_t room = sizeof(((struct result *)0)->out);
	iconv_t theirs = iconv_open(to, from), ours = own_iconv_open(to, from);
	CLEANUP(free) char *hex = xmalloc(2 * n + 1);
	struct result a, b;

	for (size_t i = 0; i < n; i++)
		sprintf(hex + 2 * i, "%02x", (uint8_t)in[i]);
	hex[2 * n] = '\0';
	ck_assert(theirs != (iconv_t)-1 && ours != (iconv_t)-1);
	convert(false, theirs, in, n, room, &a);
	convert(true, ours, in, n, room, &b);
	ck_assert_msg(a.rc == b.rc && a.error == b.error && a.used == b.used && a.made == b.made &&
			  memcmp(a.out, b.out, a.made) == 0,
	    "%s -> %s: %s: glibc %d, %zu in, %zu out; own %d, %zu in, %zu out", from, to, hex,
	    a.error, a.used, a.made, b.error, b.used, b.made);
	iconv_close(theirs);
	own_iconv_close(ours);
}

START_TEST(every_character)
{
	char wide[4], out[8];

	for (uint32_t c = 0; c <= 0x110000; c += c < 0x10000 ? 1 : 97) {
		uint32_t rest = c - 0x10000, high = 0xd800 + (rest >> 10),
			 low = 0xdc00 + (rest & 0x3ff);
		size_t n = c < 0x10000 ? 2 : 4;
		uint16_t units[2] = {(uint16_t)(c < 0x10000 ? c : high), (uint16_t)low};

		memcpy(wide, units, 4);
		same("UTF-8", "UTF-16LE", wide, n);
		char *in = wide, *p = out;
		size_t left = n, room = 8;
		iconv_t cd = own_iconv_open("UTF-8", "UTF-16LE");
		/* glibc drops the language tags where it cannot show them; here they are an error
		 */
		if (own_iconv(cd, &in, &left, &p, &room) == 0 && (c < 0xe0000 || c > 0xe007f)) {
			same("UTF-16LE", "UTF-8", out, 8 - room);
			same("LATIN1", "UTF-8", out, 8 - room);
		}
	}
}
END_TEST

/* Up to four bytes at the edges of every range. */
START_TEST(edges)
{
	static const uint8_t edge[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
	    0xc1, 0xc2, 0xd7, 0xd8, 0xdb, 0xdc, 0xdf, 0xe0, 0xec, 0xed, 0xef, 0xf0, 0xf3, 0xf4};
	const size_t n = sizeof(edge);

	for (size_t i = 0; i < n * n * n * n; i += 7) {
		const char in[4] = {(char)edge[i % n], (char)edge[i / n % n],
		    (char)edge[i / n / n % n], (char)edge[i / n / n / n]};

		for (size_t p = 0; p < sizeof(pairs) / sizeof(*pairs); p++)
			same(pairs[p][0], pairs[p][1], in, 1 + i % 4);
	}
}
END_TEST

START_TEST(random_text)
{
	uint32_t seed = 1;
	char in[40];

	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof(in); k++) {
			seed = seed * 1664525 + 1013904223;
			in[k] = (char)(seed >> 24 & (i % 3 ? 0xff : 0x7f));
		}
		for (size_t p = 0; p < sizeof(pairs) / sizeof(*pairs); p++)
			same(pairs[p][0], pairs[p][1], in, sizeof(in) - (size_t)(i % 5));
	}
}
END_TEST

/* With too little room: as much as fits of the same, and E2BIG. */
START_TEST(short_of_room)
{
	const char in[] = "W\303\244\342\202\254\360\237\230\200!";
	iconv_t cd = own_iconv_open("UTF-16LE", "UTF-8");
	struct result whole, part;

	convert(true, cd, in, sizeof(in), sizeof(whole.out), &whole);
	ck_assert_uint_eq(whole.rc, 0);
	ck_assert_uint_eq(whole.made, 14);
	for (size_t room = 0; room < whole.made; room++) {
		convert(true, cd, in, sizeof(in), room, &part);
		ck_assert_int_eq(part.error, E2BIG);
		ck_assert_uint_le(part.made, room);
		ck_assert(memcmp(part.out, whole.out, part.made) == 0);
		/* going on from there gives the rest */
		convert(true, cd, in + part.used, sizeof(in) - part.used, sizeof(part.out), &part);
		ck_assert_uint_eq(part.rc, 0);
		ck_assert(memcmp(part.out, whole.out + whole.made - part.made, part.made) == 0);
	}
}
END_TEST

START_TEST(other_encodings_are_unknown)
{
	ck_assert(own_iconv_open("UTF-8", "windows-1252") == (iconv_t)-1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert(own_iconv_open("EBCDIC-US", "UTF-8") == (iconv_t)-1);
	ck_assert(own_iconv_open("utf-8", "iso-8859-1") != (iconv_t)-1);
}
END_TEST

SUITE(
    "iconv_static", every_character, edges, random_text, short_of_room, other_encodings_are_unknown)
