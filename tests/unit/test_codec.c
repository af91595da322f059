/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compressed streams against the programs that FOG and Clonezilla make them with. */
#include "tests/unit/unit.h"

#include <fcntl.h>

#include "common/fsutil.h"
#include "image/codec.h"

#define SIZE 3000001u

static const struct kind {
	enum codec codec;
	const char *pack, *unpack, *other; /* other: made differently */
} kinds[] = {
    {CODEC_NONE, "cat", "cat", "cat"},
    {CODEC_GZIP, "gzip -9", "gzip -dc", "pigz -b 128 -p 3"},
    {CODEC_ZSTD, "zstd -qc", "zstd -qdc", "zstdmt -qc --rsyncable --ultra -22"},
    {CODEC_XZ, "xz -T2 --block-size=1MiB", "xz -dc", "xz -9 -C sha256"},
    {CODEC_LZ4, "lz4 -qc", "lz4 -qdc", "lz4 -qc -9 -BD -B4"},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static char *dir;
static uint8_t *plain;

static void setup(void)
{
	uint32_t seed = 7;

	dir = scratch_create(NULL, NULL);
	plain = xmalloc(SIZE);
	/* text, noise and zeros */
	for (size_t i = 0; i < SIZE; i++) {
		seed = seed * 1103515245 + 12345;
		plain[i] = i % 300000 < 100000   ? (uint8_t)('a' + (seed >> 28))
			   : i % 300000 < 200000 ? (uint8_t)(seed >> 24)
						 : 0;
	}
	CLEANUP(free) char *path = path_join(dir, "plain");
	ck_assert_int_eq(write_file_atomic(path, plain, SIZE, 0600, NULL), 0);
}

static void teardown(void)
{
	scratch_remove(dir);
	free(dir);
	free(plain);
}

#define run(...) run_in(dir, __VA_ARGS__)

static void load(const char *name, struct buf *out)
{
	CLEANUP(free) char *path = path_join(dir, name);

	ck_assert_int_eq(read_whole_file(path, 64u << 20, out, NULL), 0);
}

/* Reading from memory in pieces of a size that fits nothing. */
struct source {
	const char *p;
	size_t left, piece;
};

static int from_memory(void *opaque, void *p, size_t max, size_t *got, struct error *err)
{
	struct source *s = opaque;
	size_t n = s->left < s->piece ? s->left : s->piece;

	(void)err;
	*got = n < max ? n : max;
	memcpy(p, s->p, *got);
	s->p += *got;
	s->left -= *got;
	return 0;
}

static int decode(
    enum codec codec, const char *p, size_t n, size_t piece, struct buf *out, struct error *err)
{
	struct source s = {p, n, piece};
	struct decoder *d = decoder_open(codec, from_memory, &s, err);
	char block[7919];
	size_t got = 1;
	int rc = 0;

	ck_assert_ptr_nonnull(d);
	buf_reset(out);
	while (rc == 0 && got) {
		rc = decoder_read(d, block, sizeof(block), &got, err);
		if (rc == 0)
			buf_add(out, block, got);
		ck_assert_uint_le(out->len, 8u << 20);
	}
	decoder_close(d);
	return rc;
}

static void is_plain(const struct buf *b, const char *what)
{
	ck_assert_msg(b->len == SIZE && memcmp(b->data, plain, SIZE) == 0, "%s", what);
}

START_TEST(what_the_programs_make_is_read)
{
	for (size_t i = 0; i < KINDS; i++) {
		CLEANUP(buf) struct buf in = BUF_INIT, out = BUF_INIT;
		struct error err = ERROR_INIT;

		run("%s <plain >a && %s <plain >b", kinds[i].pack, kinds[i].other);
		load("a", &in);
		ck_assert_int_eq(codec_of((uint8_t *)in.data, in.len), kinds[i].codec);
		assert_ok(decode(kinds[i].codec, in.data, in.len, 4096, &out, &err), err);
		is_plain(&out, kinds[i].pack);
		load("b", &in);
		assert_ok(decode(kinds[i].codec, in.data, in.len, 1000003, &out, &err), err);
		is_plain(&out, kinds[i].other);
		/* one after another, as "cat" of two files */
		run("head -c 1000 plain >x; tail -c +1001 plain >y; %s <x >a; %s <y >>a",
		    kinds[i].pack, kinds[i].other);
		load("a", &in);
		assert_ok(decode(kinds[i].codec, in.data, in.len, 333, &out, &err), err);
		is_plain(&out, "two frames");
	}
}
END_TEST

static int to_file(void *opaque, const void *p, size_t n, struct error *err)
{
	return write_all(*(int *)opaque, p, n, err);
}

static void encode(enum codec codec, const char *name, const uint8_t *p, size_t n, size_t piece)
{
	CLEANUP(free) char *path = path_join(dir, name);
	CLEANUP(close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct error err = ERROR_INIT;
	struct encoder *e = encoder_open(codec, to_file, &fd, &err);

	ck_assert_ptr_nonnull(e);
	for (size_t done = 0; done < n; done += piece)
		assert_ok(
		    encoder_write(e, p + done, n - done < piece ? n - done : piece, &err), err);
	assert_ok(encoder_finish(e, &err), err);
	encoder_close(e);
}

START_TEST(what_is_written_the_programs_read)
{
	/* 524288 and around it: where the blocks of the gzip threads end */
	static const size_t sizes[] = {0, 1, 524287, 524288, 524289, 1048576, SIZE};

	for (size_t i = 0; i < KINDS; i++)
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			encode(kinds[i].codec, "mine", plain, sizes[j], j % 2 ? 4096 : 99991);
			run("%s <mine >back && head -c %zu plain | cmp - back", kinds[i].unpack,
			    sizes[j]);
		}
}
END_TEST

START_TEST(a_writer_may_give_up)
{
	for (size_t i = 0; i < KINDS; i++) {
		CLEANUP(close) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
		struct error err = ERROR_INIT;
		struct encoder *e = encoder_open(kinds[i].codec, to_file, &fd, &err);
		int rc = 0;

		for (unsigned n = 0; rc == 0 && n < 10; n++)
			rc = encoder_write(e, plain, SIZE, &err);
		assert_fails(rc, err, ERR_NO_SPACE);
		encoder_close(e);
	}
}
END_TEST

/* Cut anywhere, it is never taken for whole. */
START_TEST(streams_cut_short_are_refused)
{
	for (size_t i = 1; i < KINDS; i++) {
		CLEANUP(buf) struct buf in = BUF_INIT, out = BUF_INIT;
		struct error err = ERROR_INIT;

		run("head -c 200000 plain | %s >a", kinds[i].pack);
		load("a", &in);
		for (size_t n = 1; n < in.len; n += n < 40 || in.len - n < 40 ? 1 : in.len / 37)
			assert_fails(
			    decode(kinds[i].codec, in.data, n, 5000, &out, &err), err, ERR_DAMAGED);
	}
}
END_TEST

/* A wrong byte anywhere shows: all of the programs write a checksum. */
START_TEST(damaged_streams_are_refused)
{
	for (size_t i = 1; i < KINDS; i++) {
		CLEANUP(buf) struct buf in = BUF_INIT, out = BUF_INIT;

		run("head -c 300000 plain | %s >a", kinds[i].pack);
		load("a", &in);
		for (size_t at = 20; at < in.len; at += in.len / 61 + 1) {
			struct error err = ERROR_INIT;

			in.data[at] ^= 0x24;
			int rc = decode(kinds[i].codec, in.data, in.len, 5000, &out, &err);
			in.data[at] ^= 0x24;
			ck_assert_msg(rc != 0, "%s: byte %zu of %zu", kinds[i].pack, at, in.len);
			ck_assert_int_eq(err.code, ERR_DAMAGED);
			err_clear(&err);
		}
		struct error err = ERROR_INIT;
		buf_adds(&in, "what is this?");
		assert_fails(
		    decode(kinds[i].codec, in.data, in.len, 5000, &out, &err), err, ERR_DAMAGED);
	}
}
END_TEST

SUITE_WITH("codec", setup, teardown, what_the_programs_make_is_read,
    what_is_written_the_programs_read,
    a_writer_may_give_up,
    streams_cut_short_are_refused,
    damaged_streams_are_refused)
