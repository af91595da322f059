/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A vendor's image: looked at, left alone. */
#include "tests/unit/hook_plans.h"

START_TEST(oem_changes_nothing)
{
	struct windows *win = with_kb971033(unsealed());
	struct profile profile = profile_of(STRATEGY_OEM);

	set(&win->spp.key_channel, "OEM:SLP");
	strvec_add(&win->spp.sppuinotify_disabled, "ControlSet001");
	win->spp.skip_rearm = true;
	win->spp.oem_certificate = true;
	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(p.changes.list.n, 0);
	assert_has_note(&p, "OEM:SLP key and certificate are there");
	plan_free(&p);
	win->spp.oem_certificate = false;
	p = converge(win, &profile);
	assert_has_note(&p, "certificate");
	plan_free(&p);
	drop(win);
}
END_TEST

SUITE("oem", oem_changes_nothing)
