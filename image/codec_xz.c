/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <lzma.h>
#include <stdlib.h>

#include "common/buf.h"
#include "image/codec_internal.h"

#define PRESET 3                  /* 6 takes 94 MiB and many times as long for a few per cent */
#define MEMORY_MAX (128ull << 20) /* xz -9 needs 65 MiB to unpack */

static const char *reason(lzma_ret rc)
{
	switch (rc) {
	case LZMA_MEMLIMIT_ERROR:
		return "its dictionary is too large";
	case LZMA_MEM_ERROR:
		return "out of memory";
	case LZMA_FORMAT_ERROR:
		return "not an xz stream";
	case LZMA_OPTIONS_ERROR:
		return "options that are not known here";
	default:
		return "wrong data or checksum";
	}
}

static void *decode_new(void)
{
	lzma_stream *s = xmalloc(sizeof(*s));

	*s = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(s, MEMORY_MAX, LZMA_CONCATENATED) == LZMA_OK)
		return s;
	free(s);
	return NULL;
}

static int decode(void *state, struct codec_io *io, const char **why)
{
	lzma_stream *s = state;

	s->next_in = io->in;
	s->avail_in = io->in_left;
	s->next_out = io->out;
	s->avail_out = io->out_left;
	lzma_ret rc = lzma_code(s, io->last ? LZMA_FINISH : LZMA_RUN);
	io->in = s->next_in;
	io->in_left = s->avail_in;
	io->out = s->next_out;
	io->out_left = s->avail_out;
	if (rc == LZMA_STREAM_END)
		return 1;
	if (rc == LZMA_OK || rc == LZMA_BUF_ERROR)
		return 0;
	*why = reason(rc);
	return -1;
}

static void xz_free(void *state)
{
	lzma_end(state);
	free(state);
}

static void *encode_new(unsigned threads)
{
	lzma_stream *s = xmalloc(sizeof(*s));
	lzma_mt mt = {
	    .threads = threads,
	    .preset = PRESET,
	    .check = LZMA_CHECK_CRC64,
	};

	*s = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_encoder_mt(s, &mt) == LZMA_OK)
		return s;
	free(s);
	return NULL;
}

static int run(lzma_stream *s, lzma_action action, const struct codec_sink *to, struct error *err)
{
	uint8_t out[65536];
	lzma_ret rc;

	do {
		s->next_out = out;
		s->avail_out = sizeof(out);
		rc = lzma_code(s, action);
		size_t n = sizeof(out) - s->avail_out;
		if (rc != LZMA_OK && rc != LZMA_STREAM_END && rc != LZMA_BUF_ERROR)
			return err_set(err, ERR_ENGINE, "xz: %s", reason(rc));
		if (n && to->write(to->opaque, out, n, err) != 0)
			return -1;
	} while (action == LZMA_FINISH ? rc != LZMA_STREAM_END : s->avail_in > 0);
	return 0;
}

static int encode(
    void *state, const void *p, size_t n, const struct codec_sink *to, struct error *err)
{
	lzma_stream *s = state;

	s->next_in = p;
	s->avail_in = n;
	return run(s, LZMA_RUN, to, err);
}

static int encode_end(void *state, const struct codec_sink *to, struct error *err)
{
	lzma_stream *s = state;

	s->next_in = NULL;
	s->avail_in = 0;
	return run(s, LZMA_FINISH, to, err);
}

const struct codec_ops codec_xz = {
    .name = "xz",
    .magic = "\xfd"
	     "7zXZ\0",
    .magic_size = 6,
    .decode_new = decode_new,
    .decode = decode,
    .decode_free = xz_free,
    .encode_new = encode_new,
    .encode = encode,
    .encode_end = encode_end,
    .encode_free = xz_free,
};
