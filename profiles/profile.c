/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading a profile and what it extends. */
#include "profiles/profile.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "profiles/profile_priv.h"

#define MAX_DEPTH 8

/* A profile being read: what holds so far, and the files that led here. */
struct reading {
	const struct profile_key *keys;
	size_t nkeys;
	char **values; /* one a key; NULL: nobody said anything */
	struct profile_source *sources;
	struct complaints complaints;
	struct {
		char *path;
		dev_t dev;
		ino_t ino;
	} chain[MAX_DEPTH];
	size_t depth;
	struct error internal; /* iniparser read something else */
};

static void cleanup_reading(struct reading *r)
{
	for (size_t i = 0; i < r->nkeys; i++) {
		free(r->values[i]);
		if (r->sources)
			free(r->sources[i].file);
	}
	free(r->values);
	free(r->sources);
	complaints_free(&r->complaints);
	err_clear(&r->internal);
}

static void cleanup_ini_file(struct ini_file *f)
{
	ini_file_free(f);
}

static bool is_section(const struct reading *r, const char *name)
{
	for (size_t i = 0; i < r->nkeys; i++)
		if (strcmp(r->keys[i].section, name) == 0)
			return true;
	return false;
}

static void unknown_section(struct reading *r, const char *path, const struct ini_entry *e)
{
	struct suggestion near = SUGGESTION_INIT(e->section);
	struct buf all = BUF_INIT;

	for (size_t i = 0; i < r->nkeys; i++) {
		suggestion_offer(&near, r->keys[i].section);
		if (!i || strcmp(r->keys[i].section, r->keys[i - 1].section) != 0)
			buf_addf(&all, "%s[%s]", i ? ", " : "there are ", r->keys[i].section);
	}
	CLEANUP(free) char *hint = buf_steal(&all);
	if (near.best)
		complain(&r->complaints, path, e->line, hint,
		    "unknown section [%s]; did you mean [%s]?", e->section, near.best);
	else
		complain(&r->complaints, path, e->line, hint, "unknown section [%s]", e->section);
}

static void unknown_key(struct reading *r, const char *path, const struct ini_entry *e)
{
	const struct profile_key *elsewhere = profile_key_find(e->key);
	struct suggestion near = SUGGESTION_INIT(e->key);
	struct buf all = BUF_INIT;

	for (size_t i = 0; i < r->nkeys; i++) {
		if (strcmp(r->keys[i].section, e->section) != 0)
			continue;
		suggestion_offer(&near, r->keys[i].name);
		buf_addf(&all, "%s %s", all.len ? "," : "keys of this section:", r->keys[i].name);
	}
	CLEANUP(free) char *hint = buf_steal(&all);
	if (elsewhere)
		complain(&r->complaints, path, e->line, hint,
		    "unknown key '%s' in [%s]; it belongs into [%s]", e->key, e->section,
		    elsewhere->section);
	else if (near.best)
		complain(&r->complaints, path, e->line, hint,
		    "unknown key '%s' in [%s]; did you mean '%s'?", e->key, e->section, near.best);
	else
		complain(&r->complaints, path, e->line, hint, "unknown key '%s' in [%s]", e->key,
		    e->section);
}

/* A header: known, and for the first time. */
static void check_header(struct reading *r, const char *path, const struct ini_file *f, size_t i)
{
	const struct ini_entry *e = &f->v[i];

	if (!is_section(r, e->section)) {
		unknown_section(r, path, e);
		return;
	}
	for (size_t j = 0; j < i; j++) {
		if (f->v[j].key || strcmp(f->v[j].section, e->section) != 0)
			continue;
		complain(&r->complaints, path, e->line, "put all its keys under one header",
		    "section [%s] a second time; the first is in line %u", e->section,
		    f->v[j].line);
		return;
	}
}

