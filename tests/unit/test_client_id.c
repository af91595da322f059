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

/* Generalize with SkipRearm=1 left the client ID in: the value is reset, and each clone rearms once. */
START_TEST(sealed_with_skip_rearm)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	win->spp.skip_rearm = true;
	struct plan p = converge(win, &profile); /* which also finds that it stays */
	ck_assert(name_contains(written(&p, PLACED "client-id.cmd"), "W7_REARM_ONCE=later"));
	plan_free(&p);

	/* captured again after a first boot, and sealed as it should be */
	VEC_PUSH(&win->placed)->path = xstrdup(PLACED "firstboot.done");
	p = converge(win, &profile);
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, PLACED "client-id.cmd"));
	plan_free(&p);
	drop(win);
}
END_TEST

SUITE("client_id", kms_clears_what_would_share_ids_or_stop_renewal, sealed_with_skip_rearm)
