/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What starts at first boot: firstboot.cmd and its helpers where another hook placed
 * something for it or the clone is to activate, and the way Windows gets to call it:
 * SetupComplete.cmd after the setup pass of a sealed image, SYSTEM\Setup for an unsealed clone,
 * which has no such pass. Files in our directory that this plan does not want go.
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "hooks/parts.h"

#define NAME "first_boot"

#define SETUP_KEY "Setup"
/* Winlogon runs CmdLine before the logon screen: 2 goes on to it afterwards, 1 restarts. */
#define SETUP_TYPE_NONE 0
#define SETUP_TYPE_RUN 2
#define SETUP_CMDLINE "cmd.exe /d /c \"%SystemRoot%\\Setup\\Scripts\\w7prep\\setupmode.cmd\""

static bool activates(const struct plan_context *c)
{
	return c->profile->activate_at_first_boot &&
	       (c->strategy == STRATEGY_KMS || c->strategy == STRATEGY_MAK);
}

static void place_scripts(const struct plan_context *c, struct plan *out, bool setup_mode)
{
	const char *share = c->profile->report_share;
	const struct setting settings[] = {
	    {"W7_STRATEGY", strategy_name(c->strategy)},
	    {"W7_ACTIVATE", activates(c) ? "1" : "0"},
	    {share ? "W7_REPORT_SHARE" : NULL, share},
	    {0},
	};

	place_settings(
	    c, out, NAME, "settings.cmd", settings, "what firstboot.cmd does for this strategy");
	place_script(c, out, NAME, "firstboot.cmd", "runs at first boot");
	place_script(
	    c, out, NAME, "licensing.vbs", "asks Windows' licensing service for firstboot.cmd");
	place_script(c, out, NAME, "log.vbs", "writes activation.log");
	if (share)
		place_script(c, out, NAME, "report.cmd", "copies activation.log to a share");
	if (setup_mode)
		place_script(c, out, NAME, "setupmode.cmd",
		    "starts firstboot.cmd once: an unsealed clone has no setup pass");
}

static int choose_way(
    const struct plan_context *c, struct plan *out, bool *setup_mode, struct error *err)
{
	bool sealed = c->win->sealed == SEALED_YES;

	*setup_mode = c->profile->first_boot == FIRST_BOOT_SETUP_CMDLINE ||
		      (c->profile->first_boot == FIRST_BOOT_AUTO && !sealed);
	if (*setup_mode && sealed) {
		err_set(err, ERR_PROFILE,
		    "%s: first_boot = setup-cmdline cannot be used with a sealed image: "
		    "it needs SYSTEM\\Setup for its own setup",
		    c->profile->path);
		return err_hint(err, "set first_boot = auto in [clone]");
	}
	if (!*setup_mode && !sealed)
		strvec_add(&out->notes,
		    "SetupComplete.cmd only runs after a setup pass, which this unsealed image "
		    "does "
		    "not make: nothing will start at first boot (first_boot = setupcomplete)");
	return 0;
}

/* Chain, or take our line out. */
static int plan_setup_complete(
    const struct plan_context *c, struct plan *out, bool want, struct error *err)
{
	const struct win_file *f = &c->win->setup_complete;
	CLEANUP(buf) struct buf content = BUF_INIT;
	bool open = f->path && f->has_sd && !f->safe_script;

	if (f->path && f->too_large)
		return err_set(err, ERR_LIMIT, "%s is too large for a script", f->path);
	if (!want) {
		if (!f->path || !setup_complete_unchain(&f->content, &content))
			return 0;
		if (content.len == 0) {
			changeset_delete_file(&out->changes, NAME, f->path,
			    "only called firstboot.cmd, which this plan does not need");
			return 0;
		}
		changeset_write_file(&out->changes, NAME, f->path, &content, SECDESC_SCRIPT,
		    "without the line that calls firstboot.cmd, which this plan does not need")
		    ->keep_metadata = true;
		return 0;
	}
	if (setup_complete_chain(f->path ? &f->content : NULL, &content, err) < 0)
		return -1;
	if (f->path && buf_equal(&f->content, &content) && !open)
		return 0;
	CLEANUP(free)
	char *path =
	    f->path ? xstrdup(f->path) : windows_path(c->win, SCRIPTS_DIR "/SetupComplete.cmd");
	const char *reason =
	    !f->path ? "calls firstboot.cmd after Windows Setup"
	    : open   ? "calls firstboot.cmd after what is there; users could write to it"
		     : "calls firstboot.cmd after what is there has run";
	changeset_write_file(&out->changes, NAME, path, &content, SECDESC_SCRIPT, "%s", reason)
	    ->keep_metadata = f->path && !open;
	return 0;
}

static void set_setup(struct plan *out, const char *cmdline, uint32_t type, const char *reason)
{
	changeset_set_value(&out->changes, NAME, CHANGE_SYSTEM, SETUP_KEY, "CmdLine",
	    hive_sz(cmdline), "%s", reason);
	changeset_set_value(&out->changes, NAME, CHANGE_SYSTEM, SETUP_KEY, "SetupType",
	    hive_dword(type), "%s", reason);
}

static int plan_setup_mode(
    const struct plan_context *c, struct plan *out, bool want, struct error *err)
{
	const struct windows *win = c->win;
	const char *have = win->setup_cmdline ? win->setup_cmdline : "";
	bool ours = strcmp(have, SETUP_CMDLINE) == 0;

	if (!want) {
		if (ours)
			set_setup(
			    out, "", SETUP_TYPE_NONE, "this plan needs nothing at first boot");
		return 0;
	}
	if (ours && win->setup_type == SETUP_TYPE_RUN)
		return 0;
	if (!ours && (*have || win->setup_type != SETUP_TYPE_NONE)) {
		err_set(err, ERR_UNKNOWN_SHAPE,
		    "SYSTEM\\Setup already starts something at the next boot: SetupType %u, "
		    "CmdLine \"%s\"",
		    (unsigned)win->setup_type, have);
		return err_hint(
		    err, "let the reference PC start once more and finish, then capture it again");
	}
	set_setup(out, SETUP_CMDLINE, SETUP_TYPE_RUN,
	    "starts setupmode.cmd once, before the logon screen");
	return 0;
}

static void remove_strays(const struct plan_context *c, struct plan *out)
{
	for (size_t i = 0; i < c->win->placed.n; i++) {
		const char *path = c->win->placed.v[i].path;
		bool wanted = false;

		for (size_t k = 0; k < out->placed.n; k++)
			wanted = wanted || name_eq(path_base(path), out->placed.v[k]);
		if (wanted)
			continue;
		struct change *change = changeset_delete_file(&out->changes, NAME, path,
		    "left by another profile or an earlier first boot");
		change->secret = !c->win->placed.v[i].too_large && holds_key(&c->win->placed.v[i]);
		if (change->secret)
			note_key_leaves(out, path_base(path));
	}
}

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	bool want = out->placed.n > 0 || activates(c);
	bool setup_mode = false;

	if (want) {
		if (choose_way(c, out, &setup_mode, err) < 0)
			return -1;
		place_scripts(c, out, setup_mode);
	}
	if (plan_setup_complete(c, out, want && !setup_mode, err) < 0 ||
	    plan_setup_mode(c, out, want && setup_mode, err) < 0)
		return -1;
	remove_strays(c, out);
	return 0;
}

const struct hook hook_first_boot = {
    .name = NAME,
    .summary = "has Windows call the script that finishes each clone",
    .plan = plan,
};
