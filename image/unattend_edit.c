/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes to an answer file. Each replaces one stretch of the text and maps the result anew, so
 * that the next one stands on what is there, and that nothing is kept which does not parse.
 * What is added is laid out as its surroundings are: line ends, indentation, namespace prefix.
 */
#include <assert.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/unattend_internal.h"

#define PUBLIC_KEY_TOKEN "31bf3856ad364e35" /* of all of Windows' own components */

/* Put @insert in the place of @remove bytes at @at; on failure @u is what it was. */
static int splice(
    struct unattend *u, size_t at, size_t remove, const char *insert, struct error *err)
{
	struct buf old = u->text.utf8, fresh = BUF_INIT;
	struct xml_map old_map = u->map;

	buf_reserve(&fresh, old.len - remove + strlen(insert));
	buf_add(&fresh, old.data, at);
	buf_adds(&fresh, insert);
	buf_add(&fresh, old.data + at + remove, old.len - at - remove);
	u->text.utf8 = fresh;
	if (unattend_map(u, err) < 0) {
		buf_wipe_free(&fresh);
		u->text.utf8 = old;
		u->map = old_map;
		return -1;
	}
	buf_wipe_free(&old);
	xml_map_free(&old_map);
	return 1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- where elements stand ---- */

/* The first byte of the line that @at is on. */
static size_t line_start(const struct buf *text, size_t at)
{
	const char *newline = at ? memrchr(text->data, '\n', at) : NULL;

	return newline ? (size_t)(newline - text->data) + 1 : 0;
}

/* Indentation of the element at @at; NULL when something else is before it on its line. */
static char *indentation(const struct buf *text, size_t at)
{
	size_t start = line_start(text, at);

	for (size_t i = start; i < at; i++)
		if (text->data[i] != ' ' && text->data[i] != '\t')
			return NULL;
	return xstrndup(text->data + start, at - start);
}

/* What to cut so that no blank line stays where the element was alone on its own. */
static void widen_to_line(const struct buf *text, size_t *start, size_t *end)
{
	CLEANUP(free) char *indent = indentation(text, *start);
	size_t after = *end;

	while (after < text->len && text->data[after] != '\n' && is_blank(text->data[after]))
		after++;
	if (!indent || after >= text->len || text->data[after] != '\n')
		return;
	*start -= strlen(indent);
	*end = after + 1;
}

static const char *line_end(const struct buf *text)
{
	const char *newline = memchr(text->data, '\n', text->len);

	return newline && newline > text->data && newline[-1] == '\r' ? "\r\n" : "\n";
}

/* "prefix:" of the element's tag, or "". */
static char *prefix_of(const struct buf *text, const struct xml_element *e)
{
	const char *tag = text->data + e->start + 1;
	size_t name = strcspn(tag, " \t\r\n/>"), colon = strcspn(tag, ":");

	return colon < name ? xstrndup(tag, colon + 1) : xstrdup("");
}

/*
 * How much deeper children are indented than @e: by the example of its own children, or else by
 * how much deeper it is than its parent.
 */
static char *indent_step(const struct unattend *u, const struct xml_element *e)
{
	const struct buf *text = &u->text.utf8;
	const struct xml_element *outer = e, *inner = e->has_children ? e + 1 : NULL;

	if (!inner && e->parent != XML_NO_PARENT) {
		outer = &u->map.elements.v[e->parent];
		inner = e;
	}
	CLEANUP(free) char *shallow = indentation(text, outer->start);
	CLEANUP(free) char *deep = inner ? indentation(text, inner->start) : NULL;
	size_t n = shallow ? strlen(shallow) : 0;
	if (shallow && deep && strlen(deep) > n && strncmp(deep, shallow, n) == 0)
		return xstrdup(deep + n);
	return xstrdup("    ");
}

/* ---- adding ---- */

/* Lines of what is to be added, each so many steps deeper than the parent. */
struct fragment {
	unsigned depth[4];
	char *line[4];
	size_t n;
};

static void fragment_add(struct fragment *f, unsigned depth, char *line)
{
	assert(f->n < sizeof(f->line) / sizeof(f->line[0]));
	f->depth[f->n] = depth;
	f->line[f->n++] = line;
}

static void fragment_free(struct fragment *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->line[i]);
}

