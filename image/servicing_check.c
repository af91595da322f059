/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The self-check. CheckSUR verifies every file against its catalog, which takes it a quarter of an
 * hour; here the names are held against each other, which finds what an edit by
 * hand leaves behind, and of the files only the beginning of some is read.
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/servicing_store.h"

/* CurrentState from which on a package has its files ("CBS Servicing States Chart"). */
#define CBS_STAGED 0x40u
/* Flag of a component whose files were taken away to save space (CF). */
#define CF_PAYLOAD_DELETED 0x40u
/* Longer file names are cut and hashed in the names of values (f!…). */
#define F_NAME_WHOLE 25
#define HEAD 512
/* Of how many files one is read; 16 is also a hexadecimal digit. */
#define SAMPLE 16

/* ---- packages ---- */

struct check {
	struct store *s;
	struct strvec packages, deployments, components, catalogs; /* registered, sorted */
	enum servicing_kind kind;
};

static bool listed(struct store *s, enum store_dir dir, const char *stem, const char *suffix)
{
	CLEANUP(free) char *name = xasprintf("%s%s", stem, suffix);

	return names_has(&s->dirs[dir], name);
}

static void want_file(struct store *s, enum servicing_kind kind, enum store_dir dir,
    const char *stem, const char *suffix)
{
	CLEANUP(free) char *path = store_path(s, dir, stem);

	if (!listed(s, dir, stem, suffix))
		store_finding(s, kind, "%s%s", path, suffix);
}

static int add_package(void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct check *c = opaque;
	const char *name = key_base(path);
	uint32_t state = 0;

	(void)err;
	strvec_add(&c->packages, name);
	reg_value_dword(reg_key_value(key, "CurrentState"), &state);
	if (state < CBS_STAGED)
		return 0;
	want_file(c->s, SERVICING_MUM_MISSING, DIR_PACKAGES, name, ".mum");
	want_file(c->s, SERVICING_CATALOG_MISSING, DIR_PACKAGES, name, ".cat");
	return 0;
}

/* Values whose names are packages. */
static int check_watch(void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct check *c = opaque;

	(void)err;
	for (size_t i = 0; i < key->values.n; i++) {
		const char *name = key->values.v[i].name;

		if (*name && !names_has(&c->packages, name))
			store_finding(c->s, c->kind, "SOFTWARE\\%s!%s", path, name);
	}
	return 0;
}

/* reg_each_subkey() with what is checked as opaque. */
static void each(struct check *c, enum change_hive hive, const char *top, reg_visit visit)
{
	struct store *s = c->s;
	struct error e = ERROR_INIT;

	if (!s->mapped[hive] || store_failed(s))
		return;
	if (reg_each_subkey(&s->hives[hive], top, visit, c, &e) != 0)
		store_unknown(s, "%s: %s", change_hive_name(hive), e.message);
	err_clear(&e);
}

static void check_registry(struct check *c)
{
	each(c, CHANGE_SOFTWARE, CBS_PACKAGES, add_package);
	names_sort(&c->packages);
	c->s->out->packages = c->packages.n;
	c->kind = SERVICING_REGISTRY_ERROR;
	each(c, CHANGE_SOFTWARE, KEY_CBS "\\PackageIndex", check_watch);
	c->kind = SERVICING_WATCHLIST;
	each(c, CHANGE_SOFTWARE, KEY_CBS "\\PackageDetect", check_watch);
	each(c, CHANGE_SOFTWARE, KEY_CBS "\\ComponentDetect", check_watch);
}

/*
 * The beginning of a file that was listed. Asking first whether it is one would double the
 * time with an appliance, so that is asked only where it cannot be read.
 */
static bool read_head(struct store *s, const char *path, struct buf *head)
{
	struct error e = ERROR_INIT;

	if (store_failed(s))
		return false;
	if (image_read(s->r.im, s->r.vol, path, 0, HEAD, head, &e) >= 0)
		return true;
	if (win_is_file(&s->r, path))
		win_note_error(&s->r, &e);
	err_clear(&e);
	return false;
}

