/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <lz4frame.h>
#include <stdlib.h>

#include "common/buf.h"
#include "image/codec_internal.h"

#define PIECE (1u << 20) /* encoded at once */

static void *decode_new(void)
{
	LZ4F_dctx *d;

	return LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)) ? NULL : d;
}

static int decode(void *state, struct codec_io *io, const char **why)
{
	size_t in = io->in_left, out = io->out_left;
	size_t rc = LZ4F_decompress(state, io->out, &out, io->in, &in, NULL);

	if (LZ4F_isError(rc)) {
		*why = LZ4F_getErrorName(rc);
		return -1;
	}
	io->in += in;
	io->in_left -= in;
	io->out += out;
	io->out_left -= out;
	return rc == 0;
}

static void decode_free(void *state)
{
	LZ4F_freeDecompressionContext(state);
}

struct encode {
	LZ4F_cctx *ctx;
	uint8_t *out;
	size_t size;
	bool begun;
};

/* As "lz4 -1" writes: blocks of 4 MiB that stand for themselves, a checksum of the content. */
static const LZ4F_preferences_t preferences = {
    .frameInfo =
	{
	    .blockSizeID = LZ4F_max4MB,
	    .blockMode = LZ4F_blockIndependent,
	    .contentChecksumFlag = LZ4F_contentChecksumEnabled,
	},
};

static void *encode_new(unsigned threads)
{
	struct encode *e = xcalloc(1, sizeof(*e));

	(void)threads;
	e->size = LZ4F_compressBound(PIECE, &preferences) + LZ4F_HEADER_SIZE_MAX;
	if (LZ4F_isError(LZ4F_createCompressionContext(&e->ctx, LZ4F_VERSION))) {
		free(e);
		return NULL;
	}
	e->out = xmalloc(e->size);
	return e;
}

static int emit(struct encode *e, size_t n, const struct codec_sink *to, struct error *err)
{
	if (LZ4F_isError(n))
		return err_set(err, ERR_ENGINE, "lz4: %s", LZ4F_getErrorName(n));
	return n ? to->write(to->opaque, e->out, n, err) : 0;
}

static int begin(struct encode *e, const struct codec_sink *to, struct error *err)
{
	if (e->begun)
		return 0;
	e->begun = true;
	return emit(e, LZ4F_compressBegin(e->ctx, e->out, e->size, &preferences), to, err);
}

static int encode(
    void *state, const void *p, size_t n, const struct codec_sink *to, struct error *err)
{
	struct encode *e = state;

	if (begin(e, to, err) != 0)
		return -1;
	for (const uint8_t *in = p; n;) {
		size_t part = n < PIECE ? n : PIECE;

		if (emit(e, LZ4F_compressUpdate(e->ctx, e->out, e->size, in, part, NULL), to,
			err) != 0)
			return -1;
		in += part;
		n -= part;
	}
	return 0;
}

static int encode_end(void *state, const struct codec_sink *to, struct error *err)
{
	struct encode *e = state;

	if (begin(e, to, err) != 0)
		return -1;
	return emit(e, LZ4F_compressEnd(e->ctx, e->out, e->size, NULL), to, err);
}

static void encode_free(void *state)
{
	struct encode *e = state;

	LZ4F_freeCompressionContext(e->ctx);
	free(e->out);
	free(e);
}

const struct codec_ops codec_lz4 = {
    .name = "lz4",
    .magic = "\x04\x22\x4d\x18",
    .magic_size = 4,
    .decode_new = decode_new,
    .decode = decode,
    .decode_free = decode_free,
    .encode_new = encode_new,
    .encode = encode,
    .encode_end = encode_end,
    .encode_free = encode_free,
};
