/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between partclone_dev.c (reading, scratch file) and partclone_save.c. */
#ifndef W7PREP_IMAGE_PARTCLONE_DEV_INTERNAL_H
#define W7PREP_IMAGE_PARTCLONE_DEV_INTERNAL_H

#include "image/block_cache.h"
#include "image/partclone_dev.h"

struct ptcl_dev {
	struct blockdev dev; /* first: a blockdev is cast to it */
	const struct ptcl_set *set;
	enum codec codec;
	struct ptcl_header h;
	uint8_t *stored; /* a bit a block */
	bool swapped;
	unsigned passes;

	/* compressed */
	struct block_cache *cache;
	uint32_t record_size;

	/* not compressed */
	uint64_t data_offset;
	uint64_t *rank; /* stored blocks before each RANK_BLOCKS blocks */
	size_t open_part;
	int part_fd;
	uint64_t part_start, part_end; /* of the part that is open, in the stream */

	/* written */
	int scratch;
	uint8_t *written; /* a bit a block; NULL before ptcl_dev_begin */
};

/* A block that was written. */
int ptcl_dev_read_scratch(struct ptcl_dev *d, uint64_t block, uint8_t *p, struct error *err);

#endif
