/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What would make clones share an id or keep them from renewing. */
#include "tests/unit/hook_plans.h"

START_TEST(kms_clears_what_would_share_ids_or_stop_renewal)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	win->spp.skip_rearm = true;
	win->policy.manual_activation = 1;
	strvec_add(&win->spp.sppuinotify_disabled, "ControlSet001");
	strvec_add(&win->spp.sppuinotify_disabled, "ControlSet002");
	struct plan p = converge(win, &profile);
	ck_assert(!win->spp.skip_rearm);
	ck_assert_uint_eq(win->policy.manual_activation, 0);
	ck_assert_uint_eq(win->spp.sppuinotify_disabled.n, 0);
	plan_free(&p);
	drop(win);
}
END_TEST

SUITE("client_id", kms_clears_what_would_share_ids_or_stop_renewal)
