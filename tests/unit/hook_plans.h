/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plans from hand-made facts. apply() below carries a plan out on the facts themselves and
 * knows nothing of how a plan is made: planned again, nothing may be left to do.
 */
#ifndef W7PREP_TESTS_HOOK_PLANS_H
#define W7PREP_TESTS_HOOK_PLANS_H

#include "tests/unit/hook_facts.h"

/* ---- carrying a plan out on the facts ---- */

static inline void drop_path(struct strvec *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!name_eq(s->v[i], path))
			continue;
		free(s->v[i]);
		s->v[i] = s->v[--s->n];
		return;
	}
}

static inline struct win_file *placed(struct windows *win, const char *path)
{
	for (size_t i = 0; i < win->placed.n; i++)
		if (name_eq(win->placed.v[i].path, path))
			return &win->placed.v[i];
	return NULL;
}

static inline void free_file(struct win_file *f)
{
	free(f->path);
	buf_free(&f->content);
	*f = (struct win_file){0};
}

static inline void delete_file(struct windows *win, const char *path)
{
	struct win_file *f = placed(win, path);

	if (f) {
		free_file(f);
		*f = win->placed.v[--win->placed.n];
	}
	if (win->setup_complete.path && name_eq(win->setup_complete.path, path))
		free_file(&win->setup_complete);
	drop_path(&win->spp.store_files, path);
	drop_path(&win->kb971033.files, path);
	if (name_has_suffix(path, "/tokens.dat"))
		win->spp.tokens = false;
	if (name_has_suffix(path, "/cache.dat"))
		win->spp.cache = false;
}

static inline void write_file(struct windows *win, const struct change *c)
{
	struct win_file *f = &win->setup_complete;
	bool existed;

	if (!name_eq(c->path, SETUP_COMPLETE)) {
		ck_assert_msg(name_has_prefix(c->path, PLACED), "%s", c->path);
		f = placed(win, c->path);
		if (!f)
			f = VEC_PUSH(&win->placed);
	}
	existed = f->path != NULL;
	ck_assert_msg(existed || !c->keep_metadata, "%s: no metadata to keep", c->path);
	if (!existed)
		f->path = xstrdup(c->path);
	buf_free(&f->content);
	buf_add(&f->content, c->content.data, c->content.len);
	if (!c->keep_metadata) {
		f->has_sd = f->safe_script = true;
		f->safe_secret = c->sd == SECDESC_SECRET;
	}
}

