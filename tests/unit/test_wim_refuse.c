/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine "wim": WIMs that are refused, and WIMs that were made to harm. */
#include <dirent.h>
#include <sys/file.h>

#include "tests/unit/wim_fixture.h"

static const struct image_options ro = {0}, rw = {.write = true};

static int try_open(const char *path, const struct image_options *o, struct error *err)
{
	struct image *im = image_open(path, o, err);

	image_close(im);
	return im ? 0 : -1;
}

/* Refused for reading too, with a remedy in the hint, and the file not touched. */
static void refused(const char *name, enum err_code code, const char *remedy)
{
	CLEANUP(free) char *path = path_join(work, name);
	CLEANUP(free) char *before = sha(path);
	CLEANUP(error) struct error err = ERROR_INIT;

	for (int i = 0; i < 2; i++) {
		ck_assert_msg(try_open(path, i ? &rw : &ro, &err) < 0, "%s was opened", name);
		ck_assert_msg(
		    err.code == code, "%s: %s: %s", name, err_code_name(err.code), err.message);
		ck_assert_msg(err.hint && strstr(err.hint, remedy), "%s: %s", name, err.hint);
	}
	assert_same(sha(path), xstrdup(before));
	CLEANUP(free) char *records = path_join(work, ".w7prep");
	ck_assert_int_ne(access(records, F_OK), 0);
}

static void patch(const char *name, off_t at, const void *bytes, size_t n)
{
	CLEANUP(free) char *path = path_join(work, name);
	CLEANUP(close) int fd = open(path, O_RDWR);

	ck_assert_int_eq(pwrite_all(fd, bytes, n, (uint64_t)at, NULL), 0);
}

static void set_flag(const char *name, uint8_t bit)
{
	CLEANUP(free) char *path = path_join(work, name);
	CLEANUP(close) int fd = open(path, O_RDWR);
	uint8_t flags;

	ck_assert_int_eq(pread_all(fd, &flags, 1, 16, NULL), 0);
	flags |= bit;
	ck_assert_int_eq(pwrite_all(fd, &flags, 1, 16, NULL), 0);
}

START_TEST(split_solid_pipable)
{
	CLEANUP(free) char *path = make_wim_of("x.wim", 3000000, "--compress=LZX");

	run("wimlib-imagex split x.wim part.swm 0.3");
	refused("part.swm", ERR_SPLIT_WIM, "join");
	refused("part2.swm", ERR_SPLIT_WIM, "join");
	run("wimlib-imagex export x.wim 1 solid.esd --solid");
	refused("solid.esd", ERR_SOLID_WIM, "--compress=LZX");
	run("wimlib-imagex export x.wim 1 pipe.wim --pipable");
	refused("pipe.wim", ERR_FORMAT, "--not-pipable");
}
END_TEST

START_TEST(data_that_is_elsewhere)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_stat st;

	/* flagged as WDS and wimgapi do */
	run("cp x.wim meta.wim; cp x.wim res.rwm");
	set_flag("meta.wim", 0x20);
	refused("meta.wim", ERR_METADATA_ONLY_WIM, "/Export-Image");
	set_flag("res.rwm", 0x10);
	refused("res.rwm", ERR_METADATA_ONLY_WIM, "/Export-Image");
	/* all of the data in another WIM, not flagged */
	run("wimlib-imagex apply x.wim 1 t && wimlib-imagex capture t base.wim && "
	    "wimlib-imagex capture t all.wim --delta-from=base.wim");
	refused("all.wim", ERR_METADATA_ONLY_WIM, "/Export-Image");
	/* some of it: found when the image is looked at */
	run("echo new > t/new && wimlib-imagex capture t delta.wim --delta-from=base.wim");
	CLEANUP(free) char *delta = path_join(work, "delta.wim");
	struct image *im = open_wim(delta, &ro);
	assert_fails(image_stat(im, 0, SOFTWARE, &st, &err), err, ERR_METADATA_ONLY_WIM);
	image_close(im);
}
END_TEST

