/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading a hive, whatever is in it: keys, values, big data, typed values, the map of cells. */
#include "image/hive_cells.h"
#include "tests/fuzz/fuzz_hive.h"

static void read_typed(struct hive *h)
{
	CLEANUP(strvec) struct strvec strings = STRVEC_INIT;
	CLEANUP(free) char *s = NULL;
	uint32_t n;

	hive_get_dword(h, "A", "n", &n, NULL);
	hive_get_string(h, "A\\B", "s", &s, NULL);
	hive_get_strings(h, "A", "m", &strings, NULL);
	hive_check_writable(h, "A\\Big", NULL);
}

static void claim_all(int fd)
{
	struct hive_cells cells;
	struct regf r;

	if (regf_map(&r, fd, NULL) != 0)
		return;
	if (hive_cells_open(&cells, &r, NULL) == 0)
		hive_cells_doom(&cells, r.root, NULL);
	hive_cells_close(&cells);
	regf_unmap(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(close) int fd = fuzz_hive_fd(data, size);
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf text = BUF_INIT;
	struct hive *h = hive_open(fd, "HIVE", false, true, &err);

	if (!h) {
		fuzz_check_error(&err);
		return 0;
	}
	fuzz_dump_hive(h, &text);
	read_typed(h);
	hive_close(h);
	claim_all(fd);
	return 0;
}
