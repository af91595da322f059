/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No activation: a lab that is re-cloned often lives in the initial grace period. A daily
 * task uses Windows' own rearm shortly before that ends, as often as Windows allows. Whether that
 * is often enough for the lab is for strategy_decide() to say.
 */
#include "common/cleanup.h"
#include "hooks/parts.h"

#define NAME "rearm"

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	CLEANUP(free) char *left = xasprintf("%u", c->profile->rearm_when_days_left);
	const struct setting settings[] = {{"W7_REARM_DAYS", left}, {0}};

	(void)err;
	if (c->win->spp.skip_rearm && c->win->sealed == SEALED_YES)
		strvec_add(&out->notes,
		    "the image was sealed with SkipRearm: its clones begin with what is left of the "
		    "reference PC's grace period, not with 30 days; better seal it again");
	if (c->win->spp.skip_rearm)
		changeset_set_value(&out->changes, NAME, CHANGE_SOFTWARE, SPP_KEY, "SkipRearm",
		    hive_dword(0),
		    "left from image building, no rearm would begin a new grace period with it");
	place_script(
	    c, out, NAME, "rearm.cmd", "uses a rearm when the grace period is about to end");
	place_script(c, out, NAME, "rearm.xml", "the task that runs rearm.cmd once a day");
	place_settings(c, out, NAME, "rearm-settings.cmd", settings, "when rearm.cmd acts");
	return 0;
}

static bool applies(const struct plan_context *c)
{
	return c->strategy == STRATEGY_NONE;
}

const struct hook hook_rearm = {
    .name = NAME,
    .summary = "stretches the grace period with the rearms that Windows allows",
    .applies = applies,
    .plan = plan,
};
