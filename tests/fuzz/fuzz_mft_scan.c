/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which clusters of a partition image are brought into memory: whatever the file table says, they
 * are clusters of the volume. The input is a byte (sizes of cluster and record), a cluster, and
 * the blocks of the file table one after the other, each with its number.
 */
#include "image/bytes.h"
#include "image/mft_scan.h"
#include "tests/fuzz/fuzz.h"

#define CLUSTERS 4096u
#define BITMAP (CLUSTERS / 8)

static struct block_cache *fill(struct fuzz_bytes *b, uint32_t cluster)
{
	struct block_cache *c = block_cache_new(cluster, 64u << 20);
	uint64_t block = 0;

	FUZZ_CHECK(c);
	block_cache_begin_pass(c);
	for (; b->n > cluster; b->p += cluster, b->n -= cluster) {
		block += 1 + fuzz_byte(b) % 64u;
		if (b->n < cluster || block >= CLUSTERS)
			break;
		FUZZ_CHECK(block_cache_add(c, block, b->p));
	}
	FUZZ_CHECK(block_cache_end_pass(c));
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct image_want want[] = {
	    {.path = "/Windows/System32/config/SOFTWARE", .max = 1u << 20},
	    {.path = "/Windows/System32/Tasks", .max = 65536, .below = true}};
	struct fuzz_bytes b = {data, size};
	uint8_t sizes = fuzz_byte(&b);
	uint16_t at = (uint16_t)(fuzz_byte(&b) | fuzz_byte(&b) << 8);
	uint8_t wanted[BITMAP + 1] = {0};
	struct mft_scan s = {
	    .cluster_size = 512u << (sizes & 3),
	    .record_size = 1024u << (sizes >> 2 & 1),
	    .clusters = CLUSTERS,
	    .wanted = wanted,
	};

	wanted[BITMAP] = 0xa5;
	s.cache = fill(&b, s.cluster_size);
	mft_scan_paths(&s, want, sizeof(want) / sizeof(want[0]));
	mft_scan_owner(&s, at % CLUSTERS, 1u << 20);
	FUZZ_CHECK(wanted[at % CLUSTERS / 8] & 1u << at % 8);
	FUZZ_CHECK(wanted[BITMAP] == 0xa5);
	block_cache_free(s.cache);
	return 0;
}
