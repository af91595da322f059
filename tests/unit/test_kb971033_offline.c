/* SPDX-License-Identifier: GPL-3.0-or-later */
/* KB971033 out of an image: the plan, from facts read in a phony Windows. */
#include "tests/unit/hook_profile.h"
#include "tests/unit/servicing_fixture.h"

static struct profile offline(enum strategy strategy)
{
	struct profile p = profile_of(strategy);

	p.kb971033 = KB971033_OFFLINE;
	return p;
}

static size_t changes_of(const struct plan *p, const char *hook)
{
	size_t n = 0;

	for (size_t i = 0; i < p->changes.list.n; i++)
		n += strcmp(p->changes.list.v[i].hook, hook) == 0;
	return n;
}

static bool has_target(const struct plan *p, enum change_op op, const char *want)
{
	for (size_t i = 0; i < p->changes.list.n; i++) {
		CLEANUP(free) char *target = change_target(&p->changes.list.v[i]);

		if (p->changes.list.v[i].op == op && name_eq(target, want))
			return true;
	}
	return false;
}

START_TEST(every_place_is_planned_and_nothing_else)
{
	STORE("kb971033=installed");
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile profile = offline(STRATEGY_KMS);
	struct plan p;

	assert_ok(hooks_plan(&f.win, &profile, &p, &err), err);
	ck_assert_uint_eq(changes_of(&p, "kb971033"), s->places.n);
	for (size_t i = 0; i < p.changes.list.n; i++) {
		const struct change *c = &p.changes.list.v[i];

		if (strcmp(c->hook, "kb971033") != 0)
			continue;
		ck_assert_int_ne(c->op, CHANGE_WRITE_FILE);
		ck_assert_int_ne(c->op, CHANGE_SET_VALUE);
		ck_assert_str_ne(c->reason, "");
	}
	ck_assert(
	    has_target(&p, CHANGE_DELETE_KEY, "SYSTEM\\ControlSet002\\services\\WatAdminSvc"));
	ck_assert(has_target(&p, CHANGE_DELETE_TREE, "\\Windows\\System32\\Wat"));
	ck_assert(has_target(&p, CHANGE_DELETE_VALUE,
	    "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based "
	    "Servicing\\PackageDetect\\"
	    "Microsoft-Windows-Foundation-Package~31bf3856ad364e35~amd64~~0.0.0.0!Microsoft-"
	    "Windows-"
	    "Security-WindowsActivationTechnologies-Package~31bf3856ad364e35~amd64~~7.1.7600."
	    "16395"));
	plan_free(&p);
}
END_TEST

/* What dism would do at first boot has been done. */
START_TEST(first_boot_has_nothing_to_uninstall)
{
	STORE("kb971033=installed");
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile profile = offline(STRATEGY_SINGLE);
	struct plan p;

	assert_ok(hooks_plan(&f.win, &profile, &p, &err), err);
	ck_assert_uint_gt(p.changes.list.n, 0);
	ck_assert_uint_eq(changes_of(&p, "kb971033"), p.changes.list.n);
	ck_assert_uint_eq(p.placed.n, 0);
	ck_assert_uint_eq(p.notes.n, 1);
	ck_assert(name_contains(p.notes.v[0], "WSUS"));
	plan_free(&p);
}
END_TEST

static void assert_left_alone(enum strategy strategy, const char *option)
{
	STORE("kb971033=installed", option);
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile profile = offline(strategy);
	struct plan p;

	assert_ok(hooks_plan(&f.win, &profile, &p, &err), err);
	ck_assert_uint_eq(changes_of(&p, "kb971033"), 0);
	plan_free(&p);
}

START_TEST(stays_where_it_is_not_ours_to_remove)
{
	assert_left_alone(STRATEGY_OEM, "channel=oem");
	assert_left_alone(STRATEGY_SINGLE, "edition=HomePremium");
	assert_left_alone(STRATEGY_KMS, "kb971033=absent");
}
END_TEST

START_TEST(unknown_shape_refuses_and_names_the_other_way)
{
	STORE("store-shape=package-value,payload-extra");
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile profile = offline(STRATEGY_KMS);
	struct plan p;

	ck_assert_int_eq(hooks_plan(&f.win, &profile, &p, &err), -1);
	ck_assert_int_eq(err.code, ERR_UNKNOWN_SHAPE);
	ck_assert_int_eq(err_status(&err), EXIT_UNSAFE);
	ck_assert_msg(name_contains(err.message, "Surprise"), "%s", err.message);
	ck_assert_msg(name_contains(err.message, "more"), "%s", err.message);
	ck_assert_msg(name_contains(err.hint, "remove = windows"), "%s", err.hint);
	ck_assert_uint_eq(changes_of(&p, "kb971033"), 0);
	plan_free(&p);

	/* and that way is open */
	profile.kb971033 = KB971033_WINDOWS;
	assert_ok(hooks_plan(&f.win, &profile, &p, &err), err);
	ck_assert_uint_gt(changes_of(&p, "kb971033"), 0);
	plan_free(&p);
}
END_TEST

/* Only what Windows itself left outside of servicing: it goes, with no package to ask about. */
START_TEST(leftovers_go_without_a_package)
{
	STORE("kb971033=absent");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *wat = xasprintf("%s/Windows/System32/Wat", f.dir);
	CLEANUP(free) char *file = xasprintf("%s/WatUX.exe", wat);
	struct profile profile = offline(STRATEGY_SINGLE);
	struct plan p;

	ck_assert_int_eq(mkdir(wat, 0755), 0);
	assert_ok(write_file_atomic(file, "MZ", 2, 0644, &err), err);
	store_look(&f);
	assert_ok(hooks_plan(&f.win, &profile, &p, &err), err);
	ck_assert_uint_eq(p.changes.list.n, 1);
	ck_assert(has_target(&p, CHANGE_DELETE_TREE, "\\Windows\\System32\\Wat"));
	plan_free(&p);
}
END_TEST

/* A trace that makes no package: nothing to take out, and no reason to refuse the image. */
START_TEST(a_trace_is_told_and_left)
{
	STORE("kb971033=absent");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free)
	char *cat = xasprintf("%s/Windows/servicing/Packages/Microsoft-Windows-Security-"
			      "WindowsActivationTechnologies-Package~31bf3856ad364e35~amd64~~"
			      "7.1.7600.16395.cat",
	    f.dir);
	struct profile profile = offline(STRATEGY_SINGLE);
	struct plan p;

	assert_ok(write_file_atomic(cat, "0", 1, 0644, &err), err);
	store_look(&f);
	assert_ok(hooks_plan(&f.win, &profile, &p, &err), err);
	ck_assert_uint_eq(p.changes.list.n, 0);
	ck_assert_uint_eq(p.notes.n, 1);
	ck_assert_msg(name_contains(p.notes.v[0], "is not installed") &&
			  name_contains(p.notes.v[0], ".cat: names the package"),
	    "%s", p.notes.v[0]);
	plan_free(&p);
}
END_TEST

SUITE("kb971033_offline", every_place_is_planned_and_nothing_else,
    first_boot_has_nothing_to_uninstall, stays_where_it_is_not_ours_to_remove,
    unknown_shape_refuses_and_names_the_other_way, leftovers_go_without_a_package,
    a_trace_is_told_and_left)
