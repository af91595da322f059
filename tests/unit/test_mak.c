/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The multiple activation key: placed as a secret, never said. */
#include "tests/unit/hook_plans.h"

START_TEST(mak_is_placed_as_a_secret)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_MAK);
	CLEANUP(free) char *path = mak_file();

	profile.mak_key_file = path;
	struct plan p = converge(win, &profile);
	const struct change *c = find(&p, CHANGE_WRITE_FILE, PLACED "mak.key");
	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(c->content.data, MAK "\r\n");
	ck_assert(c->secret);
	ck_assert_int_eq(c->sd, SECDESC_SECRET);
	for (size_t i = 0; i < p.changes.list.n; i++) {
		const struct change *other = &p.changes.list.v[i];
		CLEANUP(free) char *detail = change_detail(other);

		ck_assert(!strstr(other->reason, MAK) && !(detail && strstr(detail, MAK)));
		ck_assert(other == c || !other->content.data || !strstr(other->content.data, MAK));
	}
	for (size_t i = 0; i < p.notes.n; i++)
		ck_assert(!strstr(p.notes.v[i], MAK));
	ck_assert(win->spp.tokens);
	plan_free(&p);

	/* readable by others: written again */
	placed(win, PLACED "mak.key")->safe_secret = false;
	p = converge(win, &profile);
	ck_assert_uint_eq(p.changes.list.n, 1);
	ck_assert(!has_note(&p, "--rebuild"));
	plan_free(&p);

	/* another key */
	buf_reset(&placed(win, PLACED "mak.key")->content);
	buf_adds(&placed(win, PLACED "mak.key")->content, "QQQQQ-WWWWW-RRRRR-TTTTT-YYYYY\r\n");
	p = converge(win, &profile);
	assert_has_note(&p, "held the product key of mak.key: a WIM keeps it in superseded data");
	plan_free(&p);

	/* another profile takes it out again */
	profile = profile_of(STRATEGY_KMS);
	p = converge(win, &profile);
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, PLACED "mak.key"));
	assert_has_note(&p, "rebuilt (apply --rebuild)");
	plan_free(&p);
	unlink(path);
	drop(win);
}
END_TEST

/* Left by none or mak-proxy: where the first boot cannot reach Microsoft, nothing would try again. */
START_TEST(mak_lets_windows_activate)
{
	struct profile profile = profile_of(STRATEGY_MAK);
	CLEANUP(free) char *path = mak_file();

	profile.mak_key_file = path;
	for (int activate = 0; activate < 2; activate++) {
		struct windows *win = facts();

		profile.activate_at_first_boot = activate;
		win->policy.manual_activation = 1;
		struct plan p = converge(win, &profile);
		ck_assert_uint_eq(win->policy.manual_activation, activate ? 0 : 1);
		plan_free(&p);
		drop(win);
	}
	unlink(path);
}
END_TEST

START_TEST(mak_needs_its_key)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_MAK);

	assert_refused(win, &profile, ERR_PROFILE, "mak_key_file");
	drop(win);
}
END_TEST

SUITE("mak", mak_is_placed_as_a_secret, mak_lets_windows_activate, mak_needs_its_key)
