/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which images hold a product key, so that what undo needs of them is sealed. */
#include "tests/unit/hook_plans.h"

static void put_text(struct win_file *f, const char *path, const char *text, size_t n)
{
	f->path = xstrdup(path);
	buf_add(&f->content, text, n);
}

START_TEST(a_key_in_the_image_is_seen)
{
#define WIDE(c) c "\0"
	static const char wide[] = WIDE("B") WIDE("C") WIDE("D") WIDE("F") WIDE("G") WIDE("-") WIDE("H")
	    WIDE("J") WIDE("K") WIDE("M") WIDE("P") WIDE("-") WIDE("Q") WIDE("R") WIDE("T") WIDE("V")
	    WIDE("W") WIDE("-") WIDE("X") WIDE("Y") WIDE("2") WIDE("3") WIDE("4") WIDE("-") WIDE("6")
	    WIDE("7") WIDE("8") WIDE("9") WIDE("B");
	static const struct {
		const char *text;
		size_t n;	/* 0: its length */
		bool key;
	} cases[] = {
		{"", 0, false},
		{"BCDFG-HJKMP-QRTVW-XY234-6789B\r\n", 0, true},
		{"slmgr /ipk bcdfg-hjkmp-qrtvw-xy234-6789b", 0, true},
		{wide, sizeof(wide) - 1, true},
		/* that of Enterprise, alone and before another */
		{"@set \"W7_KEY=33PXH-7Y6KF-2VJC9-XBBR8-HVTHH\"", 0, false},
		{"33pxh-7y6kf-2vjc9-xbbr8-hvthh BCDFG-HJKMP-QRTVW-XY234-6789B", 0, true},
		{"echo XXXXX-XXXXX-XXXXX-XXXXX-XXXXX", 0, false},
		{"{ae2ee509-1b34-41c0-acb7-6d4650168915}", 0, false},
		{"111111111111111111111111111111111111111111111111111111 "
		 "555555555555555555555555555555555555555555555555", 0, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = cases[i].n ? cases[i].n : strlen(cases[i].text);
		struct windows *win = facts();

		ck_assert(!hooks_key_in_image(win));
		put_text(VEC_PUSH(&win->answer_files), "/Unattend.xml", cases[i].text, n);
		ck_assert_msg(hooks_key_in_image(win) == cases[i].key, "%s", cases[i].text);
		drop(win);
		win = facts();
		put_text(&win->setup_complete, "/Windows/Setup/Scripts/SetupComplete.cmd", cases[i].text, n);
		ck_assert(hooks_key_in_image(win) == cases[i].key);
		drop(win);
	}
	struct windows *win = facts();
	put_text(VEC_PUSH(&win->placed), "/Windows/Setup/Scripts/w7prep/x.log", "", 0);
	win->placed.v[0].too_large = true;
	ck_assert(hooks_key_in_image(win));
	/* but nobody says that there is one, or overwrites gigabytes */
	struct profile profile = profile_of(STRATEGY_KMS);
	struct plan p = converge(win, &profile);
	const struct change *c = find(&p, CHANGE_DELETE_FILE, "/Windows/Setup/Scripts/w7prep/x.log");
	ck_assert(c && !c->secret);
	ck_assert(!has_note(&p, "held the product key"));
	plan_free(&p);
	drop(win);
}
END_TEST

/* What every image holds after an apply is no reason to seal: only the MAK is. */
START_TEST(what_we_place_holds_no_key_but_the_mak)
{
	static const enum strategy all[] = {STRATEGY_KMS, STRATEGY_NONE, STRATEGY_MAK_PROXY, STRATEGY_MAK};
	CLEANUP(free) char *path = mak_file();

	for (size_t i = 0; i < 4; i++) {
		struct windows *win = with_kb971033(facts());
		struct profile profile = profile_of(all[i]);

		if (all[i] == STRATEGY_MAK)
			profile.mak_key_file = path;
		struct plan p = converge(win, &profile);
		ck_assert(win->setup_complete.path || win->placed.n);
		ck_assert(hooks_key_in_image(win) == (all[i] == STRATEGY_MAK));
		plan_free(&p);
		if (all[i] == STRATEGY_MAK) {
			profile = profile_of(STRATEGY_KMS);
			p = converge(win, &profile);
			bool secret = false;
			for (size_t k = 0; k < p.changes.list.n; k++)
				secret = secret || (p.changes.list.v[k].op == CHANGE_DELETE_FILE &&
				    name_has_suffix(p.changes.list.v[k].path, "/mak.key") &&
				    p.changes.list.v[k].secret);
			ck_assert(secret);
			plan_free(&p);
		}
		drop(win);
	}
	unlink(path);
}
END_TEST

SUITE("key_in_image", a_key_in_the_image_is_seen, what_we_place_holds_no_key_but_the_mak)
