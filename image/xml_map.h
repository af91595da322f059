/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where each element of an XML text is, so that one can be changed and all bytes outside it
 * stay what they are.
 *
 * The text comes from an image and is not trusted: a document type is refused before
 * anything in it is read (so there are no entities), nothing external is ever fetched, depth,
 * elements and attributes are limited, and libxml2 prints nothing.
 */
#ifndef W7PREP_IMAGE_XML_MAP_H
#define W7PREP_IMAGE_XML_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/error.h"

#define XML_MAP_MAX_ELEMENTS 100000
#define XML_MAP_MAX_DEPTH 128
#define XML_MAP_MAX_TAG 16384	/* bytes of one start tag */

#define XML_NO_PARENT ((size_t)-1)

struct xml_attribute {
	char *name, *value;	/* those without a prefix */
};

struct xml_element {
	size_t parent;		/* position in the map; XML_NO_PARENT: the root */
	char *name;		/* local name */
	bool ours;		/* in the namespace that was asked for */
	unsigned line;		/* of the end of its start tag, from 1 */
	size_t start, end;	/* bytes from '<' to after the last '>' */
	size_t content, content_end;	/* between the tags; equal where there is nothing */
	bool empty_tag;		/* written <a/> */
	bool has_children;
	/* Character data without blanks around it; NULL where there are child elements. May be
	 * secret: wiped when freed. */
	char *text;
	VEC(struct xml_attribute) attributes;
};

struct xml_map {
	VEC(struct xml_element) elements;	/* in document order: the root is the first */
};

/*
 * Map @text (UTF-8). ERR_DAMAGED: not well-formed, ERR_UNKNOWN_SHAPE: it has a document
 * type, ERR_LIMIT; the message begins with "line N: " and quotes nothing of the text. @out is the caller's to xml_map_free() after
 * success.
 */
int xml_map_read(const struct buf *text, const char *ns, struct xml_map *out, struct error *err);
void xml_map_free(struct xml_map *map);

/* The attribute's value, NULL: not there. */
const char *xml_attribute(const struct xml_element *e, const char *name);

/*
 * The next child of @parent with that name in the namespace, after position @after
 * (XML_NO_PARENT: the first); NULL: no more.
 */
const struct xml_element *xml_child(
    const struct xml_map *map, size_t parent, const char *name, size_t after);
size_t xml_position(const struct xml_map *map, const struct xml_element *e);

#endif
