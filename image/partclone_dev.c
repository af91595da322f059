/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partclone_dev_internal.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/mft_scan.h"
#include "image/ntfs_boot.h"

#define CACHE_LIMIT (112u << 20)      /* compressed: the file table of some millions of files */
#define UNANNOUNCED_MAX (64ull << 20) /* of a file that nobody said would be read */
#define RANK_BLOCKS 4096u
#define INDEX_RECORD 4096u /* of a directory */

static int cache_full(struct error *err)
{
	err_set(err, ERR_LIMIT, "its file table and directories are larger than any Windows 7's");
	return err_hint(err, "restore the partition to a disk image, prepare that and capture it");
}

/* ---- passes over a compressed stream ---- */

struct pass {
	struct ptcl_dev *d;
	const uint8_t *wanted; /* NULL: the first pass, by what blocks look like */
	uint64_t left;         /* of wanted blocks */
	uint64_t keep_until;   /* the rest of a record that takes several blocks */
};

/* Does it begin like a record of the file table or of a directory? */
static bool looks_useful(struct pass *p, uint64_t block, const uint8_t *data)
{
	uint32_t bs = p->d->h.block_size, length = 0;

	if (block == 0)
		length = bs;
	else if (memcmp(data, "FILE", 4) == 0)
		length = p->d->record_size;
	else if (memcmp(data, "INDX", 4) == 0)
		length = INDEX_RECORD;
	if (length) {
		uint64_t until = block + (length + bs - 1) / bs;
		p->keep_until = until > p->keep_until ? until : p->keep_until;
	}
	return block < p->keep_until;
}

static int read_boot(struct ptcl_dev *d, const uint8_t *sector, struct error *err)
{
	struct ntfs_boot boot;

	if (volume_kind(sector) != VOLUME_NTFS)
		return err_set(err, ERR_DAMAGED, "its first block is not that of an NTFS volume");
	if (ntfs_boot_parse(sector, d->h.device_size, &boot, err) != 0)
		return -1;
	if (boot.cluster_size != d->h.block_size)
		return err_set(err, ERR_DAMAGED,
		    "its blocks have %u bytes, the volume's clusters %u", d->h.block_size,
		    boot.cluster_size);
	if (d->h.blocks < boot.size / boot.cluster_size)
		return err_set(err, ERR_DAMAGED, "the partclone header says %llu blocks, the volume has %llu",
		    (unsigned long long)d->h.blocks,
		    (unsigned long long)(boot.size / boot.cluster_size));
	d->record_size = boot.record_size;
	return 0;
}

static int on_block(struct pass *p, uint64_t block, const uint8_t *data, struct error *err)
{
	struct ptcl_dev *d = p->d;
	bool keep;

	if (p->wanted) {
		keep = ptcl_bit(p->wanted, block);
		p->left -= keep;
	} else {
		if (block == 0 && read_boot(d, data, err) != 0)
			return -1;
		keep = looks_useful(p, block, data);
	}
	return keep && !block_cache_add(d->cache, block, data) ? cache_full(err) : 0;
}

static int go_through(struct pass *p, struct ptcl_reader *r, struct error *err)
{
	const uint8_t *data;
	uint64_t block, seen = 0;
	int rc = 0;

	while ((!p->wanted || p->left) && (rc = ptcl_reader_next(r, &block, &data, err)) == 1) {
		if ((seen++ & 0x3fff) == 0) {
			if (cancel_requested())
				return err_set(err, ERR_INTERRUPT, "interrupted");
			progress("reading", seen * p->d->h.block_size,
			    p->d->h.stored * p->d->h.block_size);
		}
		if (on_block(p, block, data, err) != 0)
			return -1;
	}
	return rc < 0 ? -1 : 0;
}

static int take_header(struct ptcl_dev *d, const struct ptcl_reader *r, struct error *err)
{
	const struct ptcl_header *h = ptcl_reader_header(r);
	uint8_t now[PTCL_V2_HEADER], then[PTCL_V2_HEADER];

	ptcl_header_make(h, now);
	ptcl_header_make(&d->h, then);
	if (d->stored && (memcmp(now, then, sizeof(now)) != 0 ||
			     memcmp(ptcl_reader_bitmap(r), d->stored, ptcl_bitmap_size(h)) != 0))
		return err_set(err, ERR_CHANGED_SINCE, "another program replaced the file");
	if (d->stored)
		return 0;
	if (!ptcl_bit(ptcl_reader_bitmap(r), 0))
		return err_set(err, ERR_DAMAGED, "its first block is not stored");
	d->h = *h;
	d->stored = xmemdup(ptcl_reader_bitmap(r), ptcl_bitmap_size(h));
	d->data_offset = ptcl_reader_data_offset(r);
	return 0;
}

