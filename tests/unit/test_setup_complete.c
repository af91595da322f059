/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SetupComplete.cmd: what was there still runs, and comes back byte for byte. */
#include "tests/unit/hook_plans.h"

START_TEST(setup_complete_is_kept_and_chained_once)
{
	static const struct {
		const char *old, *before, *eol;
	} cases[] = {
	    {"@echo off\r\nstart /wait app.exe\r\nexit\r\n", "", "\r\n"},
	    {"@echo off\nexit /b 3", "", "\n"},
	    {"no newline", "", "\r\n"},
	    {"\xef\xbb\xbf@echo off\r\nx\r\n", "\xef\xbb\xbf\r\n", "\r\n"},
	    {"\n\r\n", "", "\n"},
	    {"", "", "\r\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct windows *win = facts();
		struct profile profile = profile_of(STRATEGY_KMS);
		size_t bom = strlen(cases[i].before) ? 3 : 0;

		add_file(&win->setup_complete, SETUP_COMPLETE, cases[i].old);
		struct plan p = converge(win, &profile);
		const struct change *c = find(&p, CHANGE_WRITE_FILE, SETUP_COMPLETE);
		ck_assert_ptr_nonnull(c);
		ck_assert(c->keep_metadata);
		const char *text = c->content.data;
		const char *line_end = strstr(text + strlen(cases[i].before), cases[i].eol);
		ck_assert(name_has_prefix(text, cases[i].before));
		ck_assert_msg(strcmp(line_end + strlen(cases[i].eol), cases[i].old + bom) == 0,
		    "case %zu", i);
		ck_assert(memmem(text, (size_t)(line_end - text), "rem w7prep", 10));
		plan_free(&p);

		/* and back, byte for byte */
		profile = profile_of(STRATEGY_SINGLE);
		p = converge(win, &profile);
		if (*cases[i].old)
			ck_assert_str_eq(win->setup_complete.content.data, cases[i].old);
		else
			ck_assert_ptr_null(win->setup_complete.path);
		plan_free(&p);
		drop(win);
	}
}
END_TEST

START_TEST(older_line_of_ours_is_replaced)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	add_file(&win->setup_complete, SETUP_COMPLETE, "@call old.cmd & rem w7prep\r\nrest\r\n");
	struct plan p = converge(win, &profile);
	const char *text = win->setup_complete.content.data;
	ck_assert_ptr_null(strstr(text, "old.cmd"));
	ck_assert_str_eq(strchr(text, '\n') + 1, "rest\r\n");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(open_setup_complete_gets_a_closed_descriptor)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	add_file(&win->setup_complete, SETUP_COMPLETE, "exit\r\n")->safe_script = false;
	struct plan p = converge(win, &profile);
	const struct change *c = find(&p, CHANGE_WRITE_FILE, SETUP_COMPLETE);
	ck_assert(c && !c->keep_metadata && c->sd == SECDESC_SCRIPT);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(setup_complete_that_cmd_cannot_run_is_refused)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	add_file(&win->setup_complete, SETUP_COMPLETE, "");
	buf_add(&win->setup_complete.content, "\xff\xfe@\0e\0", 6);
	assert_refused(win, &profile, ERR_UNKNOWN_SHAPE, "UTF-16");
	drop(win);
}
END_TEST

SUITE("setup_complete", setup_complete_is_kept_and_chained_once, older_line_of_ours_is_replaced,
    open_setup_complete_gets_a_closed_descriptor, setup_complete_that_cmd_cannot_run_is_refused)
