/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine "wim": every way back to the file as it was, bit for bit. */
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "common/log.h"
#include "tests/unit/wim_fixture.h"

static void change(struct image *im)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(put_text(im, 0, SOFTWARE, "a new hive", NULL, &err), err);
	assert_ok(put_script(im, 0, "/Windows/Setup/Scripts/a.cmd", "rem", &err), err);
	assert_ok(image_remove(im, 0, "/Windows/winsxs", &err), err);
	/* the other file with the old hive's content */
	assert_ok(image_remove(im, 0, "/Windows/A long file name.txt", &err), err);
}

static void apply(const char *path, const struct image_options *o)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im = open_wim(path, o);

	assert_ok(image_begin(im, &err), err);
	change(im);
	finish(im);
}

static const struct image_options rw = {.write = true}, rebuild = {.write = true, .rebuild = true};

static void undo(const char *path)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(txn_undo(path, false, &err), err);
}

static bool has_records(void)
{
	CLEANUP(free) char *dir = path_join(work, ".w7prep");

	return access(dir, F_OK) == 0;
}

START_TEST(an_append_is_undone)
{
	static const char *const kinds[] = {"none", "XPRESS", "LZX", "none --check",
	    "XPRESS --check", "LZX --check", "XPRESS --chunk-size=4096"};
	CLEANUP(free) char *options = xasprintf("--compress=%s", kinds[_i]);
	CLEANUP(free) char *path = make_wim(options);
	CLEANUP(free) char *before = sha(path);
	CLEANUP(free)
	char *form = sh("wimlib-imagex info x.wim --header | "
			"grep -E 'Flags|Chunk|Version|GUID|integrity|FLAG'");

	apply(path, &rw);
	run("wimlib-imagex verify x.wim");
	assert_same(content("x.wim", 1, SOFTWARE), xstrdup("a new hive"));
	assert_same(sh("wimlib-imagex info x.wim --header | "
		       "grep -E 'Flags|Chunk|Version|GUID|integrity|FLAG'"),
	    xstrdup(form));
	undo(path);
	assert_same(sha(path), xstrdup(before));
	ck_assert(!has_records());
}
END_TEST

START_TEST(abort_after_settle_puts_it_back)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX --check");
	CLEANUP(free) char *before = sha(path);
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf got = BUF_INIT;

	for (int i = 0; i < 2; i++) {
		struct image *im = open_wim(path, i ? &rebuild : &rw);

		assert_ok(image_begin(im, &err), err);
		change(im);
		assert_ok(image_settle(im, &err), err);
		image_abort(im);
		assert_same(sha(path), xstrdup(before));
		ck_assert_int_eq(image_read(im, 0, "/Windows/win.ini", 0, 9, &got, &err), 1);
		ck_assert_int_eq(image_exists(im, 0, "/Windows/winsxs"), 1);
		image_close(im);
		ck_assert(!has_records());
	}
}
END_TEST

START_TEST(closing_without_commit_is_an_abort)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(free) char *before = sha(path);
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im = open_rw(path);

	change(im);
	assert_ok(image_settle(im, &err), err);
	image_close(im);
	assert_same(sha(path), xstrdup(before));
	ck_assert(!has_records());
}
END_TEST

START_TEST(records_are_a_stack)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(free) char *first = sha(path);
	CLEANUP(error) struct error err = ERROR_INIT;

	apply(path, &rw);
	CLEANUP(free) char *second = sha(path);
	struct image *im = open_rw(path);
	assert_ok(put_text(im, 0, SOFTWARE, "another", NULL, &err), err);
	finish(im);
	undo(path);
	assert_same(sha(path), xstrdup(second));
	undo(path);
	assert_same(sha(path), xstrdup(first));
	assert_fails(txn_undo(path, false, &err), err, ERR_NO_UNDO);
}
END_TEST

