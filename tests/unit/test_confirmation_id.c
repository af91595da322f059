/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which plan the confirmation IDs of a PC make, from hand-made facts. */
#include "tests/unit/hook_plans.h"

#define FILE_NAME PLACED "cid.txt"

/* Windows 7 Enterprise x64, sealed, with a MAK. */
static struct windows *with_mak(void)
{
	struct windows *win = facts();

	set(&win->spp.key_channel, "Volume:MAK");
	win->policy.manual_activation = 1;
	return win;
}

/* For PC07 with @n stored pairs, the first of 1s and 2s, the next of 2s and 3s … */
static struct plan_request request_of(unsigned n)
{
	struct plan_request r = {.confirmation = true, .pc = xstrdup("PC07")};

	for (unsigned i = 0; i < n; i++) {
		struct cid_row *row = VEC_PUSH(&r.confirmations.list);

		memset(row->iid, '1' + (int)(i % 8), CID_IID_DIGITS);
		memset(row->cid, '2' + (int)(i % 8), CID_CID_DIGITS);
	}
	return r;
}

static struct profile profile_for(enum strategy strategy)
{
	struct profile profile = profile_of(strategy);

	profile.strip = STRIP_NO;
	return profile;
}

static struct plan run(struct windows *win, enum strategy strategy, const struct plan_request *r)
{
	const struct profile profile = profile_for(strategy);

	return converge_for(win, &profile, r);
}

START_TEST(stored_pairs_are_placed_as_a_secret)
{
	struct windows *win = with_mak();
	struct plan_request r = request_of(2);
	struct plan p = run(win, STRATEGY_MAK_PROXY, &r);
	const struct change *c = find(&p, CHANGE_WRITE_FILE, FILE_NAME);

	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(c->hook, "confirmation_id");
	ck_assert_str_eq(c->content.data, "111111111111111111111111111111111111111111111111111111 "
					  "222222222222222222222222222222222222222222222222\r\n"
					  "222222222222222222222222222222222222222222222222222222 "
					  "333333333333333333333333333333333333333333333333\r\n");
	ck_assert_int_eq(c->sd, SECDESC_SECRET);
	ck_assert(c->secret);
	CLEANUP(free) char *detail = change_detail(c);
	ck_assert_str_eq(detail, "<secret>");
	/* and what makes them of use */
	ck_assert_ptr_nonnull(find(&p, CHANGE_WRITE_FILE, PLACED "firstboot.cmd"));
	ck_assert_ptr_nonnull(find(&p, CHANGE_WRITE_FILE, PLACED "licensing.vbs"));
	ck_assert_ptr_nonnull(find(&p, CHANGE_WRITE_FILE, SETUP_COMPLETE));
	ck_assert(has_note(&p, "PC07: 2 stored confirmation IDs"));
	ck_assert(!has_note(&p, "KMS client key"));
	plan_free(&p);
	plan_request_free(&r);
	drop(win);
}
END_TEST

START_TEST(only_the_newest_are_placed)
{
	struct windows *win = with_mak();
	struct plan_request r = request_of(40);
	struct plan p = run(win, STRATEGY_MAK_PROXY, &r);
	const struct change *c = find(&p, CHANGE_WRITE_FILE, FILE_NAME);

	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->content.len, 16 * (CID_IID_DIGITS + 1 + CID_CID_DIGITS + 2));
	plan_free(&p);
	plan_request_free(&r);
	drop(win);
}
END_TEST

START_TEST(a_pc_without_a_row_is_a_new_one)
{
	struct windows *win = with_mak();
	struct plan_request one = request_of(1), none = request_of(0);
	struct plan p = run(win, STRATEGY_MAK_PROXY, &none);

	ck_assert_ptr_null(find(&p, CHANGE_WRITE_FILE, FILE_NAME));
	ck_assert(has_note(&p, "PC07: no confirmation ID is stored"));
	plan_free(&p);

	/* what another PC left behind goes */
	p = run(win, STRATEGY_MAK_PROXY, &one);
	plan_free(&p);
	p = run(win, STRATEGY_MAK_PROXY, &none);
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, FILE_NAME));
	plan_free(&p);
	plan_request_free(&one);
	plan_request_free(&none);
	drop(win);
}
END_TEST

START_TEST(who_names_no_pc_changes_nothing)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct windows *win = with_mak();
	const struct plan_request nobody = {0};
	struct plan_request one = request_of(1), other = request_of(2);
	struct plan p = run(win, STRATEGY_MAK_PROXY, &one);

	plan_free(&p);
	const struct profile profile = profile_for(STRATEGY_MAK_PROXY);
	assert_ok(hooks_plan_for(win, &profile, &nobody, &p, &err), err);
	ck_assert_uint_eq(p.changes.list.n, 0);
	ck_assert(has_note(&p, "left alone"));
	plan_free(&p);
	/* other pairs replace them */
	p = run(win, STRATEGY_MAK_PROXY, &other);
	ck_assert_uint_eq(p.changes.list.n, 1);
	plan_free(&p);
	plan_request_free(&one);
	plan_request_free(&other);
	drop(win);
}
END_TEST

START_TEST(a_file_that_users_can_read_is_replaced)
{
	struct windows *win = with_mak();
	struct plan_request r = request_of(1);
	struct plan p = run(win, STRATEGY_MAK_PROXY, &r);

	plan_free(&p);
	for (size_t i = 0; i < win->placed.n; i++)
		win->placed.v[i].safe_secret = false;
	p = run(win, STRATEGY_MAK_PROXY, &r);
	ck_assert_uint_eq(p.changes.list.n, 1);
	ck_assert_ptr_nonnull(find(&p, CHANGE_WRITE_FILE, FILE_NAME));
	plan_free(&p);
	plan_request_free(&r);
	drop(win);
}
END_TEST

START_TEST(other_strategies_place_none_and_take_it_away)
{
	struct windows *win = with_mak();
	struct plan_request r = request_of(1);
	struct plan p = run(win, STRATEGY_MAK_PROXY, &r);

	plan_free(&p);
	p = run(win, STRATEGY_SINGLE, &r);
	ck_assert(has_note(&p, "only: none is placed under single"));
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, FILE_NAME));
	plan_free(&p);
	plan_request_free(&r);
	drop(win);
}
END_TEST

START_TEST(a_kms_client_key_is_warned_about)
{
	struct windows *win = with_mak();
	struct plan_request r = request_of(1);

	set(&win->spp.key_channel, "Volume:GVLK");
	struct plan p = run(win, STRATEGY_MAK_PROXY, &r);
	ck_assert(has_note(&p, "KMS client key"));
	plan_free(&p);
	plan_request_free(&r);
	drop(win);
}
END_TEST

SUITE("confirmation_id", stored_pairs_are_placed_as_a_secret, only_the_newest_are_placed,
    a_pc_without_a_row_is_a_new_one, who_names_no_pc_changes_nothing,
    a_file_that_users_can_read_is_replaced, other_strategies_place_none_and_take_it_away,
    a_kms_client_key_is_warned_about)
