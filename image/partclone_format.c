/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partclone_format.h"

#include <string.h>
#include <zlib.h>

#include "image/bytes.h"

#define ENDIAN_LITTLE 0xc0de
#define ENDIAN_BIG 0xdec0
#define FEATURE_SIZE 18
#define BITMAP_BITS 1
#define DEFECTIVE_CRC32 0xff /* version 1's, carried on */

#define BLOCK_SIZE_MIN 512u
#define BLOCK_SIZE_MAX (2u << 20) /* the largest cluster of NTFS */
#define BLOCKS_MAX (1ull << 29)   /* 2 TiB in the usual clusters of 4 KiB */

/* Where the fields of version 2 are; those of version 1 occur once, below. */
enum {
	V2_PROGRAM = 16,
	V2_VERSION = 30,
	V2_ENDIAN = 34,
	V2_FS = 36,
	V2_DEVICE_SIZE = 52,
	V2_BLOCKS = 60,
	V2_SUPER_USED = 68,
	V2_STORED = 76,
	V2_BLOCK_SIZE = 84,
	V2_FEATURE_SIZE = 88,
	V2_IMAGE_VERSION = 92,
	V2_CPU_BITS = 94,
	V2_SUM_MODE = 96,
	V2_SUM_SIZE = 98,
	V2_BLOCKS_PER_SUM = 100,
	V2_RESEED = 104,
	V2_BITMAP_MODE = 105,
	V2_CRC = 106,
};

static const struct {
	enum ptcl_sum_mode mode;
	unsigned size;
} sums[] = {
    {PTCL_SUM_NONE, 0},
    {PTCL_SUM_CRC32, 4},
    {PTCL_SUM_XXH64, 8},
    {PTCL_SUM_XXH128, 16},
};

uint32_t ptcl_crc32(const void *p, size_t n)
{
	return ~(uint32_t)crc32_z(0, p, n);
}

uint64_t ptcl_count_bits(const uint8_t *bitmap, size_t bytes)
{
	uint64_t n = 0, word;

	for (; bytes >= sizeof(word); bytes -= sizeof(word), bitmap += sizeof(word)) {
		memcpy(&word, bitmap, sizeof(word));
		n += (unsigned)__builtin_popcountll(word);
	}
	while (bytes--)
		n += (unsigned)__builtin_popcount(*bitmap++);
	return n;
}

int ptcl_hint_damaged(struct error *err)
{
	if (err && err->code == ERR_DAMAGED && !err->hint)
		err_hint(err, "copy the image again, or capture it again");
	return -1;
}

static int damaged(struct error *err, const char *what)
{
	err_set(err, ERR_DAMAGED, "the partclone header is damaged: %s", what);
	return ptcl_hint_damaged(err);
}

static int check_sizes(const struct ptcl_header *h, struct error *err)
{
	uint64_t bytes;

	if (strncmp(h->fs, "NTFS", 4) != 0) {
		err_set(err, ERR_NO_WINDOWS, "a partclone image of a %.16s file system, not NTFS",
		    h->fs);
		return err_hint(err, "name the image of the partition that Windows is on");
	}
	if (!is_power_of_2(h->block_size) || h->block_size < BLOCK_SIZE_MIN ||
	    h->block_size > BLOCK_SIZE_MAX)
		return damaged(err, "an impossible block size");
	if (h->blocks > BLOCKS_MAX)
		return err_set(err, ERR_LIMIT, "a partclone image of %llu blocks",
		    (unsigned long long)h->blocks);
	if (__builtin_mul_overflow(h->blocks, (uint64_t)h->block_size, &bytes) || h->blocks == 0 ||
	    bytes > h->device_size)
		return damaged(err, "more blocks than the device has room for");
	if (h->stored > h->blocks || h->stored == 0)
		return damaged(err, "the count of used blocks cannot be right");
	return 0;
}