/* @f as text in @parent; @indent NULL: the file has no layout here, so neither has this. */
static void lay_out(const struct unattend *u, const struct xml_element *parent,
    const struct fragment *f, const char *indent, struct buf *out)
{
	CLEANUP(free) char *step = indent_step(u, parent);

	for (size_t i = 0; i < f->n; i++) {
		if (indent) {
			buf_addf(out, "%s%s", line_end(&u->text.utf8), indent);
			for (unsigned k = 0; k < f->depth[i]; k++)
				buf_adds(out, step);
		}
		buf_adds(out, f->line[i]);
	}
}

/* Indentation of @parent where its children stand on lines of their own, else NULL. */
static char *layout_of(const struct unattend *u, const struct xml_element *parent)
{
	const struct buf *text = &u->text.utf8;
	size_t n = parent->content_end - parent->content;

	if (n && !memchr(text->data + parent->content, '\n', n))
		return NULL;
	return indentation(text, parent->start);
}

/* <a/> becomes <a>@content</a>. */
static int fill_empty(
    struct unattend *u, const struct xml_element *e, const char *content, struct error *err)
{
	const struct buf *text = &u->text.utf8;
	CLEANUP(free) char *prefix = prefix_of(text, e);
	CLEANUP(free) char *filled = xasprintf(">%s</%s%s>", content, prefix, e->name);
	size_t cut = e->end - strlen("/>");

	while (is_blank(text->data[cut - 1]))
		cut--;
	return splice(u, cut, e->end - cut, filled, err);
}

/* Put @f into @parent: before everything that is there, or after it. */
static int add(struct unattend *u, const struct xml_element *parent, bool first,
    const struct fragment *f, struct error *err)
{
	const struct buf *text = &u->text.utf8;
	CLEANUP(free) char *indent = layout_of(u, parent);
	CLEANUP(buf) struct buf b = BUF_INIT;
	size_t at = parent->content_end;

	while (at > parent->content && is_blank(text->data[at - 1]))
		at--;
	if (first)
		at = parent->content;
	lay_out(u, parent, f, indent, &b);
	/* <a></a>, <a/>: the end tag goes to a line of its own */
	if (indent && parent->content == parent->content_end)
		buf_addf(&b, "%s%s", line_end(text), indent);
	if (parent->empty_tag)
		return fill_empty(u, parent, b.data, err);
	return splice(u, at, 0, b.data, err);
}

/* ---- settings ---- */

/*
 * The content of an element without child elements, with @value for its text: comments,
 * instructions and blanks stay. Well-formed, so every section that begins has an end.
 */
static void replace_text(const char *s, size_t n, const char *value, struct buf *out)
{
	static const struct {
		const char *begin, *end;
		bool keep;
	} sections[] = {{"<!--", "-->", true}, {"<?", "?>", true}, {"<![CDATA[", "]]>", false}};
	bool done = false;

	for (size_t i = 0; i < n;) {
		size_t length = 1;
		bool keep = is_blank(s[i]);

		for (size_t k = 0; k < 3; k++) {
			size_t m = strlen(sections[k].begin);

			if (n - i < m || memcmp(s + i, sections[k].begin, m) != 0)
				continue;
			const char *end =
			    memmem(s + i + m, n - i - m, sections[k].end, strlen(sections[k].end));
			length = end ? (size_t)(end - s) + strlen(sections[k].end) - i : n - i;
			keep = sections[k].keep;
			break;
		}
		if (keep) {
			buf_add(out, s + i, length);
		} else if (!done) {
			buf_adds(out, value);
			done = true;
		}
		i += length;
	}
	if (!done)
		buf_adds(out, value);
}

static int set_element(
    struct unattend *u, const struct xml_element *e, const char *value, struct error *err)
{
	const struct buf *text = &u->text.utf8;
	CLEANUP(buf) struct buf b = BUF_INIT;

	if (e->has_children)
		return err_set(
		    err, ERR_UNKNOWN_SHAPE, "line %u: <%s> has elements in it", e->line, e->name);
	if (e->empty_tag)
		return fill_empty(u, e, value, err);
	replace_text(text->data + e->content, e->content_end - e->content, value, &b);
	return splice(u, e->content, e->content_end - e->content, b.data, err);
}

