/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A record of the NTFS file table: attributes, resident values, runs. */
#include "image/ntfs_record.h"
#include "tests/fuzz/fuzz.h"

static void look_at(const struct ntfs_attr_view *a, const uint8_t *rec, size_t size)
{
	struct ntfs_run run = NTFS_RUN_INIT;
	const uint8_t *p;
	size_t n;

	FUZZ_CHECK(a->p >= rec && a->length <= size && a->p + a->length <= rec + size);
	if (ntfs_resident_value(a, &p, &n)) {
		FUZZ_CHECK(p >= a->p && n <= a->length && p + n <= a->p + a->length);
		return;
	}
	for (uint64_t vcn = 0; ntfs_next_run(a, &run); vcn = run.vcn + run.length)
		FUZZ_CHECK(run.vcn == vcn && run.length > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ntfs_attr_view a = {0};
	size_t n = size - size % 512;

	if (n == 0 || n > NTFS_RECORD_MAX)
		return 0;
	CLEANUP(free) uint8_t *rec = xmemdup(data, n);
	/* a torn record is refused; what is in it is looked at here all the same */
	ntfs_fix_up(rec, n);
	while (ntfs_next_attr(rec, n, &a))
		look_at(&a, rec, n);
	return 0;
}
