/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The layout of a partclone stream: header, bitmap, stored blocks, checksums between them.
 * [partclone src/partclone.c, checksum.c] and measured on partclone 0.3.23.
 *
 *     v2: header of 110 bytes, bitmap of a bit a block, its CRC-32, the stored blocks in
 *         ascending order; after every blocks_per_checksum of them (and after the last) a checksum
 *     v1: header of 4160 bytes, bitmap of a byte a block, "BiTmAgIc", the stored blocks, each
 *         with a checksum of 4 bytes (8 by some 64-bit builds) of its first byte only
 */
#ifndef W7PREP_IMAGE_PARTCLONE_FORMAT_H
#define W7PREP_IMAGE_PARTCLONE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

#include "common/buf.h"
#include "common/error.h"

#define PTCL_MAGIC "partclone-image"
#define PTCL_V1_HEADER 4160u
#define PTCL_V2_HEADER 110u
#define PTCL_V1_BITMAP_END "BiTmAgIc"
#define PTCL_SUM_MAX 16u

enum ptcl_sum_mode {
	PTCL_SUM_NONE = 0x00,
	PTCL_SUM_CRC32 = 0x20,
	PTCL_SUM_XXH64 = 0x30,
	PTCL_SUM_XXH128 = 0x31,
};

struct ptcl_header {
	unsigned version;     /* 1, 2 */
	char program[15];     /* version of the partclone that made it */
	char fs[17];          /* "NTFS" */
	uint64_t device_size; /* bytes */
	uint64_t blocks;      /* of the file system */
	uint64_t super_used;  /* blocks used, says the file system */
	uint64_t stored;      /* blocks in the stream */
	uint32_t block_size;
	uint16_t cpu_bits;
	enum ptcl_sum_mode sum_mode;
	unsigned sum_size;       /* bytes */
	uint32_t blocks_per_sum; /* 0: no checksums */
	bool reseed;             /* each checksum begins anew */
};

/*
 * Of the first @n bytes of a stream (PTCL_V1_HEADER or fewer where it is shorter). *@size is how
 * many of them the header takes. ERR_DAMAGED, ERR_FORMAT, ERR_LIMIT.
 */
int ptcl_header_parse(
    const uint8_t *p, size_t n, struct ptcl_header *h, size_t *size, struct error *err);
/* As version 2, whatever @h was read from: without v1's checksums, which say nothing. */
void ptcl_header_make(const struct ptcl_header *h, uint8_t out[PTCL_V2_HEADER]);

/* What to do about an ERR_DAMAGED for which nobody had a better hint. Returns -1. */
int ptcl_hint_damaged(struct error *err);

/* CRC-32 as partclone has it: not inverted at its end. */
uint32_t ptcl_crc32(const void *p, size_t n);

static inline size_t ptcl_bitmap_size(const struct ptcl_header *h)
{
	return (size_t)((h->blocks + 7) / 8);
}

static inline bool ptcl_bit(const uint8_t *bitmap, uint64_t block)
{
	return bitmap[block / 8] >> (block % 8) & 1;
}

static inline void ptcl_set_bit(uint8_t *bitmap, uint64_t block)
{
	bitmap[block / 8] |= (uint8_t)(1u << (block % 8));
}

uint64_t ptcl_count_bits(const uint8_t *bitmap, size_t bytes);

/* The running checksum between the blocks. */
struct ptcl_sum {
	enum ptcl_sum_mode mode;
	uint32_t crc;
	XXH64_state_t *xxh64;
	XXH3_state_t *xxh128;
};

int ptcl_sum_begin(struct ptcl_sum *s, enum ptcl_sum_mode mode, struct error *err);
void ptcl_sum_reset(struct ptcl_sum *s);
void ptcl_sum_add(struct ptcl_sum *s, const void *p, size_t n);
/*
 * As it lies in the stream. @swapped: an XXH as its canonical, big-endian form: what partclone
 * writes is the number as the machine has it, but both are told of.
 */
void ptcl_sum_get(const struct ptcl_sum *s, bool swapped, uint8_t out[PTCL_SUM_MAX]);
void ptcl_sum_end(struct ptcl_sum *s);

#endif
