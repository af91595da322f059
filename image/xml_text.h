/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of an XML file as UTF-8, and back into the encoding they came in.
 *
 * Windows System Image Manager writes UTF-8 with or without a byte order mark, editors also
 * UTF-16 of either order, and old files name a Windows code page. What was not changed goes back
 * byte for byte: a file that would not is refused. libxml2 is never asked to convert.
 */
#ifndef W7PREP_IMAGE_XML_TEXT_H
#define W7PREP_IMAGE_XML_TEXT_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/error.h"

enum xml_encoding {
	XML_UTF8,
	XML_UTF16LE,
	XML_UTF16BE,
	/*
	 * iso-8859-N, windows-125N: all above ASCII is carried through as U+0080 to U+00FF, which
	 * is not what it means but is enough for names and values that are ASCII.
	 */
	XML_CODE_PAGE,
};

/* "utf-8", "utf-16le", "utf-16be", "code page": for reports */
const char *xml_encoding_name(enum xml_encoding encoding);

struct xml_text {
	enum xml_encoding encoding;
	bool bom;
	struct buf utf8;	/* without a byte order mark and without NUL; may hold secrets */
};

/*
 * Read @file. ERR_DAMAGED: not text, or not of the encoding it names; ERR_UNKNOWN_SHAPE: of one
 * that we do not carry through. UTF-8 is not checked here (the parser does, and knows the line).
 * @out is the caller's to xml_text_free() after success.
 */
int xml_text_decode(const struct buf *file, struct xml_text *out, struct error *err);
void xml_text_free(struct xml_text *t);

/* The file of which @t is the text, added to @out. */
void xml_text_encode(const struct xml_text *t, struct buf *out);

#endif
