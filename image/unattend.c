/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/unattend.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/unattend_internal.h"

#define NAMESPACE "urn:schemas-microsoft-com:unattend"
#define ROOT 0
/* Of one setting; more make no sense, and each change reads the file again. */
#define MAX_VALUES 32

const struct unattend_place unattend_places[UNATTEND_ITEMS] = {
    [UNATTEND_PRODUCT_KEY] = {UNATTEND_SPECIALIZE, "Microsoft-Windows-Shell-Setup", {"ProductKey"}},
    [UNATTEND_SETUP_KEY] = {UNATTEND_WINDOWS_PE, "Microsoft-Windows-Setup",
	{"UserData", "ProductKey", "Key"}},
    [UNATTEND_SKIP_REARM] = {UNATTEND_GENERALIZE, "Microsoft-Windows-Security-SPP", {"SkipRearm"}},
    [UNATTEND_SKIP_AUTO_ACTIVATION] = {UNATTEND_SPECIALIZE, "Microsoft-Windows-Security-SPP-UX",
	{"SkipAutoActivation"}},
};

const char *unattend_pass_name(enum unattend_pass pass)
{
	static const char *const names[UNATTEND_PASSES] = {
	    [UNATTEND_WINDOWS_PE] = "windowsPE",
	    [UNATTEND_OFFLINE_SERVICING] = "offlineServicing",
	    [UNATTEND_GENERALIZE] = "generalize",
	    [UNATTEND_SPECIALIZE] = "specialize",
	    [UNATTEND_AUDIT_SYSTEM] = "auditSystem",
	    [UNATTEND_AUDIT_USER] = "auditUser",
	    [UNATTEND_OOBE_SYSTEM] = "oobeSystem",
	};

	return names[pass];
}

enum unattend_pass unattend_item_pass(enum unattend_item item)
{
	return unattend_places[item].pass;
}

static bool attribute_is(const struct xml_element *e, const char *name, const char *value)
{
	const char *have = xml_attribute(e, name);

	return have && name_eq(have, value);
}

static int check(const struct unattend *u, struct error *err)
{
	const struct xml_element *root = &u->map.elements.v[ROOT];

	if (!root->ours || strcmp(root->name, "unattend") != 0)
		return err_set(err, ERR_UNKNOWN_SHAPE,
		    "line %u: not an answer file, whose root is <unattend xmlns=\"" NAMESPACE "\">",
		    root->line);
	for (int item = 0; item < UNATTEND_ITEMS; item++) {
		const struct xml_element *e =
		    unattend_find(u, (enum unattend_item)item, ARCH_UNKNOWN, MAX_VALUES);

		if (e)
			return err_set(err, ERR_LIMIT,
			    "line %u: <%s> more often than in any answer file", e->line, e->name);
	}
	return 0;
}

int unattend_map(struct unattend *u, struct error *err)
{
	if (xml_map_read(&u->text.utf8, NAMESPACE, &u->map, err) < 0)
		return -1;
	if (check(u, err) == 0)
		return 0;
	xml_map_free(&u->map);
	return -1;
}

int unattend_read(const struct buf *file, struct unattend *out, struct error *err)
{
	*out = (struct unattend){0};
	if (xml_text_decode(file, &out->text, err) < 0)
		return -1;
	if (unattend_map(out, err) == 0)
		return 0;
	xml_text_free(&out->text);
	return -1;
}

void unattend_free(struct unattend *u)
{
	xml_map_free(&u->map);
	xml_text_free(&u->text);
}

void unattend_write(const struct unattend *u, struct buf *out)
{
	xml_text_encode(&u->text, out);
}

/* The next child of @parent after @after (NULL: the first). */
static const struct xml_element *next_child(const struct unattend *u,
    const struct xml_element *parent, const char *name, const struct xml_element *after)
{
	return xml_child(&u->map, xml_position(&u->map, parent), name,
	    after ? xml_position(&u->map, after) : XML_NO_PARENT);
}

static const struct xml_element *settings_of(const struct unattend *u, enum unattend_pass pass,
    bool processed, const struct xml_element *after)
{
	const struct xml_element *root = &u->map.elements.v[ROOT], *s = after;

	while ((s = next_child(u, root, "settings", s)))
		if (attribute_is(s, "pass", unattend_pass_name(pass)) &&
		    attribute_is(s, "wasPassProcessed", "true") == processed)
			return s;
	return NULL;
}

const struct xml_element *unattend_settings(
    const struct unattend *u, enum unattend_pass pass, const struct xml_element *after)
{
	return settings_of(u, pass, false, after);
}

