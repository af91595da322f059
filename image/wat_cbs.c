/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KB971033 in SOFTWARE, as Component Based Servicing registers it and the side-by-side loader
 * finds it. Which values a package key has: published listings of Windows 7; how the watch
 * lists look: CheckSUR's "CBS Watchlist Package Missing" lines; Winners: a listing of a Windows 7
 * update. What is not of that shape is said, not guessed.
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/servicing_store.h"

/* CurrentState that an installation leaves when all is well. */
enum { CBS_STATE_STAGED = 0x40, CBS_STATE_SUPERSEDED = 0x50, CBS_STATE_INSTALLED = 0x70 };

struct known_value {
	const char *name;
	uint32_t type;
};

static bool is_known(const struct known_value *known, const struct reg_value *v)
{
	for (; known->name; known++)
		if (name_eq(known->name, v->name))
			return v->type == known->type;
	return false;
}

/* ---- the package's own key ---- */

static bool check_package_values(struct store *s, const char *path, const struct reg_key *key)
{
	static const struct known_value known[] = {{"InstallClient", HIVE_SZ},
	    {"InstallName", HIVE_SZ}, {"InstallLocation", HIVE_SZ}, {"InstallUser", HIVE_SZ},
	    {"CurrentState", HIVE_DWORD}, {"SelfUpdate", HIVE_DWORD}, {"Visibility", HIVE_DWORD},
	    {"InstallTimeHigh", HIVE_DWORD}, {"InstallTimeLow", HIVE_DWORD},
	    {"Trusted", HIVE_DWORD}, {0}};
	CLEANUP(free) char *mum = reg_value_text(reg_key_value(key, "InstallName"));
	CLEANUP(free) char *want = xasprintf("%s.mum", s->wat->identity);
	uint32_t state = 0;

	for (size_t i = 0; i < key->values.n; i++) {
		if (is_known(known, &key->values.v[i]))
			continue;
		store_unknown(s, "SOFTWARE\\%s!%s: not a value that a package is known to have",
		    path, key->values.v[i].name);
		return false;
	}
	reg_value_dword(reg_key_value(key, "CurrentState"), &state);
	if (state != CBS_STATE_INSTALLED && state != CBS_STATE_STAGED &&
	    state != CBS_STATE_SUPERSEDED)
		store_unknown(s,
		    "SOFTWARE\\%s: CurrentState 0x%x is neither installed, staged nor "
		    "superseded",
		    path, (unsigned)state);
	else if (mum && !name_eq(mum, want))
		store_unknown(s, "SOFTWARE\\%s: it was installed from %s", path, mum);
	else
		return true;
	return false;
}

/* Owners and Updates: what a package owns names itself here, and nobody else may. */
static bool check_package_subkey(struct store *s, const char *path, const char *name)
{
	CLEANUP(free) char *sub = xasprintf("%s\\%s", path, name);
	CLEANUP(reg_key) struct reg_key key = {0};
	bool owners = name_eq(name, "Owners");

	if (!owners && !name_eq(name, "Updates")) {
		store_unknown(s, "SOFTWARE\\%s: not a key that a package is known to have", sub);
		return false;
	}
	if (!store_key(s, CHANGE_SOFTWARE, sub, &key))
		return false;
	for (size_t i = 0; i < key.values.n; i++) {
		const struct reg_value *v = &key.values.v[i];

		if (v->type == HIVE_DWORD && (!owners || name_eq(v->name, s->wat->identity)))
			continue;
		store_unknown(s, "SOFTWARE\\%s!%s: not what is known of a package without others",
		    sub, v->name);
		return false;
	}
	if (key.subkeys.n)
		store_unknown(s, "SOFTWARE\\%s\\%s: no such key is known", sub, key.subkeys.v[0]);
	return !key.subkeys.n;
}

static void place_package(struct store *s)
{
	CLEANUP(free) char *path = xasprintf(CBS_PACKAGES "\\%s", s->wat->identity);
	CLEANUP(reg_key) struct reg_key key = {0};

	if (!store_key(s, CHANGE_SOFTWARE, path, &key))
		return;
	if (!check_package_values(s, path, &key))
		return;
	for (size_t i = 0; i < key.subkeys.n; i++)
		if (!check_package_subkey(s, path, key.subkeys.v[i]))
			return;
	store_place_key(s, WAT_PACKAGE_KEY, CHANGE_SOFTWARE, path, NULL);
}

