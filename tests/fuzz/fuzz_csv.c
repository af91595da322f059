/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of confirmation IDs: what was read, written and read again is the same. */
#include "profiles/cid.h"
#include "profiles/csv.h"
#include "tests/fuzz/fuzz.h"

/* All records as csv_add() writes them, or false for a text that is refused. */
static bool normalize(const struct buf *text, struct buf *out)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct csv csv;
	unsigned line;
	int rc = csv_start(&csv, "list.csv", text, &err) == 0 ? 1 : -1;

	while (rc == 1) {
		CLEANUP(strvec) struct strvec fields = STRVEC_INIT;

		rc = csv_next(&csv, &fields, &line, &err);
		if (rc == 1)
			csv_add(out, (const char *const *)fields.v, fields.n);
	}
	if (rc < 0)
		fuzz_check_error(&err);
	return rc == 0;
}

static void check_rows(const struct cid_rows *a, const struct cid_rows *b)
{
	FUZZ_CHECK(a->list.n == b->list.n);
	for (size_t i = 0; i < a->list.n; i++)
		for (int f = 0; f < CID_FIELDS; f++)
			FUZZ_CHECK(strcmp(cid_get(&a->list.v[i], (enum cid_field)f),
				       cid_get(&b->list.v[i], (enum cid_field)f)) == 0);
}

static void read_ids(const uint8_t *data, size_t size)
{
	CLEANUP(close) int fd = fuzz_fd(data, size);
	CLEANUP(free) char *path = fuzz_path(fd);
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf written = BUF_INIT;
	struct cid_csv first, second;

	if (cid_csv_read(path, &first, &err) != 0) {
		fuzz_check_error(&err);
		return;
	}
	cid_csv_write(&first.rows, &written);
	CLEANUP(close) int again = fuzz_fd((const uint8_t *)written.data, written.len);
	CLEANUP(free) char *again_path = fuzz_path(again);
	FUZZ_CHECK(cid_csv_read(again_path, &second, &err) == 0);
	check_rows(&first.rows, &second.rows);
	cid_csv_free(&first);
	cid_csv_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf) struct buf text = BUF_INIT;
	CLEANUP(buf) struct buf once = BUF_INIT;
	CLEANUP(buf) struct buf twice = BUF_INIT;

	buf_add(&text, data, size);
	if (normalize(&text, &once)) {
		FUZZ_CHECK(normalize(&once, &twice));
		FUZZ_CHECK(buf_equal(&once, &twice));
	}
	read_ids(data, size);
	return 0;
}