/* A key: known here, for the first time, with a value it may have. */
static void check_key(
    struct reading *r, const char *path, const struct ini_entry *e, const struct ini_entry **said)
{
	const struct profile_key *k = profile_key_find(e->key);

	if (!is_section(r, e->section))
		return;
	if (!k || strcmp(k->section, e->section) != 0) {
		unknown_key(r, path, e);
		return;
	}
	const struct ini_entry **slot = &said[k - r->keys];
	if (*slot) {
		complain(&r->complaints, path, e->line, "keep one of the two",
		    "key '%s' a second time; the first is in line %u", e->key, (*slot)->line);
		return;
	}
	*slot = e;
	profile_check_value(k, e->value, path, e->line, &r->complaints);
}

static char *chain_text(const struct reading *r, const char *last)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < r->depth; i++)
		buf_addf(&b, "%s -> ", r->chain[i].path);
	buf_adds(&b, last);
	return buf_steal(&b);
}

static bool in_chain(const struct reading *r, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	for (size_t i = 0; i < r->depth; i++)
		if (r->chain[i].dev == st.st_dev && r->chain[i].ino == st.st_ino)
			return true;
	return false;
}

/*
 * The file that "extends" means. A name may mean several; one that is being read already is
 * passed over, so that a school's own kms.ini can extend the shipped kms.
 */
static char *find_parent(struct reading *r, const char *path, const struct ini_entry *e)
{
	CLEANUP(free) char *dir = path_dir(path);
	CLEANUP(strvec) struct strvec found = STRVEC_INIT;
	bool is_path = strchr(e->value, '/') || name_has_suffix(e->value, ".ini");
	const char *again = NULL;

	CLEANUP(free) char *file = xasprintf("%s%s", e->value, is_path ? "" : ".ini");
	char *beside = file[0] == '/' ? xstrdup(file) : path_join(dir, file);
	if (access(beside, F_OK) == 0)
		strvec_take(&found, beside);
	else
		free(beside);
	if (!is_path)
		profile_candidates(e->value, &found);
	for (size_t i = 0; i < found.n; i++) {
		if (!in_chain(r, found.v[i]))
			return xstrdup(found.v[i]);
		again = found.v[i];
	}
	CLEANUP(free) char *chain = chain_text(r, again ? again : e->value);
	if (again)
		complain(&r->complaints, path, e->line, "one of them must not extend the next",
		    "the profiles extend each other in a circle: %s", chain);
	else
		complain(&r->complaints, path, e->line,
		    "a path is relative to this file; names: w7prep profile list",
		    "there is no profile to extend: %s", chain);
	return NULL;
}

static void read_file(struct reading *r, const char *path);

static void read_parent(struct reading *r, const char *path, const struct ini_entry *e)
{
	if (!e || !*e->value)
		return;
	CLEANUP(free) char *parent = find_parent(r, path, e);
	if (!parent)
		return;
	CLEANUP(free) char *chain = chain_text(r, parent);
	if (r->depth == MAX_DEPTH)
		complain(&r->complaints, path, e->line, "fewer steps are easier to follow",
		    "profiles extend each other over more than %d files: %s", MAX_DEPTH, chain);
	else
		read_file(r, parent);
}

/* What this file says takes the place of what its parent said. */
static void merge(struct reading *r, const char *path, const struct ini_entry **said)
{
	for (size_t i = 0; i < r->nkeys; i++) {
		if (!said[i] && !(r->keys[i].own && r->values[i]))
			continue;
		free(r->values[i]);
		free(r->sources[i].file);
		r->values[i] = said[i] ? xstrdup(said[i]->value) : NULL;
		r->sources[i].file = said[i] ? xstrdup(path) : NULL;
		r->sources[i].line = said[i] ? said[i]->line : 0;
	}
}