static int run_pass(struct ptcl_dev *d, const uint8_t *wanted, uint64_t n, struct error *err)
{
	struct pass p = {.d = d, .wanted = wanted, .left = n};
	struct ptcl_reader *r = ptcl_reader_open(d->set, d->codec, err);
	int rc = r ? take_header(d, r, err) : -1;

	if (rc == 0 && !d->cache)
		d->cache = block_cache_new(d->h.block_size, CACHE_LIMIT);
	if (rc == 0 && !d->cache)
		rc = err_set(err, ERR_NO_MEMORY, "out of memory");
	if (rc == 0) {
		log_debug("%s: pass %u", d->set->stem, ++d->passes);
		block_cache_begin_pass(d->cache);
		rc = go_through(&p, r, err);
		if (!block_cache_end_pass(d->cache) && rc == 0)
			rc = cache_full(err);
		d->swapped = d->swapped || ptcl_reader_swapped(r);
	}
	ptcl_reader_close(r);
	return rc;
}

/* What is wanted, stored, and not there yet. */
static uint64_t still_missing(const struct ptcl_dev *d, uint8_t *wanted)
{
	uint64_t n = 0;

	for (size_t i = 0; i < ptcl_bitmap_size(&d->h); i++) {
		wanted[i] &= d->stored[i];
		for (uint8_t left = wanted[i]; left; left &= (uint8_t)(left - 1)) {
			uint8_t bit = left & (uint8_t)-left;
			uint64_t block = i * 8 + (unsigned)__builtin_ctz(bit);

			if (block_cache_has(d->cache, block))
				wanted[i] &= (uint8_t)~bit;
			else
				n++;
		}
	}
	return n;
}

static struct mft_scan scan_of(const struct ptcl_dev *d, uint8_t *wanted)
{
	return (struct mft_scan){
	    .cache = d->cache,
	    .cluster_size = d->h.block_size,
	    .record_size = d->record_size,
	    .clusters = d->h.blocks,
	    .wanted = wanted,
	};
}

int ptcl_dev_prefetch(
    struct ptcl_dev *d, const struct image_want *want, size_t n, struct error *err)
{
	if (!d->cache)
		return 0;
	CLEANUP(free) uint8_t *wanted = xcalloc(ptcl_bitmap_size(&d->h), 1);
	const struct mft_scan scan = scan_of(d, wanted);

	mft_scan_paths(&scan, want, n);
	uint64_t missing = still_missing(d, wanted);
	return missing ? run_pass(d, wanted, missing, err) : 0;
}

static int fetch_owner(struct ptcl_dev *d, uint64_t block, struct error *err)
{
	CLEANUP(free) uint8_t *wanted = xcalloc(ptcl_bitmap_size(&d->h), 1);
	const struct mft_scan scan = scan_of(d, wanted);

	mft_scan_owner(&scan, block, UNANNOUNCED_MAX);
	return run_pass(d, wanted, still_missing(d, wanted), err);
}

/* ---- a stream that is not compressed ---- */

static void make_rank(struct ptcl_dev *d)
{
	size_t bytes = ptcl_bitmap_size(&d->h), step = RANK_BLOCKS / 8;
	uint64_t n = 0;

	d->rank = xcalloc(bytes / step + 1, sizeof(*d->rank));
	for (size_t i = 0; i < bytes; i += step) {
		d->rank[i / step] = n;
		n += ptcl_count_bits(d->stored + i, bytes - i < step ? bytes - i : step);
	}
}

static uint64_t stream_offset(const struct ptcl_dev *d, uint64_t rank)
{
	const struct ptcl_header *h = &d->h;
	uint64_t sums = h->blocks_per_sum ? rank / h->blocks_per_sum : 0;

	return d->data_offset + rank * h->block_size + sums * h->sum_size;
}

