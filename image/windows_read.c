/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/windows_read.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"

/* A string in a fact is a name, a path or a state: longer ones are not what they claim to be. */
#define FACT_STRING_MAX 4096

static const char *const hive_names[WIN_HIVES] = {"SYSTEM", "SOFTWARE"};

void win_refuse(struct windows *win, enum err_code code, const char *hint, const char *fmt, ...)
{
	CLEANUP(error) struct error e = ERROR_INIT;
	va_list ap;
	size_t at;

	/* through struct error, so that no refusal is more than one line */
	va_start(ap, fmt);
	err_vset(&e, code, fmt, ap);
	va_end(ap);
	err_hint(&e, "%s", hint);
	VEC_PUSH(&win->refusals);
	/* codes are numbered by kind, then by state: the image's first trouble comes first */
	for (at = win->refusals.n - 1; at > 0 && win->refusals.v[at - 1].code > code; at--)
		win->refusals.v[at] = win->refusals.v[at - 1];
	struct refusal *r = &win->refusals.v[at];
	r->code = code;
	r->message = steal_ptr(&e.message);
	r->hint = steal_ptr(&e.hint);
}

void win_pending(struct windows *win, const char *fmt, ...)
{
	CLEANUP(buf) struct buf all = BUF_INIT;
	CLEANUP(error) struct error e = ERROR_INIT;
	va_list ap;

	va_start(ap, fmt);
	err_vset(&e, ERR_PENDING, fmt, ap);
	va_end(ap);
	buf_addf(&all, "%s%s%s", win->pending_reason ? win->pending_reason : "",
	    win->pending_reason ? ", " : "", e.message);
	free(win->pending_reason);
	win->pending_reason = buf_steal(&all);
	win->pending_servicing = true;
}

void win_note_error(struct win_reader *r, struct error *e)
{
	enum exit_status st = err_code_status(e->code);

	if (st == EXIT_UNSUPPORTED || st == EXIT_UNSAFE)
		win_refuse(r->win, e->code,
		    e->hint ? e->hint : "run chkdsk on the installation, or capture it again",
		    "%s", e->message ? e->message : "cannot be read");
	else if (r->error.code == ERR_NONE)
		err_move(&r->error, e);
	err_clear(e);
}

bool win_stat(struct win_reader *r, const char *path, struct image_stat *st)
{
	struct error e = ERROR_INIT;

	if (r->error.code != ERR_NONE)
		return false;
	int rc = image_stat(r->im, r->vol, path, st, &e);
	if (rc < 0)
		win_note_error(r, &e);
	return rc == 1 && !st->is_link;
}

bool win_is_file(struct win_reader *r, const char *path)
{
	struct image_stat st;

	return win_stat(r, path, &st) && !st.is_dir;
}

bool win_is_dir(struct win_reader *r, const char *path)
{
	struct image_stat st;

	return win_stat(r, path, &st) && st.is_dir;
}

void win_list(struct win_reader *r, const char *dir, struct strvec *names)
{
	CLEANUP(strvec) struct strvec all = STRVEC_INIT;
	struct error e = ERROR_INIT;

	if (!win_is_dir(r, dir))
		return;
	if (image_list_dir(r->im, r->vol, dir, &all, &e) < 0) {
		win_note_error(r, &e);
		return;
	}
	strvec_sort(&all);
	for (size_t i = 0; i < all.n; i++) {
		CLEANUP(free) char *path = path_join(dir, all.v[i]);

		if (!strchr(all.v[i], '/') && image_path_ok(path))
			strvec_add(names, all.v[i]);
	}
}

void win_find(struct win_reader *r, const char *dir, const char *suffix, unsigned depth,
    struct strvec *paths)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	win_list(r, dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(free) char *path = path_join(dir, names.v[i]);
		struct image_stat st;

		if (paths->n >= WIN_NAMES_MAX) {
			struct error e = ERROR_INIT;
			err_set(&e, ERR_LIMIT, "%s holds more than %d files", dir, WIN_NAMES_MAX);
			win_note_error(r, &e);
			return;
		}
		/* a name that matches needs no look at the file: an appliance charges for each */
		if (suffix && name_has_suffix(names.v[i], suffix))
			strvec_add(paths, path);
		else if (!win_stat(r, path, &st))
			continue;
		else if (!st.is_dir && !suffix)
			strvec_add(paths, path);
		else if (st.is_dir && depth)
			win_find(r, path, suffix, depth - 1, paths);
	}
}

bool win_head(struct win_reader *r, const char *path, size_t max, struct buf *out)
{
	struct error e = ERROR_INIT;

	if (!win_is_file(r, path))
		return false;
	int rc = image_read(r->im, r->vol, path, 0, max, out, &e);
	if (rc < 0)
		win_note_error(r, &e);
	return rc >= 0;
}

/* The answer of a hive function; damage of one hive is said once. */
static bool answer(struct win_reader *r, enum win_hive hive, int rc, struct error *e)
{
	if (rc >= 0)
		return rc > 0;
	err_context(e, "%s hive", hive_names[hive]);
	if (!r->damaged[hive])
		win_note_error(r, e);
	r->damaged[hive] = true;
	err_clear(e);
	return false;
}

bool win_key(struct win_reader *r, enum win_hive hive, const char *key)
{
	struct error e = ERROR_INIT;

	return r->hives[hive] && answer(r, hive, hive_key_exists(r->hives[hive], key, &e), &e);
}

char *win_string(struct win_reader *r, enum win_hive hive, const char *key, const char *value)
{
	CLEANUP(free) char *s = NULL;
	struct error e = ERROR_INIT;

	if (!r->hives[hive] ||
	    !answer(r, hive, hive_get_string(r->hives[hive], key, value, &s, &e), &e))
		return NULL;
	return strlen(s) <= FACT_STRING_MAX ? steal_ptr(&s) : NULL;
}

bool win_dword(struct win_reader *r, enum win_hive hive, const char *key, const char *value,
    uint32_t *out)
{
	struct error e = ERROR_INIT;

	return r->hives[hive] &&
	    answer(r, hive, hive_get_dword(r->hives[hive], key, value, out, &e), &e);
}

void win_strings(struct win_reader *r, enum win_hive hive, const char *key, const char *value,
    struct strvec *out)
{
	struct error e = ERROR_INIT;

	if (r->hives[hive])
		answer(r, hive, hive_get_strings(r->hives[hive], key, value, out, &e), &e);
}

void win_subkeys(struct win_reader *r, enum win_hive hive, const char *key, struct strvec *names)
{
	struct error e = ERROR_INIT;

	if (r->hives[hive])
		answer(r, hive, hive_subkeys(r->hives[hive], key, names, &e), &e);
}

bool win_binary(struct win_reader *r, enum win_hive hive, const char *key, const char *value,
    size_t min, struct hive_value *out)
{
	struct error e = ERROR_INIT;

	if (!r->hives[hive] ||
	    !answer(r, hive, hive_get(r->hives[hive], key, value, out, &e), &e))
		return false;
	return out->type == HIVE_BINARY && out->data.len >= min;
}

char *win_control(const struct windows *win, const char *rest)
{
	return xasprintf("%s\\%s",
	    win->current_control_set ? win->current_control_set : "ControlSet001", rest);
}

bool win_is_guid(const char *s, bool braces)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (braces && *s++ != '{')
		return false;
	for (const char *p = shape; *p; p++, s++)
		if (*p == 'x' ? !isxdigit((unsigned char)*s) : *s != *p)
			return false;
	return strcmp(s, braces ? "}" : "") == 0;
}
