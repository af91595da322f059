/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partclone_stream.h"

#include <string.h>

#include "common/cleanup.h"
#include "image/bytes.h"

#define WINDOW (1u << 20)
/* Version 1: what follows a block may be 4 or 8 bytes. */
enum { V1_SUM = 4, V1_WIDE_SUM = 8 };

struct ptcl_reader {
	struct ptcl_parts parts;
	struct decoder *decoder;
	uint8_t *window;
	size_t size, at, end; /* of the window; what is in it */
	bool all_read;
	XXH3_state_t *digest;

	struct ptcl_header h;
	uint8_t *bitmap;
	uint64_t data_offset;
	uint64_t block, stored; /* next to look at; blocks delivered */
	struct ptcl_sum sum;
	uint32_t since_sum;
	bool sum_seen, swapped;
	unsigned v1_sum; /* 0: not known yet */
	uint32_t v1_crc;
};

/* At least @n bytes at r->window + r->at, fewer where the stream ends. */
static int fill(struct ptcl_reader *r, size_t n, struct error *err)
{
	size_t got;

	if (r->end - r->at >= n || r->all_read)
		return 0;
	memmove(r->window, r->window + r->at, r->end - r->at);
	r->end -= r->at;
	r->at = 0;
	if (decoder_read(r->decoder, r->window + r->end, r->size - r->end, &got, err) != 0)
		return -1;
	r->all_read = got < r->size - r->end;
	r->end += got;
	return 0;
}

static int ends_early(const struct ptcl_reader *r, struct error *err)
{
	err_set(err, ERR_DAMAGED, "the partclone stream ends after %llu of %llu blocks",
	    (unsigned long long)r->stored, (unsigned long long)r->h.stored);
	return err_hint(err, "the file was cut short, or a part of it is missing: copy it again");
}

/* Take @n bytes that must be there. NULL on error. */
static const uint8_t *take(struct ptcl_reader *r, size_t n, struct error *err)
{
	if (fill(r, n, err) != 0)
		return NULL;
	if (r->end - r->at < n) {
		ends_early(r, err);
		return NULL;
	}
	const uint8_t *p = r->window + r->at;
	XXH3_128bits_update(r->digest, p, n);
	r->at += n;
	return p;
}

static int read_header(struct ptcl_reader *r, struct error *err)
{
	size_t size;

	if (fill(r, PTCL_V1_HEADER, err) != 0 ||
	    ptcl_header_parse(r->window + r->at, r->end - r->at, &r->h, &size, err) != 0 ||
	    !take(r, size, err))
		return -1;
	r->data_offset = size;
	return 0;
}

static int read_bitmap_bits(struct ptcl_reader *r, struct error *err)
{
	size_t size = ptcl_bitmap_size(&r->h);

	for (size_t done = 0; done < size;) {
		size_t n = size - done < WINDOW / 2 ? size - done : WINDOW / 2;
		const uint8_t *p = take(r, n, err);

		if (!p)
			return -1;
		memcpy(r->bitmap + done, p, n);
		done += n;
	}
	const uint8_t *crc = take(r, 4, err);
	if (!crc)
		return -1;
	r->data_offset += size + 4;
	if (get_le32(crc) != ptcl_crc32(r->bitmap, size))
		return err_set(
		    err, ERR_DAMAGED, "the partclone bitmap is damaged: its checksum is wrong");
	/* bits behind the last block would be counted */
	if (r->h.blocks % 8)
		r->bitmap[size - 1] &= (uint8_t)((1u << (r->h.blocks % 8)) - 1);
	return 0;
}

static int read_bitmap_bytes(struct ptcl_reader *r, struct error *err)
{
	for (uint64_t done = 0; done < r->h.blocks;) {
		uint64_t left = r->h.blocks - done;
		size_t n = left < WINDOW / 2 ? (size_t)left : WINDOW / 2;
		const uint8_t *p = take(r, n, err);

		if (!p)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (p[i])
				ptcl_set_bit(r->bitmap, done + i);
		done += n;
	}
	const uint8_t *mark = take(r, strlen(PTCL_V1_BITMAP_END), err);
	if (!mark)
		return -1;
	r->data_offset += r->h.blocks + strlen(PTCL_V1_BITMAP_END);
	if (memcmp(mark, PTCL_V1_BITMAP_END, strlen(PTCL_V1_BITMAP_END)) != 0)
		return err_set(
		    err, ERR_DAMAGED, "the partclone bitmap is damaged: no mark at its end");
	return 0;
}

static int read_bitmap(struct ptcl_reader *r, struct error *err)
{
	size_t size = ptcl_bitmap_size(&r->h);

	r->bitmap = xcalloc(size, 1);
	if ((r->h.version == 1 ? read_bitmap_bytes : read_bitmap_bits)(r, err) != 0)
		return -1;
	uint64_t bits = ptcl_count_bits(r->bitmap, size);
	if (bits == r->h.stored)
		return 0;
	return err_set(err, ERR_DAMAGED,
	    "the partclone header says %llu blocks are stored, its bitmap says %llu",
	    (unsigned long long)r->h.stored, (unsigned long long)bits);
}

static uint32_t v1_crc(uint32_t crc, uint8_t first, size_t n)
{
	static uint32_t table[256];

	if (!table[1])
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;

			for (int bit = 0; bit < 8; bit++)
				c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
			table[i] = c;
		}
	/* the byte that should move on stays the block's first */
	while (n--)
		crc = crc >> 8 ^ table[(crc ^ first) & 0xff];
	return crc;
}

/*
 * The builds for 64 bits wrote a long where 4 bytes were meant. The second block tells: behind it
 * there must be its checksum.
 */
