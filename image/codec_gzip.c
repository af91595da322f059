/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gzip. Compressed as pigz does it, in blocks by several threads, each block with the 32 KiB
 * before it as dictionary: one gzip member, which every gunzip reads.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "common/buf.h"
#include "image/codec_internal.h"

#define LEVEL 6 /* FOG's default */
#define BLOCK (512u << 10)
#define DICTIONARY (32u << 10)
#define GZIP_WINDOW 31 /* with header and trailer */
#define RAW_WINDOW (-15)
#define MEMORY_LEVEL 8
#define JOBS_PER_THREAD 2

struct decode {
	z_stream z;
	bool between; /* a member is complete */
};

static void *decode_new(void)
{
	struct decode *d = xcalloc(1, sizeof(*d));

	if (inflateInit2(&d->z, GZIP_WINDOW) == Z_OK)
		return d;
	free(d);
	return NULL;
}

static int decode(void *state, struct codec_io *io, const char **why)
{
	struct decode *d = state;

	if (d->between)
		inflateReset(&d->z);
	d->z.next_in = io->in;
	d->z.avail_in = (uInt)io->in_left;
	d->z.next_out = io->out;
	d->z.avail_out = io->out_left > UINT32_MAX ? UINT32_MAX : (uInt)io->out_left;
	int rc = inflate(&d->z, Z_NO_FLUSH);
	io->in_left = d->z.avail_in;
	io->in = d->z.next_in;
	io->out_left -= (size_t)(d->z.next_out - io->out);
	io->out = d->z.next_out;
	d->between = rc == Z_STREAM_END;
	if (rc == Z_OK || rc == Z_BUF_ERROR || d->between)
		return d->between;
	*why = d->z.msg ? d->z.msg : "wrong data";
	return -1;
}

static void decode_free(void *state)
{
	inflateEnd(&((struct decode *)state)->z);
	free(state);
}

enum job_state { JOB_FREE, JOB_READY, JOB_TAKEN, JOB_DONE };

struct job {
	enum job_state state;
	uint8_t in[DICTIONARY + BLOCK];
	size_t dictionary, n; /* bytes of in: before the block, of the block */
	bool last;
	uint8_t *out;
	size_t out_size, out_n;
	uLong crc;
	bool failed;
};

struct encode {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	pthread_t threads[CODEC_THREADS_MAX];
	unsigned running, jobs_n;
	struct job *jobs; /* a ring: filled, compressed and written in this order */
	unsigned fill, take, write;
	bool header;
	uLong crc;
	uint64_t total;
};

static void compress_job(z_stream *z, struct job *j)
{
	deflateReset(z);
	if (j->dictionary)
		deflateSetDictionary(z, j->in, (uInt)j->dictionary);
	z->next_in = j->in + j->dictionary;
	z->avail_in = (uInt)j->n;
	z->next_out = j->out;
	z->avail_out = (uInt)j->out_size;
	int rc = deflate(z, j->last ? Z_FINISH : Z_SYNC_FLUSH);
	j->failed = z->avail_in || !z->avail_out || rc != (j->last ? Z_STREAM_END : Z_OK);
	j->out_n = j->out_size - z->avail_out;
	j->crc = crc32(0, j->in + j->dictionary, (uInt)j->n);
}

static void *work(void *opaque)
{
	struct encode *e = opaque;
	z_stream z = {0};
	bool ready = deflateInit2(&z, LEVEL, Z_DEFLATED, RAW_WINDOW, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) == Z_OK;

	pthread_mutex_lock(&e->lock);
	while (!e->stop) {
		struct job *j = &e->jobs[e->take % e->jobs_n];

		if (j->state != JOB_READY) {
			pthread_cond_wait(&e->wake, &e->lock);
			continue;
		}
		j->state = JOB_TAKEN;
		e->take++;
		pthread_mutex_unlock(&e->lock);
		if (ready)
			compress_job(&z, j);
		else
			j->failed = true;
		pthread_mutex_lock(&e->lock);
		j->state = JOB_DONE;
		pthread_cond_broadcast(&e->wake);
	}
	pthread_mutex_unlock(&e->lock);
	deflateEnd(&z);
	return NULL;
}

static void encode_free(void *state)
{
	struct encode *e = state;

	pthread_mutex_lock(&e->lock);
	e->stop = true;
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
	for (unsigned i = 0; i < e->running; i++)
		pthread_join(e->threads[i], NULL);
	for (unsigned i = 0; i < e->jobs_n; i++)
		free(e->jobs[i].out);
	pthread_cond_destroy(&e->wake);
	pthread_mutex_destroy(&e->lock);
	free(e->jobs);
	free(e);
}

