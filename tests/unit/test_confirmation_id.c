/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which plan the confirmation IDs of a PC make, from hand-made facts. */
#include "common/fsutil.h"
#include "common/text.h"
#include "hooks/hook.h"
#include "tests/unit/unit.h"

#define PLACED "/Windows/Setup/Scripts/w7prep/"
#define FILE_NAME PLACED "cid.txt"

/* Windows 7 Enterprise x64, sealed, with a MAK. */
static struct windows *facts(void)
{
	struct windows *win = xcalloc(1, sizeof(*win));

	win->root = xstrdup("/Windows");
	win->product_name = xstrdup("Windows 7 Enterprise");
	win->edition = xstrdup("Enterprise");
	win->installation_type = xstrdup("Client");
	win->version = xstrdup("6.1");
	win->build = 7601;
	win->arch = ARCH_AMD64;
	win->current_control_set = xstrdup("ControlSet001");
	strvec_add(&win->control_sets, "ControlSet001");
	win->sealed = SEALED_YES;
	win->setup_in_progress = true;
	win->spp.key_channel = xstrdup("Volume:MAK");
	win->policy.manual_activation = 1;
	return win;
}

static void drop(struct windows *win)
{
	windows_free(win);
	free(win);
}

/* The file at @path as the facts have it, NULL: they have none. */
static struct win_file *file_at(struct windows *win, const char *path)
{
	if (win->setup_complete.path && strcmp(win->setup_complete.path, path) == 0)
		return &win->setup_complete;
	for (size_t i = 0; i < win->placed.n; i++)
		if (strcmp(win->placed.v[i].path, path) == 0)
			return &win->placed.v[i];
	return NULL;
}

static void delete_file(struct windows *win, const char *path)
{
	struct win_file *f = file_at(win, path);

	ck_assert_ptr_nonnull(f);
	free(f->path);
	buf_free(&f->content);
	*f = f == &win->setup_complete ? (struct win_file){0} : win->placed.v[--win->placed.n];
}

static void write_file(struct windows *win, const struct change *c)
{
	struct win_file *f = file_at(win, c->path);

	if (!f)
		f = name_has_prefix(c->path, PLACED) ? VEC_PUSH(&win->placed)
						     : &win->setup_complete;
	free(f->path);
	f->path = xstrdup(c->path);
	buf_reset(&f->content);
	buf_add(&f->content, c->content.data, c->content.len);
	f->has_sd = f->safe_script = true;
	f->safe_secret = c->sd == SECDESC_SECRET;
}

/* These facts leave nothing but files to plan. */
static void carry_out(struct windows *win, const struct plan *p)
{
	for (size_t i = 0; i < p->changes.list.n; i++) {
		const struct change *c = &p->changes.list.v[i];

		if (c->op == CHANGE_DELETE_FILE)
			delete_file(win, c->path);
		else if (c->op == CHANGE_WRITE_FILE)
			write_file(win, c);
		else
			ck_abort_msg("%s of %s", change_op_name(c->op), c->key);
	}
}

static const struct change *find(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->changes.list.n; i++)
		if (p->changes.list.v[i].path && strcmp(p->changes.list.v[i].path, path) == 0)
			return &p->changes.list.v[i];
	return NULL;
}

static bool has_note(const struct plan *p, const char *part)
{
	for (size_t i = 0; i < p->notes.n; i++)
		if (name_contains(p->notes.v[i], part))
			return true;
	return false;
}

static struct profile profile_of(enum strategy strategy)
{
	return (struct profile){
	    .path = (char *)"lab.ini",
	    .strategy = strategy,
	    .strip = STRIP_NO,
	    .require_sealed = true,
	};
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

static struct plan plan_for(
    struct windows *win, enum strategy strategy, const struct plan_request *r)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile profile = profile_of(strategy);
	struct plan p;

	assert_ok(hooks_plan_for(win, &profile, r, &p, &err), err);
	return p;
}

/* Plan and carry out; the same question again has an empty plan. Returns the first. */
static struct plan converge(
    struct windows *win, enum strategy strategy, const struct plan_request *r)
{
	struct plan first = plan_for(win, strategy, r);

	carry_out(win, &first);
	struct plan second = plan_for(win, strategy, r);
	if (second.changes.list.n) {
		CLEANUP(free) char *target = change_target(&second.changes.list.v[0]);
		ck_abort_msg("not done after the first plan: %s", target);
	}
	plan_free(&second);
	return first;
}

