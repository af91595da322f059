/* SPDX-License-Identifier: GPL-3.0-or-later */
/* KB971033 that Windows is to uninstall at first boot, and where it stays. */
#include "tests/unit/hook_plans.h"

START_TEST(kb971033_stays_where_it_is_not_ours)
{
	static const struct {
		enum strategy strategy;
		enum kb971033_mode mode;
		const char *edition, *note;
	} cases[] = {
	    {STRATEGY_OEM, KB971033_WINDOWS, "Professional", "strategy oem"},
	    {STRATEGY_SINGLE, KB971033_WINDOWS, "HomePremium", "no volume activation"},
	    {STRATEGY_SINGLE, KB971033_NO, "Enterprise", "remove = no"},
	};

	for (size_t i = 0; i < 3; i++) {
		struct windows *win = with_kb971033(unsealed());
		struct profile profile = profile_of(cases[i].strategy);

		profile.kb971033 = cases[i].mode;
		set(&win->edition, cases[i].edition);
		struct plan p = converge(win, &profile);
		ck_assert_uint_eq(p.changes.list.n, 0);
		assert_has_note(&p, cases[i].note);
		plan_free(&p);
		drop(win);
	}
}
END_TEST

START_TEST(kb971033_leftovers_need_no_dism)
{
	struct windows *win = with_kb971033(facts());
	struct profile profile = profile_of(STRATEGY_KMS);

	win->kb971033.current_state = 0x50;
	struct plan p = converge(win, &profile);
	ck_assert(!strvec_has(&p.placed, "kb971033.cmd"));
	ck_assert_uint_eq(win->kb971033.files.n, 0);
	plan_free(&p);

	/* no package key: what the registry does not say, dism will */
	win->kb971033.signs &= ~(unsigned)KB_SIGN_CBS_PACKAGE;
	set(&win->kb971033.package, "x\" & format c: & rem WindowsActivationTechnologies");
	p = converge(win, &profile);
	ck_assert_str_eq(written(&p, PLACED "kb971033.cmd"), "@set \"W7_PACKAGE=" PACKAGE "\"\r\n");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(single_only_takes_kb971033_off)
{
	struct windows *win = with_kb971033(unsealed());
	struct profile profile = profile_of(STRATEGY_SINGLE);
	struct plan p = converge(win, &profile);

	ck_assert(win->spp.tokens);
	ck_assert(!strvec_has(&p.placed, "key.cmd"));
	ck_assert(name_contains(written(&p, PLACED "settings.cmd"), "W7_ACTIVATE=0"));
	ck_assert_uint_eq(win->setup_type, 2);
	plan_free(&p);
	drop(win);
}
END_TEST

SUITE("kb971033", kb971033_stays_where_it_is_not_ours, kb971033_leftovers_need_no_dism,
    single_only_takes_kb971033_off)
