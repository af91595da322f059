/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KMS counts client IDs: clones that share one never bring the host to its 25 clients.
 * Generalize gives every clone its own, unless SkipRearm=1 was left from image building: then it
 * leaves the licensing state as it was (ff716063). A clone of such an image, and one of an unsealed
 * image, gets its ID from one `slmgr /rearm` and a restart (KB929829).
 */
#include "hooks/parts.h"

#define NAME "client_id"
#define FILE_NAME "client-id.cmd"

/*
 * The value that told is reset by the plan that places the file: as long as no clone has had
 * its first boot, the file itself tells.
 */
static bool shares_id(const struct plan_context *c)
{
	return c->win->spp.skip_rearm ||
	       (placed_find(c->win, FILE_NAME) && !placed_find(c->win, "firstboot.done"));
}

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	/* SetupComplete.cmd must not restart the PC (dd744268) */
	bool unsealed = c->win->sealed == SEALED_NO;
	const struct setting settings[] = {{"W7_REARM_ONCE", unsealed ? "restart" : "later"}, {0}};

	(void)err;
	if (c->win->spp.skip_rearm)
		changeset_set_value(&out->changes, NAME, CHANGE_SOFTWARE, SPP_KEY, "SkipRearm",
		    hive_dword(0),
		    "left from image building, it would give every clone one client ID");
	if (unsealed)
		place_settings(c, out, NAME, FILE_NAME, settings,
		    "an unsealed clone gets its own client ID: one rearm and one restart");
	else if (shares_id(c))
		place_settings(c, out, NAME, FILE_NAME, settings,
		    "sealed with SkipRearm, which left the client ID in the image: one rearm on each "
		    "clone");
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
