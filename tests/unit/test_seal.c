/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealed copies: what goes in comes out, nothing else does, and not without the key. */
#include "image/seal.h"

#include <fcntl.h>

#include "common/fsutil.h"
#include "tests/unit/unit.h"

#define PIECE 65536u
#define HEAD 56u	/* magic, name of the key, header of the stream */
#define MORE 17u	/* a sealed piece is so much longer */

static char *dir, *key_path;

static void setup(void)
{
	dir = scratch_create("/tmp", NULL);
	ck_assert_ptr_nonnull(dir);
	ck_assert_int_eq(setenv("XDG_STATE_HOME", dir, 1), 0);
	key_path = seal_key_path();
}

static void teardown(void)
{
	scratch_remove(dir);
	free(dir);
	free(key_path);
}

static int filled(size_t n)
{
	CLEANUP(free) uint8_t *p = xmalloc(n);
	int fd = memfile("t", NULL);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7 + i / 256);
	ck_assert_int_eq(write_all(fd, p, n, NULL), 0);
	return fd;
}

static void content(int fd, struct buf *out)
{
	ck_assert_int_eq(read_whole_fd(fd, 10 * PIECE, out, NULL), 0);
}

static void expect_same(int a, int b)
{
	CLEANUP(buf) struct buf x = BUF_INIT, y = BUF_INIT;

	content(a, &x);
	content(b, &y);
	ck_assert_uint_eq(x.len, y.len);
	ck_assert(buf_equal(&x, &y));
}

static int sealed(size_t n)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int clear = filled(n);
	int fd = memfile("s", NULL);

	assert_ok(seal_fd(clear, fd, &err), err);
	return fd;
}

static void expect_damaged(int fd)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int back = memfile("b", NULL);

	assert_fails(unseal_fd(fd, back, &err), err, ERR_DAMAGED);
	assert_fails(unseal_fd(fd, -1, &err), err, ERR_DAMAGED);
}

START_TEST(every_length_comes_back)
{
	static const size_t sizes[] = {0, 1, 31, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 5};

	setup();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CLEANUP(error) struct error err = ERROR_INIT;
		CLEANUP(close) int clear = filled(sizes[i]);
		CLEANUP(close) int hidden = sealed(sizes[i]);
		CLEANUP(close) int back = filled(5 * PIECE); /* longer: what is too much goes */

		assert_ok(unseal_fd(hidden, -1, &err), err);
		assert_ok(unseal_fd(hidden, back, &err), err);
		expect_same(clear, back);
	}
	teardown();
}
END_TEST

START_TEST(nothing_of_it_can_be_read)
{
	static const char secret[] = "BCDFG-HJKMP-QRTVW-XY234-6789B";
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int clear = memfile("t", NULL), a = memfile("a", NULL), b = memfile("b", NULL);
	CLEANUP(buf) struct buf x = BUF_INIT, y = BUF_INIT;

	setup();
	ck_assert_int_eq(write_all(clear, secret, sizeof(secret), NULL), 0);
	assert_ok(seal_fd(clear, a, &err), err);
	assert_ok(seal_fd(clear, b, &err), err);
	content(a, &x);
	content(b, &y);
	ck_assert_ptr_null(memmem(x.data, x.len, "BCDFG", 5));
	/* nor that two records hold the same */
	ck_assert(memcmp(x.data + 32, y.data + 32, x.len - 32) != 0);
	teardown();
}
END_TEST

START_TEST(what_was_tampered_with_is_noticed)
{
	static const size_t lengths[] = {0, 15, HEAD - 1, HEAD, HEAD + 5, HEAD + PIECE + MORE,
		HEAD + 2 * (PIECE + MORE), HEAD + 2 * (PIECE + MORE) + 4};

	setup();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		CLEANUP(close) int fd = sealed(2 * PIECE + 100);

		ck_assert_int_eq(ftruncate(fd, (off_t)lengths[i]), 0);
		expect_damaged(fd);
	}
	/* a byte of the magic, of the stream's header, of a piece, of the last one's end */
	static const size_t places[] = {3, 40, HEAD, HEAD + 700, HEAD + 2 * (PIECE + MORE) + 110};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		CLEANUP(close) int fd = sealed(2 * PIECE + 100);
		char byte;

		ck_assert_int_eq(pread(fd, &byte, 1, (off_t)places[i]), 1);
		byte ^= 1;
		ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)places[i]), 1);
		expect_damaged(fd);
	}
	/* more at its end; two pieces in the other order */
	CLEANUP(close) int longer = sealed(PIECE);
	ck_assert_int_eq(pwrite(longer, "x", 1, HEAD + PIECE + MORE), 1);
	expect_damaged(longer);
	CLEANUP(close) int swapped = sealed(3 * PIECE);
	CLEANUP(buf) struct buf b = BUF_INIT;
	content(swapped, &b);
	ck_assert_int_eq(pwrite_all(swapped, b.data + HEAD, PIECE + MORE, HEAD + PIECE + MORE, NULL), 0);
	ck_assert_int_eq(pwrite_all(swapped, b.data + HEAD + PIECE + MORE, PIECE + MORE, HEAD, NULL), 0);
	expect_damaged(swapped);
	teardown();
}
END_TEST