START_TEST(stored_pairs_are_placed_as_a_secret)
{
	struct windows *win = facts();
	struct plan_request r = request_of(2);
	struct plan p = converge(win, STRATEGY_MAK_PROXY, &r);
	const struct change *c = find(&p, FILE_NAME);

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
	ck_assert_ptr_nonnull(find(&p, PLACED "firstboot.cmd"));
	ck_assert_ptr_nonnull(find(&p, PLACED "licensing.vbs"));
	ck_assert_ptr_nonnull(find(&p, "/Windows/Setup/Scripts/SetupComplete.cmd"));
	ck_assert(has_note(&p, "PC07: 2 stored confirmation IDs"));
	ck_assert(!has_note(&p, "KMS client key"));
	plan_free(&p);
	plan_request_free(&r);
	drop(win);
}
END_TEST

START_TEST(only_the_newest_are_placed)
{
	struct windows *win = facts();
	struct plan_request r = request_of(40);
	struct plan p = converge(win, STRATEGY_MAK_PROXY, &r);
	const struct change *c = find(&p, FILE_NAME);

	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->content.len, 16 * (CID_IID_DIGITS + 1 + CID_CID_DIGITS + 2));
	plan_free(&p);
	plan_request_free(&r);
	drop(win);
}
END_TEST

START_TEST(a_pc_without_a_row_is_a_new_one)
{
	struct windows *win = facts();
	struct plan_request one = request_of(1), none = request_of(0);
	struct plan p = converge(win, STRATEGY_MAK_PROXY, &none);

	ck_assert_ptr_null(find(&p, FILE_NAME));
	ck_assert(has_note(&p, "PC07: no confirmation ID is stored"));
	plan_free(&p);

	/* what another PC left behind goes */
	p = converge(win, STRATEGY_MAK_PROXY, &one);
	plan_free(&p);
	p = converge(win, STRATEGY_MAK_PROXY, &none);
	ck_assert_ptr_nonnull(find(&p, FILE_NAME));
	ck_assert_int_eq(find(&p, FILE_NAME)->op, CHANGE_DELETE_FILE);
	plan_free(&p);
	plan_request_free(&one);
	plan_request_free(&none);
	drop(win);
}
END_TEST

START_TEST(who_names_no_pc_changes_nothing)
{
	struct windows *win = facts();
	const struct plan_request nobody = {0};
	struct plan_request one = request_of(1), other = request_of(2);
	struct plan p = converge(win, STRATEGY_MAK_PROXY, &one);

	plan_free(&p);
	p = plan_for(win, STRATEGY_MAK_PROXY, &nobody);
	ck_assert_uint_eq(p.changes.list.n, 0);
	ck_assert(has_note(&p, "left alone"));
	plan_free(&p);
	/* other pairs replace them */
	p = converge(win, STRATEGY_MAK_PROXY, &other);
	ck_assert_uint_eq(p.changes.list.n, 1);
	plan_free(&p);
	plan_request_free(&one);
	plan_request_free(&other);
	drop(win);
}
END_TEST

START_TEST(a_file_that_users_can_read_is_replaced)
{
	struct windows *win = facts();
	struct plan_request r = request_of(1);
	struct plan p = converge(win, STRATEGY_MAK_PROXY, &r);

	plan_free(&p);
	for (size_t i = 0; i < win->placed.n; i++)
		win->placed.v[i].safe_secret = false;
	p = converge(win, STRATEGY_MAK_PROXY, &r);
	ck_assert_uint_eq(p.changes.list.n, 1);
	ck_assert_ptr_nonnull(find(&p, FILE_NAME));
	plan_free(&p);
	plan_request_free(&r);
	drop(win);
}
END_TEST

START_TEST(other_strategies_place_none_and_take_it_away)
{
	struct windows *win = facts();
	struct plan_request r = request_of(1);
	struct plan p = converge(win, STRATEGY_MAK_PROXY, &r);

	plan_free(&p);
	p = converge(win, STRATEGY_SINGLE, &r);
	ck_assert(has_note(&p, "only: none is placed under single"));
	ck_assert_int_eq(find(&p, FILE_NAME)->op, CHANGE_DELETE_FILE);
	plan_free(&p);
	plan_request_free(&r);
	drop(win);
}
END_TEST

START_TEST(a_kms_client_key_is_warned_about)
{
	struct windows *win = facts();
	struct plan_request r = request_of(1);

	free(win->spp.key_channel);
	win->spp.key_channel = xstrdup("Volume:GVLK");
	struct plan p = converge(win, STRATEGY_MAK_PROXY, &r);
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
