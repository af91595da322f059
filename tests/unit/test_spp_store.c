/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The licence store: stripped in the image, at first boot, or not. */
#include "tests/unit/hook_plans.h"

START_TEST(strip_modes)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	profile.strip = STRIP_FIRST_BOOT;
	struct plan p = converge(win, &profile);
	ck_assert_ptr_null(find(&p, CHANGE_DELETE_FILE, STORE "/tokens.dat"));
	ck_assert(name_contains(written(&p, PLACED "store.cmd"), "W7_STORE=first-boot"));
	plan_free(&p);

	profile.strip = STRIP_NO;
	p = converge(win, &profile);
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, PLACED "store.cmd"));
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(no_strip_without_licence_files)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	win->spp.xrm_ms = 0;
	assert_refused(win, &profile, ERR_STORE_INCOMPLETE, "xrm-ms");
	profile.strip = STRIP_NO;
	struct plan p = converge(win, &profile);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(mak_strips_only_when_told)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_MAK);
	CLEANUP(free) char *path = mak_file();

	profile.mak_key_file = path;
	profile.strip_set = true;
	struct plan p = converge(win, &profile);
	ck_assert(!win->spp.tokens);
	ck_assert(strvec_has(&p.placed, "store.cmd"));
	plan_free(&p);
	unlink(path);
	drop(win);
}
END_TEST

SUITE("spp_store", strip_modes, no_strip_without_licence_files, mak_strips_only_when_told)
