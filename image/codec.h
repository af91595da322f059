/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The compressed streams that FOG and Clonezilla keep partitions in, read and written piece by
 * piece. Their own libraries and not libarchive: it neither checks the checksum of a gzip file
 * nor compresses gzip with more than one thread, and a FOG image has no other checksum.
 */
#ifndef W7PREP_IMAGE_CODEC_H
#define W7PREP_IMAGE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_XZ, CODEC_LZ4 };

/* "none", "gzip", "zstd", "xz", "lz4" */
const char *codec_name(enum codec codec);

#define CODEC_MAGIC_MAX 6
/* By the first bytes (fewer when the file is shorter); CODEC_NONE for anything else. */
enum codec codec_of(const uint8_t *p, size_t n);

/* At most @max bytes; *@got is 0 at the end only. */
typedef int (*codec_read_fn)(void *opaque, void *p, size_t max, size_t *got, struct error *err);
/* All of it. */
typedef int (*codec_write_fn)(void *opaque, const void *p, size_t n, struct error *err);

struct decoder;

/* NULL on error. */
struct decoder *decoder_open(enum codec codec, codec_read_fn read, void *opaque, struct error *err);
/*
 * *@got is less than @n at the end only. ERR_DAMAGED for a stream that is cut short, fails its
 * checksum, or is followed by something else.
 */
int decoder_read(struct decoder *d, void *p, size_t n, size_t *got, struct error *err);
void decoder_close(struct decoder *d);

struct encoder;

/* With the level that FOG and Clonezilla use by default. NULL on error. */
struct encoder *encoder_open(
    enum codec codec, codec_write_fn write, void *opaque, struct error *err);
int encoder_write(struct encoder *e, const void *p, size_t n, struct error *err);
/* The end of the stream; nothing can be written after it. */
int encoder_finish(struct encoder *e, struct error *err);
void encoder_close(struct encoder *e);

#endif
