/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <zstd.h>

#include "common/buf.h"
#include "image/codec_internal.h"

#define LEVEL 6           /* FOG's default; Clonezilla's zstdmt -3 is a little faster */
#define WINDOW_LOG_MAX 27 /* what zstd -d takes without --memory: that of --ultra -22 */
#define JOB_SIZE (8 << 20)

static void *decode_new(void)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();

	if (d)
		ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	return d;
}

static int decode(void *state, struct codec_io *io, const char **why)
{
	ZSTD_inBuffer in = {io->in, io->in_left, 0};
	ZSTD_outBuffer out = {io->out, io->out_left, 0};
	size_t rc = ZSTD_decompressStream(state, &out, &in);

	io->in += in.pos;
	io->in_left -= in.pos;
	io->out += out.pos;
	io->out_left -= out.pos;
	if (!ZSTD_isError(rc))
		return rc == 0;
	*why = ZSTD_getErrorName(rc);
	return -1;
}

static void decode_free(void *state)
{
	ZSTD_freeDCtx(state);
}

struct encode {
	ZSTD_CCtx *ctx;
	uint8_t *out;
	size_t size;
};

static void encode_free(void *state)
{
	struct encode *e = state;

	ZSTD_freeCCtx(e->ctx);
	free(e->out);
	free(e);
}

static void *encode_new(unsigned threads)
{
	struct encode *e = xcalloc(1, sizeof(*e));

	e->ctx = ZSTD_createCCtx();
	e->size = ZSTD_CStreamOutSize();
	e->out = xmalloc(e->size);
	if (!e->ctx) {
		encode_free(e);
		return NULL;
	}
	ZSTD_CCtx_setParameter(e->ctx, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(e->ctx, ZSTD_c_checksumFlag, 1);
	/* a library without threads says so, and then it is one thread */
	if (threads > 1 &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(e->ctx, ZSTD_c_nbWorkers, (int)threads)))
		ZSTD_CCtx_setParameter(e->ctx, ZSTD_c_jobSize, JOB_SIZE);
	return e;
}

static int run(struct encode *e, ZSTD_inBuffer *in, ZSTD_EndDirective end,
    const struct codec_sink *to, struct error *err)
{
	size_t rc;

	do {
		ZSTD_outBuffer out = {e->out, e->size, 0};

		rc = ZSTD_compressStream2(e->ctx, &out, in, end);
		if (ZSTD_isError(rc))
			return err_set(err, ERR_ENGINE, "zstd: %s", ZSTD_getErrorName(rc));
		if (out.pos && to->write(to->opaque, e->out, out.pos, err) != 0)
			return -1;
	} while (end == ZSTD_e_end ? rc != 0 : in->pos < in->size);
	return 0;
}

static int encode(
    void *state, const void *p, size_t n, const struct codec_sink *to, struct error *err)
{
	ZSTD_inBuffer in = {p, n, 0};

	return run(state, &in, ZSTD_e_continue, to, err);
}

static int encode_end(void *state, const struct codec_sink *to, struct error *err)
{
	ZSTD_inBuffer in = {NULL, 0, 0};

	return run(state, &in, ZSTD_e_end, to, err);
}

const struct codec_ops codec_zstd = {
    .name = "zstd",
    .magic = "\x28\xb5\x2f\xfd",
    .magic_size = 4,
    .decode_new = decode_new,
    .decode = decode,
    .decode_free = decode_free,
    .encode_new = encode_new,
    .encode = encode,
    .encode_end = encode_end,
    .encode_free = encode_free,
};