bool unattend_has_pass(const struct unattend *u, enum unattend_pass pass)
{
	return settings_of(u, pass, false, NULL) != NULL;
}

bool unattend_pass_processed(const struct unattend *u, enum unattend_pass pass)
{
	return settings_of(u, pass, true, NULL) != NULL;
}

const struct xml_element *unattend_component(const struct unattend *u,
    const struct xml_element *settings, const char *name, enum win_arch arch,
    const struct xml_element *after)
{
	const struct xml_element *c = after;

	while ((c = next_child(u, settings, "component", c)))
		if (attribute_is(c, "name", name) &&
		    (arch == ARCH_UNKNOWN ||
			attribute_is(c, "processorArchitecture", win_arch_name(arch))))
			return c;
	return NULL;
}

/* The @*nth element at @path below @parent, counting @*nth down over those before it. */
static const struct xml_element *find_below(const struct unattend *u,
    const struct xml_element *parent, const char *const *path, size_t *nth)
{
	const struct xml_element *e = NULL, *found;

	while ((e = next_child(u, parent, path[0], e))) {
		if (path[1]) {
			found = find_below(u, e, path + 1, nth);
			if (found)
				return found;
		} else if ((*nth)-- == 0) {
			return e;
		}
	}
	return NULL;
}

const struct xml_element *unattend_find(
    const struct unattend *u, enum unattend_item item, enum win_arch arch, size_t nth)
{
	const struct unattend_place *place = &unattend_places[item];
	const struct xml_element *settings = NULL, *found;

	while ((settings = unattend_settings(u, place->pass, settings))) {
		const struct xml_element *c = NULL;

		while ((c = unattend_component(u, settings, place->component, arch, c))) {
			found = find_below(u, c, place->path, &nth);
			if (found)
				return found;
		}
	}
	return NULL;
}

const char *unattend_value(const struct unattend *u, enum unattend_item item, enum win_arch arch,
    size_t nth, unsigned *line)
{
	const struct xml_element *e = unattend_find(u, item, arch, nth);

	if (!e)
		return NULL;
	if (line)
		*line = e->line;
	return e->text ? e->text : "";
}

bool unattend_is_true(const char *value)
{
	return name_eq(value, "true") || strcmp(value, "1") == 0;
}

static const char *next_part(const char *s, char **part)
{
	size_t n = strcspn(s, "~");

	*part = xstrndup(s, n);
	return s[n] ? s + n + 1 : s + n;
}

bool cbs_identity_parse(const char *s, struct cbs_identity *out)
{
	size_t separators = 0;

	*out = (struct cbs_identity){0};
	/* what goes into an attribute as it is */
	if (s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")])
		return false;
	for (const char *p = s; *p; p++)
		separators += *p == '~';
	if (separators != 4)
		return false;
	s = next_part(s, &out->name);
	s = next_part(s, &out->token);
	s = next_part(s, &out->arch);
	s = next_part(s, &out->language);
	next_part(s, &out->version);
	if (*out->name && *out->token && *out->arch && *out->version)
		return true;
	cbs_identity_free(out);
	return false;
}

void cbs_identity_free(struct cbs_identity *id)
{
	free(id->name);
	free(id->token);
	free(id->arch);
	free(id->language);
	free(id->version);
	*id = (struct cbs_identity){0};
}

static bool is_identity_of(
    const struct unattend *u, const struct xml_element *package, const struct cbs_identity *id)
{
	const struct xml_element *e = next_child(u, package, "assemblyIdentity", NULL);

	return e && attribute_is(e, "name", id->name) &&
	       attribute_is(e, "processorArchitecture", id->arch);
}

const struct xml_element *unattend_package(
    const struct unattend *u, const struct cbs_identity *id, const char *action)
{
	const struct xml_element *root = &u->map.elements.v[ROOT], *s = NULL;

	while ((s = next_child(u, root, "servicing", s))) {
		const struct xml_element *p = NULL;

		while ((p = next_child(u, s, "package", p)))
			if ((!action || attribute_is(p, "action", action)) &&
			    is_identity_of(u, p, id))
				return p;
	}
	return NULL;
}

bool unattend_removes_package(const struct unattend *u, const char *identity)
{
	struct cbs_identity id;

	if (!cbs_identity_parse(identity, &id))
		return false;
	bool removes = unattend_package(u, &id, "remove") != NULL;
	cbs_identity_free(&id);
	return removes;
}

bool unattend_servicing_needs_pass(const struct unattend *u)
{
	return !unattend_has_pass(u, UNATTEND_WINDOWS_PE) &&
	       !unattend_has_pass(u, UNATTEND_OFFLINE_SERVICING);
}
