/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a file's clusters are, in the words of the appliance's ntfsinfo. */
#include "image/guestfs_runs.h"
#include "tests/fuzz/fuzz.h"

#define CLUSTER 4096u
#define VOLUME (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	CLEANUP(free) char *text = xstrndup((const char *)data + 4, size - 4);
	struct gfs_runs runs = {0};
	uint64_t sum = 0;
	uint32_t want;

	memcpy(&want, data, 4);
	if (gfs_runs_parse(text, want, CLUSTER, VOLUME, &runs)) {
		for (size_t i = 0; i < runs.list.n; i++) {
			const struct gfs_run *r = &runs.list.v[i];

			FUZZ_CHECK(r->offset <= VOLUME && r->length <= VOLUME - r->offset);
			sum += r->length;
		}
		FUZZ_CHECK(sum == want);
	}
	free(runs.list.v);
	return 0;
}
