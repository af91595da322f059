/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/codec_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"

static const struct codec_ops *const codecs[] = {
    [CODEC_GZIP] = &codec_gzip,
    [CODEC_ZSTD] = &codec_zstd,
    [CODEC_XZ] = &codec_xz,
    [CODEC_LZ4] = &codec_lz4,
};

const char *codec_name(enum codec codec)
{
	return codec == CODEC_NONE ? "none" : codecs[codec]->name;
}

enum codec codec_of(const uint8_t *p, size_t n)
{
	for (size_t i = CODEC_NONE + 1; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (n >= codecs[i]->magic_size &&
		    memcmp(p, codecs[i]->magic, codecs[i]->magic_size) == 0)
			return (enum codec)i;
	return CODEC_NONE;
}

struct decoder {
	const struct codec_ops *ops; /* NULL: nothing to decode */
	codec_read_fn read;
	void *opaque, *state;
	uint8_t *buffer;
	const uint8_t *in;
	size_t in_left;
	bool last;  /* the source is read to its end */
	bool whole; /* it may end here */
};

struct decoder *decoder_open(enum codec codec, codec_read_fn read, void *opaque, struct error *err)
{
	const struct codec_ops *ops = codec == CODEC_NONE ? NULL : codecs[codec];
	void *state = ops ? ops->decode_new() : NULL;

	if (ops && !state) {
		err_set(err, ERR_NO_MEMORY, "cannot start %s", ops->name);
		return NULL;
	}
	struct decoder *d = xcalloc(1, sizeof(*d));
	d->ops = ops;
	d->read = read;
	d->opaque = opaque;
	d->state = state;
	d->buffer = ops ? xmalloc(CODEC_BUFFER) : NULL;
	return d;
}

static int refill(struct decoder *d, struct error *err)
{
	size_t got;

	if (d->in_left || d->last)
		return 0;
	if (d->read(d->opaque, d->buffer, CODEC_BUFFER, &got, err) != 0)
		return -1;
	d->in = d->buffer;
	d->in_left = got;
	d->last = got == 0;
	return 0;
}

static int cut_short(const struct decoder *d, struct error *err)
{
	err_set(err, ERR_DAMAGED, "the %s stream ends too early", d->ops->name);
	return err_hint(err, "the file was cut short, or a part of it is missing: copy it again");
}

/* One step: 1 made progress, 0 the end, -1. */
static int step(struct decoder *d, struct codec_io *io, struct error *err)
{
	const char *why = NULL;
	size_t out_before = io->out_left;

	if (refill(d, err) != 0)
		return -1;
	io->in = d->in;
	io->in_left = d->in_left;
	io->last = d->last;
	if (d->last && d->whole)
		return 0;
	int rc = d->ops->decode(d->state, io, &why);
	bool moved = io->in_left != d->in_left || io->out_left != out_before;

	d->in = io->in;
	d->in_left = io->in_left;
	if (rc < 0) {
		err_set(err, ERR_DAMAGED, "the %s stream is damaged (%s)", d->ops->name, why);
		return err_hint(err, "copy the file again from where it came");
	}
	d->whole = rc == 1;
	if (moved || d->whole)
		return 1;
	return d->last ? cut_short(d, err) : 1;
}

static int read_plain(struct decoder *d, uint8_t *p, size_t n, size_t *got, struct error *err)
{
	size_t part = 1;

	for (*got = 0; *got < n && part; *got += part)
		if (d->read(d->opaque, p + *got, n - *got, &part, err) != 0)
			return -1;
	return 0;
}

int decoder_read(struct decoder *d, void *p, size_t n, size_t *got, struct error *err)
{
	struct codec_io io = {.out = p, .out_left = n};
	int rc = 1;

	if (!d->ops)
		return read_plain(d, p, n, got, err);
	while (io.out_left && rc > 0)
		rc = step(d, &io, err);
	*got = n - io.out_left;
	return rc < 0 ? -1 : 0;
}

void decoder_close(struct decoder *d)
{
	if (!d)
		return;
	if (d->ops)
		d->ops->decode_free(d->state);
	free(d->buffer);
	free(d);
}

struct encoder {
	const struct codec_ops *ops; /* NULL: nothing to encode */
	struct codec_sink to;
	void *state;
};

struct encoder *encoder_open(
    enum codec codec, codec_write_fn write, void *opaque, struct error *err)
{
	const struct codec_ops *ops = codec == CODEC_NONE ? NULL : codecs[codec];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned threads = cpus < 1                         ? 1
			   : cpus > (long)CODEC_THREADS_MAX ? CODEC_THREADS_MAX
							    : (unsigned)cpus;
	void *state = ops ? ops->encode_new(threads) : NULL;

	if (ops && !state) {
		err_set(err, ERR_NO_MEMORY, "cannot start %s", ops->name);
		return NULL;
	}
	struct encoder *e = xcalloc(1, sizeof(*e));
	e->ops = ops;
	e->to = (struct codec_sink){write, opaque};
	e->state = state;
	return e;
}

int encoder_write(struct encoder *e, const void *p, size_t n, struct error *err)
{
	return e->ops ? e->ops->encode(e->state, p, n, &e->to, err)
		      : e->to.write(e->to.opaque, p, n, err);
}

int encoder_finish(struct encoder *e, struct error *err)
{
	return e->ops ? e->ops->encode_end(e->state, &e->to, err) : 0;
}

void encoder_close(struct encoder *e)
{
	if (!e)
		return;
	if (e->ops)
		e->ops->encode_free(e->state);
	free(e);
}
