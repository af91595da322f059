/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows activates by itself some days after setup. Where clones are not to spend
 * activations of a key (none, mak-proxy) that is switched off; a KMS client needs it, because that
 * is how it renews its activation, and a MAK client that could not activate at its first boot,
 * because nothing else tries again.
 */
#include "hooks/parts.h"

#define NAME "auto_activation"
#define KEY SPP_KEY "\\Activation"

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	uint32_t manual = c->win->policy.manual_activation;

	(void)err;
	if (c->strategy == STRATEGY_KMS || c->strategy == STRATEGY_MAK) {
		if (manual != 0)
			changeset_delete_value(&out->changes, NAME, CHANGE_SOFTWARE, KEY, "Manual",
			    "automatic activation is switched off in the image, %s",
			    c->strategy == STRATEGY_KMS
				? "KMS clients renew by it"
				: "which is what tries again after the first boot");
	} else if (manual != 1) {
		changeset_set_value(&out->changes, NAME, CHANGE_SOFTWARE, KEY, "Manual",
		    hive_dword(1),
		    "clones must not activate by themselves: each time would cost an activation");
	}
	return 0;
}

static bool applies(const struct plan_context *c)
{
	return c->strategy == STRATEGY_KMS || c->strategy == STRATEGY_NONE ||
	       c->strategy == STRATEGY_MAK_PROXY ||
	       (c->strategy == STRATEGY_MAK && c->profile->activate_at_first_boot);
}

const struct hook hook_auto_activation = {
    .name = NAME,
    .summary = "switches Windows' automatic activation off or on",
    .applies = applies,
    .plan = plan,
};
