/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine guestfs. An appliance is dear: everything happens in one launch, on a disk with a
 * volume for each case, and then the same changes are made by the engine direct and
 * everything is compared.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <guestfs.h>
#include <sys/wait.h>

#include "common/fsutil.h"
#include "common/log.h"
#include "common/proc.h"
#include "common/text.h"
#include "image/image.h"
#include "image/guestfs_kvm.h"
#include "image/secdesc.h"
#include "image/txn.h"
#include "image/windows.h"
#include "tests/fixtures/phony.h"
#include "tests/fixtures/volume.h"

#define MIB (1u << 20)
#define SOFTWARE "/Windows/System32/config/SOFTWARE"
#define ODD "/Data/it's $(odd); `x` & more.txt"

/* The volumes of the disk, in order. */
enum { RESERVED, WINDOWS, DIRTY, HIBERNATED, VOLUMES };
static const unsigned sizes_mb[VOLUMES] = {16, 96, 16, 16};

static char *dir;
static unsigned warnings;
static char *last_warning;

#define run(...) run_in(".", __VA_ARGS__)

static void on_log(enum log_level level, const char *line, void *opaque)
{
	(void)opaque;
	if (level != LOG_WARN)
		return;
	warnings++;
	free(last_warning);
	last_warning = xstrdup(line);
}

/* ---- the disk ---- */

static void write_text(const char *name, const char *text, size_t n)
{
	struct error err = ERROR_INIT;
	CLEANUP(free) char *path = xasprintf("%s%s", dir, name);

	assert_ok(write_file_atomic(path, text, n, 0644, &err), err);
}

static void make_windows_tree(void)
{
	struct error err = ERROR_INIT;
	struct phony_options o;
	CLEANUP(free) char *tree = path_join(dir, "windows");
	CLEANUP(free) char *body = xmalloc(70000);

	phony_init(&o);
	assert_ok(phony_set(&o, "hive-mb=2", &err), err);
	assert_ok(phony_tree(tree, &o, &err), err);
	phony_free(&o);
	memset(body, 'b', 70000);
	run("mkdir -p %s/Data/Tree/deep/deeper", tree);
	write_text("/windows/Data/one.bin", body, 70000);
	write_text("/windows/Data/short.txt", "a text that gets shorter\r\n", 26);
	write_text("/windows" ODD, "odd\r\n", 5);
	write_text("/windows/Data/Tree/deep/deeper/file", "x", 1);
	run("ln %s/Data/one.bin %s/Data/two.bin", tree, tree);
}

static void make_volume(unsigned i, const char *tree, const struct volume_options *o)
{
	struct error err = ERROR_INIT;
	CLEANUP(free) char *file = xasprintf("%s/volume%u", dir, i);

	assert_ok(volume_make(file, sizes_mb[i], tree, o, &err), err);
}

static void make_volumes(void)
{
	CLEANUP(free) char *windows = path_join(dir, "windows");
	CLEANUP(free) char *asleep = path_join(dir, "asleep");
	char page[4096] = "hibr";

	make_windows_tree();
	run("mkdir %s", asleep);
	write_text("/asleep/hiberfil.sys", page, sizeof(page));
	make_volume(RESERVED, NULL, &(struct volume_options){.label = "System Reserved"});
	make_volume(WINDOWS, windows, &(struct volume_options){.label = "Windows"});
	make_volume(DIRTY, NULL, &(struct volume_options){.dirty = true});
	make_volume(HIBERNATED, asleep, &(struct volume_options){0});
}

static void add_entry(unsigned char *mbr, unsigned i, unsigned start_mb)
{
	const uint32_t n[2] = {start_mb * 2048, sizes_mb[i] * 2048};

	mbr[446 + 16 * i + 4] = 7;
	for (unsigned k = 0; k < 8; k++)
		mbr[446 + 16 * i + 8 + k] = (unsigned char)(n[k / 4] >> (8 * (k % 4)));
}

