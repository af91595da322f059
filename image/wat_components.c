/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KB971033 in the component store: its deployment, components and catalog in COMPONENTS, and what
 * they name in WinSxS. Component keys: registry listings of a Windows 7 update (identity,
 * S256H, an empty c! value for each deployment); deployments, catalogs: measured by others on
 * a later Windows. All of it must be there and as expected, or none of it is edited.
 */
#include <string.h>

#include <nettle/sha2.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/servicing_store.h"

#define CATALOG_MAX (4u << 20)
#define INSTALLED_BY "CBS_"
/* A name of an installer's reference is cut; so much of it must be there to tell whose it is. */
#define REFERENCE_MIN 56

static bool data_starts_with(const struct reg_value *v, const char *text)
{
	size_t n = strlen(text);

	return v && v->type == HIVE_BINARY && v->data.len >= n &&
	       strncasecmp(v->data.data, text, n) == 0;
}

static bool data_names_wat(const struct reg_value *v)
{
	return v && wat_is_named(v->data.data, v->data.len);
}

/* ---- the deployment ---- */

/*
 * "p!CBS_<identity of the package, cut, lower case>_<hash>": which installer wants the
 * deployment (p), staged it (s), installed it (i).
 */
static bool is_own_reference(const struct store *s, const char *value)
{
	size_t prefix = strlen("p!" INSTALLED_BY);

	return strlen(value) >= prefix + REFERENCE_MIN && strchr("psi", value[0] | 0x20) &&
	       value[1] == '!' && name_has_prefix(value + 2, INSTALLED_BY) &&
	       strncasecmp(value + prefix, s->wat->identity, REFERENCE_MIN) == 0;
}

static bool check_deployment_value(struct store *s, const char *path, const struct reg_value *v)
{
	CLEANUP(free) char *text = reg_value_text(v);

	if (name_eq(v->name, "appid"))
		return true;
	if (name_eq(v->name, "CatalogThumbprint") && text) {
		if (s->catalog && name_eq(text, s->catalog))
			return true;
		store_unknown(s, "COMPONENTS\\%s: its catalog is not the one of the package", path);
	} else if (strlen(v->name) > 2 && v->name[1] == '!' && !is_own_reference(s, v->name)) {
		store_unknown(s, "COMPONENTS\\%s: something else needs it, %s", path, v->name);
	} else if (!is_own_reference(s, v->name)) {
		store_unknown(s,
		    "COMPONENTS\\%s!%s: not a value that a deployment is known to have", path,
		    v->name);
	} else {
		return true;
	}
	return false;
}

/* Of all deployments the one whose appid is this package's. */
static int find_deployment(
    void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct store *s = opaque;
	const struct reg_value *appid = reg_key_value(key, "appid");
	bool known = true;

	(void)err;
	if (!data_names_wat(appid))
		return 0;
	if (!data_starts_with(appid, s->wat->deployment) || s->deployment) {
		store_unknown(s, "COMPONENTS\\%s: there is another version of the package", path);
		return 0;
	}
	s->deployment = xstrdup(key_base(path));
	for (size_t i = 0; known && i < key->values.n; i++)
		known = check_deployment_value(s, path, &key->values.v[i]);
	if (known && key->subkeys.n)
		store_unknown(
		    s, "COMPONENTS\\%s\\%s: no such key is known", path, key->subkeys.v[0]);
	else if (known)
		store_place_key(s, WAT_DEPLOYMENT, CHANGE_COMPONENTS, path, NULL);
	return 0;
}

/* ---- components ---- */

static bool has_file(const struct wat_component *c, const char *name)
{
	for (size_t i = 0; c->files[i]; i++)
		if (name_eq(c->files[i], name))
			return true;
	return false;
}

static bool is_identity(const struct wat_component *c, const struct reg_value *v)
{
	CLEANUP(free)
	char *want = xasprintf("%s, Culture=neutral, Version=" WAT_VERSION
			       ", PublicKeyToken=" WAT_TOKEN ", ProcessorArchitecture=%s",
	    c->name, c->arch);

	return data_starts_with(v, want);
}

static bool check_component_value(
    struct store *s, const struct wat_component *c, const char *path, const struct reg_value *v)
{
	if (name_has_prefix(v->name, "c!")) {
		if (s->deployment && name_eq(v->name + 2, s->deployment))
			return true;
		store_unknown(
		    s, "COMPONENTS\\%s: another deployment uses it, %s", path, v->name + 2);
		return false;
	}
	if ((name_eq(v->name, "identity") && is_identity(c, v)) ||
	    (name_eq(v->name, "S256H") && v->type == HIVE_BINARY && v->len == 32) ||
	    (name_eq(v->name, "CF") && v->type == HIVE_DWORD) ||
	    (name_has_prefix(v->name, "f!") && has_file(c, v->name + 2)))
		return true;
	store_unknown(s, "COMPONENTS\\%s!%s: not a value that this component is known to have",
	    path, v->name);
	return false;
}