START_TEST(what_somebody_changed_since_is_not_undone)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;

	apply(path, &rw);
	run("wimlib-imagex info x.wim 1 'A new name'");
	CLEANUP(free) char *now = sha(path);
	assert_fails(txn_undo(path, false, &err), err, ERR_CHANGED_SINCE);
	assert_same(sha(path), xstrdup(now));
	ck_assert_uint_eq(txn_records(path), 1);
}
END_TEST

START_TEST(a_rebuild_is_undone)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX --check");
	CLEANUP(error) struct error err = ERROR_INIT;

	run("chmod 640 x.wim && ln -s x.wim link.wim && wimlib-imagex info x.wim 1 --boot");
	CLEANUP(free) char *before = sh("sha256sum < x.wim; stat -c '%%a %%Y' x.wim");
	CLEANUP(free) char *link = path_join(work, "link.wim");
	CLEANUP(free) char *guid = sh("wimlib-imagex info x.wim | grep -E 'GUID|Boot|Compr|Attr'");
	apply(link, &rebuild);
	run("wimlib-imagex verify x.wim && test -L link.wim && test $(stat -c %%a x.wim) = 640");
	/* the old hive is not in the file any more */
	run("test $(stat -c %%s x.wim) -lt 50000");
	assert_same(sh("wimlib-imagex info x.wim | grep -E 'GUID|Boot|Compr|Attr'"), xstrdup(guid));
	assert_same(content("x.wim", 1, SOFTWARE), xstrdup("a new hive"));
	ck_assert_uint_eq(txn_records(path), 1);
	undo(path);
	assert_same(sh("sha256sum < x.wim; stat -c '%%a %%Y' x.wim"), xstrdup(before));
	ck_assert(!has_records());
}
END_TEST

START_TEST(a_copy_of_our_own_needs_no_record)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");

	apply(path, &(struct image_options){.write = true, .no_undo = true});
	apply(path, &(struct image_options){.write = true, .no_undo = true, .rebuild = true});
	run("wimlib-imagex verify x.wim");
	assert_same(sh("ls -A | grep -v volume.ntfs"), xstrdup("x.wim\n"));
}
END_TEST

START_TEST(what_follows_the_end_comes_back)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;

	run("head -c 2000 /dev/urandom >> x.wim");
	CLEANUP(free) char *before = sha(path);
	apply(path, &rw);
	run("wimlib-imagex verify x.wim");
	undo(path);
	assert_same(sha(path), xstrdup(before));

	run("head -c 100000 /dev/urandom >> x.wim");
	CLEANUP(free) char *longer = sha(path);
	struct image *im = open_rw(path);
	change(im);
	assert_fails(image_settle(im, &err), err, ERR_UNKNOWN_SHAPE);
	image_close(im);
	assert_same(sha(path), xstrdup(longer));
	apply(path, &rebuild);
	run("wimlib-imagex verify x.wim");
}
END_TEST

/* From the first write to the WIM on, no file may become larger than this. */
static struct rlimit ceiling;

static void lower_ceiling(
    const char *step, unsigned long long done, unsigned long long total, void *opaque)
{
	(void)step, (void)done, (void)total, (void)opaque;
	setrlimit(RLIMIT_FSIZE, &ceiling);
}

static void put_hive(struct image *im, const char *hive)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = open(hive, O_RDONLY);

	assert_ok(
	    image_put(im, 0, &(struct image_put){.path = SOFTWARE, .fd = fd, .old_fd = -1}, &err),
	    err);
}

START_TEST(no_space_leaves_the_image_unchanged)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX --check");
	CLEANUP(free) char *before = sha(path);
	CLEANUP(free) char *hive = path_join(work, "hive");
	CLEANUP(error) struct error err = ERROR_INIT;
	struct rlimit all;
	struct stat st;

	make_text("hive", 4000000, 7);
	ck_assert_int_eq(stat(path, &st), 0);
	getrlimit(RLIMIT_FSIZE, &all);
	ceiling = (struct rlimit){(rlim_t)st.st_size + 100000, all.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	progress_set_sink(lower_ceiling, NULL);
	for (int i = 0; i < 2; i++) {
		struct image *im = open_wim(path, i ? &rebuild : &rw);

		assert_ok(image_begin(im, &err), err);
		put_hive(im, hive);
		int rc = image_settle(im, &err);
		setrlimit(RLIMIT_FSIZE, &all);
		assert_fails(rc, err, ERR_NO_SPACE);
		image_close(im);
		assert_same(sha(path), xstrdup(before));
		ck_assert(!has_records());
	}
}
END_TEST