/* An MBR disk with all volumes as a dynamic VHD: @copies of it. */
static void make_disks(const char *const copies[])
{
	unsigned char mbr[512] = {0};
	unsigned at = 1;

	make_volumes();
	for (unsigned i = 0; i < VOLUMES; i++) {
		run("dd if=%s/volume%u of=%s/disk.raw bs=1M seek=%u conv=notrunc,sparse 2>&1 | "
		    "grep -q copied", dir, i, dir, at);
		add_entry(mbr, i, at);
		at += sizes_mb[i];
	}
	mbr[510] = 0x55;
	mbr[511] = 0xaa;
	CLEANUP(free) char *raw = path_join(dir, "disk.raw");
	int fd = open(raw, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, mbr, 512, 0), 512);
	ck_assert_int_eq(ftruncate(fd, (off_t)at * MIB), 0);
	close(fd);
	for (size_t i = 0; copies[i]; i++)
		run("qemu-img convert -q -f raw -O vpc -o force_size=on %s %s/%s", raw, dir, copies[i]);
}

/* ---- a qemu that hangs under KVM ---- */

static bool fake_kvm(void)
{
	CLEANUP(free) char *path = path_join(dir, "qemu");
	guestfs_h *g = guestfs_create();

	ck_assert_ptr_nonnull(g);
	CLEANUP(free) char *hv = guestfs_get_hv(g);
	guestfs_close(g);
	FILE *f = fopen(path, "w");
	fprintf(f,
	    "#!/bin/sh\ncase \"$*\" in *accel=kvm:tcg*guestfsd.sock*)\n"
	    "echo 'KVM internal error. Suberror: 1'; sleep 600; exit 1;; esac\n"
	    "exec %s \"$@\"\n", hv);
	ck_assert_int_eq(fchmod(fileno(f), 0755), 0);
	fclose(f);
	setenv("LIBGUESTFS_HV", path, 1);
	setenv("XDG_CACHE_HOME", dir, 1);
	unsetenv("LIBGUESTFS_BACKEND");
	unsetenv("LIBGUESTFS_BACKEND_SETTINGS");
	if (kvm_openable())
		return true;
	printf("SKIP: /dev/kvm cannot be opened: falling back from it is not tried\n");
	return false;
}

static void check_fallback(bool expected)
{
	CLEANUP(free) char *hv = path_join(dir, "qemu");
	CLEANUP(free) char *key = kvm_machine_key(hv);

	ck_assert_uint_eq(warnings, expected ? 1 : 0);
	ck_assert_int_eq(kvm_known_broken(key), expected);
	if (expected)
		ck_assert_msg(strstr(last_warning, "KVM internal error. Suberror: 1") != NULL, "%s",
		    last_warning);
}

/* ---- helpers ---- */

static struct image *open_disk(const char *name, const char *engine, bool write)
{
	struct error err = ERROR_INIT;
	CLEANUP(free) char *path = path_join(dir, name);
	const struct image_options o = {.engine = engine, .write = write};
	struct image *im = image_open(path, &o, &err);

	ck_assert_msg(im != NULL, "%s", err.message);
	return im;
}

static int fd_of(const void *p, size_t n)
{
	struct error err = ERROR_INIT;
	int fd = memfile("content", &err);

	assert_ok(write_all(fd, p, n, &err), err);
	return fd;
}

static void read_all(struct image *im, size_t vol, const char *path, struct buf *out)
{
	struct error err = ERROR_INIT;
	CLEANUP(close) int fd = memfile("content", &err);

	assert_ok(image_fetch(im, vol, path, fd, &err), err);
	assert_ok(read_whole_fd(fd, 64 << 20, out, &err), err);
}

static void check_host_file(struct image *im, const char *path, const char *host)
{
	struct error err = ERROR_INIT;
	CLEANUP(free) char *full = xasprintf("%s/windows%s", dir, host);
	CLEANUP(buf) struct buf want = BUF_INIT;
	CLEANUP(buf) struct buf got = BUF_INIT;

	assert_ok(read_whole_file(full, 64 << 20, &want, &err), err);
	read_all(im, WINDOWS, path, &got);
	ck_assert_msg(buf_equal(&want, &got), "%s: %zu bytes, not %zu", path, got.len, want.len);
}

