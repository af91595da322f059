/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The facts of an installation, its servicing store included, when a hive of it is the input. The
 * first byte chooses which; the rest of the phony Windows 7 is sound.
 */
#include "image/servicing.h"
#include "tests/fuzz/fuzz_hive.h"
#include "tests/fuzz/fuzz_tree.h"

static const char *const hives[] = {"/SOFTWARE", "/SYSTEM", "/COMPONENTS"};
static struct {
	const char *name;
	const uint8_t *data;
	size_t size;
} input;

static int fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err)
{
	if (name_has_suffix(path, input.name))
		return pwrite_all(fd, input.data, input.size, 0, err) == 0 ? 1 : -1;
	return tree_ops.fetch(im, vol, path, fd, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *tree;
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_ops ops = tree_ops;
	struct windows win;

	if (!tree)
		tree = fuzz_tree((const char *const[]){"servicing=full", "store-packages=8", NULL});
	if (size == 0)
		return 0;
	input.name = hives[data[0] % (sizeof(hives) / sizeof(hives[0]))];
	CLEANUP(free) uint8_t *hive = xmemdup(data + 1, size - 1);
	fuzz_hive_mend(hive, size - 1);
	input.data = hive;
	input.size = size - 1;
	struct image *im = fuzz_open_tree(tree);
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
