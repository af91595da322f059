/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows activates by itself some days after setup. Where clones are not to spend
 * activations of a key (none, mak-proxy) that is switched off; a KMS client needs it, because that
 * is how it renews its activation.
 */
#include "hooks/parts.h"

#define NAME "auto_activation"
#define KEY SPP_KEY "\\Activation"

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	uint32_t manual = c->win->policy.manual_activation;

	(void)err;
	if (c->strategy == STRATEGY_KMS) {
		if (manual != 0)
			changeset_delete_value(&out->changes, NAME, CHANGE_SOFTWARE, KEY, "Manual",
			    "automatic activation is switched off in the image, KMS clients renew "
			    "by it");
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
	       c->strategy == STRATEGY_MAK_PROXY;
}

const struct hook hook_auto_activation = {
    .name = NAME,
    .summary = "switches Windows' automatic activation off or on",
    .applies = applies,
    .plan = plan,
};
