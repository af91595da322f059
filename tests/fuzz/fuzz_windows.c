/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The facts of an installation, its servicing store included, when a hive of it is the input. The
 * first byte chooses which; the rest of the phony Windows 7 is sound.
 */
#include "image/servicing.h"
#include "image/tree.h"
#include "tests/fixtures/phony.h"
#include "tests/fuzz/fuzz.h"

static const char *const hives[] = {"/SOFTWARE", "/SYSTEM", "/COMPONENTS"};
static struct {
	const char *name;
	const uint8_t *data;
	size_t size;
} input;

static int fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err)
{
	if (name_has_suffix(path, input.name))
		return pwrite_all(fd, input.data, input.size, 0, err);
	return tree_ops.fetch(im, vol, path, fd, err);
}

static char *make_tree(void)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct phony_options o;
	char *dir = scratch_create(NULL, &err);

	atexit(scratch_remove_all);
	phony_init(&o);
	FUZZ_CHECK(dir && phony_set(&o, "servicing=small", &err) == 0);
	FUZZ_CHECK(phony_tree(dir, &o, &err) == 0);
	phony_free(&o);
	return dir;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *tree;
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_ops ops = tree_ops;
	struct windows win;

	if (!tree)
		tree = make_tree();
	if (size == 0)
		return 0;
	input.name = hives[data[0] % (sizeof(hives) / sizeof(hives[0]))];
	input.data = data + 1;
	input.size = size - 1;
	struct image *im = image_open(tree, &(struct image_options){.engine = "tree"}, &err);
	FUZZ_CHECK(im);
	ops.fetch = fetch;
	im->ops = &ops;
	int rc = windows_read(im, 0, &win, &err);
	if (rc == 1) {
		rc = windows_read_servicing(im, 0, false, &win, &err);
		windows_free(&win);
	}
	if (rc < 0)
		fuzz_check_error(&err);
	image_close(im);
	return 0;
}
