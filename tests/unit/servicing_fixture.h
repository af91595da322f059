/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A phony Windows with a whole servicing store on the host, and the facts of it. */
#ifndef W7PREP_TESTS_SERVICING_FIXTURE_H
#define W7PREP_TESTS_SERVICING_FIXTURE_H

#include "common/fsutil.h"
#include "common/text.h"
#include "image/image.h"
#include "image/servicing.h"
#include "tests/fixtures/phony.h"
#include "tests/unit/unit.h"

struct store_fixture {
	char *dir;
	struct windows win;
};

static inline void store_drop(struct store_fixture *f)
{
	windows_free(&f->win);
	scratch_remove(f->dir);
	free(f->dir);
}

static inline void store_look(struct store_fixture *f)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_options options = {.engine = "tree"};
	struct image *im = image_open(f->dir, &options, &err);

	ck_assert_msg(im, "%s", err.message);
	windows_free(&f->win);
	assert_ok(windows_read(im, 0, &f->win, &err), err);
	assert_ok(windows_read_servicing(im, 0, true, &f->win, &err), err);
	image_close(im);
}

/* @args: options of phony.h, up to a NULL. */
static inline struct store_fixture store_make(const char *const args[])
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct store_fixture f = {0};
	struct phony_options o;

	f.dir = scratch_create(NULL, &err);
	phony_init(&o);
	assert_ok(phony_set(&o, "servicing=full", &err), err);
	assert_ok(phony_set(&o, "store-packages=12", &err), err);
	for (size_t i = 0; args[i]; i++)
		assert_ok(phony_set(&o, args[i], &err), err);
	assert_ok(phony_tree(f.dir, &o, &err), err);
	phony_free(&o);
	store_look(&f);
	return f;
}

#define STORE(...) \
	__attribute__((cleanup(store_drop))) struct store_fixture f = \
	    store_make((const char *const[]){__VA_ARGS__, NULL}); \
	__attribute__((unused)) const struct servicing *s = f.win.servicing

#endif
