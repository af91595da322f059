/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Editing a hive: what is committed reads back as it was planned, in every key. The input is a
 * script of edits (a length, then three bytes an edit) and the hive behind it.
 */
#include "tests/fuzz/fuzz_hive.h"

#define EDIT 3
#define SCRIPT_MAX 64

static const char *const keys[] = {"", "A", "A\\B", "A\\B\\C", "D", "D\\E", "D\\E\\F", "A\\Big",
    "A\\New", "Z", "List\\k07", "List\\k99"};
static const char *const values[] = {"", "n", "s", "b", "m", "new", "N", "\xc3\xa4"};
#define PICK(table, byte) (table)[(byte) % (sizeof(table) / sizeof((table)[0]))]

static int edit_one(struct hive *h, struct fuzz_bytes *script, struct error *err)
{
	uint8_t op = fuzz_byte(script);
	const char *key = PICK(keys, fuzz_byte(script));
	uint8_t which = fuzz_byte(script);
	const char *value = PICK(values, which);

	if (op % 4 == 0)
		return hive_delete_key(h, key, err);
	if (op % 4 == 1)
		return hive_delete_value(h, key, value, err);
	struct hive_value v = op % 4 == 2 ? hive_dword(op) : hive_sz("some text of the editor's");
	int rc = hive_set(h, key, value, &v, err);
	hive_value_free(&v);
	return rc;
}

static void check_written(int fd, const struct buf *planned)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf written = BUF_INIT;
	struct hive *h = hive_open(fd, "HIVE", false, false, &err);

	FUZZ_CHECK(h);
	fuzz_dump_hive(h, &written);
	hive_close(h);
	FUZZ_CHECK(buf_equal(planned, &written));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes script = {data, size};
	CLEANUP(error) struct error err = ERROR_INIT;
	size_t length = fuzz_byte(&script) % SCRIPT_MAX * EDIT;

	if (script.n < length)
		return 0;
	CLEANUP(close) int fd = fuzz_hive_fd(script.p + length, script.n - length);
	struct hive *h = hive_open(fd, "HIVE", true, false, &err);
	int rc = h ? 0 : -1;
	script.n = length;
	while (rc == 0 && script.n)
		rc = edit_one(h, &script, &err);
	if (rc == 0) {
		CLEANUP(buf) struct buf planned = BUF_INIT;
		CLEANUP(close) int out = memfile("out", NULL);

		fuzz_dump_hive(h, &planned);
		rc = hive_commit(h, out, &err);
		if (rc == 0)
			check_written(out, &planned);
	}
	if (rc != 0)
		fuzz_check_error(&err);
	hive_close(h);
	return 0;
}
