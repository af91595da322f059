/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "image/servicing.h"
#include "plugin/report.h"
#include "plugin/ui.h"

static void row(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void row(const char *label, const char *fmt, ...)
{
	char before[64];
	va_list ap;

	snprintf(before, sizeof(before), "    %-18s ", label);
	va_start(ap, fmt);
	ui_vline(before, fmt, ap);
	va_end(ap);
}

static char *joined(const struct strvec *list)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < list->n; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", list->v[i]);
	return buf_steal(&b);
}

static void row_list(const char *label, const struct strvec *list, const char *none)
{
	CLEANUP(free) char *s = joined(list);

	row(label, "%s", *s ? s : none);
}

static void text_kb971033(const struct kb971033 *kb)
{
	CLEANUP(buf) struct buf b = BUF_INIT;

	for (unsigned bit = 1; kb971033_sign_name((enum kb971033_sign)bit); bit <<= 1)
		if (kb->signs & bit)
			buf_addf(&b, "%s%s", b.len ? ", " : "",
			    kb971033_sign_name((enum kb971033_sign)bit));
	row("KB971033", "%s%s%s%s", kb->installed ? "installed" : b.len ? "traces only" : "not there",
	    b.len ? " (" : "", b.len ? b.data : "", b.len ? ")" : "");
	for (size_t i = 0; i < kb->services.n; i++)
		row("", "WatAdminSvc in %s: start %u%s", kb->services.v[i].control_set,
		    kb->services.v[i].start, kb->services.v[i].start == 4 ? " (disabled)" : "");
}

static void text_spp(const struct spp *spp)
{
	row("licence store", "tokens.dat %s, cache.dat %s, %u licence files",
	    spp->tokens ? "present" : "absent", spp->cache ? "present" : "absent", spp->xrm_ms);
	row("product key", "%s%s%s", spp->key_channel ? spp->key_channel : "none recorded",
	    spp->activation_id ? ", activation id " : "",
	    spp->activation_id ? spp->activation_id : "");
	if (spp->oem_certificate)
		row("", "OEM certificate present");
	if (spp->kms_host || spp->kms_port)
		row("KMS host", "%s%s%s", spp->kms_host ? spp->kms_host : "(none)",
		    spp->kms_port ? ", port " : "", spp->kms_port ? spp->kms_port : "");
	if (spp->skip_rearm)
		row("SkipRearm", "1: sysprep and slmgr /rearm do not reset the client ID");
	for (size_t i = 0; i < spp->sppuinotify_disabled.n; i++)
		row("sppuinotify", "disabled in %s", spp->sppuinotify_disabled.v[i]);
}

static void text_servicing(const struct servicing *s)
{
	row("servicing store", "%zu packages, %zu components: %s", s->packages, s->components,
	    s->findings.n ? "damaged" : "nothing wrong found");
	for (size_t i = 0; i < s->findings.n; i++)
		ui_line("      %-30s%s", servicing_kind_name(s->findings.v[i].kind),
		    s->findings.v[i].path);
	if (s->more)
		ui_line("      … and more");
	if (s->places.n || s->unknown.n)
		row("remove = offline", "%s",
		    s->unknown.n ? "not possible for KB971033 here:" : "possible for KB971033 here");
	for (size_t i = 0; i < s->unknown.n; i++)
		ui_line("      %s", s->unknown.v[i]);
}

static void text_answers(const struct windows *win)
{
	CLEANUP(strvec) struct strvec lines = STRVEC_INIT;

	report_text_answers(win, &lines);
	for (size_t i = 0; i < lines.n; i++)
		row(i ? "" : "answer files", "%s", lines.v[i]);
}

