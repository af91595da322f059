/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iconv for the static program, in the place of glibc's, which would load a module of the very
 * same glibc for UTF-16: an imaging client has none, or one of another release.
 *
 * What libhivex asks for: UTF-8, UTF-16LE and ISO 8859-1. libxml2 reads the UTFs by itself and is
 * told of every other encoding that there is none. Answers are those of glibc.
 */
#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define UNICODE_MAX 0x10ffffu
#define BAD ((uint32_t)-1)   /* never a character here */
#define SHORT ((uint32_t)-2) /* the input ends within one */

static const char *const names[] = {"UTF-8", "UTF-16LE", "ISO-8859-1", "LATIN1"};
enum { UTF_8, UTF_16LE, LATIN_1, LATIN_1_TOO };

static int encoding_of(const char *name)
{
	for (int i = 0; i <= LATIN_1_TOO; i++)
		if (strcasecmp(name, names[i]) == 0)
			return i == LATIN_1_TOO ? LATIN_1 : i;
	return -1;
}

/* A descriptor is the two encodings, and never the address of anything. */
iconv_t iconv_open(const char *to, const char *from)
{
	int t = encoding_of(to), f = encoding_of(from);

	if (t < 0 || f < 0) {
		errno = EINVAL;
		return (iconv_t)-1;
	}
	return (iconv_t)(intptr_t)(t << 4 | f);
}

int iconv_close(iconv_t cd)
{
	(void)cd;
	return 0;
}

static bool surrogate(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdfff;
}

static uint32_t get_utf8(const uint8_t *p, size_t n, size_t *used)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	uint32_t c = p[0];
	size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : 3;

	if ((c >= 0x80 && c < 0xc2) || c > 0xf4)
		return BAD;
	c &= more == 0 ? 0x7f : 0x3fu >> more;
	for (size_t i = 1; i <= more; i++) {
		if (i == n)
			return SHORT;
		if ((p[i] & 0xc0) != 0x80)
			return BAD;
		c = c << 6 | (p[i] & 0x3f);
	}
	*used = more + 1;
	return c < least[more] || c > UNICODE_MAX || surrogate(c) ? BAD : c;
}

static uint32_t get_utf16(const uint8_t *p, size_t n, size_t *used)
{
	uint32_t high, low;

	if (n < 2)
		return SHORT;
	high = p[0] | (uint32_t)p[1] << 8;
	*used = 2;
	if (!surrogate(high))
		return high;
	if (high >= 0xdc00)
		return BAD;
	if (n < 4)
		return SHORT;
	low = p[2] | (uint32_t)p[3] << 8;
	*used = 4;
	return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff))
					      : BAD;
}

static uint32_t get(int encoding, const uint8_t *p, size_t n, size_t *used)
{
	if (encoding == UTF_8)
		return get_utf8(p, n, used);
	if (encoding == UTF_16LE)
		return get_utf16(p, n, used);
	*used = 1;
	return p[0];
}

/* Number of bytes in @out; 0: the encoding has no such character. */
static size_t put(int encoding, uint32_t c, uint8_t out[static 4])
{
	if (encoding == LATIN_1 || (encoding == UTF_8 && c < 0x80)) {
		out[0] = (uint8_t)c;
		return c < 0x100;
	}
	if (encoding == UTF_16LE) {
		uint32_t high = c < 0x10000 ? c : 0xd800 + ((c - 0x10000) >> 10);
		uint32_t low = 0xdc00 + (c & 0x3ff);

		out[0] = (uint8_t)high;
		out[1] = (uint8_t)(high >> 8);
		out[2] = (uint8_t)low;
		out[3] = (uint8_t)(low >> 8);
		return c < 0x10000 ? 2 : 4;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
	out[0] = (uint8_t)(0xf00 >> n | c);
	return n;
}

static size_t fail(int error)
{
	errno = error;
	return (size_t)-1;
}

size_t iconv(iconv_t cd, char **restrict in, size_t *restrict in_left, char **restrict out,
    size_t *restrict out_left)
{
	int from = (int)(intptr_t)cd & 15, to = (int)(intptr_t)cd >> 4;

	while (in && *in && *in_left) {
		uint8_t bytes[4];
		size_t used = 0;
		uint32_t c = get(from, (const uint8_t *)*in, *in_left, &used);

		if (c == BAD || c == SHORT)
			return fail(c == BAD ? EILSEQ : EINVAL);
		size_t n = put(to, c, bytes);
		if (n == 0)
			return fail(EILSEQ);
		if (n > *out_left)
			return fail(E2BIG);
		memcpy(*out, bytes, n);
		*out += n;
		*out_left -= n;
		*in += used;
		*in_left -= used;
	}
	return 0;
}