static inline uint32_t dword(const struct change *c)
{
	const unsigned char *p = (const unsigned char *)c->data.data.data;

	ck_assert_uint_eq(c->data.type, HIVE_DWORD);
	ck_assert_uint_eq(c->data.data.len, 4);
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline char *string(const struct change *c)
{
	ck_assert_uint_eq(c->data.type, HIVE_SZ);
	return utf16le_to_utf8(c->data.data.data, c->data.data.len);
}

static inline void set_string(char **to, const struct change *c)
{
	free(*to);
	*to = c->op == CHANGE_SET_VALUE ? string(c) : NULL;
}

static inline void set_service(struct windows *win, const struct change *c)
{
	CLEANUP(free) char *control_set = xstrndup(c->key, strcspn(c->key, "\\"));

	ck_assert_str_eq(c->value, "Start");
	if (name_has_suffix(c->key, "\\sppuinotify")) {
		ck_assert_uint_eq(dword(c), 3);
		drop_path(&win->spp.sppuinotify_disabled, control_set);
		return;
	}
	ck_assert(name_has_suffix(c->key, "\\WatAdminSvc"));
	for (size_t i = 0; i < win->kb971033.services.n; i++)
		if (name_eq(win->kb971033.services.v[i].control_set, control_set))
			win->kb971033.services.v[i].start = dword(c);
}

static inline void change_firewall(struct windows *win, const struct change *c)
{
	for (size_t i = 0; i < win->policy.wmi_rules.n; i++) {
		struct win_firewall_rule *r = &win->policy.wmi_rules.v[i];

		if (name_has_prefix(c->key, r->control_set) && name_eq(r->name, c->value)) {
			set_string(&r->rule, c);
			return;
		}
	}
	ck_abort_msg("no such rule: %s", c->value);
}

static inline void change_value(struct windows *win, const struct change *c)
{
	bool gone = c->op == CHANGE_DELETE_VALUE;

	if (name_has_suffix(c->key, "\\FirewallRules"))
		change_firewall(win, c);
	else if (name_contains(c->key, "\\services\\"))
		set_service(win, c);
	else if (name_eq(c->value, "KeyManagementServiceName") && name_eq(c->key, SPP))
		set_string(&win->spp.kms_host, c);
	else if (name_eq(c->value, "KeyManagementServicePort") && name_eq(c->key, SPP))
		set_string(&win->spp.kms_port, c);
	else if (gone && name_has_prefix(c->value, "KeyManagementService"))
		drop_path(&win->spp.kms_keys, c->key);
	else if (name_eq(c->value, "SkipRearm"))
		win->spp.skip_rearm = !gone && dword(c) != 0;
	else if (name_eq(c->value, "Manual"))
		win->policy.manual_activation = gone ? 0 : dword(c);
	else if (name_eq(c->value, "LocalAccountTokenFilterPolicy"))
		win->policy.token_filter = gone ? 0 : dword(c);
	else if (name_eq(c->key, "Setup") && name_eq(c->value, "CmdLine"))
		set_string(&win->setup_cmdline, c);
	else if (name_eq(c->key, "Setup") && name_eq(c->value, "SetupType"))
		win->setup_type = dword(c);
	else
		ck_abort_msg("nobody asked for %s!%s", c->key, c->value);
}

static inline void apply(struct windows *win, const struct plan *p)
{
	for (size_t i = 0; i < p->changes.list.n; i++) {
		const struct change *c = &p->changes.list.v[i];

		ck_assert_msg(c->reason && *c->reason, "%s: no reason", c->hook);
		switch (c->op) {
		case CHANGE_DELETE_FILE:
			delete_file(win, c->path);
			break;
		case CHANGE_WRITE_FILE:
			write_file(win, c);
			break;
		case CHANGE_SET_VALUE:
		case CHANGE_DELETE_VALUE:
			change_value(win, c);
			break;
		case CHANGE_DELETE_KEY:
			drop_path(&win->kb971033.task_keys, c->key);
			break;
		default:
			ck_abort_msg("%s: %s", c->hook, change_op_name(c->op));
		}
	}
}

/* ---- looking at a plan ---- */

static inline const struct change *find(const struct plan *p, enum change_op op, const char *target)
{
	for (size_t i = 0; i < p->changes.list.n; i++) {
		const struct change *c = &p->changes.list.v[i];
		CLEANUP(free)
		char *full = c->path ? xstrdup(c->path)
				     : xasprintf("%s\\%s!%s", change_hive_name(c->hive), c->key,
					   c->value ? c->value : "");

		if (c->op == op && name_eq(full, target))
			return c;
	}
	return NULL;
}

static inline const char *written(const struct plan *p, const char *path)
{
	const struct change *c = find(p, CHANGE_WRITE_FILE, path);

	ck_assert_msg(c != NULL, "%s is not written", path);
	return c->content.data;
}

static inline bool has_note(const struct plan *p, const char *part)
{
	for (size_t i = 0; i < p->notes.n; i++)
		if (name_contains(p->notes.v[i], part))
			return true;
	return false;
}

static inline void assert_has_note(const struct plan *p, const char *part)
{
	ck_assert_msg(has_note(p, part), "no note with \"%s\"", part);
}

/* Plan, carry it out, plan again: the second must be empty. Returns the first. */
static inline struct plan converge_for(
    struct windows *win, const struct profile *profile, const struct plan_request *request)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct plan first, second;

	assert_ok(hooks_plan_for(win, profile, request, &first, &err), err);
	apply(win, &first);
	assert_ok(hooks_plan_for(win, profile, request, &second, &err), err);
	if (second.changes.list.n) {
		CLEANUP(free) char *target = change_target(&second.changes.list.v[0]);
		ck_abort_msg("not done after the first plan: %s (%s)", target,
		    second.changes.list.v[0].hook);
	}
	plan_free(&second);
	return first;
}

static inline struct plan converge(struct windows *win, const struct profile *profile)
{
	return converge_for(win, profile, &(struct plan_request){0});
}

static inline void assert_refused(
    struct windows *win, const struct profile *profile, enum err_code code, const char *part)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct plan p;

	ck_assert_int_lt(hooks_plan(win, profile, &p, &err), 0);
	ck_assert_msg(err.code == code, "%s: %s", err_code_name(err.code), err.message);
	ck_assert_msg(name_contains(err.message, part), "%s", err.message);
	ck_assert_msg(err.hint && *err.hint, "no remedy: %s", err.message);
	plan_free(&p);
}

#endif