static void text_facts(const struct windows *win)
{
	row("architecture", "%s, build %u%s", win_arch_name(win->arch), win->build,
	    win->service_pack ? "" : ", no service pack");
	row("computer name", "%s", win->computer_name ? win->computer_name : "(none)");
	row_list("languages", &win->languages, "(none found)");
	row("sealed", "%s%s%s%s", win_sealed_name(win->sealed), win->image_state ? " (" : "",
	    win->image_state ? win->image_state : "", win->image_state ? ")" : "");
	text_kb971033(&win->kb971033);
	text_spp(&win->spp);
	row("servicing", "%s", win->pending_servicing ? win->pending_reason : "nothing pending");
	if (win->servicing)
		text_servicing(win->servicing);
	if (win->setup_complete.path)
		row("first boot", "%s", win->setup_complete.path);
	for (size_t i = 0; i < win->placed.n; i++)
		row(i ? "" : "placed by w7prep", "%s", win->placed.v[i].path);
	text_answers(win);
	for (size_t i = 0; i < win->refusals.n; i++) {
		row(i ? "" : "cannot be changed", "%s", win->refusals.v[i].message);
		if (win->refusals.v[i].hint)
			row("", "  %s", win->refusals.v[i].hint);
	}
}

/* One heading for a run of changes that one hook wants for one reason. */
static void text_changes(const struct changeset *cs)
{
	const struct change *last = NULL;

	for (size_t i = 0; i < cs->list.n; i++) {
		const struct change *c = &cs->list.v[i];
		CLEANUP(free) char *target = change_target(c);
		CLEANUP(free) char *detail = change_detail(c);

		if (!last || strcmp(last->hook, c->hook) != 0 || strcmp(last->reason, c->reason) != 0)
			row(c->hook, "%s", c->reason);
		ui_line("      %-13s%s%s%s", change_op_name(c->op), target, detail ? " = " : "",
		    detail ? detail : "");
		last = c;
	}
}

static void text_plan(const struct target *t)
{
	const struct plan *p = &t->plan;

	if (!t->planned) {
		if (!t->selected)
			row("left alone", "not Windows 7");
		return;
	}
	row("strategy", "%s", strategy_name(p->decision.strategy));
	for (size_t i = 0; i < p->decision.reasons.n; i++)
		row(i ? "" : "because", "%s", p->decision.reasons.v[i]);
	if (!p->changes.list.n)
		row("changes", "none: the image is as the profile wants it");
	text_changes(&p->changes);
	for (size_t i = 0; i < p->notes.n; i++)
		row(i ? "" : "note", "%s", p->notes.v[i]);
	for (size_t i = 0; i < p->decision.advice.n; i++)
		row(i ? "" : "advice", "%s", p->decision.advice.v[i]);
}

static void text_result(const struct job *job)
{
	if (job->error.code != ERR_NONE)
		return;
	if (!job->applied)
		ui_line("  nothing to do");
	else if (!job_changes(job))
		ui_line("  done: rewritten without superseded data, verified, %.1f s (%s)",
		    job->seconds, job->engine);
	else
		ui_line("  done: %zu changes, verified, %.1f s (%s)", job_changes(job), job->seconds,
		    job->engine);
	if (job->applied && job->undo_record)
		ui_line("  to put it back: w7prep undo %s", job->path);
	if (job->output)
		ui_line("  written to %s", job->output);
}

void report_text(const struct job *job, unsigned parts)
{
	if (!job->engine)
		return;
	ui_line("%s: %s", job->path, image_format_name(job->format));
	for (size_t i = 0; i < job->targets.n; i++) {
		const struct target *t = &job->targets.v[i];
		CLEANUP(free) char *what = windows_describe(&t->win);

		ui_line("  %u: %s", t->win.index, what);
		if (parts & REPORT_FACTS)
			text_facts(&t->win);
		if (parts & REPORT_PLAN)
			text_plan(t);
	}
	for (size_t i = 0; i < job->notes.n; i++)
		ui_line("  note: %s", job->notes.v[i]);
	if (parts & REPORT_APPLY)
		text_result(job);
}
