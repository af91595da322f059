/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libxml2 tells where it is at the end of each tag (xmlByteConsumed). A '<' stands nowhere
 * inside a tag, attribute values included, so the one before that begins it. What is found that way
 * is compared with the text each time: should another libxml2 count differently, the file
 * is left alone instead of damaged.
 */
#include "image/xml_map.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <string.h>

#include "common/cleanup.h"

#define LOST "the XML parser does not tell where it is"

struct builder {
	xmlParserCtxtPtr ctxt;
	const struct buf *text;
	const char *ns;
	struct xml_map *map;
	VEC(size_t) open; /* elements that have begun */
	struct buf chars; /* of the innermost one */
	struct error *err;
	bool failed;
};

static void attributes_free(struct xml_element *e)
{
	for (size_t i = 0; i < e->attributes.n; i++) {
		free(e->attributes.v[i].name);
		free(e->attributes.v[i].value);
	}
	free(e->attributes.v);
}

void xml_map_free(struct xml_map *map)
{
	for (size_t i = 0; i < map->elements.n; i++) {
		struct xml_element *e = &map->elements.v[i];

		free(e->name);
		if (e->text)
			explicit_bzero(e->text, strlen(e->text));
		free(e->text);
		attributes_free(e);
	}
	free(map->elements.v);
	*map = (struct xml_map){0};
}

/* The first reason counts; libxml2 is stopped. */
static void give_up(struct builder *b, enum err_code code, int line, const char *what)
{
	if (!b->failed)
		err_set(b->err, code, "line %d: %s", line, what);
	b->failed = true;
	xmlStopParser(b->ctxt);
}

static int line_now(const struct builder *b)
{
	return b->ctxt->input ? b->ctxt->input->line : 1;
}

/*
 * libxml2's own words would quote the file, and where a tag is broken that can be a product key.
 */
static const char *fault(int code)
{
	static const struct {
		int code;
		const char *words;
	} faults[] = {
	    {XML_ERR_DOCUMENT_END, "something follows the end of the root element"},
	    {XML_ERR_INVALID_CHAR, "a character that XML does not allow"},
	    {XML_ERR_INVALID_ENCODING, "bytes that are not of the file's encoding"},
	    {XML_ERR_UNDECLARED_ENTITY, "an entity that XML does not know"},
	    {XML_WAR_UNDECLARED_ENTITY, "an entity that XML does not know"},
	    {XML_ERR_ENTITYREF_SEMICOL_MISSING, "a bare \"&\", which is written &amp;"},
	    {XML_ERR_ATTRIBUTE_NOT_STARTED, "an attribute's value without quotation marks"},
	    {XML_ERR_ATTRIBUTE_WITHOUT_VALUE, "an attribute without a value"},
	    {XML_ERR_ATTRIBUTE_REDEFINED, "an attribute that is there twice"},
	    {XML_ERR_COMMENT_NOT_FINISHED, "a comment without an end"},
	    {XML_ERR_TAG_NAME_MISMATCH, "an end tag that does not belong to the last start tag"},
	    {XML_ERR_TAG_NOT_FINISHED, "the end of the file, before its elements end"},
	    {XML_ERR_GT_REQUIRED, "a tag without its \">\""},
	    {XML_ERR_NAME_REQUIRED, "a bare \"&\" or \"<\", which are written &amp; and &lt;"},
	    {XML_NS_ERR_UNDEFINED_NAMESPACE, "a namespace prefix that is not declared"},
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].code == code)
			return faults[i].words;
	return "not well-formed XML";
}

static void on_error(void *opaque, xmlErrorPtr e)
{
	struct builder *b = ((xmlParserCtxtPtr)opaque)->_private;

	if (e->level >= XML_ERR_ERROR && e->code != XML_ERR_USER_STOP)
		give_up(b, ERR_DAMAGED, e->line, fault(e->code));
}

static void on_doctype(
    void *opaque, const xmlChar *name, const xmlChar *public, const xmlChar *system)
{
	struct builder *b = ((xmlParserCtxtPtr)opaque)->_private;

	(void)name;
	(void)public;
	(void)system;
	give_up(b, ERR_UNKNOWN_SHAPE, line_now(b),
	    "a document type (<!DOCTYPE), which an answer file does not have");
}

/* Where libxml2 stands; false when that is outside the text. */
static bool offset_now(const struct builder *b, size_t *at)
{
	long n = xmlByteConsumed(b->ctxt);

	*at = (size_t)n;
	return n > 0 && *at <= b->text->len;
}

