/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What all hooks do together, and the images that none of them may touch. */
#include "tests/unit/hook_plans.h"

START_TEST(kms_prepares_a_sealed_image)
{
	struct windows *win = with_kb971033(facts());
	struct profile profile = profile_of(STRATEGY_KMS);
	struct plan p = converge(win, &profile);

	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, STORE "/tokens.dat"));
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, STORE "/cache/cache.dat"));
	ck_assert_ptr_nonnull(
	    find(&p, CHANGE_DELETE_FILE, "/Windows/System32/Wat/WatAdminSvc.exe"));
	ck_assert_ptr_nonnull(
	    find(&p, CHANGE_SET_VALUE, "SYSTEM\\ControlSet001\\services\\WatAdminSvc!Start"));
	ck_assert_ptr_nonnull(
	    find(&p, CHANGE_SET_VALUE, "SYSTEM\\ControlSet002\\services\\WatAdminSvc!Start"));
	ck_assert_str_eq(written(&p, PLACED "key.cmd"), "@set \"W7_KEY=" ENTERPRISE_KEY "\"\r\n");
	ck_assert_str_eq(written(&p, PLACED "kb971033.cmd"), "@set \"W7_PACKAGE=" PACKAGE "\"\r\n");
	ck_assert_str_eq(written(&p, PLACED "store.cmd"),
	    "@set \"W7_STORE=image\"\r\n@set \"W7_PRODUCT=" ENTERPRISE_ID "\"\r\n");
	ck_assert(name_contains(written(&p, PLACED "settings.cmd"), "W7_ACTIVATE=1"));
	ck_assert(name_contains(written(&p, SETUP_COMPLETE), "w7prep\\firstboot.cmd"));
	ck_assert_ptr_null(find(&p, CHANGE_SET_VALUE, "SYSTEM\\Setup!SetupType"));
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(editions_without_volume_activation_are_refused)
{
	static const enum strategy volume[] = {STRATEGY_KMS, STRATEGY_MAK, STRATEGY_MAK_PROXY};
	static const char *const editions[] = {
	    "HomePremium", "Ultimate", "Starter", "Frobnicate", NULL};

	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 5; k++) {
			struct windows *win = facts();
			struct profile profile = profile_of(volume[i]);

			set(&win->edition, editions[k]);
			assert_refused(win, &profile, ERR_EDITION, strategy_name(volume[i]));
			drop(win);
		}
	}
}
END_TEST

START_TEST(unsealed_images_are_refused)
{
	static const enum strategy cloned[] = {
	    STRATEGY_KMS, STRATEGY_MAK, STRATEGY_MAK_PROXY, STRATEGY_NONE};

	for (size_t i = 0; i < 4; i++) {
		struct windows *win = unsealed();
		struct profile profile = profile_of(cloned[i]);

		assert_refused(win, &profile, ERR_UNSEALED, "not sealed");
		win->sealed = SEALED_BROKEN;
		profile.require_sealed = false;
		assert_refused(win, &profile, ERR_UNSEALED, "neither sealed nor finished");
		drop(win);
	}
}
END_TEST

START_TEST(half_sealed_images_are_not_changed)
{
	struct windows *win = with_kb971033(unsealed());
	struct profile profile = profile_of(STRATEGY_SINGLE);

	profile.require_sealed = false;
	win->sealed = SEALED_BROKEN;
	assert_refused(win, &profile, ERR_UNSEALED, "neither sealed nor finished");
	drop(win);

	/* where nothing is to be done there is nothing to refuse */
	win = unsealed();
	win->sealed = SEALED_BROKEN;
	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(p.changes.list.n, 0);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(facts_refusals_come_first)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct windows *win = unsealed();
	struct profile profile = profile_of(STRATEGY_KMS);
	struct refusal *r = VEC_PUSH(&win->refusals);
	struct plan p;

	r->code = ERR_HIVE_DIRTY;
	r->message = xstrdup("the hive SYSTEM is dirty");
	r->hint = xstrdup("boot it once");
	assert_fails(hooks_plan(win, &profile, &p, &err), err, ERR_HIVE_DIRTY);
	plan_free(&p);
	drop(win);
}
END_TEST

SUITE("hooks", kms_prepares_a_sealed_image, editions_without_volume_activation_are_refused,
    unsealed_images_are_refused, half_sealed_images_are_not_changed, facts_refusals_come_first)