/* Empty, or zeros as far as it is read: what a PC leaves that lost power while it wrote. */
static bool is_blank(struct store *s, const char *path)
{
	CLEANUP(buf) struct buf head = BUF_INIT;

	if (!read_head(s, path, &head))
		return false;
	for (size_t i = 0; i < head.len; i++)
		if (head.data[i])
			return false;
	return true;
}

/* A package's name has no hash of its own as a component's has. */
static bool is_read(const struct store *s, const char *name)
{
	unsigned hash = 0;

	for (const char *p = name; *p; p++)
		hash = hash * 31 + (unsigned char)*p;
	return s->thorough || hash % SAMPLE == 0 || wat_is_named(name, strlen(name));
}

static void check_package_files(struct check *c)
{
	const struct strvec *names = &c->s->dirs[DIR_PACKAGES];

	for (size_t i = 0; i < names->n && !store_failed(c->s); i++) {
		const char *name = names->v[i];
		bool mum = name_has_suffix(name, ".mum");

		if (!mum && !name_has_suffix(name, ".cat"))
			continue;
		CLEANUP(free) char *stem = xstrndup(name, strlen(name) - strlen(".mum"));
		CLEANUP(free) char *path = store_path(c->s, DIR_PACKAGES, name);
		if (mum && !names_has(&c->packages, stem))
			store_finding(c->s, SERVICING_REGISTRY_ERROR, "%s", path);
		if (is_read(c->s, name) && is_blank(c->s, path))
			store_finding(c->s, mum ? SERVICING_MUM_CORRUPT : SERVICING_CATALOG_CORRUPT,
			    "%s", path);
	}
}

/* ---- components ---- */

static int add_deployment(
    void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct check *c = opaque;

	(void)err;
	strvec_add(&c->deployments, key_base(path));
	CLEANUP(free)
	char *catalog = reg_value_text(reg_key_value(key, "CatalogThumbprint"));
	if (catalog && *catalog && !names_has(&c->catalogs, catalog))
		store_finding(c->s, SERVICING_THUMBPRINT, "COMPONENTS\\%s!CatalogThumbprint", path);
	return 0;
}

static int add_catalog(void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct check *c = opaque;

	(void)key;
	(void)err;
	strvec_add(&c->catalogs, key_base(path));
	return 0;
}

static void check_deployments(struct check *c, const char *path, const struct reg_key *key)
{
	for (size_t i = 0; i < key->values.n; i++) {
		const char *name = key->values.v[i].name;

		if (name_has_prefix(name, "c!") && !names_has(&c->deployments, name + 2))
			store_finding(
			    c->s, SERVICING_DEPLOYMENT_MISSING, "COMPONENTS\\%s!%s", path, name);
	}
}

static int check_catalog(
    void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct check *c = opaque;

	(void)err;
	want_file(c->s, SERVICING_CATALOG_MISSING, DIR_CATALOGS, key_base(path), ".cat");
	check_deployments(c, path, key);
	return 0;
}

/* One in 16, by the last digit of the hash in the name; and all of KB971033. */
static bool is_chosen(const char *name)
{
	size_t n = strlen(name);

	return (n && name[n - 1] == '0') || wat_is_named(name, n);
}

static bool wants_payload(const struct reg_key *key)
{
	uint32_t flags = 0;

	reg_value_dword(reg_key_value(key, "CF"), &flags);
	for (size_t i = 0; i < key->values.n; i++)
		if (name_has_prefix(key->values.v[i].name, "f!"))
			return !(flags & CF_PAYLOAD_DELETED);
	return false;
}

static void check_payload(struct check *c, const char *name, const struct reg_key *key)
{
	CLEANUP(free) char *dir = store_path(c->s, DIR_WINSXS, name);
	CLEANUP(strvec) struct strvec files = STRVEC_INIT;

	win_list(&c->s->r, dir, &files);
	names_sort(&files);
	for (size_t i = 0; i < key->values.n; i++) {
		const char *value = key->values.v[i].name;

		if (name_has_prefix(value, "f!") && strlen(value + 2) <= F_NAME_WHOLE &&
		    !names_has(&files, value + 2))
			store_finding(c->s, SERVICING_PAYLOAD_MISSING, "%s/%s", dir, value + 2);
	}
}

