/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What runs at first boot, how it is started, and files of ours that others have changed. */
#include "hooks/scripts.h"
#include "tests/unit/hook_plans.h"

START_TEST(unsealed_clone_starts_through_setup)
{
	struct windows *win = unsealed();
	struct profile profile = profile_of(STRATEGY_KMS);

	profile.require_sealed = false;
	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(win->setup_type, 2);
	ck_assert(name_contains(win->setup_cmdline, "w7prep\\setupmode.cmd"));
	ck_assert(name_contains(written(&p, PLACED "client-id.cmd"), "W7_REARM_ONCE=restart"));
	ck_assert_ptr_null(find(&p, CHANGE_WRITE_FILE, SETUP_COMPLETE));
	plan_free(&p);

	/* a profile that needs nothing at first boot takes it back */
	profile = profile_of(STRATEGY_SINGLE);
	p = converge(win, &profile);
	ck_assert_uint_eq(win->setup_type, 0);
	ck_assert_str_eq(win->setup_cmdline, "");
	ck_assert_uint_eq(win->placed.n, 0);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(anothers_setup_command_is_respected)
{
	struct windows *win = unsealed();
	struct profile profile = profile_of(STRATEGY_KMS);

	profile.require_sealed = false;
	set(&win->setup_cmdline, "setup.exe /other");
	win->setup_type = 1;
	assert_refused(win, &profile, ERR_UNKNOWN_SHAPE, "setup.exe /other");
	drop(win);

	win = facts();
	profile.first_boot = FIRST_BOOT_SETUP_CMDLINE;
	assert_refused(win, &profile, ERR_PROFILE, "setup-cmdline");
	drop(win);

	win = unsealed();
	profile.first_boot = FIRST_BOOT_SETUPCOMPLETE;
	struct plan p = converge(win, &profile);
	assert_has_note(&p, "SetupComplete.cmd only runs after a setup pass");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(report_share_is_handed_to_the_scripts)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	profile.report_share = (char *)(uintptr_t) "\\\\srv\\logs$\\room 12";
	struct plan p = converge(win, &profile);
	ck_assert(name_contains(
	    written(&p, PLACED "settings.cmd"), "W7_REPORT_SHARE=\\\\srv\\logs$\\room 12\""));
	ck_assert(strvec_has(&p.placed, "report.cmd"));
	plan_free(&p);

	profile.report_share = NULL;
	p = converge(win, &profile);
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, PLACED "report.cmd"));
	ck_assert(!name_contains(written(&p, PLACED "settings.cmd"), "REPORT"));
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(strays_and_open_scripts_are_mended)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);
	struct plan p = converge(win, &profile);

	plan_free(&p);
	add_file(VEC_PUSH(&win->placed), PLACED "firstboot.done", "done\r\n");
	placed(win, PLACED "firstboot.cmd")->safe_script = false;
	placed(win, PLACED "key.cmd")->has_sd = false;
	p = converge(win, &profile);
	ck_assert_uint_eq(p.changes.list.n, 2);
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, PLACED "firstboot.done"));
	ck_assert_ptr_nonnull(find(&p, CHANGE_WRITE_FILE, PLACED "firstboot.cmd"));
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(scripts_are_ascii_and_crlf)
{
	for (const struct script *s = scripts; s->name; s++) {
		for (size_t i = 0; i < s->size; i++) {
			ck_assert_msg(s->data[i] < 0x80, "%s: byte %zu", s->name, i);
			if (s->data[i] == '\n')
				ck_assert_msg(
				    i && s->data[i - 1] == '\r', "%s: byte %zu", s->name, i);
		}
	}
}
END_TEST

SUITE("first_boot", unsealed_clone_starts_through_setup, anothers_setup_command_is_respected,
    report_share_is_handed_to_the_scripts, strays_and_open_scripts_are_mended,
    scripts_are_ascii_and_crlf)