static void read_file(struct reading *r, const char *path)
{
	CLEANUP(ini_file) struct ini_file f;
	CLEANUP(free) const struct ini_entry **said = xcalloc(r->nkeys, sizeof(*said));
	size_t before = r->complaints.n;
	struct stat st = {0};

	if (stat(path, &st) != 0)
		st = (struct stat){0}; /* ini_scan() says why */
	r->chain[r->depth].path = xstrdup(path);
	r->chain[r->depth].dev = st.st_dev;
	r->chain[r->depth].ino = st.st_ino;
	r->depth++;

	ini_scan(path, &f, &r->complaints);
	for (size_t i = 0; i < f.n; i++) {
		if (f.v[i].key)
			check_key(r, path, &f.v[i], said);
		else
			check_header(r, path, &f, i);
	}
	complaints_sort(&r->complaints, before);
	if (r->complaints.n == before && r->internal.code == ERR_NONE &&
	    ini_cross_check(&f, &r->internal) != 0)
		err_context(&r->internal, "%s", path);
	read_parent(r, path, said[profile_key_find("extends") - r->keys]);
	merge(r, path, said);
	free(r->chain[--r->depth].path);
}

/* The first complaint is the error, the others go to @more. */
static int report(const struct complaints *c, struct strvec *more, struct error *err)
{
	err_set(err, ERR_PROFILE, "%s", c->v[0].message);
	err_hint(err, "%s", c->v[0].hint ? c->v[0].hint : "w7prep-profile(5) has every key");
	for (size_t i = 1; more && i < c->n; i++)
		strvec_addf(more, "%s%s%s%s", c->v[i].message, c->v[i].hint ? " (" : "",
		    c->v[i].hint ? c->v[i].hint : "", c->v[i].hint ? ")" : "");
	if (more && c->dropped)
		strvec_addf(more, "and %zu more", c->dropped);
	return -1;
}

static void fill(struct reading *r, const char *path, struct profile *p)
{
	*p = (struct profile){.path = xstrdup(path)};
	profile_defaults(p);
	for (size_t i = 0; i < r->nkeys; i++) {
		if (!r->values[i])
			continue;
		profile_store(p, &r->keys[i], r->values[i], r->sources[i].file);
		/* "" goes back to the default: then nobody said it */
		if (!*r->values[i]) {
			free(r->sources[i].file);
			r->sources[i].file = NULL;
		}
	}
	p->sources = steal_ptr(&r->sources);
	p->strip_set = profile_source(p, profile_key_find("strip")) != NULL;
	if (!p->name) {
		const char *base = path_base(path);
		size_t n = strlen(base);

		p->name = xstrndup(base, name_has_suffix(base, ".ini") ? n - 4 : n);
	}
}

int profile_read(const char *path, struct profile *out, struct strvec *more, struct error *err)
{
	CLEANUP(reading) struct reading r = {0};

	if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
		err_set(err, ERR_NO_SUCH_FILE, "%s: no such profile", path);
		return err_hint(err, "the profiles there are: w7prep profile list");
	}
	r.keys = profile_keys(&r.nkeys);
	r.values = xcalloc(r.nkeys, sizeof(*r.values));
	r.sources = xcalloc(r.nkeys, sizeof(*r.sources));
	read_file(&r, path);
	if (r.complaints.n)
		return report(&r.complaints, more, err);
	if (r.internal.code != ERR_NONE)
		return err_move(err, &r.internal);
	fill(&r, path, out);
	profile_check_sense(out, &r.complaints);
	if (!r.complaints.n)
		return 0;
	profile_free(out);
	return report(&r.complaints, more, err);
}

void profile_free(struct profile *p)
{
	size_t n;

	profile_keys(&n);
	for (size_t i = 0; p->sources && i < n; i++)
		free(p->sources[i].file);
	free(p->sources);
	free(p->path);
	free(p->name);
	free(p->description);
	free(p->extends);
	free(p->kms_host);
	free(p->mak_key_file);
	free(p->vamt_host);
	free(p->report_share);
	free(p->domain);
	strvec_free(&p->warnings);
	*p = (struct profile){0};
}
