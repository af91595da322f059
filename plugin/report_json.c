/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/servicing.h"
#include "plugin/report.h"

static void set(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static void set_text(json_t *o, const char *key, const char *s)
{
	set(o, key, report_json_text(s));
}

static json_t *kb971033_json(const struct kb971033 *kb)
{
	json_t *o = json_object(), *signs = json_array(), *services = json_array();

	for (unsigned bit = 1; kb971033_sign_name((enum kb971033_sign)bit); bit <<= 1)
		if (kb->signs & bit)
			json_array_append_new(signs,
			    json_string(kb971033_sign_name((enum kb971033_sign)bit)));
	for (size_t i = 0; i < kb->services.n; i++)
		json_array_append_new(services,
		    json_pack("{ss sI}", "control_set", kb->services.v[i].control_set, "start",
			(json_int_t)kb->services.v[i].start));
	set(o, "installed", json_boolean(kb->installed));
	set(o, "signs", signs);
	set_text(o, "package", kb->package);
	set(o, "current_state", json_integer(kb->current_state));
	set(o, "services", services);
	set(o, "files", report_json_texts(&kb->files));
	return o;
}

static json_t *spp_json(const struct spp *spp)
{
	json_t *o = json_object();

	set(o, "tokens", json_boolean(spp->tokens));
	set(o, "cache", json_boolean(spp->cache));
	set(o, "store_files", report_json_texts(&spp->store_files));
	set(o, "licence_files", json_integer(spp->xrm_ms));
	set_text(o, "kms_host", spp->kms_host);
	set_text(o, "kms_port", spp->kms_port);
	set(o, "skip_rearm", json_boolean(spp->skip_rearm));
	set_text(o, "key_channel", spp->key_channel);
	set_text(o, "activation_id", spp->activation_id);
	set(o, "oem_certificate", json_boolean(spp->oem_certificate));
	set(o, "sppuinotify_start", json_integer(spp->sppuinotify_start));
	return o;
}

static json_t *servicing_json(const struct servicing *s)
{
	json_t *o = json_object(), *findings = json_array();

	for (size_t i = 0; i < s->findings.n; i++) {
		json_t *f = json_object();

		set_text(f, "kind", servicing_kind_name(s->findings.v[i].kind));
		set_text(f, "path", s->findings.v[i].path);
		json_array_append_new(findings, f);
	}
	set(o, "packages", json_integer((json_int_t)s->packages));
	set(o, "components", json_integer((json_int_t)s->components));
	set(o, "findings", findings);
	set(o, "more", json_boolean(s->more));
	set(o, "kb971033_places", json_integer((json_int_t)s->places.n));
	set(o, "kb971033_unknown", report_json_texts(&s->unknown));
	return o;
}

static json_t *refusals_json(const struct windows *win)
{
	json_t *a = json_array();

	for (size_t i = 0; i < win->refusals.n; i++) {
		const struct refusal *r = &win->refusals.v[i];
		json_t *o = json_object();

		set_text(o, "code", err_code_name(r->code));
		set(o, "status", json_integer(err_code_status(r->code)));
		set_text(o, "message", r->message);
		set_text(o, "hint", r->hint);
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *files_json(const struct win_file *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, report_json_text(v[i].path));
	return a;
}

static void facts_json(json_t *o, const struct windows *win)
{
	set_text(o, "root", win->root);
	set_text(o, "installation_type", win->installation_type);
	set_text(o, "version", win->version);
	set(o, "languages", report_json_texts(&win->languages));
	set_text(o, "computer_name", win->computer_name);
	set(o, "control_sets", report_json_texts(&win->control_sets));
	set_text(o, "current_control_set", win->current_control_set);
	set(o, "sealed", json_boolean(win->sealed == SEALED_YES));
	set_text(o, "seal", win_sealed_name(win->sealed));
	set_text(o, "image_state", win->image_state);
	set_text(o, "image_state_ini", win->image_state_ini);
	set(o, "setup_in_progress", json_boolean(win->setup_in_progress));
	set_text(o, "setup_cmdline", win->setup_cmdline);
	set(o, "kb971033", kb971033_json(&win->kb971033));
	set(o, "spp", spp_json(&win->spp));
	set(o, "pending_servicing", json_boolean(win->pending_servicing));
	set_text(o, "pending_reason", win->pending_reason);
	if (win->servicing)
		set(o, "servicing", servicing_json(win->servicing));
	set(o, "hibernated", json_boolean(win->hibernated));
	set(o, "dirty_hives", report_json_texts(&win->dirty_hives));
	set_text(o, "setup_complete", win->setup_complete.path);
	set(o, "placed", files_json(win->placed.v, win->placed.n));
	set(o, "answer_files", files_json(win->answer_files.v, win->answer_files.n));
	set(o, "answers", report_json_answers(win));
	set(o, "refusals", refusals_json(win));
}

static json_t *changes_json(const struct changeset *cs)
{
	json_t *a = json_array();

	for (size_t i = 0; i < cs->list.n; i++) {
		const struct change *c = &cs->list.v[i];
		CLEANUP(free) char *target = change_target(c);
		CLEANUP(free) char *detail = change_detail(c);
		json_t *o = json_object();

		set_text(o, "hook", c->hook);
		set_text(o, "op", change_op_name(c->op));
		set_text(o, "target", target);
		set_text(o, "detail", detail);
		set_text(o, "reason", c->reason);
		json_array_append_new(a, o);
	}
	return a;
}

static void plan_json(json_t *o, const struct target *t)
{
	const struct strategy_decision *d = &t->plan.decision;

	set(o, "selected", json_boolean(t->selected));
	if (t->planned) {
		set_text(o, "strategy", strategy_name(d->strategy));
		set(o, "reasons", report_json_texts(&d->reasons));
		set(o, "advice", report_json_texts(&d->advice));
		set(o, "notes", report_json_texts(&t->plan.notes));
	}
	set(o, "changes", changes_json(&t->plan.changes));
	if (t->refusal.code != ERR_NONE)
		set(o, "refusal", report_json_error(&t->refusal));
}

static json_t *target_json(const struct target *t, unsigned parts)
{
	const struct windows *win = &t->win;
	json_t *o = json_object();

	set(o, "index", json_integer(win->index));
	set_text(o, "product_name", win->product_name);
	set_text(o, "edition", win->edition);
	set_text(o, "arch", win_arch_name(win->arch));
	set(o, "build", json_integer(win->build));
	set(o, "service_pack", json_integer(win->service_pack));
	if (parts & REPORT_FACTS)
		facts_json(o, win);
	if (parts & REPORT_PLAN)
		plan_json(o, t);
	return o;
}

json_t *report_json(const struct job *job, unsigned parts)
{
	json_t *o = json_object(), *windows = json_array();

	set_text(o, "path", job->path);
	set_text(o, "format", job->engine ? image_format_name(job->format) : NULL);
	set_text(o, "engine", job->engine);
	for (size_t i = 0; i < job->targets.n; i++)
		json_array_append_new(windows, target_json(&job->targets.v[i], parts));
	set(o, "windows", windows);
	set(o, "notes", report_json_texts(&job->notes));
	if (parts & REPORT_PLAN)
		set(o, "pending", json_integer((json_int_t)job_changes(job)));
	if (parts & REPORT_APPLY) {
		set_text(o, "output", job->output);
		set(o, "changed", json_boolean(job->applied));
		set(o, "verified", json_boolean(job->verified));
		set_text(o, "undo_record", job->applied ? job->undo_record : NULL);
	}
	set(o, "seconds", json_real(job->seconds));
	if (job->error.code != ERR_NONE)
		set(o, "error", report_json_error(&job->error));
	return o;
}

/* strategy and reasons once at the top, for the common case of one decision for all */
static void lift_strategy(json_t *top, const json_t *images)
{
	json_t *windows = json_object_get(json_array_get(images, 0), "windows");
	size_t i;
	json_t *w;

	json_array_foreach(windows, i, w)
	{
		if (!json_object_get(w, "strategy"))
			continue;
		json_object_set(top, "strategy", json_object_get(w, "strategy"));
		json_object_set(top, "reasons", json_object_get(w, "reasons"));
		return;
	}
}

/* The same for what an apply came to: most pipelines prepare one image a run. */
static void lift_result(json_t *top, const json_t *images)
{
	static const char *const members[] = {"engine", "undo_record"};
	const json_t *first = json_array_get(images, 0), *image;
	bool verified = true;
	double seconds = 0;
	size_t i;

	if (!json_object_get(first, "verified"))
		return;
	json_array_foreach(images, i, image)
	{
		verified = verified && json_is_true(json_object_get(image, "verified"));
		seconds += json_number_value(json_object_get(image, "seconds"));
	}
	set(top, "verified", json_boolean(verified));
	set(top, "seconds", json_real(seconds));
	for (i = 0; i < sizeof(members) / sizeof(*members); i++)
		json_object_set(top, members[i], json_object_get(first, members[i]));
}

static json_t *report_top(const char *command, int status)
{
	json_t *top = json_object();

	set(top, "schema", json_integer(1));
	set_text(top, "w7prep", W7PREP_VERSION);
	set_text(top, "command", command);
	set(top, "status", json_integer(status));
	return top;
}

/* Print and release. */
static void report_print(json_t *top)
{
	json_dumpf(top, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(top);
}

void report_json_print(const char *command, int status, json_t *images, const struct error *err)
{
	json_t *top = report_top(command, status);

	lift_strategy(top, images);
	lift_result(top, images);
	if (err && err->code != ERR_NONE)
		set(top, "error", report_json_error(err));
	set(top, "images", images ? images : json_array());
	report_print(top);
}

void report_json_result(const char *command, int status, const char *key, json_t *list)
{
	json_t *top = report_top(command, status);

	set(top, "images", json_array());
	set(top, key, list);
	report_print(top);
}