static int add_item(struct unattend *u, enum unattend_item item, enum win_arch arch,
    const char *value, struct error *err)
{
	const struct unattend_place *place = &unattend_places[item];
	const struct xml_element *settings = unattend_settings(u, place->pass, NULL), *component;
	struct fragment f = {0};

	assert(!place->path[1]);
	if (!settings)
		return err_set(err, ERR_UNKNOWN_SHAPE, "it has no settings for the %s pass",
		    unattend_pass_name(place->pass));
	component = unattend_component(u, settings, place->component, arch, NULL);
	const struct xml_element *parent = component ? component : settings;
	CLEANUP(free) char *prefix = prefix_of(&u->text.utf8, parent);
	if (!component)
		fragment_add(&f, 1,
		    xasprintf("<%scomponent name=\"%s\" processorArchitecture=\"%s\" "
			      "publicKeyToken=\"" PUBLIC_KEY_TOKEN "\" language=\"neutral\" "
			      "versionScope=\"nonSxS\">",
			prefix, place->component, win_arch_name(arch)));
	fragment_add(&f, component ? 1 : 2,
	    xasprintf("<%s%s>%s</%s%s>", prefix, place->path[0], value, prefix, place->path[0]));
	if (!component)
		fragment_add(&f, 1, xasprintf("</%scomponent>", prefix));
	int rc = add(u, parent, false, &f, err);
	fragment_free(&f);
	return rc;
}

int unattend_set(struct unattend *u, enum unattend_item item, enum win_arch arch, const char *value,
    struct error *err)
{
	const struct xml_element *e;
	int changed = 0;

	assert(!strpbrk(value, "<>&\r\n"));
	for (size_t nth = 0; (e = unattend_find(u, item, arch, nth)); nth++) {
		if (e->text && strcmp(e->text, value) == 0)
			continue;
		if (set_element(u, e, value, err) < 0)
			return -1;
		changed = 1;
	}
	if (unattend_find(u, item, arch, 0))
		return changed;
	return add_item(u, item, arch, value, err);
}

int unattend_remove(
    struct unattend *u, enum unattend_item item, enum win_arch arch, struct error *err)
{
	const struct xml_element *e;
	int changed = 0;

	while ((e = unattend_find(u, item, arch, 0))) {
		size_t start = e->start, end = e->end;

		widen_to_line(&u->text.utf8, &start, &end);
		if (splice(u, start, end - start, "", err) < 0)
			return -1;
		changed = 1;
	}
	return changed;
}

/* ---- packages ---- */

/* Windows' own tools write <servicing> before the settings. */
static int add_servicing(struct unattend *u, struct error *err)
{
	const struct xml_element *root = &u->map.elements.v[0];
	CLEANUP(free) char *prefix = prefix_of(&u->text.utf8, root);
	struct fragment f = {0};

	fragment_add(&f, 1, xasprintf("<%sservicing>", prefix));
	fragment_add(&f, 1, xasprintf("</%sservicing>", prefix));
	int rc = add(u, root, true, &f, err);
	fragment_free(&f);
	return rc;
}

static int add_package(struct unattend *u, const struct cbs_identity *id, struct error *err)
{
	struct fragment f = {0};

	if (!xml_child(&u->map, 0, "servicing", XML_NO_PARENT) && add_servicing(u, err) < 0)
		return -1;
	const struct xml_element *servicing = xml_child(&u->map, 0, "servicing", XML_NO_PARENT);
	CLEANUP(free) char *prefix = prefix_of(&u->text.utf8, servicing);
	fragment_add(&f, 1, xasprintf("<%spackage action=\"remove\">", prefix));
	fragment_add(&f, 2,
	    xasprintf("<%sassemblyIdentity name=\"%s\" version=\"%s\" processorArchitecture=\"%s\" "
		      "publicKeyToken=\"%s\" language=\"%s\"/>",
		prefix, id->name, id->version, id->arch, id->token, id->language));
	fragment_add(&f, 1, xasprintf("</%spackage>", prefix));
	int rc = add(u, servicing, false, &f, err);
	fragment_free(&f);
	return rc;
}

int unattend_add_package_removal(struct unattend *u, const char *identity, struct error *err)
{
	struct cbs_identity id;
	int rc;

	if (!cbs_identity_parse(identity, &id))
		return err_set(err, ERR_INTERNAL, "not a package identity: %s", identity);
	const struct xml_element *other = unattend_package(u, &id, NULL);
	if (unattend_removes_package(u, identity))
		rc = 0;
	else if (other)
		rc = err_set(err, ERR_UNKNOWN_SHAPE,
		    "line %u: <servicing> does something else with %s", other->line, id.name);
	else
		rc = add_package(u, &id, err);
	cbs_identity_free(&id);
	return rc;
}