static void put_file(struct image *im, const char *path, const void *p, size_t n, int old_fd,
    const struct buf *sd)
{
	struct error err = ERROR_INIT;
	CLEANUP(close) int fd = fd_of(p, n);
	const struct image_put put = {.path = path, .fd = fd, .old_fd = old_fd, .sd = sd};

	assert_ok(image_put(im, WINDOWS, &put, &err), err);
}

/* ---- reading ---- */

static void check_facts(struct image *im)
{
	struct error err = ERROR_INIT;
	struct windows win;

	ck_assert_uint_eq(im->volumes.n, VOLUMES);
	ck_assert_int_eq(windows_read(im, RESERVED, &win, &err), 0);
	assert_ok(windows_read(im, WINDOWS, &win, &err), err);
	ck_assert_str_eq(win.edition, "Enterprise");
	ck_assert_uint_eq(win.refusals.n, 0);
	windows_free(&win);
}

static void check_reading(struct image *im)
{
	struct error err = ERROR_INIT;
	struct image_stat st;
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	CLEANUP(buf) struct buf b = BUF_INIT;

	ck_assert_int_eq(image_stat(im, WINDOWS, "/WINDOWS/system32/CONFIG/Software", &st, &err), 1);
	ck_assert(!st.is_dir && !st.is_link);
	ck_assert_int_eq(image_stat(im, WINDOWS, "/windows/no/such", &st, &err), 0);
	ck_assert_int_eq(image_stat(im, WINDOWS, SOFTWARE "/below a file", &st, &err), 0);
	ck_assert_int_eq(image_stat(im, WINDOWS, "/", &st, &err), 1);
	ck_assert(st.is_dir);
	ck_assert_int_eq(image_list_dir(im, WINDOWS, "/dATA", &names, &err), 1);
	strvec_sort(&names);
	ck_assert_uint_eq(names.n, 5);
	ck_assert_str_eq(names.v[0], "Tree");
	ck_assert_int_eq(image_list_dir(im, WINDOWS, "/data/nothing", &names, &err), 0);
	ck_assert_int_eq(image_read(im, WINDOWS, "/data/SHORT.txt", 2, 4, &b, &err), 1);
	ck_assert_uint_eq(b.len, 4);
	ck_assert_int_eq(memcmp(b.data, "text", 4), 0);
	ck_assert_int_eq(image_read(im, WINDOWS, "/data/short.txt", 20, 1000, &b, &err), 1);
	ck_assert_uint_eq(b.len, 6);
	ck_assert_int_eq(image_read(im, WINDOWS, "/data/short.txt", 99, 1, &b, &err), 1);
	ck_assert_uint_eq(b.len, 0);
	assert_fails(image_read(im, WINDOWS, "/Data", 0, 1, &b, &err), err, ERR_UNKNOWN_SHAPE);
	/* by its clusters, and through ntfs-3g */
	check_host_file(im, "/windows/system32/config/software", SOFTWARE);
	check_host_file(im, "/data/ONE.bin", "/Data/one.bin");
	check_host_file(im, ODD, ODD);
}

static void check_links(struct image *im)
{
	struct error err = ERROR_INIT;
	struct image_stat st;
	CLEANUP(buf) struct buf b = BUF_INIT;

	ck_assert_int_eq(image_stat(im, WINDOWS, "/Documents and Settings", &st, &err), 1);
	ck_assert(st.is_link && !st.is_dir);
	assert_fails(image_stat(im, WINDOWS, "/documents and settings/Default", &st, &err), err,
	    ERR_UNKNOWN_SHAPE);
	assert_fails(image_read(im, WINDOWS, "/Documents and Settings", 0, 1, &b, &err), err,
	    ERR_UNKNOWN_SHAPE);
}

