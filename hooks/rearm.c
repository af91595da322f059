/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No activation: a lab that is re-cloned often lives in the initial grace period. A daily
 * task uses Windows' own rearm shortly before that ends, as often as Windows allows.
 */
#include "hooks/parts.h"

#define NAME "rearm"

/* Of Windows 7: the initial grace period, and how often a new installation can restart it. */
#define GRACE_DAYS 30u
#define REARMS 3u
#define TOTAL_DAYS (GRACE_DAYS * (1 + REARMS))

#define REARM_WHEN_DAYS_LEFT "3"

static void compare_with_lab(const struct plan_context *c, struct plan *out)
{
	unsigned days = c->profile->reclone_days;

	if (days == 0)
		strvec_addf(&out->notes,
		    "clones run %u days without activation, %u with every rearm; say in [lab] "
		    "reclone_days how often the lab is re-cloned",
		    GRACE_DAYS, TOTAL_DAYS);
	else if (days > TOTAL_DAYS)
		strvec_addf(&out->notes,
		    "the lab is re-cloned every %u days, but clones run %u days at most without "
		    "activation: re-clone sooner or use another strategy",
		    days, TOTAL_DAYS);
	else if (days > GRACE_DAYS)
		strvec_addf(&out->notes,
		    "re-cloned every %u days, the clones need %u rearms; an image that was "
		    "generalized before may have fewer left (slmgr /dlv shows them)",
		    days, (days - 1) / GRACE_DAYS);
}

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	static const struct setting settings[] = {{"W7_REARM_DAYS", REARM_WHEN_DAYS_LEFT}, {0}};

	(void)err;
	place_script(
	    c, out, NAME, "rearm.cmd", "uses a rearm when the grace period is about to end");
	place_script(c, out, NAME, "rearm.xml", "the task that runs rearm.cmd once a day");
	place_settings(c, out, NAME, "rearm-settings.cmd", settings, "when rearm.cmd acts");
	compare_with_lab(c, out);
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