/* The '<' of the tag that ends at @end; false when no such tag with that name is there. */
static bool tag_start(
    const struct buf *text, size_t end, const char *before, const char *name, size_t *start)
{
	const char *less = memrchr(text->data, '<', end);
	size_t skip = strlen(before), n = strlen(name);

	if (!less)
		return false;
	const char *p = less + skip;
	const char *limit = text->data + end;
	if ((size_t)(limit - less) < skip || memcmp(less, before, skip) != 0)
		return false;
	const char *colon = memchr(p, ':', (size_t)(limit - p));
	size_t qualified = strcspn(p, " \t\r\n/>=");
	if (colon && (size_t)(colon - p) < qualified)
		p = colon + 1;
	*start = (size_t)(less - text->data);
	return (size_t)(limit - p) >= n && memcmp(p, name, n) == 0;
}

static void add_attributes(struct xml_element *e, int n, const xmlChar **v)
{
	for (int i = 0; i < n; i++, v += 5) {
		if (v[1])
			continue;
		struct xml_attribute *a = VEC_PUSH(&e->attributes);
		a->name = xstrdup((const char *)v[0]);
		a->value = xstrndup((const char *)v[3], (size_t)(v[4] - v[3]));
	}
}

/* Begin an element whose tag is @start to before @at; the innermost one from now on. */
static struct xml_element *push_element(struct builder *b, size_t start, size_t at)
{
	size_t parent = b->open.n ? b->open.v[b->open.n - 1] : XML_NO_PARENT;

	if (parent != XML_NO_PARENT)
		b->map->elements.v[parent].has_children = true;
	*VEC_PUSH(&b->open) = b->map->elements.n;
	struct xml_element *e = VEC_PUSH(&b->map->elements);
	e->parent = parent;
	e->line = (unsigned)line_now(b);
	e->start = start;
	e->empty_tag = b->text->data[at] == '/';
	e->content = at + (e->empty_tag ? strlen("/>") : strlen(">"));
	buf_reset(&b->chars);
	return e;
}

static void on_start(void *opaque, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
    int namespaces, const xmlChar **ns, int attributes, int defaulted, const xmlChar **v)
{
	struct builder *b = ((xmlParserCtxtPtr)opaque)->_private;
	size_t at, start;

	(void)prefix;
	(void)namespaces;
	(void)ns;
	(void)defaulted;
	if (b->failed)
		return;
	if (b->map->elements.n >= XML_MAP_MAX_ELEMENTS) {
		give_up(b, ERR_LIMIT, line_now(b), "more elements than any answer file has");
	} else if (b->open.n >= XML_MAP_MAX_DEPTH) {
		give_up(
		    b, ERR_LIMIT, line_now(b), "elements nested deeper than in any answer file");
	} else if (!offset_now(b, &at) || (b->text->data[at] != '/' && b->text->data[at] != '>') ||
		   !tag_start(b->text, at, "<", (const char *)name, &start)) {
		give_up(b, ERR_UNKNOWN_SHAPE, line_now(b), LOST);
	} else {
		struct xml_element *e = push_element(b, start, at);

		e->name = xstrdup((const char *)name);
		e->ours = uri && strcmp((const char *)uri, b->ns) == 0;
		add_attributes(e, attributes, v);
	}
}

static char *trimmed(const struct buf *b)
{
	const char *s = b->len ? b->data : "";
	size_t n = b->len;

	while (n && strchr(" \t\r\n", s[n - 1]))
		n--;
	while (n && strchr(" \t\r\n", *s)) {
		s++;
		n--;
	}
	return xstrndup(s, n);
}

static void on_end(void *opaque, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct builder *b = ((xmlParserCtxtPtr)opaque)->_private;
	size_t at, start;

	(void)prefix;
	(void)uri;
	if (b->failed || !b->open.n)
		return;
	struct xml_element *e = &b->map->elements.v[b->open.v[--b->open.n]];
	const char *before = e->empty_tag ? "<" : "</";
	if (!offset_now(b, &at) || at < e->content || b->text->data[at - 1] != '>' ||
	    !tag_start(b->text, at, before, (const char *)name, &start)) {
		give_up(b, ERR_UNKNOWN_SHAPE, line_now(b), LOST);
		return;
	}
	e->end = at;
	e->content_end = e->empty_tag ? e->content : start;
	if (!e->has_children)
		e->text = trimmed(&b->chars);
	buf_reset(&b->chars);
}