static int find_v1_sum(struct ptcl_reader *r, struct error *err)
{
	size_t bs = r->h.block_size;

	/* at the first checksum: it, the second block, and the checksum of that */
	if (fill(r, V1_WIDE_SUM + bs + V1_SUM, err) != 0)
		return -1;
	const uint8_t *p = r->window + r->at;
	size_t there = r->end - r->at;
	r->v1_sum = V1_SUM;
	if (there == V1_WIDE_SUM)
		r->v1_sum = V1_WIDE_SUM;
	if (there < V1_WIDE_SUM + bs + V1_SUM)
		return 0;
	uint32_t first = get_le32(p);
	bool narrow = get_le32(p + V1_SUM + bs) == v1_crc(first, p[V1_SUM], bs);
	bool wide = get_le32(p + V1_WIDE_SUM + bs) == v1_crc(first, p[V1_WIDE_SUM], bs);
	if (wide && !narrow)
		r->v1_sum = V1_WIDE_SUM;
	return 0;
}

/* Version 1's checksums cover a byte of each block: they show where the blocks are, no more. */
static int pass_v1_sum(struct ptcl_reader *r, struct error *err)
{
	if (!r->v1_sum && find_v1_sum(r, err) != 0)
		return -1;
	return take(r, r->v1_sum, err) ? 0 : -1;
}

static int check_sum(struct ptcl_reader *r, struct error *err)
{
	uint8_t want[PTCL_SUM_MAX];
	const uint8_t *found = take(r, r->h.sum_size, err);

	if (!found)
		return -1;
	ptcl_sum_get(&r->sum, r->swapped, want);
	bool same = memcmp(found, want, r->h.sum_size) == 0;
	if (!same && !r->sum_seen) {
		ptcl_sum_get(&r->sum, true, want);
		same = r->swapped = memcmp(found, want, r->h.sum_size) == 0;
	}
	if (!same) {
		err_set(err, ERR_DAMAGED, "checksum wrong in the blocks before block %llu",
		    (unsigned long long)r->block);
		return err_hint(err, "the file is damaged: copy it again from where it came");
	}
	r->sum_seen = true;
	r->since_sum = 0;
	if (r->h.reseed)
		ptcl_sum_reset(&r->sum);
	return 0;
}

static int reach_end(struct ptcl_reader *r, struct error *err)
{
	if (r->since_sum && check_sum(r, err) != 0)
		return -1;
	if (fill(r, 1, err) != 0)
		return -1;
	if (r->end == r->at)
		return 0;
	return err_set(
	    err, ERR_DAMAGED, "something follows the last block of the partclone stream");
}

int ptcl_reader_next(
    struct ptcl_reader *r, uint64_t *block, const uint8_t **data, struct error *err)
{
	const struct ptcl_header *h = &r->h;

	if (r->stored && h->version == 1 && r->since_sum && pass_v1_sum(r, err) != 0)
		return -1;
	if (h->version == 1)
		r->since_sum = 0;
	if (h->blocks_per_sum && r->since_sum == h->blocks_per_sum && check_sum(r, err) != 0)
		return -1;
	while (r->block < h->blocks && !ptcl_bit(r->bitmap, r->block))
		r->block++;
	if (r->block == h->blocks)
		return reach_end(r, err);
	*data = take(r, h->block_size, err);
	if (!*data)
		return -1;
	ptcl_sum_add(&r->sum, *data, h->block_size);
	r->since_sum += h->blocks_per_sum || h->version == 1;
	r->stored++;
	*block = r->block++;
	return 1;
}

struct ptcl_reader *ptcl_reader_open(
    const struct ptcl_set *set, enum codec codec, struct error *err)
{
	struct ptcl_reader *r = xcalloc(1, sizeof(*r));

	r->parts = PTCL_PARTS_INIT(set);
	/* what version 1 looks ahead must fit in, whatever the block size */
	r->size = WINDOW;
	r->window = xmalloc(r->size);
	r->digest = XXH3_createState();
	r->decoder = decoder_open(codec, ptcl_parts_read, &r->parts, err);
	if (!r->digest || !r->decoder) {
		if (!r->digest)
			err_set(err, ERR_NO_MEMORY, "out of memory");
		ptcl_reader_close(r);
		return NULL;
	}
	XXH3_128bits_reset(r->digest);
	if (read_header(r, err) != 0 || read_bitmap(r, err) != 0 ||
	    ptcl_sum_begin(&r->sum, r->h.sum_mode, err) != 0) {
		ptcl_reader_close(r);
		return NULL;
	}
	size_t ahead = 2 * (size_t)r->h.block_size + 2 * V1_WIDE_SUM;
	if (ahead > r->size)
		r->window = xrealloc(r->window, r->size = ahead);
	return r;
}

const struct ptcl_header *ptcl_reader_header(const struct ptcl_reader *r)
{
	return &r->h;
}

const uint8_t *ptcl_reader_bitmap(const struct ptcl_reader *r)
{
	return r->bitmap;
}

uint64_t ptcl_reader_data_offset(const struct ptcl_reader *r)
{
	return r->data_offset;
}

unsigned ptcl_reader_v1_sum(const struct ptcl_reader *r)
{
	return r->v1_sum;
}

bool ptcl_reader_swapped(const struct ptcl_reader *r)
{
	return r->swapped;
}

XXH128_hash_t ptcl_reader_digest(const struct ptcl_reader *r)
{
	return XXH3_128bits_digest(r->digest);
}

void ptcl_reader_close(struct ptcl_reader *r)
{
	if (!r)
		return;
	decoder_close(r->decoder);
	ptcl_parts_end(&r->parts);
	ptcl_sum_end(&r->sum);
	XXH3_freeState(r->digest);
	free(r->bitmap);
	free(r->window);
	free(r);
}