START_TEST(states_that_a_change_would_harm)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;

	run("cp x.wim busy.wim; cp x.wim mark.wim");
	CLEANUP(free) char *busy = path_join(work, "busy.wim"), *mark = path_join(work, "mark.wim");
	set_flag("busy.wim", 0x40);
	assert_ok(try_open(busy, &ro, &err), err);
	assert_fails(try_open(busy, &rw, &err), err, ERR_INTERRUPTED);
	/* the remedy that is named helps */
	run("wimlib-imagex verify busy.wim && wimlib-imagex optimize busy.wim");
	assert_ok(try_open(busy, &rw, &err), err);
	set_flag("mark.wim", 0x04);
	assert_ok(try_open(mark, &ro, &err), err);
	assert_fails(try_open(mark, &rw, &err), err, ERR_LOCKED);
	run("wimlib-imagex export mark.wim all new.wim");
	CLEANUP(free) char *fresh = path_join(work, "new.wim");
	assert_ok(try_open(fresh, &rw, &err), err);
}
END_TEST

START_TEST(another_program_writes_to_it)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = open(path, O_RDONLY);
	struct image *im = open_rw(path);

	/* begins while we collect changes */
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	assert_ok(put_text(im, 0, SOFTWARE, "hive", NULL, &err), err);
	CLEANUP(free) char *before = sha(path);
	assert_fails(image_settle(im, &err), err, ERR_LOCKED);
	image_close(im);
	assert_same(sha(path), xstrdup(before));
	/* has begun before */
	assert_fails(try_open(path, &rw, &err), err, ERR_LOCKED);
	assert_ok(try_open(path, &ro, &err), err);
	flock(fd, LOCK_UN);
	/* is done when we want to write */
	im = open_rw(path);
	assert_ok(put_text(im, 0, SOFTWARE, "hive", NULL, &err), err);
	run("wimlib-imagex update x.wim 1 --command='delete /Windows/win.ini'");
	CLEANUP(free) char *theirs = sha(path);
	ck_assert_int_lt(image_settle(im, &err), 0);
	ck_assert_int_eq(err.code, ERR_CHANGED_SINCE);
	/* the caller names the file: once is enough */
	ck_assert_msg(!strstr(err.message, im->path), "%s", err.message);
	image_close(im);
	assert_same(sha(path), xstrdup(theirs));
}
END_TEST

START_TEST(no_windows_names_leave_the_image)
{
	CLEANUP(free) char *path = make_wim("");
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im = open_rw(path);

	assert_fails(put_script(im, 0, "/../x", "x", &err), err, ERR_DAMAGED);
	assert_fails(put_script(im, 0, "/Windows/a:b", "x", &err), err, ERR_DAMAGED);
	assert_fails(put_script(im, 0, "Windows/x", "x", &err), err, ERR_DAMAGED);
	image_close(im);
}
END_TEST

/* Open, look at everything there is, change something. Errors are fine; crashes are not. */
static void exercise(const char *path)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im =
	    image_open(path, &(struct image_options){.write = true, .no_undo = true}, &err);

	if (!im) {
		ck_assert_ptr_nonnull(err.message);
		return;
	}
	for (size_t vol = 0; vol < im->volumes.n; vol++) {
		CLEANUP(strvec) struct strvec names = STRVEC_INIT;
		CLEANUP(buf) struct buf got = BUF_INIT;

		image_list_dir(im, vol, "/", &names, &err);
		for (size_t i = 0; i < names.n; i++) {
			CLEANUP(free) char *file = xasprintf("/%s", names.v[i]);
			image_read(im, vol, file, 0, 100, &got, &err);
			image_get_sd(im, vol, file, &got, &err);
		}
		image_read(im, vol, SOFTWARE, 0, 100, &got, &err);
		image_begin(im, &err);
		put_text(im, vol, SOFTWARE, "hive", NULL, &err);
		put_script(im, vol, "/new.cmd", "rem", &err);
		for (size_t i = 0; i < names.n; i++) {
			CLEANUP(free) char *file = xasprintf("/%s", names.v[i]);
			put_text(im, vol, file, "x", NULL, &err);
		}
	}
	if (image_settle(im, &err) == 0)
		image_commit(im, &err);
	image_close(im);
}

static void reading_fails(const char *path, const char *file)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf got = BUF_INIT;
	struct image *im = open_wim(path, &ro);

	assert_fails(image_read(im, 0, file, 0, 100, &got, &err), err, ERR_DAMAGED);
	image_close(im);
}

