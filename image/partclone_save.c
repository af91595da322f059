/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One pass over the old stream makes the new one; another over the new one compares. */
#include "image/partclone_dev_internal.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/text.h"

/* Blocks of the new stream: used, and with a content that is known. */
static uint8_t *new_bitmap(const struct ptcl_dev *d, const uint8_t *used)
{
	size_t n = ptcl_bitmap_size(&d->h);
	uint8_t *bitmap = xmalloc(n);

	for (size_t i = 0; i < n; i++)
		bitmap[i] = used[i] & (d->stored[i] | (d->written ? d->written[i] : 0));
	return bitmap;
}

static struct ptcl_header new_header(
    const struct ptcl_dev *d, const uint8_t *used, const uint8_t *bitmap)
{
	struct ptcl_header h = d->h;
	size_t n = ptcl_bitmap_size(&h);

	if (h.version == 1)
		snprintf(h.program, sizeof(h.program), "%s", "w7prep");
	h.version = 2;
	h.stored = ptcl_count_bits(bitmap, n);
	h.super_used = ptcl_count_bits(used, n);
	return h;
}

/* Old and new side by side, in the order of the blocks. */
struct merge {
	struct ptcl_dev *d;
	struct ptcl_reader *old;
	struct ptcl_writer *fresh;
	const uint8_t *bitmap;
	uint8_t *block;
	uint64_t old_block; /* where the old stream is */
	const uint8_t *old_data;
	int old_rc;
};

static int next_old(struct merge *m, struct error *err)
{
	m->old_rc = ptcl_reader_next(m->old, &m->old_block, &m->old_data, err);
	return m->old_rc < 0 ? -1 : 0;
}

static int merge_block(struct merge *m, uint64_t block, struct error *err)
{
	struct ptcl_dev *d = m->d;

	while (m->old_rc == 1 && m->old_block < block)
		if (next_old(m, err) != 0)
			return -1;
	if (d->written && ptcl_bit(d->written, block))
		return ptcl_dev_read_scratch(d, block, m->block, err) == 0
			   ? ptcl_writer_add(m->fresh, m->block, err)
			   : -1;
	if (m->old_rc != 1 || m->old_block != block)
		return err_set(err, ERR_CHANGED_SINCE, "another program replaced the file");
	return ptcl_writer_add(m->fresh, m->old_data, err);
}

static int merge(struct merge *m, struct error *err)
{
	const struct ptcl_header *h = &m->d->h;
	uint64_t bytes = h->blocks * h->block_size;

	if (next_old(m, err) != 0)
		return -1;
	for (uint64_t block = 0; block < h->blocks; block++) {
		if (!ptcl_bit(m->bitmap, block))
			continue;
		if ((block & 0xfff) == 0)
			progress("writing", block * h->block_size, bytes);
		if (cancel_requested())
			return err_set(err, ERR_INTERRUPT, "interrupted");
		if (merge_block(m, block, err) != 0)
			return -1;
	}
	/* to its end, where the codec's checksum is */
	while (m->old_rc == 1)
		if (next_old(m, err) != 0)
			return -1;
	progress("writing", bytes, bytes);
	return 0;
}

static int write_stream(struct ptcl_dev *d, const uint8_t *used, const char *dir,
    struct strvec *names, XXH128_hash_t *digest, struct error *err)
{
	CLEANUP(free) uint8_t *bitmap = new_bitmap(d, used);
	CLEANUP(free) uint8_t *block = xmalloc(d->h.block_size);
	const struct ptcl_header h = new_header(d, used, bitmap);
	struct merge m = {.d = d, .bitmap = bitmap, .block = block};

	m.old = ptcl_reader_open(d->set, d->codec, err);
	if (!m.old)
		return -1;
	m.fresh = ptcl_writer_open(dir, d->set, d->codec, &h, d->swapped, bitmap, err);
	int rc = m.fresh ? merge(&m, err) : -1;
	if (rc == 0)
		rc = ptcl_writer_finish(m.fresh, names, err);
	if (rc == 0)
		*digest = ptcl_writer_digest(m.fresh);
	ptcl_writer_close(m.fresh);
	ptcl_reader_close(m.old);
	return rc;
}

static int read_back(
    struct ptcl_dev *d, const struct ptcl_set *fresh, XXH128_hash_t want, struct error *err)
{
	struct ptcl_reader *r = ptcl_reader_open(fresh, d->codec, err);
	uint64_t block, seen = 0, total = d->h.stored * d->h.block_size;
	const uint8_t *data;
	int rc = r ? 1 : -1;

	while (rc == 1) {
		rc = ptcl_reader_next(r, &block, &data, err);
		if (rc == 1 && (seen++ & 0x3fff) == 0)
			progress("verifying", seen * d->h.block_size, total);
		if (rc == 1 && cancel_requested())
			rc = err_set(err, ERR_INTERRUPT, "interrupted");
	}
	if (rc == 0 && !XXH128_isEqual(ptcl_reader_digest(r), want))
		rc = err_set(err, ERR_VERIFY, "what was written reads back different");
	ptcl_reader_close(r);
	return rc;
}

int ptcl_dev_save(struct ptcl_dev *d, const uint8_t *used, const char *dir, struct strvec *names,
    char digest[33], struct error *err)
{
	struct ptcl_set fresh = *d->set;
	XXH128_hash_t content;

	if (write_stream(d, used, dir, names, &content, err) != 0)
		return -1;
	fresh.dir = (char *)(uintptr_t)dir;
	fresh.names = *names;
	return read_back(d, &fresh, content, err) == 0 ? ptcl_set_digest(&fresh, digest, err) : -1;
}