START_TEST(interrupting_leaves_the_image_unchanged)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(free) char *before = sha(path);
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im = open_rw(path);

	change(im);
	cancel_request();
	assert_fails(image_settle(im, &err), err, ERR_INTERRUPT);
	image_close(im);
	assert_same(sha(path), xstrdup(before));
	ck_assert(!has_records());
}
END_TEST

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say_writing(
    const char *step, unsigned long long done, unsigned long long total, void *opaque)
{
	int *fd = opaque;

	(void)step, (void)done, (void)total;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static _Noreturn void child(
    const char *path, const char *hive, const struct image_options *o, int pipe)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im = image_open(path, o, &err);

	progress_set_sink(say_writing, &pipe);
	if (!im || image_begin(im, &err) != 0)
		_exit(1);
	put_hive(im, hive);
	_exit(image_settle(im, &err) == 0 && image_commit(im, &err) == 0 ? 0 : 1);
}

/*
 * Apply in a child, and kill it so many seconds after it began to write (less than 0: never).
 * Returns the seconds it had.
 */
static double apply_and_kill(
    const char *path, const char *hive, const struct image_options *o, double after)
{
	int ends[2], status;
	char none;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0)
		child(path, hive, o, ends[1]);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &none, 1), 0);
	close(ends[0]);
	double start = seconds();
	if (after >= 0) {
		usleep((useconds_t)(after * 1e6));
		kill(pid, SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return seconds() - start;
}

/* The next one that may write finds the record and puts the image back. */
START_TEST(a_killed_apply_is_rolled_back)
{
	CLEANUP(free) char *path = make_wim_of("x.wim", 3000000, "--compress=LZX --check");
	CLEANUP(free) char *before = sha(path);
	CLEANUP(free) char *hive = path_join(work, "hive");
	const struct image_options *o = _i ? &rebuild : &rw;
	CLEANUP(error) struct error err = ERROR_INIT;
	unsigned seen = 0;

	make_text("hive", 9000000, 7);
	double full = apply_and_kill(path, hive, o, -1);
	undo(path);
	assert_same(sha(path), xstrdup(before));
	for (int i = 0; i < 16; i++) {
		apply_and_kill(path, hive, o, full * i / 15);
		int interrupted = txn_interrupted(path, NULL);
		seen += interrupted == 1;
		/* it came to its end, or not as far as a record */
		if (!interrupted)
			txn_undo(path, false, NULL);
		struct txn *t = txn_open(path, &err);
		ck_assert_msg(t != NULL, "%s", err.message);
		txn_close(t);
		assert_same(sha(path), xstrdup(before));
		ck_assert(!has_records());
	}
	/* an append is under way all the time, a rebuild is put in place at once */
	ck_assert_msg(_i || seen >= 4, "seen %u", seen);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wim_undo");
	TCase *tc = tcase_create("wim_undo");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, make_work, drop_work);
	tcase_add_loop_test(tc, an_append_is_undone, 0, 7);
	tcase_add_test(tc, abort_after_settle_puts_it_back);
	tcase_add_test(tc, closing_without_commit_is_an_abort);
	tcase_add_test(tc, records_are_a_stack);
	tcase_add_test(tc, what_somebody_changed_since_is_not_undone);
	tcase_add_test(tc, a_rebuild_is_undone);
	tcase_add_test(tc, a_copy_of_our_own_needs_no_record);
	tcase_add_test(tc, what_follows_the_end_comes_back);
	tcase_add_test(tc, no_space_leaves_the_image_unchanged);
	tcase_add_test(tc, interrupting_leaves_the_image_unchanged);
	tcase_add_loop_test(tc, a_killed_apply_is_rolled_back, 0, 2);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