/* A c! value for the package's deployment: the other way round, it is known to be its component. */
static bool is_linked(const struct store *s, const struct reg_key *key)
{
	CLEANUP(free) char *link = s->deployment ? xasprintf("c!%s", s->deployment) : NULL;

	return link && reg_key_value(key, link);
}

static void place_component(struct store *s, const struct wat_component *c)
{
	CLEANUP(free) char *path = xasprintf(CSI_COMPONENTS "\\%s", c->stem);
	CLEANUP(free) char *manifest = xasprintf("%s.manifest", c->stem);
	CLEANUP(reg_key) struct reg_key key = {0};
	bool known = true;

	if (!names_has(&s->dirs[DIR_MANIFESTS], manifest) ||
	    !store_key(s, CHANGE_COMPONENTS, path, &key) || !reg_key_value(&key, "identity")) {
		store_unknown(
		    s, "COMPONENTS\\%s: the package is there, this component of it is not", path);
		return;
	}
	for (size_t i = 0; known && i < key.values.n; i++)
		known = check_component_value(s, c, path, &key.values.v[i]);
	if (known && s->deployment && !is_linked(s, &key)) {
		store_unknown(s, "COMPONENTS\\%s: not linked with the package's deployment", path);
		known = false;
	}
	if (known && key.subkeys.n)
		store_unknown(
		    s, "COMPONENTS\\%s\\%s: no such key is known", path, key.subkeys.v[0]);
	if (!known || key.subkeys.n)
		return;
	store_place_key(s, WAT_COMPONENT, CHANGE_COMPONENTS, path, NULL);
	store_place_path(s, WAT_COMPONENT, store_path(s, DIR_MANIFESTS, manifest), false);
}

/* The directory in WinSxS, where there is one: its files and nothing else. */
static void place_payload(struct store *s, const struct wat_component *c)
{
	CLEANUP(free) char *dir = store_path(s, DIR_WINSXS, c->stem);
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	if (!names_has(&s->dirs[DIR_WINSXS], c->stem))
		return;
	win_list(&s->r, dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (has_file(c, names.v[i]))
			continue;
		store_unknown(s, "%s/%s: not a file of the package", dir, names.v[i]);
		return;
	}
	store_place_path(s, WAT_PAYLOAD, steal_ptr(&dir), true);
}

/* ---- catalogs and package files ---- */