static uint64_t rank_of(const struct ptcl_dev *d, uint64_t block)
{
	uint64_t start = block / RANK_BLOCKS * RANK_BLOCKS;
	uint64_t n = d->rank[block / RANK_BLOCKS] +
		     ptcl_count_bits(d->stored + start / 8, (size_t)((block - start) / 8));

	for (uint64_t b = block / 8 * 8; b < block; b++)
		n += ptcl_bit(d->stored, b);
	return n;
}

static int check_length(const struct ptcl_dev *d, struct error *err)
{
	const struct ptcl_header *h = &d->h;
	uint64_t want = stream_offset(d, h->stored);

	if (h->blocks_per_sum && h->stored % h->blocks_per_sum)
		want += h->sum_size;
	if (d->set->bytes == want)
		return 0;
	err_set(err, ERR_DAMAGED, "the partclone stream has %llu bytes instead of %llu",
	    (unsigned long long)d->set->bytes, (unsigned long long)want);
	return err_hint(err, "the file was cut short, or a part of it is missing: copy it again");
}

/* Open the part that holds byte @off of the stream. */
static int open_part(struct ptcl_dev *d, uint64_t off, struct error *err)
{
	uint64_t size = d->set->part_size ? d->set->part_size : d->set->bytes;
	size_t n = (size_t)(off / size);

	if (d->part_fd >= 0 && d->open_part == n)
		return 0;
	CLEANUP(free) char *path = path_join(d->set->dir, d->set->names.v[n]);
	if (d->part_fd >= 0)
		close(d->part_fd);
	d->part_fd = open(path, O_RDONLY | O_CLOEXEC);
	d->open_part = n;
	d->part_start = n * size;
	d->part_end = d->part_start + size;
	return d->part_fd < 0 ? err_errno(err, "cannot open %s", path) : 0;
}

static int read_in_place(struct ptcl_dev *d, uint64_t block, uint8_t *p, struct error *err)
{
	uint64_t off = stream_offset(d, rank_of(d, block));

	for (size_t left = d->h.block_size; left;) {
		if (open_part(d, off, err) != 0)
			return -1;
		size_t n = d->part_end - off < left ? (size_t)(d->part_end - off) : left;
		if (pread_all(d->part_fd, p, n, off - d->part_start, err) != 0)
			return -1;
		p += n;
		off += n;
		left -= n;
	}
	return 0;
}

/* Only version 2 without a codec: in version 1 the size of the checksums must be found out. */
static int open_in_place(struct ptcl_dev *d, struct error *err)
{
	CLEANUP(free) uint8_t *first = NULL;
	struct ptcl_reader *r = ptcl_reader_open(d->set, d->codec, err);
	int rc = r ? take_header(d, r, err) : -1;

	ptcl_reader_close(r);
	if (rc != 0 || d->h.version == 1)
		return rc;
	make_rank(d);
	if (check_length(d, err) != 0)
		return -1;
	first = xmalloc(d->h.block_size);
	return read_in_place(d, 0, first, err) == 0 ? read_boot(d, first, err) : -1;
}

/* ---- the block device ---- */

static struct ptcl_dev *of(struct blockdev *dev)
{
	return (struct ptcl_dev *)dev;
}

int ptcl_dev_read_scratch(struct ptcl_dev *d, uint64_t block, uint8_t *p, struct error *err)
{
	return pread_all(d->scratch, p, d->h.block_size, block * d->h.block_size, err);
}

static int read_block(struct ptcl_dev *d, uint64_t block, uint8_t *p, struct error *err)
{
	if (block < d->h.blocks && d->written && ptcl_bit(d->written, block))
		return ptcl_dev_read_scratch(d, block, p, err);
	if (block >= d->h.blocks || !ptcl_bit(d->stored, block)) {
		memset(p, 0, d->h.block_size);
		return 0;
	}
	if (d->rank)
		return read_in_place(d, block, p, err);
	if (block_cache_get(d->cache, block, p))
		return 0;
	if (fetch_owner(d, block, err) != 0)
		return -1;
	if (block_cache_get(d->cache, block, p))
		return 0;
	return err_set(
	    err, ERR_INTERNAL, "block %llu is not found again", (unsigned long long)block);
}