START_TEST(another_key_is_not_damage)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *away = NULL;

	setup();
	CLEANUP(close) int fd = sealed(100);
	away = xasprintf("%s.away", key_path);
	ck_assert_int_eq(rename(key_path, away), 0);
	assert_fails(unseal_fd(fd, -1, &err), err, ERR_NO_UNDO);
	ck_assert_int_ne(access(key_path, F_OK), 0); /* looking makes none */
	CLEANUP(close) int other = sealed(100);
	assert_fails(unseal_fd(fd, -1, &err), err, ERR_NO_UNDO);
	ck_assert_int_eq(rename(away, key_path), 0);
	assert_ok(unseal_fd(fd, -1, &err), err);
	assert_fails(unseal_fd(other, -1, &err), err, ERR_NO_UNDO);
	teardown();
}
END_TEST

START_TEST(the_key_is_ours_alone)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct stat st;

	setup();
	CLEANUP(close) int fd = sealed(100);
	ck_assert_int_eq(stat(key_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_size, 32);
	ck_assert_uint_eq(st.st_nlink, 1);
	ck_assert_int_eq(chmod(key_path, 0640), 0);
	assert_fails(unseal_fd(fd, -1, &err), err, ERR_NO_UNDO);
	assert_fails(seal_fd(fd, -1, &err), err, ERR_NO_UNDO);
	ck_assert_int_eq(chmod(key_path, 0600), 0);
	assert_ok(unseal_fd(fd, -1, &err), err);
	ck_assert_int_eq(truncate(key_path, 31), 0);
	assert_fails(unseal_fd(fd, -1, &err), err, ERR_NO_UNDO);
	teardown();
}
END_TEST

START_TEST(files_keep_mode_and_times)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct stat before, after;

	setup();
	CLEANUP(free) char *file = path_join(dir, "d1p2.img");
	CLEANUP(free) char *hidden = path_join(dir, "sealed");
	CLEANUP(free) char *back = path_join(dir, "back");
	ck_assert_int_eq(write_file_atomic(file, "the old image", 13, 0640, NULL), 0);
	const struct timespec times[2] = {{1000000000, 5}, {1100000000, 7}};
	ck_assert_int_eq(utimensat(AT_FDCWD, file, times, 0), 0);
	ck_assert_int_eq(stat(file, &before), 0);
	assert_ok(seal_file(file, hidden, &err), err);
	assert_ok(unseal_file(hidden, back, &err), err);
	ck_assert_int_eq(stat(back, &after), 0);
	ck_assert_uint_eq(after.st_mode, before.st_mode);
	ck_assert_int_eq(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
	ck_assert_int_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	/* what is there is not written over, what failed is not left */
	assert_fails(unseal_file(hidden, back, &err), err, ERR_IO);
	ck_assert_int_eq(unlink(back), 0);
	ck_assert_int_eq(truncate(hidden, 70), 0);
	assert_fails(unseal_file(hidden, back, &err), err, ERR_DAMAGED);
	ck_assert_int_ne(access(back, F_OK), 0);
	teardown();
}
END_TEST

START_TEST(where_the_key_is)
{
	static const struct {
		const char *state, *home, *want;
	} cases[] = {
		{"/srv/state", "/home/a", "/srv/state/w7prep/undo.key"},
		{"relative", "/home/a", "/home/a/.local/state/w7prep/undo.key"},
		{NULL, "/home/a", "/home/a/.local/state/w7prep/undo.key"},
		{NULL, NULL, "/var/lib/w7prep/undo.key"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsetenv("XDG_STATE_HOME");
		unsetenv("HOME");
		if (cases[i].state)
			setenv("XDG_STATE_HOME", cases[i].state, 1);
		if (cases[i].home)
			setenv("HOME", cases[i].home, 1);
		CLEANUP(free) char *path = seal_key_path();
		ck_assert_str_eq(path, cases[i].want);
	}
}
END_TEST

SUITE("seal", every_length_comes_back, nothing_of_it_can_be_read, what_was_tampered_with_is_noticed,
    another_key_is_not_damage, the_key_is_ours_alone, files_keep_mode_and_times, where_the_key_is)
