/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a file is, and what is refused by its first bytes. Images are made by qemu-img. */
#include "tests/unit/unit.h"

#include <fcntl.h>

#include "common/fsutil.h"
#include "common/log.h"
#include "image/image.h"

static char *dir;

#define run(...) run_in(dir, "exec >/dev/null; " __VA_ARGS__)

/* A disk with an MBR, 4 MiB, as the source of everything. */
static void setup(void)
{
	struct error err = ERROR_INIT;

	dir = scratch_create("/tmp", &err);
	ck_assert_ptr_nonnull(dir);
	CLEANUP(free) char *raw = path_join(dir, "raw");
	uint8_t s[512] = {[446 + 4] = 7, [446 + 9] = 8, [446 + 12] = 8, [510] = 0x55, [511] = 0xaa};
	assert_ok(write_file_atomic(raw, s, sizeof(s), 0600, &err), err);
	ck_assert_int_eq(truncate(raw, 4 << 20), 0);
}

static void teardown(void)
{
	scratch_remove(dir);
	free(dir);
}

static void is(const char *name, enum image_format want, const char *text)
{
	CLEANUP(free) char *path = path_join(dir, name);
	enum image_format got;
	struct error err = ERROR_INIT;

	assert_ok(image_probe(path, &got, &err), err);
	ck_assert_msg(got == want, "%s: %s", name, image_format_name(got));
	ck_assert_str_eq(image_format_name(got), text);
}

/* Refused; returns nothing else, since every refusal has its hint and names the file. */
static void refused(const char *name, enum err_code code, const char *hint)
{
	CLEANUP(free) char *path = path_join(dir, name);
	CLEANUP(error) struct error err = ERROR_INIT;
	enum image_format got;

	ck_assert_msg(image_probe(path, &got, &err) < 0, "%s: taken for %s", name,
	    image_format_name(got));
	ck_assert_msg(err.code == code, "%s: %s: %s", name, err_code_name(err.code), err.message);
	ck_assert_ptr_nonnull(strstr(err.message, name));
	if (hint)
		ck_assert_msg(err.hint && strstr(err.hint, hint), "%s: %s", name,
		    err.hint ? err.hint : "no hint");
}