/* Volumes that must not be written to can be read, and refuse. */
static void check_refusals(struct image *im)
{
	struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf sd = BUF_INIT;
	CLEANUP(buf) struct buf b = BUF_INIT;
	CLEANUP(close) int fd = fd_of("x", 1);

	secdesc_make(SECDESC_SCRIPT, &sd);
	const struct image_put put = {.path = "/new", .fd = fd, .old_fd = -1, .sd = &sd};
	ck_assert(im->volumes.v[DIRTY].dirty);
	ck_assert_int_eq(image_read(im, HIBERNATED, "/HIBERFIL.SYS", 0, 4, &b, &err), 1);
	assert_fails(image_put(im, DIRTY, &put, &err), err, ERR_VOLUME_DIRTY);
	assert_fails(image_put(im, HIBERNATED, &put, &err), err, ERR_HIBERNATED);
	assert_fails(image_remove(im, HIBERNATED, "/hiberfil.sys", &err), err, ERR_HIBERNATED);
}

/* ---- changing ---- */

/* A hive as it comes back from an edit: a block here and there, and longer. */
static void edit_hive(struct image *im)
{
	struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf b = BUF_INIT;
	int old_fd;

	assert_ok(image_file_fd(im, WINDOWS, SOFTWARE, &old_fd, &err), err);
	assert_ok(read_whole_fd(old_fd, 64 << 20, &b, &err), err);
	b.data[10] ^= 1;
	b.data[b.len / 2] ^= 1;
	b.data[b.len / 2 + 9000] ^= 1;
	b.data[b.len - 1] ^= 1;
	for (int i = 0; i < 10000; i++)
		buf_adds(&b, "more");
	put_file(im, "/windows/system32/config/software", b.data, b.len, old_fd, NULL);
}

static void make_edits(struct image *im)
{
	struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf secret = BUF_INIT;
	CLEANUP(buf) struct buf script = BUF_INIT;
	CLEANUP(free) char *big = xmalloc(3 * MIB + 77);

	memset(big, 'g', 3 * MIB + 77);
	secdesc_make(SECDESC_SECRET, &secret);
	secdesc_make(SECDESC_SCRIPT, &script);
	assert_ok(image_begin(im, &err), err);
	edit_hive(im);
	put_file(im, "/Data/SHORT.TXT", "short\r\n", 7, -1, NULL);
	put_file(im, "/data/two.bin", "both links have this", 20, -1, NULL);
	put_file(im, ODD, "replaced\r\n", 10, -1, &secret);
	put_file(im, "/Windows/Setup/Scripts/w7prep/first.cmd", "rem\r\n", 5, -1, &script);
	put_file(im, "/windows/setup/scripts/W7PREP/key.txt", "key\r\n", 5, -1, &secret);
	put_file(im, "/New/Below the root/big.bin", big, 3 * MIB + 77, -1, &script);
	put_file(im, "/New/empty", "", 0, -1, &script);
	put_file(im, "/New/gone", "soon", 4, -1, &script);
	assert_ok(image_remove(im, WINDOWS, "/new/GONE", &err), err);
	assert_ok(image_remove(im, WINDOWS, "/data/tree", &err), err);
	assert_ok(image_remove(im, WINDOWS, "/windows/system32/wat", &err), err);
	assert_ok(image_remove(im, WINDOWS, "/Data/one.bin", &err), err);
	ck_assert_int_eq(image_remove(im, WINDOWS, "/never/was/there", &err), 0);
	assert_ok(image_settle(im, &err), err);
}

static void check_sd(struct image *im, const char *path, enum secdesc_kind kind)
{
	struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf want = BUF_INIT;
	CLEANUP(buf) struct buf got = BUF_INIT;

	secdesc_make(kind, &want);
	assert_ok(image_get_sd(im, WINDOWS, path, &got, &err), err);
	ck_assert_msg(buf_equal(&want, &got), "%s: not the descriptor that was asked for", path);
}