static char *file_sha256(struct store *s, const char *path)
{
	CLEANUP(buf) struct buf content = BUF_INIT;
	unsigned char sum[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;

	if (!win_head(&s->r, path, CATALOG_MAX, &content))
		return NULL;
	sha256_init(&sha);
	sha256_update(&sha, content.len, (const unsigned char *)content.data);
	sha256_digest(&sha, sizeof(sum), sum);
	return to_hex(sum, sizeof(sum));
}

static void place_package_file(struct store *s, const char *suffix)
{
	CLEANUP(free) char *name = xasprintf("%s%s", s->wat->identity, suffix);
	char *path = store_path(s, DIR_PACKAGES, name);

	if (names_has(&s->dirs[DIR_PACKAGES], name)) {
		store_place_path(s, WAT_PACKAGE_FILE, path, false);
		return;
	}
	store_unknown(s, "%s: the package is there, this file of it is not", path);
	free(path);
}

static void place_catroot(struct store *s)
{
	CLEANUP(free) char *name = xasprintf("%s.cat", s->wat->identity);
	CLEANUP(free) char *path = store_path(s, DIR_CATROOT, name);

	if (!names_has(&s->dirs[DIR_CATROOT], name))
		return;
	CLEANUP(free) char *sum = file_sha256(s, path);
	if (sum && s->catalog && strcmp(sum, s->catalog) == 0)
		store_place_path(s, WAT_CATALOG, steal_ptr(&path), false);
	else
		store_unknown(s, "%s: not the catalog of the package", path);
}

static void place_store_catalog(struct store *s)
{
	CLEANUP(free) char *path = xasprintf(CSI_CATALOGS "\\%s", s->catalog);
	CLEANUP(free) char *file = xasprintf("%s.cat", s->catalog);
	CLEANUP(reg_key) struct reg_key key = {0};

	if (!store_key(s, CHANGE_COMPONENTS, path, &key) ||
	    !names_has(&s->dirs[DIR_CATALOGS], file)) {
		store_unknown(s,
		    "COMPONENTS\\%s: the component store does not have the package's "
		    "catalog",
		    path);
		return;
	}
	for (size_t i = 0; i < key.values.n; i++) {
		const char *name = key.values.v[i].name;

		if (s->deployment && name_has_prefix(name, "c!") &&
		    name_eq(name + 2, s->deployment))
			continue;
		store_unknown(
		    s, "COMPONENTS\\%s: it is not for this package alone, %s", path, name);
		return;
	}
	if (key.subkeys.n) {
		store_unknown(
		    s, "COMPONENTS\\%s\\%s: no such key is known", path, key.subkeys.v[0]);
		return;
	}
	store_place_key(s, WAT_CATALOG, CHANGE_COMPONENTS, path, NULL);
	store_place_path(s, WAT_CATALOG, store_path(s, DIR_CATALOGS, file), false);
}

/* ---- what Windows derives from components ---- */

/* DerivedData\VersionedIndex\<Windows version>\ComponentFamilies\<family>: a v! value a version. */
static int place_family(
    void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct store *s = opaque;
	const char *name = key_base(path);
	bool family = false;

	(void)err;
	for (const struct wat_component *c = s->wat->components; c->stem; c++)
		family |= name_has_prefix(name, c->family);
	if (!family || !reg_key_value(key, "v!" WAT_VERSION))
		return 1;
	if (key->values.n == 1 && !key->subkeys.n)
		store_place_key(s, WAT_WINNER, CHANGE_COMPONENTS, path, NULL);
	else
		store_unknown(s, "COMPONENTS\\%s: there is more than this version", path);
	return 0;
}

/* Which components own the files of a directory: "$$_system32_wat_<hash>.cdf-ms". */
static void place_file_maps(struct store *s)
{
	static const char *const maps[] = {
	    "$$_system32_wat_????????????????.cdf-ms", "$$_syswow64_wat_????????????????.cdf-ms"};
	const struct strvec *names = &s->dirs[DIR_MAPS];

	for (size_t i = 0; i < names->n; i++)
		for (size_t k = 0; k < sizeof(maps) / sizeof(maps[0]); k++)
			if (name_matches(maps[k], names->v[i]))
				store_place_path(
				    s, WAT_FILE_MAP, store_path(s, DIR_MAPS, names->v[i]), false);
}

/* Anything of the package in its own places: then all of it must be there. */
static bool in_store(struct store *s)
{
	CLEANUP(free) char *package = xasprintf(CBS_PACKAGES "\\%s", s->wat->identity);
	CLEANUP(free) char *mum = xasprintf("%s.mum", s->wat->identity);
	CLEANUP(reg_key) struct reg_key key = {0};
	bool registered = store_key(s, CHANGE_SOFTWARE, package, &key);
	bool there = registered || names_has(&s->dirs[DIR_PACKAGES], mum);

	for (const struct wat_component *c = s->wat->components; c->stem && !there; c++) {
		CLEANUP(free) char *manifest = xasprintf("%s.manifest", c->stem);

		there = names_has(&s->dirs[DIR_MANIFESTS], manifest) ||
			names_has(&s->dirs[DIR_WINSXS], c->stem);
	}
	if (there && !registered)
		store_unknown(
		    s, "SOFTWARE\\%s: files of the package are there, its key is not", package);
	return there;
}

void wat_components(struct store *s)
{
	CLEANUP(free) char *name = xasprintf("%s.cat", s->wat->identity);
	CLEANUP(free) char *catalog = store_path(s, DIR_PACKAGES, name);

	if (!in_store(s))
		return;
	place_package_file(s, ".mum");
	place_package_file(s, ".cat");
	s->catalog = file_sha256(s, catalog);
	store_each(s, CHANGE_COMPONENTS, CSI_DEPLOYMENTS, find_deployment);
	if (!s->deployment)
		store_unknown(
		    s, "COMPONENTS\\" CSI_DEPLOYMENTS ": the package's deployment is not there");
	for (const struct wat_component *c = s->wat->components; c->stem; c++) {
		place_component(s, c);
		place_payload(s, c);
	}
	if (s->catalog)
		place_store_catalog(s);
	place_catroot(s);
	store_walk(s, CHANGE_COMPONENTS, CSI_FAMILIES, place_family);
	place_file_maps(s);
}