static void *encode_new(unsigned threads)
{
	struct encode *e = xcalloc(1, sizeof(*e));

	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->wake, NULL);
	e->jobs_n = threads * JOBS_PER_THREAD;
	e->jobs = xcalloc(e->jobs_n, sizeof(*e->jobs));
	for (unsigned i = 0; i < e->jobs_n; i++) {
		e->jobs[i].out_size = compressBound(BLOCK) + 64;
		e->jobs[i].out = xmalloc(e->jobs[i].out_size);
	}
	while (e->running < threads && pthread_create(&e->threads[e->running], NULL, work, e) == 0)
		e->running++;
	if (e->running)
		return e;
	encode_free(e);
	return NULL;
}

static int write_header(struct encode *e, const struct codec_sink *to, struct error *err)
{
	static const uint8_t header[10] = {0x1f, 0x8b, Z_DEFLATED, 0, 0, 0, 0, 0, 0, 3};

	if (e->header)
		return 0;
	e->header = true;
	e->crc = crc32(0, NULL, 0);
	return to->write(to->opaque, header, sizeof(header), err);
}

/* Write the oldest block; waits for it. */
static int write_oldest(struct encode *e, const struct codec_sink *to, struct error *err)
{
	struct job *j = &e->jobs[e->write % e->jobs_n];

	pthread_mutex_lock(&e->lock);
	while (j->state != JOB_DONE)
		pthread_cond_wait(&e->wake, &e->lock);
	pthread_mutex_unlock(&e->lock);
	if (j->failed)
		return err_set(err, ERR_ENGINE, "gzip: cannot compress");
	if (write_header(e, to, err) != 0 || to->write(to->opaque, j->out, j->out_n, err) != 0)
		return -1;
	e->crc = crc32_combine(e->crc, j->crc, (z_off_t)j->n);
	e->total += j->n;
	e->write++;
	pthread_mutex_lock(&e->lock);
	j->state = JOB_FREE;
	pthread_mutex_unlock(&e->lock);
	return 0;
}

static void submit(struct encode *e, struct job *j, bool last)
{
	pthread_mutex_lock(&e->lock);
	j->last = last;
	j->state = JOB_READY;
	e->fill++;
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
}

/* The block being filled. The last 32 KiB of the one before it are put in front of it. */
static struct job *open_job(struct encode *e, const struct codec_sink *to, struct error *err)
{
	if (e->fill - e->write == e->jobs_n && write_oldest(e, to, err) != 0)
		return NULL;
	return &e->jobs[e->fill % e->jobs_n];
}

static void start_next(const struct job *before, struct job *next)
{
	memcpy(next->in, before->in + before->dictionary + before->n - DICTIONARY, DICTIONARY);
	next->dictionary = DICTIONARY;
	next->n = 0;
}

static int encode(
    void *state, const void *p, size_t n, const struct codec_sink *to, struct error *err)
{
	struct encode *e = state;

	for (const uint8_t *in = p; n;) {
		struct job *j = open_job(e, to, err);

		if (!j)
			return -1;
		size_t room = BLOCK - j->n, part = n < room ? n : room;
		memcpy(j->in + j->dictionary + j->n, in, part);
		j->n += part;
		in += part;
		n -= part;
		if (j->n < BLOCK)
			continue;
		submit(e, j, false);
		struct job *next = open_job(e, to, err);
		if (!next)
			return -1;
		start_next(j, next);
	}
	return 0;
}

static int encode_end(void *state, const struct codec_sink *to, struct error *err)
{
	struct encode *e = state;
	struct job *j = open_job(e, to, err);
	uint8_t trailer[8];

	if (!j)
		return -1;
	submit(e, j, true);
	while (e->write != e->fill)
		if (write_oldest(e, to, err) != 0)
			return -1;
	for (unsigned i = 0; i < 4; i++) {
		trailer[i] = (uint8_t)(e->crc >> (8 * i));
		trailer[4 + i] = (uint8_t)(e->total >> (8 * i));
	}
	return to->write(to->opaque, trailer, sizeof(trailer), err);
}

const struct codec_ops codec_gzip = {
    .name = "gzip",
    .magic = "\x1f\x8b",
    .magic_size = 2,
    .decode_new = decode_new,
    .decode = decode,
    .decode_free = decode_free,
    .encode_new = encode_new,
    .encode = encode,
    .encode_end = encode_end,
    .encode_free = encode_free,
};
