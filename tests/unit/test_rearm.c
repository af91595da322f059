/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No activation: switched off, and the grace period renewed. */
#include "tests/unit/hook_plans.h"

START_TEST(none_switches_activation_off_and_rearms)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_NONE);

	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(win->policy.manual_activation, 1);
	ck_assert(win->spp.tokens);
	ck_assert(name_contains(written(&p, PLACED "rearm.cmd"), "slmgr.vbs"));
	ck_assert(name_contains(written(&p, PLACED "rearm-settings.cmd"), "W7_REARM_DAYS=3"));
	ck_assert(name_contains(written(&p, PLACED "settings.cmd"), "W7_ACTIVATE=0"));
	plan_free(&p);

	win->spp.skip_rearm = true;
	p = converge(win, &profile);
	ck_assert(!win->spp.skip_rearm);
	assert_has_note(&p, "sealed with SkipRearm");
	plan_free(&p);

	profile.rearm_when_days_left = 10;
	p = converge(win, &profile);
	ck_assert(name_contains(written(&p, PLACED "rearm-settings.cmd"), "W7_REARM_DAYS=10"));
	ck_assert_uint_eq(p.changes.list.n, 1);
	plan_free(&p);
	drop(win);
}
END_TEST

SUITE("rearm", none_switches_activation_off_and_rearms)
