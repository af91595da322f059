/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The stale licence store: tokens.dat, cache.dat and the two 7B296FB0… files, which
 * KB4487266 has volume clients delete so that the protection service makes them anew from
 * the licence files (.xrm-ms) of System32\spp\tokens.
 *
 * Only volume clients: elsewhere these files are what activates the PC, or what Windows
 * counts its grace period in.
 */
#include "common/cleanup.h"
#include "hooks/parts.h"

#define NAME "spp_store"
#define SERVICE_DEMAND 3

enum strip_mode spp_store_mode(const struct plan_context *c)
{
	if (c->strategy == STRATEGY_KMS)
		return c->profile->strip;
	/* A MAK client is told to do this by nobody but its admin. */
	if (strategy_is_volume(c->strategy) && c->profile->strip_set)
		return c->profile->strip;
	return STRIP_NO;
}

static int need_licence_files(const struct windows *win, struct error *err)
{
	if (win->spp.xrm_ms > 0)
		return 0;
	err_set(err, ERR_STORE_INCOMPLETE,
	    "no licence files (.xrm-ms) in System32\\spp\\tokens: a stripped licence store "
	    "could not be rebuilt");
	return err_hint(err, "take the image from intact installation media, or set strip = no in "
			     "[tokens] of the profile");
}

static void enable_notification(const struct plan_context *c, struct plan *out)
{
	const struct strvec *sets = &c->win->spp.sppuinotify_disabled;

	for (size_t i = 0; i < sets->n; i++) {
		CLEANUP(free) char *key = xasprintf("%s\\services\\sppuinotify", sets->v[i]);
		changeset_set_value(&out->changes, NAME, CHANGE_SYSTEM, key, "Start",
		    hive_dword(SERVICE_DEMAND),
		    "KB4487266 ends with start= demand; somebody stopped before that");
	}
}

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	const struct spp *spp = &c->win->spp;
	enum strip_mode mode = spp_store_mode(c);

	enable_notification(c, out);
	if (mode == STRIP_NO)
		return 0;
	if (need_licence_files(c->win, err) < 0)
		return -1;
	if (mode == STRIP_IMAGE)
		for (size_t i = 0; i < spp->store_files.n; i++)
			changeset_delete_file(&out->changes, NAME, spp->store_files.v[i],
			    "stale licence store; Windows rebuilds it from its licence files");
	const struct setting settings[] = {
	    {"W7_STORE", mode == STRIP_IMAGE ? "image" : "first-boot"},
	    {"W7_PRODUCT", c->edition->activation_id},
	    {0},
	};
	place_settings(
	    c, out, NAME, "store.cmd", settings, "how the licence store is rebuilt at first boot");
	return 0;
}

static bool applies(const struct plan_context *c)
{
	return strategy_is_volume(c->strategy);
}

const struct hook hook_spp_store = {
    .name = NAME,
    .summary = "takes the stale licence store out of volume clients",
    .applies = applies,
    .plan = plan,
};
