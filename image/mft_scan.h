/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which clusters hold what is going to be read: found in the records of the file table, without
 * mounting, so that one pass over a compressed stream can bring all of them. Nothing here decides
 * anything: a record that lies costs memory (limited) or another pass.
 */
#ifndef W7PREP_IMAGE_MFT_SCAN_H
#define W7PREP_IMAGE_MFT_SCAN_H

#include "image/block_cache.h"
#include "image/image.h"

struct mft_scan {
	struct block_cache *cache; /* holds the blocks that begin with "FILE" */
	uint32_t cluster_size, record_size;
	uint64_t clusters;
	uint8_t *wanted; /* a bit a cluster: set here, never cleared */
};

/* NTFS's own files, and @want of the volume's. */
void mft_scan_paths(const struct mft_scan *s, const struct image_want *want, size_t n);
/*
 * The file that @cluster belongs to, from there on, at most @max bytes, and the small files beside
 * it; at least @cluster.
 */
void mft_scan_owner(const struct mft_scan *s, uint64_t cluster, uint64_t max);

#endif