static void on_text(void *opaque, const xmlChar *s, int n)
{
	struct builder *b = ((xmlParserCtxtPtr)opaque)->_private;

	if (!b->failed)
		buf_add(&b->chars, s, (size_t)n);
}

/* The end of the comment, CDATA section or instruction at @p; NULL when it is a tag. */
static const char *skip_section(const char *p, const char *limit)
{
	static const char *const pairs[][2] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		size_t n = strlen(pairs[i][0]);

		if ((size_t)(limit - p) < n || memcmp(p, pairs[i][0], n) != 0)
			continue;
		const char *end =
		    memmem(p + n, (size_t)(limit - p) - n, pairs[i][1], strlen(pairs[i][1]));
		return end ? end : limit;
	}
	return NULL;
}

/* libxml2 compares each attribute of a tag with every other: a large tag keeps it busy for long. */
static int check_tags(const struct buf *text, struct error *err)
{
	const char *limit = text->data + text->len;
	unsigned line = 1;

	for (const char *p = text->data, *from = p; (p = memchr(p, '<', (size_t)(limit - p)));) {
		const char *end = skip_section(p, limit), *tag = p;
		char quote = 0;

		for (; from < p; from++)
			line += *from == '\n';
		if (end) {
			p = end;
			continue;
		}
		for (p++; p < limit && *p != '<' && (quote || *p != '>'); p++) {
			if (quote ? *p == quote : *p == '"' || *p == '\'')
				quote = quote ? 0 : *p;
		}
		if (p - tag > XML_MAP_MAX_TAG)
			return err_set(
			    err, ERR_LIMIT, "line %u: a tag longer than any answer file has", line);
	}
	return 0;
}

static int parse(struct builder *b)
{
	xmlSAXHandler handler = {
	    .initialized = XML_SAX2_MAGIC,
	    .internalSubset = on_doctype,
	    .startElementNs = on_start,
	    .endElementNs = on_end,
	    .characters = on_text,
	    .ignorableWhitespace = on_text,
	    .cdataBlock = on_text,
	    .serror = on_error,
	};

	b->ctxt = xmlCreateMemoryParserCtxt(b->text->data, (int)b->text->len);
	if (!b->ctxt)
		return err_set(b->err, ERR_DAMAGED, "line 1: the XML parser cannot read it");
	*b->ctxt->sax = handler;
	b->ctxt->userData = b->ctxt;
	b->ctxt->_private = b;
	/* the text is UTF-8 by now, whatever it declares */
	xmlCtxtUseOptions(b->ctxt, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NODICT);
	xmlParseDocument(b->ctxt);
	if (!b->failed && (!b->ctxt->wellFormed || b->open.n || !b->map->elements.n))
		give_up(b, ERR_DAMAGED, line_now(b), "not well-formed");
	xmlFreeParserCtxt(b->ctxt);
	return b->failed ? -1 : 0;
}

int xml_map_read(const struct buf *text, const char *ns, struct xml_map *out, struct error *err)
{
	struct builder b = {.text = text, .ns = ns, .map = out, .err = err};

	*out = (struct xml_map){0};
	if (!text->len || text->len > INT32_MAX)
		return err_set(err, ERR_DAMAGED, "line 1: empty, or too large for an XML file");
	if (check_tags(text, err) < 0)
		return -1;
	int rc = parse(&b);
	free(b.open.v);
	buf_wipe_free(&b.chars);
	if (rc < 0)
		xml_map_free(out);
	return rc;
}

const char *xml_attribute(const struct xml_element *e, const char *name)
{
	for (size_t i = 0; i < e->attributes.n; i++)
		if (strcmp(e->attributes.v[i].name, name) == 0)
			return e->attributes.v[i].value;
	return NULL;
}

size_t xml_position(const struct xml_map *map, const struct xml_element *e)
{
	return (size_t)(e - map->elements.v);
}

const struct xml_element *xml_child(
    const struct xml_map *map, size_t parent, const char *name, size_t after)
{
	size_t i = after == XML_NO_PARENT ? parent + 1 : after + 1;

	/* everything below an element follows it and ends before it does */
	for (; i < map->elements.n; i++) {
		const struct xml_element *e = &map->elements.v[i];

		if (e->start >= map->elements.v[parent].end)
			break;
		if (e->parent == parent && e->ours && strcmp(e->name, name) == 0)
			return e;
	}
	return NULL;
}