static void check_edits(struct image *im)
{
	CLEANUP(buf) struct buf b = BUF_INIT;
	CLEANUP(buf) struct buf sd = BUF_INIT;
	struct error err = ERROR_INIT;
	struct image_stat st;

	read_all(im, WINDOWS, "/Data/short.txt", &b);
	ck_assert_str_eq(b.data, "short\r\n");
	read_all(im, WINDOWS, "/Data/two.bin", &b);
	ck_assert_str_eq(b.data, "both links have this");
	read_all(im, WINDOWS, "/new/below the root/BIG.bin", &b);
	ck_assert_uint_eq(b.len, 3 * MIB + 77);
	read_all(im, WINDOWS, SOFTWARE, &b);
	ck_assert_int_eq(memcmp(b.data + b.len - 8, "moremore", 8), 0);
	ck_assert_int_eq(image_stat(im, WINDOWS, "/Data/one.bin", &st, &err), 0);
	ck_assert_int_eq(image_stat(im, WINDOWS, "/Data/Tree", &st, &err), 0);
	ck_assert_int_eq(image_stat(im, WINDOWS, "/New/gone", &st, &err), 0);
	check_sd(im, "/Windows/Setup/Scripts/w7prep/first.cmd", SECDESC_SCRIPT);
	check_sd(im, "/Windows/Setup/Scripts/w7prep/key.txt", SECDESC_SECRET);
	check_sd(im, ODD, SECDESC_SECRET);
	/* a directory that we made is not everybody's */
	assert_ok(image_get_sd(im, WINDOWS, "/New", &sd, &err), err);
	ck_assert(!secdesc_others(sd.data, sd.len).others_write);
}

/* What tools of ntfs-3g say of the times: all but that of the last metadata change. */
static char *times_of(const char *raw, const char *path)
{
	struct error err = ERROR_INIT;
	const char *const argv[] = {"ntfsinfo", "-F", path, raw, NULL};
	CLEANUP(buf) struct buf out = BUF_INIT;
	struct buf times = BUF_INIT;

	assert_ok(run_tool(argv, &out, &err), err);
	/* of $STANDARD_INFORMATION; the directory's copy is brought in line with it by any change */
	for (char *save = NULL, *l = strtok_r(out.data, "\n", &save);
	     l && !strstr(l, "$FILE_NAME"); l = strtok_r(NULL, "\n", &save))
		if (strstr(l, "Creation Time") || strstr(l, "Altered Time") ||
		    strstr(l, "Accessed Time") || strstr(l, "File attributes"))
			buf_addf(&times, "%s\n", l);
	ck_assert_uint_gt(times.len, 0);
	return buf_steal(&times);
}

static char *windows_volume(const char *vhd)
{
	char *out = xasprintf("%s/%s.volume", dir, vhd);

	run("qemu-img convert -q -f vpc -O raw %s/%s %s.raw", dir, vhd, out);
	run("dd if=%s.raw of=%s bs=1M skip=%u count=%u conv=sparse 2>&1 | grep -q copied", out, out,
	    1 + sizes_mb[RESERVED], sizes_mb[WINDOWS]);
	return out;
}

static void check_times(const char *before, const char *after)
{
	static const char *const files[] = {
		"Windows/System32/config/SOFTWARE", "Data/short.txt", "Data/two.bin"};
	CLEANUP(free) char *old = windows_volume(before), *new = windows_volume(after);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		CLEANUP(free) char *a = times_of(old, files[i]), *b = times_of(new, files[i]);

		ck_assert_msg(strcmp(a, b) == 0, "%s:\n%s\n%s", files[i], a, b);
	}
	run("ntfsfix -n %s >/dev/null", new);
}

/* ---- both engines ---- */

static unsigned compared;

static void compare_file(struct image *a, struct image *b, const char *path)
{
	CLEANUP(buf) struct buf x = BUF_INIT;
	CLEANUP(buf) struct buf y = BUF_INIT;

	read_all(a, WINDOWS, path, &x);
	read_all(b, WINDOWS, path, &y);
	ck_assert_msg(buf_equal(&x, &y), "%s: the engines made different files", path);
	compared++;
}

static void compare(struct image *a, struct image *b, const char *path);

