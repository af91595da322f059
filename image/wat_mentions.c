/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What names KB971033 and is not among its places: another package that builds on it, another
 * version, a list that nobody has described. Looked for everywhere in servicing, so
 * that nothing is left that waits for a package which is gone.
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/servicing_store.h"

struct mentions {
	struct store *s;
	enum change_hive hive;
};

static bool is_named(const struct store *s, const void *p, size_t n)
{
	return wat_is_named(p, n) || wat_has_text(p, n, s->deployment) ||
	       wat_has_text(p, n, s->catalog);
}

static int visit(void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	const struct mentions *m = opaque;
	struct store *s = m->s;
	const char *hive = change_hive_name(m->hive), *name = key_base(path);

	(void)err;
	if (store_failed(s) || store_placed_key(s, m->hive, path, NULL))
		return 0;
	if (is_named(s, name, strlen(name))) {
		store_unknown(s, "%s\\%s: names the package", hive, path);
		return 0;
	}
	for (size_t i = 0; i < key->values.n; i++) {
		const struct reg_value *v = &key->values.v[i];

		if ((is_named(s, v->name, strlen(v->name)) ||
			is_named(s, v->data.data, v->data.len)) &&
		    !store_placed_key(s, m->hive, path, v->name))
			store_unknown(s, "%s\\%s!%s: names the package", hive, path, v->name);
	}
	return 1;
}

static void look_through(struct store *s, enum change_hive hive, const char *top)
{
	struct mentions m = {s, hive};
	struct error e = ERROR_INIT;

	if (!s->mapped[hive] || store_failed(s))
		return;
	if (reg_walk(&s->hives[hive], top, visit, &m, &e) != 0)
		store_unknown(s, "%s: %s", change_hive_name(hive), e.message);
	err_clear(&e);
}

static void look_through_names(struct store *s, enum store_dir dir)
{
	for (size_t i = 0; i < s->dirs[dir].n; i++) {
		const char *name = s->dirs[dir].v[i];
		CLEANUP(free) char *path = store_path(s, dir, name);

		if (is_named(s, name, strlen(name)) && !store_placed_path(s, path))
			store_unknown(s, "%s: names the package", path);
	}
}

void wat_mentions(struct store *s)
{
	look_through(s, CHANGE_SOFTWARE, KEY_CBS);
	look_through(s, CHANGE_SOFTWARE, KEY_SIDE_BY_SIDE);
	look_through(s, CHANGE_COMPONENTS, "");
	for (enum store_dir dir = 0; dir < DIRS; dir++)
		look_through_names(s, dir);
}
