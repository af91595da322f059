/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The undo record of a disk: the list of its ranges (JSON up to a NUL), then the archive of what
 * was in them. Nothing is written but in those ranges, and not past the end of the disk.
 */
#include <jansson.h>

#include "image/extent.h"
#include "tests/fuzz/fuzz.h"

#define DISK_SIZE (1u << 20)

struct watched {
	struct blockdev dev;
	const struct extent_list *list;
	uint8_t *p;
};

static int read_disk(struct blockdev *d, void *p, size_t n, uint64_t off, struct error *err)
{
	(void)err;
	FUZZ_CHECK(off <= d->size && n <= d->size - off);
	memcpy(p, ((struct watched *)d)->p + off, n);
	return 0;
}

static int write_disk(struct blockdev *d, const void *p, size_t n, uint64_t off, struct error *err)
{
	struct watched *w = (struct watched *)d;
	bool within = false;

	(void)err;
	for (size_t i = 0; i < w->list->list.n; i++) {
		const struct extent *x = &w->list->list.v[i];

		within |= off >= x->offset && n <= x->length && off - x->offset <= x->length - n;
	}
	FUZZ_CHECK(within && off <= d->size && n <= d->size - off);
	memcpy(w->p + off, p, n);
	return 0;
}

static void load(const struct extent_list *list, const uint8_t *data, size_t size)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = fuzz_fd(data, size);
	CLEANUP(free) char *path = fuzz_path(fd);
	CLEANUP(free) uint8_t *disk = xcalloc(DISK_SIZE, 1);
	struct watched w = {
	    {.size = DISK_SIZE, .read = read_disk, .write = write_disk}, list, disk};
	char hex[65], again[65];

	if (extent_load(fd, path, list, NULL, hex, &err) != 0) {
		fuzz_check_error(&err);
		return;
	}
	FUZZ_CHECK(
	    extent_load(fd, path, list, &w.dev, again, &err) == 0 && strcmp(hex, again) == 0);
	FUZZ_CHECK(extent_digest(&w.dev, list, again, &err) == 0 && strcmp(hex, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\0', size) : NULL;
	CLEANUP(error) struct error err = ERROR_INIT;
	struct extent_list list = {0};

	if (!end)
		return 0;
	json_t *j = json_loadb((const char *)data, (size_t)(end - data), 0, NULL);
	if (extent_from_json(j, DISK_SIZE, &list, &err) != 0)
		fuzz_check_error(&err);
	else
		load(&list, end + 1, size - (size_t)(end + 1 - data));
	extent_list_free(&list);
	json_decref(j);
	return 0;
}