static int parse_v1(const uint8_t *p, size_t n, struct ptcl_header *h, struct error *err)
{
	if (n < PTCL_V1_HEADER)
		return damaged(err, "it is cut short");
	memcpy(h->fs, p + 15, 15);
	h->block_size = get_le32(p + 36);
	h->device_size = get_le64(p + 40);
	h->blocks = get_le64(p + 48);
	h->stored = h->super_used = get_le64(p + 56);
	h->cpu_bits = 64;
	return check_sizes(h, err);
}

/* The checksum's kind, size and spacing must be one that partclone makes. */
static int parse_sums(const uint8_t *p, struct ptcl_header *h, struct error *err)
{
	unsigned mode = get_le16(p + V2_SUM_MODE), size = get_le16(p + V2_SUM_SIZE);

	if (mode == DEFECTIVE_CRC32)
		return err_set(
		    err, ERR_FORMAT, "partclone checksums of version 1 in an image of version 2");
	h->blocks_per_sum = get_le32(p + V2_BLOCKS_PER_SUM);
	h->reseed = p[V2_RESEED];
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		if ((unsigned)sums[i].mode != mode)
			continue;
		if (sums[i].size != size || (size != 0) != (h->blocks_per_sum != 0))
			return damaged(err, "its checksum options contradict each other");
		h->sum_mode = sums[i].mode;
		h->sum_size = size;
		return 0;
	}
	return err_set(err, ERR_FORMAT, "partclone checksum mode 0x%02x is not known here", mode);
}

static int parse_v2(const uint8_t *p, size_t n, struct ptcl_header *h, struct error *err)
{
	if (n < PTCL_V2_HEADER)
		return damaged(err, "it is cut short");
	if (get_le16(p + V2_ENDIAN) == ENDIAN_BIG)
		return err_set(err, ERR_FORMAT, "a partclone image made on a big-endian machine");
	if (get_le16(p + V2_ENDIAN) != ENDIAN_LITTLE)
		return damaged(err, "no mark of its byte order");
	if (get_le32(p + V2_CRC) != ptcl_crc32(p, V2_CRC))
		return damaged(err, "its checksum is wrong");
	if (get_le32(p + V2_FEATURE_SIZE) != FEATURE_SIZE || get_le16(p + V2_IMAGE_VERSION) != 2)
		return err_set(
		    err, ERR_FORMAT, "a partclone image with features that are not known here");
	memcpy(h->program, p + V2_PROGRAM, 14);
	memcpy(h->fs, p + V2_FS, 16);
	h->device_size = get_le64(p + V2_DEVICE_SIZE);
	h->blocks = get_le64(p + V2_BLOCKS);
	h->super_used = get_le64(p + V2_SUPER_USED);
	h->stored = get_le64(p + V2_STORED);
	h->block_size = get_le32(p + V2_BLOCK_SIZE);
	h->cpu_bits = get_le16(p + V2_CPU_BITS);
	if (check_sizes(h, err) != 0 || parse_sums(p, h, err) != 0)
		return -1;
	if (p[V2_BITMAP_MODE] == BITMAP_BITS)
		return 0;
	err_set(err, ERR_FORMAT, "a partclone image that holds every block (without a bitmap)");
	return err_hint(err, "capture the partition with partclone.ntfs");
}

int ptcl_header_parse(
    const uint8_t *p, size_t n, struct ptcl_header *h, size_t *size, struct error *err)
{
	memset(h, 0, sizeof(*h));
	if (n == 0) {
		err_set(err, ERR_DAMAGED, "it is empty");
		/* a split partition that is half put back begins with an empty part */
		return err_hint(err, "after an undo that was cut short run w7prep undo again; else copy the "
				     "image again, or capture it again");
	}
	if (n < V2_ENDIAN || memcmp(p, PTCL_MAGIC, 15) != 0) {
		err_set(err, ERR_NOT_AN_IMAGE, "what is inside is not a partclone image");
		return err_hint(err,
		    "partimage and dd images are not prepared: capture the partition again "
		    "with partclone (FOG: Partclone Gzip or Zstd)");
	}
	h->version = memcmp(p + V2_VERSION, "0001", 4) == 0   ? 1
		     : memcmp(p + V2_VERSION, "0002", 4) == 0 ? 2
							      : 0;
	*size = h->version == 1 ? PTCL_V1_HEADER : PTCL_V2_HEADER;
	if (h->version)
		return h->version == 1 ? parse_v1(p, n, h, err) : parse_v2(p, n, h, err);
	return err_set(
	    err, ERR_FORMAT, "a partclone image of version %.4s", (const char *)p + V2_VERSION);
}

