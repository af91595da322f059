/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the servicing check read with, and where they put what they find. */
#include "image/servicing_store.h"

#include <stdarg.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/text.h"

#define UNKNOWN_MAX 100

/* ---- names and paths ---- */

static int by_name(const void *a, const void *b)
{
	return name_cmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct strvec *names)
{
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), by_name);
}

bool names_has(const struct strvec *sorted, const char *name)
{
	return sorted->n && bsearch(&name, sorted->v, sorted->n, sizeof(*sorted->v), by_name);
}

char *store_dir_path(const struct store *s, enum store_dir dir)
{
	static const char *const rest[DIRS] = {PACKAGES_DIR, WINSXS_DIR, MANIFESTS_DIR,
	    CATALOGS_DIR, FILE_MAPS_DIR, BACKUP_DIR, CATROOT_DIR};

	return windows_path(s->r.win, rest[dir]);
}

char *store_path(const struct store *s, enum store_dir dir, const char *name)
{
	CLEANUP(free) char *d = store_dir_path(s, dir);

	return path_join(d, name);
}

const char *key_base(const char *path)
{
	const char *p = strrchr(path, '\\');

	return p ? p + 1 : path;
}

/* ---- what is found ---- */

static char *one_line(const char *fmt, va_list ap)
{
	CLEANUP(error) struct error e = ERROR_INIT;

	/* through struct error: names from an image never break a report's lines */
	err_vset(&e, ERR_UNKNOWN_SHAPE, fmt, ap);
	return steal_ptr(&e.message);
}

void store_finding(struct store *s, enum servicing_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (s->out->findings.n >= STORE_FINDINGS_MAX) {
		s->out->more = true;
		return;
	}
	struct servicing_finding *f = VEC_PUSH(&s->out->findings);
	f->kind = kind;
	va_start(ap, fmt);
	f->path = one_line(fmt, ap);
	va_end(ap);
}

void store_unknown(struct store *s, const char *fmt, ...)
{
	va_list ap;

	if (s->out->unknown.n >= UNKNOWN_MAX)
		return;
	va_start(ap, fmt);
	strvec_take(&s->out->unknown, one_line(fmt, ap));
	va_end(ap);
}

void store_place_path(struct store *s, enum wat_part part, char *path, bool is_dir)
{
	struct wat_place *p = VEC_PUSH(&s->out->places);

	p->part = part;
	p->path = path;
	p->is_dir = is_dir;
}

void store_place_key(
    struct store *s, enum wat_part part, enum change_hive hive, const char *key, const char *value)
{
	struct wat_place *p = VEC_PUSH(&s->out->places);

	p->part = part;
	p->hive = hive;
	p->key = xstrdup(key);
	p->value = value ? xstrdup(value) : NULL;
}

static bool is_below(const char *path, const char *top, char separator)
{
	size_t n = strlen(top);

	return name_has_prefix(path, top) && (path[n] == '\0' || path[n] == separator);
}

bool store_placed_key(
    const struct store *s, enum change_hive hive, const char *key, const char *value)
{
	for (size_t i = 0; i < s->out->places.n; i++) {
		const struct wat_place *p = &s->out->places.v[i];

		if (p->path || p->hive != hive)
			continue;
		if (!p->value ? is_below(key, p->key, '\\')
			      : value && name_eq(key, p->key) && name_eq(value, p->value))
			return true;
	}
	return false;
}

bool store_placed_path(const struct store *s, const char *path)
{
	for (size_t i = 0; i < s->out->places.n; i++) {
		const struct wat_place *p = &s->out->places.v[i];

		if (p->path && is_below(path, p->path, '/'))
			return true;
	}
	return false;
}

/* ---- hives ---- */

/* The image's fault makes the store unknown; anything else ends the reading. */
static void note_error(struct store *s, struct error *e)
{
	enum exit_status st = err_code_status(e->code);

	if (e->code == ERR_NONE)
		return;
	if (st == EXIT_UNSUPPORTED || st == EXIT_UNSAFE)
		store_unknown(s, "%s", e->message);
	else if (s->r.error.code == ERR_NONE)
		err_move(&s->r.error, e);
	err_clear(e);
}

bool store_failed(struct store *s)
{
	if (s->r.error.code == ERR_NONE && cancel_requested())
		err_set(&s->r.error, ERR_INTERRUPT, "interrupted");
	return s->r.error.code != ERR_NONE;
}

static void open_hive(struct store *s, enum change_hive hive)
{
	CLEANUP(free)
	char *path = xasprintf("%s/System32/config/%s", s->r.win->root, change_hive_name(hive));
	struct regf *r = &s->hives[hive];
	struct error e = ERROR_INIT;
	struct image_stat st;
	int fd;

	if (!win_stat(&s->r, path, &st) || st.is_dir) {
		if (!store_failed(s))
			store_unknown(s, "%s: not there", path);
		return;
	}
	if (st.size > WIN_HIVE_MAX)
		err_set(&e, ERR_LIMIT, "%s: a hive of %llu MiB", path,
		    (unsigned long long)st.size >> 20);
	else if (image_file_fd(s->r.im, s->r.vol, path, &fd, &e) != 1)
		err_context(&e, "%s", path);
	else if (regf_map(r, fd, &e) != 0)
		err_context(&e, "%s", path);
	else
		s->mapped[hive] = true;
	if (s->mapped[hive] && r->sequence1 != r->sequence2)
		store_unknown(
		    s, "%s: dirty registry hive: Windows had not finished writing it", path);
	note_error(s, &e);
}

bool store_key(struct store *s, enum change_hive hive, const char *path, struct reg_key *out)
{
	struct error e = ERROR_INIT;

	*out = (struct reg_key){0};
	if (!s->mapped[hive] || store_failed(s))
		return false;
	int rc = reg_key_load(&s->hives[hive], path, out, &e);
	if (rc < 0)
		err_context(&e, "%s", change_hive_name(hive));
	note_error(s, &e);
	return rc == 1;
}

static void visit_keys(struct store *s, enum change_hive hive, const char *top, reg_visit visit,
    int (*walk)(const struct regf *, const char *, reg_visit, void *, struct error *))
{
	struct error e = ERROR_INIT;

	if (!s->mapped[hive] || store_failed(s))
		return;
	if (walk(&s->hives[hive], top, visit, s, &e) != 0)
		err_context(&e, "%s", change_hive_name(hive));
	note_error(s, &e);
}

void store_walk(struct store *s, enum change_hive hive, const char *top, reg_visit visit)
{
	visit_keys(s, hive, top, visit, reg_walk);
}

void store_each(struct store *s, enum change_hive hive, const char *top, reg_visit visit)
{
	visit_keys(s, hive, top, visit, reg_each_subkey);
}

/* ---- all of it ---- */

void store_open(struct store *s)
{
	for (enum change_hive hive = 0; hive < CHANGE_HIVES; hive++)
		open_hive(s, hive);
	for (enum store_dir dir = 0; dir < DIRS; dir++) {
		CLEANUP(free) char *path = store_dir_path(s, dir);

		win_list(&s->r, path, &s->dirs[dir]);
		names_sort(&s->dirs[dir]);
	}
}

void store_close(struct store *s)
{
	for (size_t i = 0; i < CHANGE_HIVES; i++)
		if (s->mapped[i])
			regf_unmap(&s->hives[i]);
	for (size_t i = 0; i < DIRS; i++)
		strvec_free(&s->dirs[i]);
	free(s->deployment);
	free(s->catalog);
}
