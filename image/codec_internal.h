/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between codec.c and the file of each codec. */
#ifndef W7PREP_IMAGE_CODEC_INTERNAL_H
#define W7PREP_IMAGE_CODEC_INTERNAL_H

#include "image/codec.h"

#define CODEC_BUFFER (256u << 10)
#define CODEC_THREADS_MAX 4u /* each costs memory: the window and more */

/* What is left to read and to fill. */
struct codec_io {
	const uint8_t *in;
	size_t in_left;
	uint8_t *out;
	size_t out_left;
	bool last; /* nothing follows @in */
};

struct codec_sink {
	codec_write_fn write;
	void *opaque;
};

struct codec_ops {
	const char *name;
	const char *magic;
	size_t magic_size;

	void *(*decode_new)(void);
	/*
	 * Move on through @io as far as possible. 1: the stream may end here (a frame is
	 * complete), 0: more must follow, -1 with @why, a static text.
	 */
	int (*decode)(void *state, struct codec_io *io, const char **why);
	void (*decode_free)(void *state);

	void *(*encode_new)(unsigned threads);
	int (*encode)(
	    void *state, const void *p, size_t n, const struct codec_sink *to, struct error *err);
	int (*encode_end)(void *state, const struct codec_sink *to, struct error *err);
	void (*encode_free)(void *state);
};

extern const struct codec_ops codec_gzip, codec_zstd, codec_xz, codec_lz4;

#endif