/* ---- lists that name it ---- */

/* A key all of whose values must name this package: it goes as a whole. */
static void place_own_list(struct store *s, enum wat_part part, const char *path, const char *what)
{
	CLEANUP(reg_key) struct reg_key key = {0};

	if (!store_key(s, CHANGE_SOFTWARE, path, &key))
		return;
	for (size_t i = 0; i < key.values.n; i++) {
		if (name_eq(key.values.v[i].name, s->wat->identity))
			continue;
		store_unknown(s, "SOFTWARE\\%s: %s, %s", path, what, key.values.v[i].name);
		return;
	}
	if (key.subkeys.n)
		store_unknown(s, "SOFTWARE\\%s\\%s: no such key is known", path, key.subkeys.v[0]);
	else
		store_place_key(s, part, CHANGE_SOFTWARE, path, NULL);
}

/* One key of PackageDetect or ComponentDetect: who is told when it changes. */
static int place_watch(void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct store *s = opaque;
	const char *name = key_base(path);

	(void)err;
	if (wat_is_named(name, strlen(name))) {
		place_own_list(s, WAT_DETECT, path, "another package waits for this one");
		return 0;
	}
	for (size_t i = 0; i < key->values.n; i++)
		if (name_eq(key->values.v[i].name, s->wat->identity))
			store_place_key(
			    s, WAT_DETECT, CHANGE_SOFTWARE, path, key->values.v[i].name);
	return 0;
}

static void place_evaluation(struct store *s)
{
	CLEANUP(free)
	char *path = xasprintf(KEY_CBS "\\ApplicabilityEvaluationCache\\%s", s->wat->identity);
	CLEANUP(reg_key) struct reg_key key = {0};
	bool plain = true;

	if (!store_key(s, CHANGE_SOFTWARE, path, &key))
		return;
	for (size_t i = 0; i < key.values.n; i++)
		plain &= key.values.v[i].type == HIVE_DWORD;
	if (!plain || key.subkeys.n)
		store_unknown(s, "SOFTWARE\\%s: holds more than numbers", path);
	else
		store_place_key(s, WAT_EVALUATION, CHANGE_SOFTWARE, path, NULL);
}

/* ---- winners ---- */

static bool names_version(const struct reg_key *key)
{
	return reg_key_value(key, WAT_VERSION) != NULL;
}

/* "7.1" below a family: the default value is the winner, the others are all there are. */
static bool only_this_version(const struct reg_key *key)
{
	for (size_t i = 0; i < key->values.n; i++) {
		const struct reg_value *v = &key->values.v[i];
		CLEANUP(free) char *winner = *v->name ? NULL : reg_value_text(v);

		if (*v->name ? !name_eq(v->name, WAT_VERSION)
			     : !winner || !name_eq(winner, WAT_VERSION))
			return false;
	}
	return !key->subkeys.n;
}

static int place_winner(
    void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct store *s = opaque;
	enum wat_family family = wat_family(s->wat, key_base(path));
	CLEANUP(free) char *sub = xasprintf("%s\\7.1", path);
	CLEANUP(reg_key) struct reg_key version = {0};

	(void)err;
	if (family == WAT_FAMILY_OTHER || !store_key(s, CHANGE_SOFTWARE, sub, &version) ||
	    !names_version(&version))
		return 0;
	if (family != WAT_FAMILY_OWN)
		store_unknown(s, "SOFTWARE\\%s: not the name that this component has", path);
	else if (key->subkeys.n == 1 && only_this_version(&version))
		store_place_key(s, WAT_WINNER, CHANGE_SOFTWARE, path, NULL);
	else
		store_unknown(s, "SOFTWARE\\%s: there is another version of this component", path);
	return 0;
}

void wat_cbs(struct store *s)
{
	CLEANUP(free) char *index = xasprintf(KEY_CBS "\\PackageIndex\\%s", s->wat->index);

	place_package(s);
	place_own_list(s, WAT_PACKAGE_INDEX, index, "there is another version of the package");
	store_each(s, CHANGE_SOFTWARE, KEY_CBS "\\PackageDetect", place_watch);
	store_each(s, CHANGE_SOFTWARE, KEY_CBS "\\ComponentDetect", place_watch);
	place_evaluation(s);
	store_each(s, CHANGE_SOFTWARE, CSI_WINNERS, place_winner);
}
