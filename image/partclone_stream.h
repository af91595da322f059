/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A partclone stream from its first block to its last: reading one, writing one. */
#ifndef W7PREP_IMAGE_PARTCLONE_STREAM_H
#define W7PREP_IMAGE_PARTCLONE_STREAM_H

#include "image/partclone_format.h"
#include "image/partclone_set.h"

struct ptcl_reader;

/* Header and bitmap are read and checked here. NULL on error. */
struct ptcl_reader *ptcl_reader_open(
    const struct ptcl_set *set, enum codec codec, struct error *err);
const struct ptcl_header *ptcl_reader_header(const struct ptcl_reader *r);
/* Which blocks are stored: ptcl_bitmap_size() bytes, owned by the reader. */
const uint8_t *ptcl_reader_bitmap(const struct ptcl_reader *r);
/* Where the first stored block begins in the stream. */
uint64_t ptcl_reader_data_offset(const struct ptcl_reader *r);
/* Of a stream of version 1: bytes after each block. */
unsigned ptcl_reader_v1_sum(const struct ptcl_reader *r);
/*
 * The next stored block: 1 and @block, @data (valid until the next call), 0 after the last one,
 * when the stream was found to end there, -1. Checksums are verified on the way. A XXH128 of
 * everything read so far, header included, is kept for ptcl_reader_digest().
 */
int ptcl_reader_next(
    struct ptcl_reader *r, uint64_t *block, const uint8_t **data, struct error *err);
/* Whether XXH checksums lie in big-endian order; known after the first one. */
bool ptcl_reader_swapped(const struct ptcl_reader *r);
XXH128_hash_t ptcl_reader_digest(const struct ptcl_reader *r);
void ptcl_reader_close(struct ptcl_reader *r);

struct ptcl_writer;

/*
 * Write header, bitmap and then blocks in ascending order to new files in @dir, named and cut
 * as those of @like. @bitmap must hold h->stored bits. NULL on error.
 */
struct ptcl_writer *ptcl_writer_open(const char *dir, const struct ptcl_set *like, enum codec codec,
    const struct ptcl_header *h, bool swapped, const uint8_t *bitmap, struct error *err);
int ptcl_writer_add(struct ptcl_writer *w, const uint8_t *block, struct error *err);
/* The end; everything synced. @names: the files that were made. */
int ptcl_writer_finish(struct ptcl_writer *w, struct strvec *names, struct error *err);
/* Of everything that went in, as ptcl_reader_digest() of what comes out again. */
XXH128_hash_t ptcl_writer_digest(const struct ptcl_writer *w);
void ptcl_writer_close(struct ptcl_writer *w);

#endif
