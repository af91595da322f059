/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KMS counts client IDs: clones that share one never bring the host to its 25 clients.
 * Generalize gives every clone its own, unless SkipRearm=1 was left from image building
 * (KB929829); a clone of an unsealed image gets it from one `slmgr /rearm` and a restart.
 */
#include "hooks/parts.h"

#define NAME "client_id"

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	static const struct setting settings[] = {{"W7_REARM_ONCE", "1"}, {0}};

	(void)err;
	if (c->win->spp.skip_rearm)
		changeset_set_value(&out->changes, NAME, CHANGE_SOFTWARE, SPP_KEY, "SkipRearm",
		    hive_dword(0),
		    "left from image building, it would give every clone one client ID");
	if (c->win->sealed == SEALED_NO)
		place_settings(c, out, NAME, "client-id.cmd", settings,
		    "an unsealed clone gets its own client ID: one rearm and one restart");
	return 0;
}

static bool applies(const struct plan_context *c)
{
	return c->strategy == STRATEGY_KMS;
}

const struct hook hook_client_id = {
    .name = NAME,
    .summary = "gives every KMS client an ID of its own",
    .applies = applies,
    .plan = plan,
};
