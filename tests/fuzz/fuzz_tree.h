/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A phony Windows 7 on the host, made once for all inputs of a target. */
#ifndef W7PREP_TESTS_FUZZ_TREE_H
#define W7PREP_TESTS_FUZZ_TREE_H

#include "image/image.h"
#include "image/tree.h"
#include "tests/fixtures/phony.h"
#include "tests/fuzz/fuzz.h"

/* @args: options of phony.h, up to a NULL. The directory goes when the program ends. */
static inline char *fuzz_tree(const char *const args[])
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *top = scratch_create(NULL, &err);
	char *dir = path_join(top, "win");
	struct phony_options o;

	atexit(scratch_remove_all);
	phony_init(&o);
	for (size_t i = 0; args[i]; i++)
		FUZZ_CHECK(phony_set(&o, args[i], &err) == 0);
	FUZZ_CHECK(phony_tree(dir, &o, &err) == 0);
	phony_free(&o);
	return dir;
}

static inline struct image *fuzz_open_tree(const char *dir)
{
	struct image *im = image_open(dir, &(struct image_options){.engine = "tree"}, NULL);

	FUZZ_CHECK(im);
	return im;
}

#endif
