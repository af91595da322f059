/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store of confirmation IDs. With the first byte of the input odd, the rest is the store's
 * file; else a list that is imported twice: the second time nothing is new, and what is found has
 * been in the list.
 */
#include <sys/stat.h>

#include "profiles/cid_store.h"
#include "tests/fuzz/fuzz.h"

static char *scratch_path(void)
{
	static char *path;

	if (!path) {
		CLEANUP(free) char *dir = scratch_create(NULL, NULL);

		FUZZ_CHECK(dir);
		atexit(scratch_remove_all);
		path = path_join(dir, "store");
	}
	return path;
}

static void drop_store(void)
{
	static const char *const ends[] = {"", "-journal", "-wal", "-shm"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		CLEANUP(free) char *path = xasprintf("%s%s", scratch_path(), ends[i]);

		unlink(path);
	}
}

static void read_store(const uint8_t *data, size_t size)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(cid_rows) struct cid_rows rows = {0};

	FUZZ_CHECK(write_file_atomic(scratch_path(), data, size, 0600, NULL) == 0);
	struct cid_store *s = cid_store_open(scratch_path(), CID_STORE_READ, &err);
	if (!s || cid_store_find(s, NULL, NULL, &rows, &err) != 0) {
		fuzz_check_error(&err);
		cid_rows_free(&rows);
	}
	for (size_t i = 0; i < rows.list.n; i++)
		FUZZ_CHECK(cid_check(&rows.list.v[i], NULL) == 0);
	cid_store_close(s);
}

static bool was_listed(const struct cid_rows *list, const struct cid_row *row)
{
	for (size_t i = 0; i < list->list.n; i++)
		if (strcmp(list->list.v[i].iid, row->iid) == 0)
			return true;
	return false;
}

static void import(struct cid_store *s, const struct cid_rows *list, bool again)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(cid_rows) struct cid_rows rows = {0};
	struct cid_import done;

	if (cid_store_import(s, "list.csv", list, true, &done, &err) != 0)
		fuzz_check_error(&err);
	else
		FUZZ_CHECK(!again || done.added == 0);
	strvec_free(&done.notes);
	FUZZ_CHECK(cid_store_find(s, NULL, NULL, &rows, NULL) == 0);
	FUZZ_CHECK(rows.list.n <= list->list.n);
	for (size_t i = 0; i < rows.list.n; i++)
		FUZZ_CHECK(was_listed(list, &rows.list.v[i]));
}

static void import_list(const uint8_t *data, size_t size)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = fuzz_fd(data, size);
	CLEANUP(free) char *path = fuzz_path(fd);
	struct cid_csv csv;

	if (cid_csv_read(path, &csv, &err) != 0)
		return;
	struct cid_store *s = cid_store_open(scratch_path(), CID_STORE_WRITE, &err);
	FUZZ_CHECK(s);
	import(s, &csv.rows, false);
	import(s, &csv.rows, true);
	cid_store_close(s);
	cid_csv_free(&csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	drop_store();
	if (data[0] & 1)
		read_store(data + 1, size - 1);
	else
		import_list(data + 1, size - 1);
	return 0;
}
