/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KB971033 in the component store: its deployment, components and catalog in COMPONENTS, and what
 * they name in WinSxS. Component keys: registry listings of Windows 7 updates (identity, S256H,
 * ClosureFlags, an empty c! value for each deployment); deployments, catalogs: measured by others
 * on a later Windows. All of it must be there and as expected, or none of it is edited.
 */
#include <string.h>

#include <nettle/sha2.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/bytes.h"
#include "image/servicing_store.h"

#define CATALOG_MAX (4u << 20)
#define INSTALLED_BY "CBS_"
/* The name of a reference is the reference's own, cut, "_" and a hash of it. */
#define REFERENCE_CUT 60
#define REFERENCE_HASH 16
#define REFERENCE_HEAD 8 /* in front of the text in its data: length, a number */

/* An identity as text, where all of it is as expected; the hash in the names has the scope in it.
 */
static bool is_identity(const struct reg_value *v, const char *want)
{
	static const char scope[] = ", versionScope=NonSxS";
	size_t n = strlen(want), more = sizeof(scope) - 1;

	return v && v->type == HIVE_BINARY && v->data.len == n + more &&
	       strncasecmp(v->data.data, want, n) == 0 &&
	       strncasecmp(v->data.data + n, scope, more) == 0;
}

static bool data_names_wat(const struct reg_value *v)
{
	return v && wat_is_named(v->data.data, v->data.len);
}

/* ---- the deployment ---- */

/* "CBS_<beginning of the identity, lower case>_<hash>" */
static bool is_reference_name(const struct store *s, const char *name)
{
	size_t prefix = strlen(INSTALLED_BY);

	if (strlen(name) != prefix + REFERENCE_CUT + 1 + REFERENCE_HASH ||
	    !name_has_prefix(name, INSTALLED_BY) || name[prefix + REFERENCE_CUT] != '_')
		return false;
	const char *hash = name + prefix + REFERENCE_CUT + 1;
	return strncasecmp(name + prefix, s->wat->identity, REFERENCE_CUT) == 0 &&
	       strspn(hash, "0123456789abcdefABCDEF") == REFERENCE_HASH;
}

/* The whole reference: its length, 0 or 1, "<identity>[.<update>]", and for 1 another byte. */
static bool is_reference_data(const struct store *s, const struct reg_value *v)
{
	const char *p = v->data.data, *identity = s->wat->identity;
	size_t n = strlen(identity);

	if (v->type != HIVE_BINARY || v->data.len < REFERENCE_HEAD + n)
		return false;
	uint32_t length = get_le32((const uint8_t *)p), number = get_le32((const uint8_t *)p + 4);
	if (number > 1 || length < n || v->data.len != (uint64_t)REFERENCE_HEAD + length + number)
		return false;
	p += REFERENCE_HEAD;
	return strncasecmp(p, identity, n) == 0 && (length == n || p[n] == '.');
}

/*
 * Which installer wants the deployment (p!), staged it (s!), installed it (i!). The name is cut
 * before the version, so the data has to say it too. So in a pending.xml of Windows Vista,
 * and measured by others on Windows 11.
 */
static bool is_own_reference(const struct store *s, const struct reg_value *v)
{
	return strchr("psi", v->name[0] | 0x20) && is_reference_name(s, v->name + 2) &&
	       is_reference_data(s, v);
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
	} else if (strlen(v->name) > 2 && v->name[1] == '!') {
		if (is_own_reference(s, v))
			return true;
		store_unknown(s, "COMPONENTS\\%s: something else needs it, %s", path, v->name);
	} else {
		store_unknown(s,
		    "COMPONENTS\\%s!%s: not a value that a deployment is known to have", path,
		    v->name);
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
	if (!is_identity(appid, s->wat->deployment) || s->deployment) {
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

static bool is_component(const struct reg_value *v, const struct wat_component *c)
{
	CLEANUP(free)
	char *want = xasprintf("%s, Culture=neutral, Version=" WAT_VERSION
			       ", PublicKeyToken=" WAT_TOKEN ", ProcessorArchitecture=%s",
	    c->name, c->arch);

	return is_identity(v, want);
}

/* An empty "c!<deployment>": belongs to it. */
static bool is_link(const struct reg_value *v, const char *deployment)
{
	return name_has_prefix(v->name, "c!") && name_eq(v->name + 2, deployment) &&
	       v->type == HIVE_BINARY && v->len == 0;
}

/* What the servicing stack notes of a component: one on Windows 7, the other on later ones. */
static bool is_flags(const char *name)
{
	return name_eq(name, "ClosureFlags") || name_eq(name, "CF");
}

static bool check_component_value(
    struct store *s, const struct wat_component *c, const char *path, const struct reg_value *v)
{
	if (s->deployment && is_link(v, s->deployment))
		return true;
	if (name_has_prefix(v->name, "c!") &&
	    !(s->deployment && name_eq(v->name + 2, s->deployment))) {
		store_unknown(
		    s, "COMPONENTS\\%s: another deployment uses it, %s", path, v->name + 2);
		return false;
	}
	if ((name_eq(v->name, "identity") && is_component(v, c)) ||
	    (name_eq(v->name, "S256H") && v->type == HIVE_BINARY && v->len == 32) ||
	    (is_flags(v->name) && v->type == HIVE_DWORD) ||
	    (name_has_prefix(v->name, "f!") && has_file(c, v->name + 2) && v->type == HIVE_DWORD))
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

		if (s->deployment && is_link(&key.values.v[i], s->deployment))
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
	enum wat_family family = wat_family(s->wat, key_base(path));

	(void)err;
	if (family == WAT_FAMILY_OTHER || !reg_key_value(key, "v!" WAT_VERSION))
		return 1;
	if (family != WAT_FAMILY_OWN)
		store_unknown(s, "COMPONENTS\\%s: not the name that this component has", path);
	else if (key->values.n == 1 && !key->subkeys.n)
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
