/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KB971033, Windows Activation Technologies: the update that KB4487266 tells volume
 * licence customers to keep out of their images.
 *
 * Nothing of it can run from the first second of a clone (it could validate ten minutes
 * after the first boot), but its package stays registered: the servicing stack of Windows
 * itself uninstalls it at first boot, which is the safest way. The other one is in
 * kb971033_offline.c.
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "hooks/kb971033.h"
#include "hooks/parts.h"

#define NAME KB971033_HOOK
#define SERVICE_DISABLED 4
#define NOTE_WSUS "decline KB971033 in WSUS: once it is uninstalled, Windows Update offers it again"

/* CurrentState from here on: installed, permanent, or (as negative numbers) installed and broken.
 * Below are the states before an installation and what an uninstall leaves. */
#define CBS_PARTIALLY_INSTALLED 0x65u

/* The only version there is; one language-neutral package for each architecture. */
#define PACKAGE_FORMAT                                                                             \
	"Microsoft-Windows-Security-WindowsActivationTechnologies-Package~31bf3856ad364e35~%s~~"   \
	"7.1.7600.16395"

/*
 * Is the package still registered, so that dism has something to do? Only signs that this
 * hook leaves alone may decide, or applying the plan would change it.
 */
static bool is_registered(const struct kb971033 *kb)
{
	if (kb->signs & KB_SIGN_CBS_PACKAGE)
		return kb->current_state >= CBS_PARTIALLY_INSTALLED;
	return kb->signs & (KB_SIGN_MUM | KB_SIGN_SERVICE);
}

/* The identity goes into a script that SYSTEM runs: nothing but what identities are made of. */
static bool is_identity(const char *s)
{
	static const char chars[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	return s[strspn(s, chars)] == '\0' && name_contains(s, "WindowsActivationTechnologies");
}

char *kb971033_package(const struct windows *win)
{
	if (win->kb971033.package && is_identity(win->kb971033.package))
		return xstrdup(win->kb971033.package);
	return xasprintf(PACKAGE_FORMAT, win_arch_name(win->arch));
}

static void disable_services(const struct plan_context *c, struct plan *out)
{
	const struct kb971033 *kb = &c->win->kb971033;

	for (size_t i = 0; i < kb->services.n; i++) {
		const struct kb971033_service *s = &kb->services.v[i];

		if (s->start == SERVICE_DISABLED)
			continue;
		CLEANUP(free) char *key = xasprintf("%s\\services\\WatAdminSvc", s->control_set);
		changeset_set_value(&out->changes, NAME, CHANGE_SYSTEM, key, "Start",
		    hive_dword(SERVICE_DISABLED),
		    "the validation service must not start before Windows uninstalls it");
	}
}

static void remove_traces(const struct plan_context *c, struct plan *out)
{
	const struct kb971033 *kb = &c->win->kb971033;

	for (size_t i = 0; i < kb->task_keys.n; i++)
		changeset_delete_key(&out->changes, NAME, CHANGE_SOFTWARE, kb->task_keys.v[i],
		    "the validation task must not be scheduled");
	for (size_t i = 0; i < kb->files.n; i++)
		changeset_delete_file(
		    &out->changes, NAME, kb->files.v[i], "part of Windows Activation Technologies");
}

static bool applies(const struct plan_context *c)
{
	return c->win->kb971033.signs != 0 || kb971033_offline_applies(c) ||
	       kb971033_offline_oddity(c);
}

/* Why it stays, or NULL. */
static const char *reason_to_keep(const struct plan_context *c)
{
	if (c->profile->kb971033 == KB971033_NO)
		return "the profile leaves it (remove = no)";
	if (c->strategy == STRATEGY_OEM)
		return "strategy oem changes nothing of a vendor's installation";
	if (!edition_is_volume(c))
		return "this edition has no volume activation, which is what KB4487266 is about";
	return NULL;
}

static void leave_to_windows(const struct plan_context *c, struct plan *out)
{
	disable_services(c, out);
	remove_traces(c, out);
	if (!is_registered(&c->win->kb971033))
		return;
	CLEANUP(free) char *package = kb971033_package(c->win);
	const struct setting settings[] = {{"W7_PACKAGE", package}, {0}};
	place_settings(
	    c, out, NAME, "kb971033.cmd", settings, "which package dism removes at first boot");
	strvec_add(&out->notes, NOTE_WSUS);
}

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	const char *keep = reason_to_keep(c), *oddity = kb971033_offline_oddity(c);
	size_t before = out->changes.list.n;

	if (oddity) {
		strvec_addf(&out->notes,
		    "KB971033 is not installed; left alone, because it is not known: %s", oddity);
		return 0;
	}
	if (keep) {
		strvec_addf(&out->notes, "KB971033 is in the image and stays: %s", keep);
		return 0;
	}
	if (c->profile->kb971033 != KB971033_OFFLINE) {
		leave_to_windows(c, out);
		return 0;
	}
	if (kb971033_offline(c, out, err) != 0)
		return -1;
	if (out->changes.list.n > before)
		strvec_add(&out->notes, NOTE_WSUS);
	return 0;
}

const struct hook hook_kb971033 = {
    .name = NAME,
    .summary = "takes the update Windows Activation Technologies out of volume clients",
    .applies = applies,
    .plan = plan,
};