static int dev_read(struct blockdev *dev, void *to, size_t n, uint64_t off, struct error *err)
{
	struct ptcl_dev *d = of(dev);
	uint32_t bs = d->h.block_size;
	CLEANUP(free) uint8_t *block = xmalloc(bs);

	for (uint8_t *out = to; n;) {
		size_t skip = (size_t)(off % bs), part = n < bs - skip ? n : bs - skip;
		uint8_t *p = part == bs ? out : block;

		if (read_block(d, off / bs, p, err) != 0)
			return -1;
		if (p == block)
			memcpy(out, block + skip, part);
		out += part;
		off += part;
		n -= part;
	}
	return 0;
}

static int write_block(struct ptcl_dev *d, uint64_t block, const uint8_t *p, struct error *err)
{
	if (pwrite_all(d->scratch, p, d->h.block_size, block * d->h.block_size, err) != 0)
		return err_context(err, "scratch file");
	ptcl_set_bit(d->written, block);
	return 0;
}

static int dev_write(
    struct blockdev *dev, const void *from, size_t n, uint64_t off, struct error *err)
{
	struct ptcl_dev *d = of(dev);
	uint32_t bs = d->h.block_size;
	CLEANUP(free) uint8_t *block = xmalloc(bs);

	/* behind the last block is the copy of the boot sector, which no image holds */
	if (off + n > d->h.blocks * bs)
		return err_set(err, ERR_INTERNAL, "write behind the last block of the volume");
	for (const uint8_t *in = from; n;) {
		size_t skip = (size_t)(off % bs), part = n < bs - skip ? n : bs - skip;

		if (part != bs) {
			if (read_block(d, off / bs, block, err) != 0)
				return -1;
			memcpy(block + skip, in, part);
		}
		if (write_block(d, off / bs, part == bs ? in : block, err) != 0)
			return -1;
		in += part;
		off += part;
		n -= part;
	}
	return 0;
}

int ptcl_dev_begin(struct ptcl_dev *d, const char *dir, struct error *err)
{
	CLEANUP(free) char *path = path_join(dir, "scratch.XXXXXX");

	ptcl_dev_abort(d);
	d->scratch = mkostemp(path, O_CLOEXEC);
	if (d->scratch < 0)
		return err_errno(err, "cannot create a scratch file in %s", dir);
	unlink(path);
	d->written = xcalloc(ptcl_bitmap_size(&d->h), 1);
	d->dev.write = dev_write;
	return 0;
}

void ptcl_dev_settle(struct ptcl_dev *d)
{
	d->dev.write = NULL;
}

void ptcl_dev_abort(struct ptcl_dev *d)
{
	ptcl_dev_settle(d);
	if (d->scratch >= 0)
		close(d->scratch);
	d->scratch = -1;
	free(d->written);
	d->written = NULL;
}

struct blockdev *ptcl_dev_blockdev(struct ptcl_dev *d)
{
	return &d->dev;
}

const struct ptcl_header *ptcl_dev_header(const struct ptcl_dev *d)
{
	return &d->h;
}

static void dev_close(struct blockdev *dev)
{
	ptcl_dev_close(of(dev));
}

static int open_stream(struct ptcl_dev *d, struct error *err)
{
	if (ptcl_set_codec(d->set, &d->codec, err) != 0)
		return -1;
	if (d->codec == CODEC_NONE && d->set->equal && open_in_place(d, err) != 0)
		return -1;
	return d->rank ? 0 : run_pass(d, NULL, 0, err);
}

struct ptcl_dev *ptcl_dev_open(const struct ptcl_set *set, struct error *err)
{
	struct ptcl_dev *d = xcalloc(1, sizeof(*d));

	d->set = set;
	d->scratch = d->part_fd = -1;
	if (open_stream(d, err) != 0) {
		ptcl_dev_close(d);
		return NULL;
	}
	d->dev.size = d->h.device_size;
	d->dev.exact = true;
	d->dev.read = dev_read;
	d->dev.close = dev_close;
	return d;
}

void ptcl_dev_close(struct ptcl_dev *d)
{
	if (!d)
		return;
	ptcl_dev_abort(d);
	if (d->part_fd >= 0)
		close(d->part_fd);
	block_cache_free(d->cache);
	free(d->rank);
	free(d->stored);
	free(d);
}