START_TEST(hostile_wims)
{
	const char *data = getenv("W7PREP_TESTDATA");
	CLEANUP(free) char *dir = path_join(data ? data : "../shared/data", "hostile-wims");
	DIR *d = opendir(dir);

	if (!d) {
		printf("SKIP: hostile-wims: no real data here (W7PREP_TESTDATA)\n");
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		CLEANUP(free)
		char *from = path_join(dir, e->d_name),
		     *to = path_join(work, e->d_name);
		ck_assert_int_eq(copy_file(from, to, "copy", NULL), 0);
		chmod(to, 0600);
		if (strcmp(e->d_name, "cyclic.wim") == 0)
			reading_fails(to, "/any");
		if (strcmp(e->d_name, "corrupted_file_1.wim") == 0)
			reading_fails(to, "/file");
		exercise(to);
	}
	closedir(d);
}
END_TEST

START_TEST(damage_is_said)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(free) char *cut = path_join(work, "cut.wim");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf got = BUF_INIT;
	static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 2};

	run("head -c 40000 x.wim > cut.wim; head -c 100 x.wim > tiny.wim; cp x.wim huge.wim; "
	    "cp x.wim xml.wim; cp x.wim data.wim; cp x.wim many.wim");
	CLEANUP(free)
	char *tiny = path_join(work, "tiny.wim"),
	     *big = path_join(work, "huge.wim"), *xml = path_join(work, "xml.wim"),
	     *bad = path_join(work, "data.wim"), *many = path_join(work, "many.wim");
	assert_fails(try_open(cut, &rw, &err), err, ERR_DAMAGED);
	ck_assert_int_lt(try_open(tiny, &rw, &err), 0);
	patch("huge.wim", 48, huge, sizeof(huge));
	assert_fails(try_open(big, &rw, &err), err, ERR_DAMAGED);
	patch("xml.wim", 72 + 16, huge, sizeof(huge));
	assert_fails(try_open(xml, &rw, &err), err, ERR_LIMIT);
	patch("many.wim", 44, huge, 4);
	assert_fails(try_open(many, &rw, &err), err, ERR_LIMIT);
	/* a file's data: found by its checksum when it is read */
	CLEANUP(free)
	char *at = sh("wimlib-imagex dir x.wim 1 --detailed --path=" SOFTWARE
		      " | sed -n 's/^Offset in WIM *= \\([0-9]*\\) .*/\\1/p'");
	patch("data.wim", atol(at) + 5000, huge, sizeof(huge));
	struct image *im = open_wim(bad, &ro);
	assert_fails(image_read(im, 0, SOFTWARE, 0, 100, &got, &err), err, ERR_DAMAGED);
	ck_assert_int_eq(image_read(im, 0, "/Windows/win.ini", 0, 100, &got, &err), 1);
	image_close(im);
}
END_TEST

/* Any single wrong bit: an error, or no harm; with a fixed seed, so that it can be found again. */
START_TEST(flipped_bits)
{
	CLEANUP(free) char *path = make_wim_of("x.wim", 5000, "--compress=LZX");
	CLEANUP(free) char *victim = path_join(work, "victim.wim");
	CLEANUP(buf) struct buf good = BUF_INIT;
	CLEANUP(free) char *heard = path_join(work, "stderr");
	unsigned seed = 4711 + (unsigned)_i;
	struct stat st;

	ck_assert_int_eq(read_whole_file(path, 1 << 20, &good, NULL), 0);
	/* libraries are not allowed to print */
	ck_assert_ptr_nonnull(freopen(heard, "w", stderr));
	for (int i = 0; i < 25; i++) {
		CLEANUP(buf) struct buf b = BUF_INIT;

		buf_add(&b, good.data, good.len);
		for (int n = 0; n < 3; n++) {
			seed = seed * 1103515245u + 12345u;
			/* half of them in the header and the tables at the end */
			size_t at = (seed >> 8) % (n ? b.len : 208);
			b.data[at] = (char)(b.data[at] ^ (1 << (seed >> 29)));
		}
		ck_assert_int_eq(write_file_atomic(victim, b.data, b.len, 0600, NULL), 0);
		exercise(victim);
	}
	ck_assert_int_eq(stat(heard, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wim_refuse");
	TCase *tc = tcase_create("wim_refuse");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, make_work, drop_work);
	tcase_add_test(tc, split_solid_pipable);
	tcase_add_test(tc, data_that_is_elsewhere);
	tcase_add_test(tc, states_that_a_change_would_harm);
	tcase_add_test(tc, another_program_writes_to_it);
	tcase_add_test(tc, no_windows_names_leave_the_image);
	tcase_add_test(tc, hostile_wims);
	tcase_add_test(tc, damage_is_said);
	tcase_add_loop_test(tc, flipped_bits, 0, 4);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
