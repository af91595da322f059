/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client setup key, and the host that it is activated by. */
#include "tests/unit/hook_plans.h"

START_TEST(kms_key_follows_the_edition)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	set(&win->edition, "professional");
	struct plan p = converge(win, &profile);
	ck_assert_str_eq(written(&p, PLACED "key.cmd"), "@set \"W7_KEY=" PROFESSIONAL_KEY "\"\r\n");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(installed_client_key_is_kept)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	profile.strip = STRIP_NO;
	profile.activate_at_first_boot = false;
	set(&win->spp.key_channel, "Volume:GVLK");
	set(&win->spp.activation_id, ENTERPRISE_ID);
	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(p.changes.list.n, 0);
	plan_free(&p);

	/* of another edition, or in a store that is stripped: needed again */
	set(&win->spp.activation_id, "b92e9980-b9d5-4821-9c94-140f632f6312");
	p = converge(win, &profile);
	ck_assert_ptr_nonnull(find(&p, CHANGE_WRITE_FILE, PLACED "key.cmd"));
	plan_free(&p);
	set(&win->spp.activation_id, ENTERPRISE_ID);
	profile.strip = STRIP_IMAGE;
	p = converge(win, &profile);
	ck_assert(strvec_has(&p.placed, "key.cmd"));
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(kms_host_is_the_profiles)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	set(&win->spp.kms_host, "old.example.org");
	set(&win->spp.kms_port, "1689");
	strvec_add(&win->spp.kms_keys, SPP);
	strvec_add(&win->spp.kms_keys, SPP "\\55c92734-d682-4d71-983e-d6ec3f16059f");
	struct plan p = converge(win, &profile);
	ck_assert_ptr_nonnull(
	    find(&p, CHANGE_DELETE_VALUE, "SOFTWARE\\" SPP "!KeyManagementServiceName"));
	ck_assert_ptr_nonnull(
	    find(&p, CHANGE_DELETE_VALUE, "SOFTWARE\\" SPP "!KeyManagementServicePort"));
	ck_assert_uint_eq(win->spp.kms_keys.n, 1);
	plan_free(&p);

	profile.kms_host = (char *)(uintptr_t) "kms.lab.example";
	profile.kms_port = 1690;
	p = converge(win, &profile);
	ck_assert_str_eq(win->spp.kms_host, "kms.lab.example");
	ck_assert_str_eq(win->spp.kms_port, "1690");
	plan_free(&p);
	drop(win);
}
END_TEST

SUITE("client_key", kms_key_follows_the_edition, installed_client_key_is_kept,
    kms_host_is_the_profiles)
