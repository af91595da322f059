/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A phony Windows in a directory, changed by a test and looked at through windows_read(). */
#ifndef W7PREP_TESTS_WINDOWS_FIXTURE_H
#define W7PREP_TESTS_WINDOWS_FIXTURE_H

#include <fcntl.h>

#include "common/fsutil.h"
#include "common/proc.h"
#include "common/text.h"
#include "image/image.h"
#include "image/secdesc.h"
#include "image/windows.h"
#include "tests/fixtures/hivegen.h"
#include "tests/fixtures/phony.h"
#include "tests/unit/unit.h"

#define NT "Microsoft\\Windows NT\\CurrentVersion"
#define CBS "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"
#define SPP NT "\\SoftwareProtectionPlatform"
#define TASK_CACHE NT "\\Schedule\\TaskCache"
#define WAT_TREE TASK_CACHE "\\Tree\\Microsoft\\Windows\\Windows Activation Technologies"
#define PACKAGE "Microsoft-Windows-Security-WindowsActivationTechnologies-Package~31bf3856ad364e35~"

/* A phony Windows on the host and the facts read from it. */
struct fixture {
	char *dir;
	int rc;
	struct windows win;
	struct error err;
};

static __attribute__((unused)) void drop(struct fixture *f)
{
	if (f->rc == 1)
		windows_free(&f->win);
	err_clear(&f->err);
	scratch_remove(f->dir);
	free(f->dir);
}

static __attribute__((unused)) void make_tree(struct fixture *f, const char *const args[])
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct phony_options o;

	memset(f, 0, sizeof(*f));
	f->dir = scratch_create(NULL, &err);
	phony_init(&o);
	for (size_t i = 0; args[i]; i++)
		assert_ok(phony_set(&o, args[i], &err), err);
	assert_ok(phony_tree(f->dir, &o, &err), err);
	phony_free(&o);
}

/* Read (again) what is in the tree. */
static __attribute__((unused)) void look(struct fixture *f)
{
	struct image_options options = {.engine = "tree"};

	if (f->rc == 1)
		windows_free(&f->win);
	err_clear(&f->err);
	struct image *im = image_open(f->dir, &options, &f->err);
	ck_assert_msg(im, "%s", f->err.message);
	f->rc = windows_read(im, 0, &f->win, &f->err);
	image_close(im);
}

static __attribute__((unused)) struct fixture make(const char *const args[])
{
	struct fixture f;

	make_tree(&f, args);
	look(&f);
	return f;
}

#define WINDOWS(...) \
	__attribute__((cleanup(drop))) struct fixture f = make((const char *const[]){__VA_ARGS__, NULL}); \
	__attribute__((unused)) const struct windows *win = &f.win; \
	ck_assert_msg(f.rc == 1, "%s", f.err.message ? f.err.message : "no Windows found")

static __attribute__((unused)) void put(const struct fixture *f, const char *path, const void *data, size_t n)
{
	CLEANUP(free) char *full = path_join(f->dir, path);
	CLEANUP(free) char *dir = path_dir(full);
	const char *const mkdirs[] = {"mkdir", "-p", dir, NULL};
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(run_tool(mkdirs, NULL, &err), err);
	assert_ok(write_file_atomic(full, data, n, 0644, &err), err);
}

static __attribute__((unused)) void put_text(const struct fixture *f, const char *path, const char *text)
{
	put(f, path, text, strlen(text));
}

static __attribute__((unused)) void remove_path(const struct fixture *f, const char *path)
{
	CLEANUP(free) char *full = path_join(f->dir, path);
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(remove_tree(full, &err), err);
}

/* Add keys and values to a hive with hivexregedit, which is not ours; "\n[" begins a key. */
static __attribute__((unused)) void merge(const struct fixture *f, const char *hive, const char *text)
{
	CLEANUP(free) char *path = xasprintf("%s/Windows/System32/config/%s", f->dir, hive);
	CLEANUP(free) char *reg = path_join(f->dir, "change.reg");
	CLEANUP(error) struct error err = ERROR_INIT;
	const char *const argv[] = {"hivexregedit", "--merge", "--prefix", "HIVE", path, reg, NULL};
	CLEANUP(buf) struct buf b = BUF_INIT;

	buf_adds(&b, "Windows Registry Editor Version 5.00\n\n");
	for (const char *c = text; *c; c++)
		buf_addf(&b, "%s%c", *c == '[' && c != text && c[-1] == '\n' ? "\n" : "", *c);
	assert_ok(write_file_atomic(reg, b.data, b.len, 0644, &err), err);
	assert_ok(run_tool(argv, NULL, &err), err);
	ck_assert_int_eq(unlink(reg), 0);
}

static __attribute__((unused)) const struct refusal *find_refusal(const struct windows *win, enum err_code code)
{
	for (size_t i = 0; i < win->refusals.n; i++)
		if (win->refusals.v[i].code == code)
			return &win->refusals.v[i];
	return NULL;
}

static __attribute__((unused)) void expect_refusal(const struct fixture *f, enum err_code code, const char *part)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	const struct refusal *r;

	ck_assert_msg(f->rc == 1, "%s", f->err.message ? f->err.message : "no Windows found");
	r = find_refusal(&f->win, code);
	ck_assert_msg(r, "no refusal %s", err_code_name(code));
	ck_assert_msg(name_contains(r->message, part), "%s", r->message);
	ck_assert_msg(r->hint && *r->hint, "%s: no hint", r->message);
	ck_assert_int_lt(windows_refuse(&f->win, &err), 0);
	ck_assert_int_eq(err.code, f->win.refusals.v[0].code);
	ck_assert_ptr_nonnull(err.hint);
}

static __attribute__((unused)) void expect_no_refusal(const struct fixture *f)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	ck_assert_msg(f->rc == 1, "%s", f->err.message ? f->err.message : "no Windows found");
	ck_assert_msg(f->win.refusals.n == 0, "%s", f->win.refusals.v[0].message);
	ck_assert_int_eq(windows_refuse(&f->win, &err), 0);
}

static __attribute__((unused)) bool has_file(const struct strvec *paths, const char *end)
{
	for (size_t i = 0; i < paths->n; i++)
		if (name_has_suffix(paths->v[i], end))
			return true;
	return false;
}

/* ---- identity ---- */

#endif