static int check_component(
    void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct check *c = opaque;
	struct store *s = c->s;
	const char *name = key_base(path);
	CLEANUP(free) char *manifest = store_path(s, DIR_MANIFESTS, name);
	CLEANUP(free) char *file = xasprintf("%s.manifest", manifest);

	(void)err;
	if (store_failed(s))
		return 0;
	strvec_add(&c->components, name);
	check_deployments(c, path, key);
	if (!listed(s, DIR_MANIFESTS, name, ".manifest"))
		store_finding(s, SERVICING_MANIFEST_MISSING, "%s", file);
	else if (is_chosen(name) && is_blank(s, file))
		store_finding(s, SERVICING_MANIFEST_ZEROES, "%s", file);
	if (!wants_payload(key))
		return 0;
	CLEANUP(free) char *dir = store_path(s, DIR_WINSXS, name);
	if (!names_has(&s->dirs[DIR_WINSXS], name))
		store_finding(s, SERVICING_DIRECTORY_MISSING, "%s", dir);
	else if (is_chosen(name))
		check_payload(c, name, key);
	return 0;
}

static void check_components(struct check *c)
{
	each(c, CHANGE_COMPONENTS, CSI_CATALOGS, add_catalog);
	names_sort(&c->catalogs);
	each(c, CHANGE_COMPONENTS, CSI_DEPLOYMENTS, add_deployment);
	names_sort(&c->deployments);
	each(c, CHANGE_COMPONENTS, CSI_CATALOGS, check_catalog);
	each(c, CHANGE_COMPONENTS, CSI_COMPONENTS, check_component);
	names_sort(&c->components);
	c->s->out->components = c->components.n;
}

/* ---- winners ---- */

/*
 * Beginning of the name of the component that is this version of a family, or NULL: what has no
 * such name is no family. They differ by the version and by the hash at the end:
 * processor_name_token[_version]_culture_hash.
 */
static char *winner_stem(const char *family, const char *version)
{
	const char *hash = strrchr(family, '_');
	const char *culture = hash ? memrchr(family, '_', (size_t)(hash - family)) : NULL;

	if (!culture)
		return NULL;
	return xasprintf("%.*s_%s%.*s_", (int)(culture - family), family, version,
	    (int)(hash - culture), culture);
}

/* Is there a name that begins so? */
static bool names_have_prefix(const struct strvec *sorted, const char *prefix)
{
	size_t from = 0, to = sorted->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (name_cmp(sorted->v[mid], prefix) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from < sorted->n && name_has_prefix(sorted->v[from], prefix);
}

/* "<family>\<major.minor>": the default value is the version that is in use. */
static int check_winner(
    void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct check *c = opaque;
	CLEANUP(free) char *version = reg_value_text(reg_key_value(key, ""));
	const char *rest = path + strlen(CSI_WINNERS);

	(void)err;
	if (store_failed(c->s))
		return 0;
	const char *family = *rest ? rest + 1 : rest, *minor = strchr(family, '\\');
	if (!minor)
		return 1;
	CLEANUP(free) char *name = xstrndup(family, (size_t)(minor - family));
	CLEANUP(free) char *stem = version ? winner_stem(name, version) : NULL;
	if (stem && !names_have_prefix(&c->components, stem))
		store_finding(
		    c->s, SERVICING_WINNER_MISSING, "SOFTWARE\\%s: version %s", path, version);
	return 0;
}

static void check_winners(struct check *c)
{
	struct store *s = c->s;
	struct error e = ERROR_INIT;

	/* without COMPONENTS nothing could win */
	if (!s->mapped[CHANGE_SOFTWARE] || !s->mapped[CHANGE_COMPONENTS] || store_failed(s))
		return;
	if (reg_walk(&s->hives[CHANGE_SOFTWARE], CSI_WINNERS, check_winner, c, &e) != 0)
		store_unknown(s, "%s: %s", change_hive_name(CHANGE_SOFTWARE), e.message);
	err_clear(&e);
}

void store_check(struct store *s)
{
	struct check c = {.s = s};

	check_registry(&c);
	check_package_files(&c);
	check_components(&c);
	check_winners(&c);
	strvec_free(&c.packages);
	strvec_free(&c.deployments);
	strvec_free(&c.components);
	strvec_free(&c.catalogs);
}