static void compare_below(struct image *a, struct image *b, const char *path)
{
	struct error err = ERROR_INIT;
	CLEANUP(strvec) struct strvec x = STRVEC_INIT;
	CLEANUP(strvec) struct strvec y = STRVEC_INIT;

	assert_ok(image_list_dir(a, WINDOWS, path, &x, &err), err);
	assert_ok(image_list_dir(b, WINDOWS, path, &y, &err), err);
	strvec_sort(&x);
	strvec_sort(&y);
	ck_assert_msg(x.n == y.n, "%s: %zu names and %zu", path, x.n, y.n);
	for (size_t i = 0; i < x.n; i++) {
		CLEANUP(free) char *child = path_join(path, x.v[i]);

		ck_assert_str_eq(x.v[i], y.v[i]);
		compare(a, b, child);
	}
}

static void compare(struct image *a, struct image *b, const char *path)
{
	struct error err = ERROR_INIT;
	struct image_stat s, t;
	CLEANUP(buf) struct buf x = BUF_INIT;
	CLEANUP(buf) struct buf y = BUF_INIT;

	assert_ok(image_stat(a, WINDOWS, path, &s, &err), err);
	assert_ok(image_stat(b, WINDOWS, path, &t, &err), err);
	ck_assert_msg(s.is_dir == t.is_dir && s.is_link == t.is_link && s.size == t.size &&
		s.links == t.links, "%s: another kind, size or number of links", path);
	ck_assert_msg(s.attributes == t.attributes, "%s: attributes %x and %x", path, s.attributes,
	    t.attributes);
	assert_ok(image_get_sd(a, WINDOWS, path, &x, &err), err);
	assert_ok(image_get_sd(b, WINDOWS, path, &y, &err), err);
	CLEANUP(free) char *hx = to_hex(x.data, x.len), *hy = to_hex(y.data, y.len);
	ck_assert_msg(buf_equal(&x, &y), "%s: descriptor %s, not %s", path, hx, hy);
	if (s.is_dir && !s.is_link)
		compare_below(a, b, path);
	else if (!s.is_link)
		compare_file(a, b, path);
}

static void compare_engines(const char *guestfs, const char *direct)
{
	struct error err = ERROR_INIT;
	struct image *im = open_disk(direct, "direct", true);

	make_edits(im);
	assert_ok(image_commit(im, &err), err);
	image_close(im);
	struct image *a = open_disk(guestfs, "direct", false), *b = open_disk(direct, "direct", false);
	compare(a, b, "/");
	ck_assert_uint_gt(compared, 50);
	image_close(a);
	image_close(b);
}

/* ---- */

/* 1: the appliance runs; 0: this machine cannot build one. */
static int first_question(struct image *im)
{
	struct error err = ERROR_INIT;
	struct image_stat st;
	int rc = image_stat(im, WINDOWS, "/", &st, &err);

	if (rc < 0 && err.hint && strstr(err.hint, "kernel")) {
		printf("SKIP: %s\n", err.message);
		err_clear(&err);
		return 0;
	}
	ck_assert_msg(rc == 1, "%s", err.message);
	return 1;
}

static void check_nothing_left(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

START_TEST(everything_in_one_launch)
{
	struct error err = ERROR_INIT;

	dir = scratch_create("/tmp", &err);
	ck_assert_ptr_nonnull(dir);
	log_set_sink(on_log, NULL);
	make_disks((const char *[]){"guestfs.vhd", "direct.vhd", "before.vhd", NULL});
	bool fallback = fake_kvm();
	struct image *im = open_disk("guestfs.vhd", "guestfs", true);

	if (first_question(im)) {
		check_fallback(fallback);
		check_facts(im);
		check_reading(im);
		check_links(im);
		check_refusals(im);
		make_edits(im);
		check_edits(im);
		assert_ok(image_commit(im, &err), err);
		image_close(im);
		check_nothing_left();
		check_times("before.vhd", "guestfs.vhd");
		compare_engines("guestfs.vhd", "direct.vhd");
		CLEANUP(free) char *vhd = path_join(dir, "guestfs.vhd");
		assert_ok(txn_undo(vhd, false, &err), err);
		run("qemu-img compare -q -f vpc -F vpc %s %s/before.vhd", vhd, dir);
	} else {
		image_close(im);
	}
	free(last_warning);
	scratch_remove(dir);
	free(dir);
}
END_TEST

SUITE("guestfs", everything_in_one_launch)
