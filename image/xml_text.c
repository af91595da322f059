/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/xml_text.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"

#define BOM_UTF8 "\xef\xbb\xbf"
#define BOM_UTF16LE "\xff\xfe"
#define BOM_UTF16BE "\xfe\xff"

/* An XML declaration is short; one that is not is none. */
#define DECLARATION_MAX 256

const char *xml_encoding_name(enum xml_encoding encoding)
{
	static const char *const names[] = {
	    [XML_UTF8] = "utf-8",
	    [XML_UTF16LE] = "utf-16le",
	    [XML_UTF16BE] = "utf-16be",
	    [XML_CODE_PAGE] = "code page",
	};

	return names[encoding];
}

void xml_text_free(struct xml_text *t)
{
	buf_wipe_free(&t->utf8);
	*t = (struct xml_text){0};
}

static bool starts_with(const struct buf *b, const char *s, size_t n)
{
	return b->len >= n && memcmp(b->data, s, n) == 0;
}

/* How the first bytes say the file is written; returns the length of the byte order mark. */
static size_t detect(const struct buf *file, enum xml_encoding *encoding)
{
	*encoding = XML_UTF8;
	if (starts_with(file, BOM_UTF8, 3))
		return 3;
	if (starts_with(file, "<\0", 2) || starts_with(file, BOM_UTF16LE, 2)) {
		*encoding = XML_UTF16LE;
		return file->data[0] == '<' ? 0 : 2;
	}
	if (starts_with(file, "\0<", 2) || starts_with(file, BOM_UTF16BE, 2)) {
		*encoding = XML_UTF16BE;
		return file->data[0] == '\0' ? 0 : 2;
	}
	return 0;
}

static void swap_bytes(char *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2) {
		char c = p[i];

		p[i] = p[i + 1];
		p[i + 1] = c;
	}
}

static void encode_utf16(const struct xml_text *t, struct buf *out)
{
	size_t start = out->len;

	if (!t->utf8.len || !utf8_to_utf16le(t->utf8.data, out))
		return;
	out->len -= 2; /* its NUL */
	if (t->encoding == XML_UTF16BE)
		swap_bytes(out->data + start, out->len - start);
}

/* Lone surrogates, NUL and an odd byte would not come back: then it is not UTF-16 text. */
static bool decode_utf16(const char *p, size_t n, struct xml_text *t)
{
	struct buf units = BUF_INIT, again = BUF_INIT;

	buf_add(&units, p, n);
	if (t->encoding == XML_UTF16BE)
		swap_bytes(units.data, n);
	char *utf8 = utf16le_to_utf8(units.data, n);
	t->utf8 = (struct buf){.data = utf8, .len = strlen(utf8), .cap = strlen(utf8) + 1};
	encode_utf16(t, &again);
	bool same = again.len == n && (n == 0 || memcmp(again.data, p, n) == 0);
	buf_wipe_free(&units);
	buf_wipe_free(&again);
	return same;
}

static void decode_code_page(const char *p, size_t n, struct buf *out)
{
	buf_reserve(out, 2 * n);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		char two[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};

		if (c < 0x80)
			buf_add(out, p + i, 1);
		else
			buf_add(out, two, 2);
	}
}

static void encode_code_page(const struct buf *utf8, struct buf *out)
{
	for (size_t i = 0; i < utf8->len; i++) {
		unsigned char c = (unsigned char)utf8->data[i];

		if (c >= 0x80 && i + 1 < utf8->len)
			c = (unsigned char)((c & 3) << 6 | (utf8->data[++i] & 0x3f));
		buf_add(out, &c, 1);
	}
}

void xml_text_encode(const struct xml_text *t, struct buf *out)
{
	static const char *const boms[] = {
	    [XML_UTF8] = BOM_UTF8,
	    [XML_UTF16LE] = BOM_UTF16LE,
	    [XML_UTF16BE] = BOM_UTF16BE,
	    [XML_CODE_PAGE] = "",
	};

	if (t->bom)
		buf_adds(out, boms[t->encoding]);
	if (t->encoding == XML_UTF8)
		buf_add(out, t->utf8.data, t->utf8.len);
	else if (t->encoding == XML_CODE_PAGE)
		encode_code_page(&t->utf8, out);
	else
		encode_utf16(t, out);
}

/* encoding="…" of the XML declaration at the beginning; NULL: none. The caller frees it. */
static char *declared_encoding(const char *s, size_t n)
{
	CLEANUP(free) char *head = xstrndup(s, n < DECLARATION_MAX ? n : DECLARATION_MAX);
	char *end = strstr(head, "?>"), *name;

	if (strncmp(head, "<?xml", 5) != 0 || !end)
		return NULL;
	*end = '\0';
	name = strstr(head, "encoding");
	if (!name)
		return NULL;
	name += strcspn(name, "\"'");
	return *name ? xstrndup(name + 1, strcspn(name + 1, "\"'")) : NULL;
}

/* What @declared can mean for bytes that look like @seen; false: it contradicts them. */
static bool agree(const char *declared, bool bom, enum xml_encoding *seen)
{
	if (*seen != XML_UTF8)
		return name_has_prefix(declared, "utf-16") || name_eq(declared, "unicode");
	if (name_eq(declared, "utf-8") || (name_eq(declared, "us-ascii") && !bom))
		return true;
	if (bom ||
	    !(name_has_prefix(declared, "iso-8859-") || name_has_prefix(declared, "windows-125")))
		return false;
	*seen = XML_CODE_PAGE;
	return true;
}

static bool is_text(const struct buf *b)
{
	return b->len > 0 && !memchr(b->data, '\0', b->len) && strchr("< \t\r\n", b->data[0]);
}

static int decode(const struct buf *file, struct xml_text *t, struct error *err)
{
	size_t bom = detect(file, &t->encoding);
	const char *body = file->len ? file->data + bom : "";
	size_t n = file->len - bom;

	t->bom = bom > 0;
	if (t->encoding == XML_UTF8)
		buf_add(&t->utf8, body, n);
	else if (!decode_utf16(body, n, t))
		return err_set(err, ERR_DAMAGED, "begins as UTF-16 and is not");
	if (!is_text(&t->utf8))
		return err_set(err, ERR_DAMAGED, "not an XML file");
	CLEANUP(free) char *declared = declared_encoding(t->utf8.data, t->utf8.len);
	if (declared && !agree(declared, t->bom, &t->encoding))
		return err_set(err, ERR_UNKNOWN_SHAPE,
		    "line 1: the encoding it names is not the one it is written in, or not known");
	if (t->encoding == XML_CODE_PAGE) {
		struct buf bytes = t->utf8;

		t->utf8 = BUF_INIT;
		decode_code_page(bytes.data, bytes.len, &t->utf8);
		buf_wipe_free(&bytes);
	}
	return 0;
}

int xml_text_decode(const struct buf *file, struct xml_text *out, struct error *err)
{
	*out = (struct xml_text){0};
	if (decode(file, out, err) == 0)
		return 0;
	xml_text_free(out);
	return -1;
}