static void put_le(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void ptcl_header_make(const struct ptcl_header *h, uint8_t out[PTCL_V2_HEADER])
{
	memset(out, 0, PTCL_V2_HEADER);
	memcpy(out, PTCL_MAGIC, sizeof(PTCL_MAGIC));
	memcpy(out + V2_PROGRAM, h->program, 14);
	memcpy(out + V2_VERSION, "0002", 4);
	put_le(out + V2_ENDIAN, ENDIAN_LITTLE, 2);
	memcpy(out + V2_FS, h->fs, 16);
	put_le(out + V2_DEVICE_SIZE, h->device_size, 8);
	put_le(out + V2_BLOCKS, h->blocks, 8);
	put_le(out + V2_SUPER_USED, h->super_used, 8);
	put_le(out + V2_STORED, h->stored, 8);
	put_le(out + V2_BLOCK_SIZE, h->block_size, 4);
	put_le(out + V2_FEATURE_SIZE, FEATURE_SIZE, 4);
	put_le(out + V2_IMAGE_VERSION, 2, 2);
	put_le(out + V2_CPU_BITS, h->cpu_bits, 2);
	put_le(out + V2_SUM_MODE, h->sum_mode, 2);
	put_le(out + V2_SUM_SIZE, h->sum_size, 2);
	put_le(out + V2_BLOCKS_PER_SUM, h->blocks_per_sum, 4);
	out[V2_RESEED] = h->reseed;
	out[V2_BITMAP_MODE] = BITMAP_BITS;
	put_le(out + V2_CRC, ptcl_crc32(out, V2_CRC), 4);
}

int ptcl_sum_begin(struct ptcl_sum *s, enum ptcl_sum_mode mode, struct error *err)
{
	*s = (struct ptcl_sum){.mode = mode};
	if (mode == PTCL_SUM_XXH64)
		s->xxh64 = XXH64_createState();
	if (mode == PTCL_SUM_XXH128)
		s->xxh128 = XXH3_createState();
	if ((mode == PTCL_SUM_XXH64 && !s->xxh64) || (mode == PTCL_SUM_XXH128 && !s->xxh128))
		return err_set(err, ERR_NO_MEMORY, "out of memory");
	ptcl_sum_reset(s);
	return 0;
}

void ptcl_sum_reset(struct ptcl_sum *s)
{
	s->crc = 0;
	if (s->xxh64)
		XXH64_reset(s->xxh64, 0);
	if (s->xxh128)
		XXH3_128bits_reset(s->xxh128);
}

void ptcl_sum_add(struct ptcl_sum *s, const void *p, size_t n)
{
	if (s->mode == PTCL_SUM_CRC32)
		s->crc = (uint32_t)crc32_z(s->crc, p, n);
	else if (s->xxh64)
		XXH64_update(s->xxh64, p, n);
	else if (s->xxh128)
		XXH3_128bits_update(s->xxh128, p, n);
}

static void reverse(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint8_t t = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = t;
	}
}

void ptcl_sum_get(const struct ptcl_sum *s, bool swapped, uint8_t out[PTCL_SUM_MAX])
{
	if (s->mode == PTCL_SUM_CRC32)
		put_le(out, ~s->crc, 4);
	if (s->xxh64) {
		put_le(out, XXH64_digest(s->xxh64), 8);
		if (swapped)
			reverse(out, 8);
	}
	if (s->xxh128) {
		XXH128_hash_t h = XXH3_128bits_digest(s->xxh128);

		put_le(out, h.low64, 8);
		put_le(out + 8, h.high64, 8);
		if (swapped)
			reverse(out, 16);
	}
}

void ptcl_sum_end(struct ptcl_sum *s)
{
	XXH64_freeState(s->xxh64);
	XXH3_freeState(s->xxh128);
	*s = (struct ptcl_sum){0};
}
