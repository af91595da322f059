/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From facts to facts, on files: plan, carry out, read again, plan nothing; then undo, and the
 * tree is what it was. With every shipped profile and several kinds of image.
 */
#include "common/fsutil.h"
#include "common/proc.h"
#include "hooks/hook.h"
#include "image/changeset.h"
#include "image/txn.h"
#include "tests/fixtures/phony.h"
#include "tests/unit/unit.h"

#define MAK "BCDFG-HJKMP-QRTVW-XY234-6789B"

static char *top, *tree;

static void make(const char *const args[])
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct phony_options o;

	top = scratch_create(NULL, &err);
	tree = path_join(top, "win7");
	ck_assert_int_eq(mkdir(tree, 0755), 0);
	phony_init(&o);
	for (size_t i = 0; args[i]; i++)
		assert_ok(phony_set(&o, args[i], &err), err);
	assert_ok(phony_tree(tree, &o, &err), err);
	phony_free(&o);
}

static void drop(void)
{
	scratch_remove(top);
	free(top);
	free(tree);
}

/* Names, types, sizes, times, links and content, by other people's tools. */
static char *state(void)
{
	CLEANUP(free) char *cmd = xasprintf(
	    "cd '%s' && find . ! -type d -printf '%%p %%s %%m %%T@ %%n\\n' | sort; find . -type d | sort;"
	    "find . -type f -print0 | sort -z | xargs -0 sha256sum", tree);
	const char *const argv[] = {"sh", "-c", cmd, NULL};
	CLEANUP(error) struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;

	assert_ok(run_tool(argv, &out, &err), err);
	return buf_steal(&out);
}

/* Facts and plan by the profile in a file; the number of changes. @run: carry them out and commit. */
static size_t prepare(const char *profile, bool run)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_options options = {.write = run};
	struct profile p = {0};
	struct plan plan = {0};
	struct windows win;

	assert_ok(profile_read(profile, &p, NULL, &err), err);
	struct image *im = image_open(tree, &options, &err);
	ck_assert_msg(im, "%s", err.message);
	ck_assert_int_eq(windows_read(im, 0, &win, &err), 1);
	assert_ok(hooks_plan(&win, &p, &plan, &err), err);
	size_t n = plan.changes.list.n;
	if (run) {
		assert_ok(image_begin(im, &err), err);
		assert_ok(changeset_run(im, 0, &win, &plan.changes, &err), err);
		assert_ok(image_settle(im, &err), err);
		assert_ok(image_commit(im, &err), err);
	}
	plan_free(&plan);
	windows_free(&win);
	image_close(im);
	profile_free(&p);
	return n;
}

static void roundtrip(const char *profile, const char *const args[])
{
	CLEANUP(error) struct error err = ERROR_INIT;

	make(args);
	CLEANUP(free) char *before = state();
	size_t planned = prepare(profile, false);
	CLEANUP(free) char *looked = state();
	ck_assert_str_eq(looked, before);
	ck_assert_uint_gt(planned, 0);
	ck_assert_uint_eq(prepare(profile, true), planned);
	ck_assert_uint_eq(prepare(profile, false), 0);
	assert_ok(txn_undo(tree, false, &err), err);
	CLEANUP(free) char *after = state();
	ck_assert_str_eq(after, before);
	drop();
}

#define ARGS(...) (const char *const[]){__VA_ARGS__, NULL}

START_TEST(kms)
{
	roundtrip("profiles/kms.ini", ARGS("edition=Enterprise"));
}
END_TEST

START_TEST(kms_server)
{
	roundtrip("profiles/kms.ini", ARGS("edition=ServerStandard", "kb971033=absent", "channel=none"));
}
END_TEST

START_TEST(kms_x86_with_leftovers)
{
	roundtrip("profiles/kms.ini", ARGS("arch=x86", "channel=retail", "kms-host=old.example", "kms-port=1700",
	    "kms-app-host=older.example", "sppuinotify-disabled=yes", "setup-complete=no-eol"));
}
END_TEST

START_TEST(kms_lower_case)
{
	roundtrip("profiles/kms.ini", ARGS("lower-case=yes", "kb971033=no-cbs", "setup-complete=exit"));
}
END_TEST

START_TEST(no_activation)
{
	roundtrip("profiles/no-activation.ini", ARGS("edition=Professional"));
}
END_TEST

/* With a profile of its own, and the MAK in a file beside that. */
static void own_roundtrip(const char *text, const char *const args[])
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *dir = scratch_create(NULL, &err);
	CLEANUP(free) char *key = path_join(dir, "mak.key");
	CLEANUP(free) char *profile = path_join(dir, "lab.ini");

	assert_ok(write_file_atomic(key, MAK "\n", strlen(MAK) + 1, 0600, &err), err);
	assert_ok(write_file_atomic(profile, text, strlen(text), 0600, &err), err);
	roundtrip(profile, args);
	scratch_remove(dir);
}

START_TEST(mak)
{
	own_roundtrip("[activation]\nstrategy = mak\nmak_key_file = mak.key\n",
	    ARGS("channel=mak", "setup-complete=crlf"));
}
END_TEST

START_TEST(mak_unsealed)
{
	own_roundtrip("[activation]\nstrategy = mak\nmak_key_file = mak.key\n[tokens]\nstrip = image\n"
		      "[clone]\nrequire_sealed = no\nreport_share = \\\\srv\\logs\n",
	    ARGS("sealed=no", "arch=x86", "edition=Professional"));
}
END_TEST

START_TEST(mak_proxy)
{
	own_roundtrip("[activation]\nstrategy = mak-proxy\nvamt_access = workgroup\n"
		      "vamt_host = 192.0.2.10\nmak_key_file = mak.key\n",
	    ARGS("channel=gvlk"));
}
END_TEST

START_TEST(mak_proxy_as_shipped)
{
	roundtrip("profiles/mak-proxy.ini", ARGS("kb971033=absent"));
}
END_TEST

START_TEST(single)
{
	roundtrip("profiles/single.ini", ARGS("edition=Professional", "channel=retail"));
}
END_TEST

/* Nothing is planned, and apply leaves no record of having been there. */
static void untouched(const char *profile, const char *const args[])
{
	make(args);
	CLEANUP(free) char *before = state();
	ck_assert_uint_eq(prepare(profile, true), 0);
	CLEANUP(free) char *after = state();
	ck_assert_str_eq(after, before);
	drop();
}

START_TEST(oem_and_single_leave_a_vendors_image_alone)
{
	untouched("profiles/oem.ini", ARGS("edition=Professional", "channel=oem"));
	untouched("profiles/oem.ini", ARGS("edition=HomePremium", "channel=oem", "sealed=no",
	    "skip-rearm=yes", "sppuinotify-disabled=yes", "kms-host=old.example"));
	untouched("profiles/single.ini", ARGS("edition=HomePremium", "channel=oem"));
}
END_TEST

SUITE("roundtrip", kms, kms_server, kms_x86_with_leftovers, kms_lower_case, no_activation, mak,
    mak_unsealed, mak_proxy, mak_proxy_as_shipped, single,
    oem_and_single_leave_a_vendors_image_alone)