static void make(const char *name, const void *p, size_t n)
{
	CLEANUP(free) char *path = path_join(dir, name);
	CLEANUP(close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct error err = ERROR_INIT;

	assert_ok(write_all(fd, p, n, &err), err);
}

static void patch(const char *name, off_t at, const void *p, size_t n)
{
	CLEANUP(free) char *path = path_join(dir, name);
	CLEANUP(close) int fd = open(path, O_RDWR);
	struct error err = ERROR_INIT;
	off_t size = lseek(fd, 0, SEEK_END);

	assert_ok(pwrite_all(fd, p, n, (uint64_t)(at < 0 ? size + at : at), &err), err);
}

START_TEST(formats_are_known_by_content)
{
	setup();
	is("raw", FORMAT_RAW, "raw");
	run("qemu-img convert -O vpc raw a.bin");
	is("a.bin", FORMAT_VHD_DYNAMIC, "vhd");
	run("qemu-img convert -O vpc -o subformat=fixed raw b");
	is("b", FORMAT_VHD_FIXED, "vhd");
	run("qemu-img convert -O vhdx raw c");
	is("c", FORMAT_VHDX, "vhdx");
	run("qemu-img convert -O qcow2 raw d");
	is("d", FORMAT_QCOW2, "qcow2");
	run("qemu-img convert -O qcow2 -o compat=0.10 raw d2");
	is("d2", FORMAT_QCOW2, "qcow2");
	run("qemu-img convert -O vmdk raw e");
	is("e", FORMAT_VMDK, "vmdk");
	run("qemu-img convert -O vmdk -o subformat=twoGbMaxExtentFlat raw f.vmdk");
	is("f.vmdk", FORMAT_VMDK, "vmdk");
	run("qemu-img convert -O vmdk -o subformat=twoGbMaxExtentSparse raw g.vmdk");
	is("g.vmdk", FORMAT_VMDK, "vmdk");
	run("truncate -s 4M ntfs; mkntfs -q -F -Q ntfs 2>&1");
	is("ntfs", FORMAT_RAW, "raw");
	run("cp ntfs fve; printf -- '-FVE-FS-' | dd of=fve bs=1 seek=3 conv=notrunc 2>&1");
	is("fve", FORMAT_RAW, "raw");
	make("wim", "MSWIM\0\0\0rest", 12);
	is("wim", FORMAT_WIM, "wim");
	make("pipable", "WLPWM\0\0\0rest", 12);
	is("pipable", FORMAT_WIM, "wim");
	make("ptcl", "partclone-image0002", 19);
	is("ptcl", FORMAT_PARTCLONE, "partclone");
	is(".", FORMAT_TREE, "tree");
	teardown();
}
END_TEST

START_TEST(what_is_no_image_is_refused)
{
	setup();
	refused("missing", ERR_NO_SUCH_FILE, NULL);
	make("empty", "", 0);
	refused("empty", ERR_NOT_AN_IMAGE, "expected");
	run("seq 5000 >text");
	refused("text", ERR_NOT_AN_IMAGE, "expected");
	run("truncate -s 1M zeros");
	refused("zeros", ERR_NOT_AN_IMAGE, "expected");
	run("mkfifo fifo");
	refused("fifo", ERR_NOT_AN_IMAGE, NULL);
	run("truncate -s 40k iso; printf 'CD001' | dd of=iso bs=1 seek=32769 conv=notrunc 2>&1");
	refused("iso", ERR_NOT_AN_IMAGE, "install.wim");
	run("gzip <raw >gz; xz <raw >xz; zstd -q <raw >zst; bzip2 <raw >bz2");
	refused("gz", ERR_FORMAT, "unpack");
	refused("xz", ERR_FORMAT, "unpack");
	refused("zst", ERR_FORMAT, "unpack");
	run("qemu-img convert -O vdi raw vdi");
	refused("vdi", ERR_FORMAT, "qemu-img convert -f vdi");
	make("cowd", "COWD\1\0\0\0", 8);
	refused("cowd", ERR_FORMAT, "qemu-img convert");
	teardown();
}
END_TEST

START_TEST(vhd_variants)
{
	setup();
	run("qemu-img convert -O vpc raw v");
	patch("v", 60, "\0\0\0\4", 4);
	patch("v", -512 + 60, "\0\0\0\4", 4);
	refused("v", ERR_DIFFERENCING, "parent");
	/* one of the two places is enough */
	patch("v", -512 + 60, "\0\0\0\3", 4);
	refused("v", ERR_DIFFERENCING, "parent");
	run("qemu-img convert -O vpc raw cut; truncate -s -600 cut");
	refused("cut", ERR_DAMAGED, "copy it again");
	run("qemu-img convert -O vpc raw headless; dd if=/dev/zero of=headless bs=512 count=1 conv=notrunc 2>&1");
	refused("headless", ERR_DAMAGED, NULL);
	run("qemu-img convert -O vpc raw odd");
	patch("odd", 60, "\0\0\0\5", 4);
	refused("odd", ERR_FORMAT, NULL);
	teardown();
}
END_TEST

START_TEST(vhdx_with_a_parent)
{
	static const uint8_t parameters[16] = {0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3,
	    0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b};
	struct buf b = BUF_INIT;
	struct error err = ERROR_INIT;

	setup();
	run("qemu-img convert -O vhdx raw x; cp x lost");
	CLEANUP(free) char *path = path_join(dir, "x");
	assert_ok(read_whole_file(path, 64 << 20, &b, &err), err);
	char *table = memmem(b.data, b.len, "metadata", 8);
	ck_assert_ptr_nonnull(table);
	char *item = memmem(table, 65536, parameters, 16);
	ck_assert_ptr_nonnull(item);
	uint32_t at;
	memcpy(&at, item + 16, 4);
	patch("x", table - b.data + at + 4, "\2", 1);
	refused("x", ERR_DIFFERENCING, "parent");
	/* the second copy of the region table is looked at when the first is gone */
	patch("x", 192 << 10, "gone", 4);
	refused("x", ERR_DIFFERENCING, "parent");
	patch("lost", 192 << 10, "gone", 4);
	patch("lost", 256 << 10, "gone", 4);
	refused("lost", ERR_DAMAGED, NULL);
	buf_free(&b);
	teardown();
}
END_TEST

static int warnings;

static void on_log(enum log_level level, const char *line, void *opaque)
{
	(void)line, (void)opaque;
	warnings += level == LOG_WARN;
}

START_TEST(qcow2_that_depends_on_others)
{
	setup();
	run("qemu-img create -f qcow2 -F raw -b raw back");
	refused("back", ERR_BACKING_FILE, "merge");
	run("qemu-img create -f qcow2 -o data_file=ext.raw,data_file_raw=on ext 4M");
	refused("ext", ERR_BACKING_FILE, "qemu-img convert");
	/* the header of an encrypted one: qemu-img needs a quiet machine to make a real one */
	run("qemu-img convert -O qcow2 raw luks");
	patch("luks", 35, "\2", 1);
	refused("luks", ERR_FORMAT, "decrypt");
	run("qemu-img convert -O qcow2 raw corrupt");
	patch("corrupt", 79, "\2", 1);
	refused("corrupt", ERR_DAMAGED, "qemu-img check");
	run("qemu-img convert -O qcow2 raw future");
	patch("future", 73, "\1", 1);
	refused("future", ERR_FORMAT, NULL);
	run("qemu-img convert -O qcow2 raw dirty");
	patch("dirty", 79, "\1", 1);
	is("dirty", FORMAT_QCOW2, "qcow2");
	make("q1", "QFI\xfb\0\0\0\1", 8);
	refused("q1", ERR_FORMAT, NULL);
	run("qemu-img convert -O qcow2 raw snap; qemu-img snapshot -c one snap");
	log_set_sink(on_log, NULL);
	is("snap", FORMAT_QCOW2, "qcow2");
	log_set_sink(NULL, NULL);
	ck_assert_int_eq(warnings, 1);
	teardown();
}
END_TEST

#define DESCRIPTOR(cid, extent) \
	"# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=" cid \
	"\ncreateType=\"x\"\n\n# Extent description\n" extent "\n"

static void descriptor(const char *name, const char *text)
{
	make(name, text, strlen(text));
}

START_TEST(vmdk_that_depends_on_others)
{
	setup();
	run("qemu-img convert -O vmdk -o subformat=streamOptimized raw s.vmdk");
	refused("s.vmdk", ERR_FORMAT, "qemu-img convert -f vmdk");
	run("qemu-img convert -O vmdk raw base.vmdk; qemu-img create -f vmdk -b base.vmdk -F vmdk child.vmdk");
	refused("child.vmdk", ERR_DIFFERENCING, "snapshots");
	descriptor("t1", DESCRIPTOR("abcd0123", "RW 8192 FLAT \"raw\" 0"));
	refused("t1", ERR_DIFFERENCING, "snapshots");
	descriptor("t2", DESCRIPTOR("ffffffff", "RW 8192 FLAT \"raw\" 0"));
	is("t2", FORMAT_VMDK, "vmdk");
	/* nothing outside the directory, by whatever way */
	descriptor("t3", DESCRIPTOR("ffffffff", "RW 8192 FLAT \"/etc/passwd\" 0"));
	refused("t3", ERR_BACKING_FILE, "one directory");
	descriptor("t4", DESCRIPTOR("ffffffff", "RW 8192 FLAT \"../raw\" 0"));
	refused("t4", ERR_BACKING_FILE, "one directory");
	descriptor("t5", DESCRIPTOR("ffffffff", "RW 8192 FLAT \"nbd:127.0.0.1:10809\" 0"));
	refused("t5", ERR_BACKING_FILE, "one directory");
	run("ln -s /etc/passwd link");
	descriptor("t6", DESCRIPTOR("ffffffff", "RW 8192 FLAT \"link\" 0"));
	refused("t6", ERR_BACKING_FILE, "one directory");
	descriptor("t7", DESCRIPTOR("ffffffff", "RW 8192 FLAT \"not-there\" 0"));
	refused("t7", ERR_BACKING_FILE, "one directory");
	run("mkdir sub; ln -s ../t4 sub/t8");
	refused("sub/t8", ERR_BACKING_FILE, "one directory");
	/* a part that is a list of files itself */
	descriptor("t9", DESCRIPTOR("ffffffff", "RW 8192 SPARSE \"base.vmdk\""));
	is("t9", FORMAT_VMDK, "vmdk");
	patch("base.vmdk", 12, "\0\0\0\0\0\0\0\0", 8);
	refused("t9", ERR_FORMAT, NULL);
	refused("base.vmdk", ERR_FORMAT, NULL);
	descriptor("t10", DESCRIPTOR("ffffffff", "RW 8192 SPARSE \"raw\""));
	refused("t10", ERR_FORMAT, NULL);
	descriptor("t11", DESCRIPTOR("ffffffff", "RW 8192 SESPARSE \"raw\""));
	refused("t11", ERR_FORMAT, "qemu-img convert");
	descriptor("t12", DESCRIPTOR("ffffffff", "RDONLY 8192 FLAT \"raw\" 0"));
	refused("t12", ERR_FORMAT, "qemu-img convert");
	descriptor("t13", DESCRIPTOR("ffffffff", "# nothing"));
	refused("t13", ERR_DAMAGED, NULL);
	run("cp t2 t14; truncate -s 100k t14");
	refused("t14", ERR_LIMIT, NULL);
	teardown();
}
END_TEST

/* Damaged headers of every kind: an answer or a refusal, and no read past the end. */
START_TEST(damaged_headers_are_survived)
{
	static const char *const formats[] = {"vpc", "vhdx", "qcow2", "vmdk"};
	unsigned seed = 17, refusals = 0;

	setup();
	for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
		struct buf b = BUF_INIT;
		struct error err = ERROR_INIT;
		enum image_format got;

		run("qemu-img convert -O %s raw good", formats[f]);
		CLEANUP(free) char *good = path_join(dir, "good"), *bad = path_join(dir, "bad");
		assert_ok(read_whole_file(good, 64 << 20, &b, &err), err);
		/* short pieces, too: a header cut off in its middle */
		for (size_t n = 0; n < 600; n += 7) {
			make("bad", b.data, n);
			refusals += image_probe(bad, &got, NULL) < 0;
		}
		make("bad", b.data, b.len);
		for (int round = 0; round < 300; round++) {
			uint8_t old, byte;
			seed = seed * 1664525 + 1013904223;
			uint64_t at = 8 + (seed >> 8) % 504;
			if (f == 1)	/* the region table, where the pointers are */
				at = (192u << 10) + (seed >> 8) % 80;
			old = (uint8_t)b.data[at];
			byte = (uint8_t)seed;
			patch("bad", (off_t)at, &byte, 1);
			refusals += image_probe(bad, &got, NULL) < 0;
			patch("bad", (off_t)at, &old, 1);
		}
		buf_free(&b);
	}
	ck_assert_uint_gt(refusals, 100);
	teardown();
}
END_TEST

SUITE("probe", formats_are_known_by_content, what_is_no_image_is_refused, vhd_variants,
    vhdx_with_a_parent, qcow2_that_depends_on_others, vmdk_that_depends_on_others,
    damaged_headers_are_survived)
