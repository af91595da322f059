/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/text.h"

#include <stdint.h>
#include <string.h>

static void add_utf8(struct buf *b, uint32_t c)
{
	char t[4];
	size_t n;

	if (c < 0x80) {
		t[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		t[0] = (char)(0xc0 | c >> 6);
		t[1] = (char)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		t[0] = (char)(0xe0 | c >> 12);
		t[1] = (char)(0x80 | (c >> 6 & 0x3f));
		t[2] = (char)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		t[0] = (char)(0xf0 | c >> 18);
		t[1] = (char)(0x80 | (c >> 12 & 0x3f));
		t[2] = (char)(0x80 | (c >> 6 & 0x3f));
		t[3] = (char)(0x80 | (c & 0x3f));
		n = 4;
	}
	buf_add(b, t, n);
}

static uint16_t unit_at(const unsigned char *p, size_t i)
{
	return (uint16_t)(p[2 * i] | p[2 * i + 1] << 8);
}

char *utf16le_to_utf8(const void *data, size_t bytes)
{
	const unsigned char *p = data;
	size_t n = bytes / 2;
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		uint32_t c = unit_at(p, i);

		if (c == 0)
			break;
		if (c >= 0xd800 && c < 0xdc00 && i + 1 < n) {
			uint32_t low = unit_at(p, i + 1);

			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i++;
			}
		}
		if (c >= 0xd800 && c < 0xe000)
			c = 0xfffd;
		add_utf8(&b, c);
	}
	return buf_steal(&b);
}

/* Decode one character of strict UTF-8; returns its length, 0 when malformed. */
static size_t decode_utf8(const unsigned char *s, size_t n, uint32_t *out)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len;
	uint32_t c;

	if (n == 0)
		return 0;
	if (s[0] < 0x80) {
		*out = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] < 0xe0) {
		len = 2;
		c = s[0] & 0x1fu;
	} else if (s[0] >= 0xe0 && s[0] < 0xf0) {
		len = 3;
		c = s[0] & 0x0fu;
	} else if (s[0] >= 0xf0 && s[0] < 0xf5) {
		len = 4;
		c = s[0] & 0x07u;
	} else {
		return 0;
	}
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*out = c;
	return len;
}

bool utf8_valid(const char *s, size_t n)
{
	uint32_t c;

	while (n) {
		size_t len = decode_utf8((const unsigned char *)s, n, &c);

		if (!len)
			return false;
		s += len;
		n -= len;
	}
	return true;
}

static void add_unit(struct buf *b, uint32_t u)
{
	char t[2] = {(char)(u & 0xff), (char)(u >> 8)};

	buf_add(b, t, 2);
}

bool utf8_to_utf16le(const char *s, struct buf *out)
{
	size_t n = strlen(s);

	if (!utf8_valid(s, n))
		return false;
	while (n) {
		uint32_t c = 0;
		size_t len = decode_utf8((const unsigned char *)s, n, &c);

		if (c >= 0x10000) {
			add_unit(out, 0xd800 + ((c - 0x10000) >> 10));
			add_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
		} else {
			add_unit(out, c);
		}
		s += len;
		n -= len;
	}
	add_unit(out, 0);
	return true;
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c;
}

static int ncmp(const char *a, const char *b, size_t n)
{
	for (; n; a++, b++, n--) {
		int d = lower(*a) - lower(*b);

		if (d || !*a)
			return d;
	}
	return 0;
}

int name_cmp(const char *a, const char *b)
{
	return ncmp(a, b, SIZE_MAX);
}

bool name_eq(const char *a, const char *b)
{
	return name_cmp(a, b) == 0;
}

bool name_has_prefix(const char *s, const char *prefix)
{
	return ncmp(s, prefix, strlen(prefix)) == 0;
}

bool name_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && name_eq(s + n - m, suffix);
}

bool name_contains(const char *s, const char *part)
{
	size_t m = strlen(part);

	for (;; s++) {
		if (ncmp(s, part, m) == 0)
			return true;
		if (!*s)
			return false;
	}
}

bool name_matches(const char *p, const char *s)
{
	const char *star = NULL, *retry = NULL;

	/* the usual two-pointer walk: back to the last star on a mismatch, so linear in practice */
	while (*s) {
		if (*p == '*') {
			star = ++p;
			retry = s;
		} else if (*p == '?' || (*p && lower(*p) == lower(*s))) {
			p++;
			s++;
		} else if (star) {
			p = star;
			s = ++retry;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

void text_one_line(char *str)
{
	for (unsigned char *s = (unsigned char *)str; s && *s; s++) {
		if (*s < 0x20 || *s == 0x7f)
			*s = ' ';
		else if (*s == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
			s[0] = s[1] = ' ';
	}
}

unsigned edit_distance(const char *a, const char *b, unsigned limit)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[65];

	if (m > 64 || n > 64 || (n > m ? n - m : m - n) > limit)
		return limit + 1;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m] > limit ? limit + 1 : row[m];
}

void suggestion_offer(struct suggestion *s, const char *name)
{
	size_t n = strlen(s->typed);
	unsigned limit = s->best ? s->distance - 1 : n < 4 ? 1 : n < 8 ? 2 : 3;

	if (s->best && !s->distance)
		return;
	unsigned distance = edit_distance(s->typed, name, limit);
	if (distance <= limit) {
		s->best = name;
		s->distance = distance;
	} else if (!s->best && n >= 4 && name_has_prefix(name, s->typed)) {
		s->best = name;
		s->distance = limit + 1;
	}
}

bool parse_uint(const char *s, unsigned long min, unsigned long max, unsigned long *out)
{
	unsigned long v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		if (__builtin_mul_overflow(v, 10UL, &v) ||
		    __builtin_add_overflow(v, (unsigned long)(*s - '0'), &v))
			return false;
	}
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

char *to_hex(const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *s = p;
	char *out = xmalloc(2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[s[i] >> 4];
		out[2 * i + 1] = digits[s[i] & 15];
	}
	out[2 * n] = '\0';
	return out;
}
