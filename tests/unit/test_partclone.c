/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A partclone image as a block device, with every cluster size; names; hostile headers and records.
 */
#include "tests/unit/unit.h"

#include <fcntl.h>

#include "common/fsutil.h"
#include "image/block_cache.h"
#include "image/bytes.h"
#include "image/mft_scan.h"
#include "image/ntfs.h"
#include "image/partclone_dev.h"
#include "image/partition_name.h"

#define MIB (1u << 20)

static char *dir;

static void setup(void)
{
	dir = scratch_create(NULL, NULL);
	ck_assert_ptr_nonnull(dir);
}

static void teardown(void)
{
	scratch_remove(dir);
	free(dir);
}

#define run(...) run_in(dir, "exec >>log 2>&1; " __VA_ARGS__)

/* An NTFS volume with clusters of @cluster bytes and a file of 3 MiB of noise, as partclone has it.
 */
static void make_image(unsigned cluster, const char *pack)
{
	run("PATH=$PATH:/sbin:/usr/sbin; truncate -s 24M v.ntfs; "
	    "mkntfs -F -Q -c %u v.ntfs && openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero "
	    "2>/dev/null | "
	    "head -c 3M >noise && ntfscp v.ntfs noise noise && ntfscp v.ntfs log log && "
	    "partclone.ntfs -c -s v.ntfs -O v.ptcl -a1 -L plog && %s <v.ptcl >v.img",
	    cluster, pack);
}

struct fixture {
	struct ptcl_set set;
	struct ptcl_dev *dev;
};

static void open_image(struct fixture *f, const char *name)
{
	CLEANUP(free) char *path = path_join(dir, name);
	struct error err = ERROR_INIT;

	assert_ok(ptcl_set_find(path, &f->set, &err), err);
	f->dev = ptcl_dev_open(&f->set, &err);
	ck_assert_msg(f->dev != NULL, "%s", err.message);
}

static void close_image(struct fixture *f)
{
	ptcl_dev_close(f->dev);
	ptcl_set_free(&f->set);
}

/* Put a new file, an old one's other content, and save as new/v.img. */
static void change(struct fixture *f)
{
	const struct ptcl_header *h = ptcl_dev_header(f->dev);
	struct blockdev *dev = ptcl_dev_blockdev(f->dev);
	CLEANUP(free) uint8_t *used = xcalloc(ptcl_bitmap_size(h), 1);
	CLEANUP(free) char *fresh = path_join(dir, "new");
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	CLEANUP(close) int fd = memfile("new", NULL);
	struct error err = ERROR_INIT;
	char digest[33];

	ck_assert_int_eq(write_all(fd, "changed\n", 8, NULL), 0);
	ck_assert_int_eq(ftruncate(fd, 300000), 0);
	assert_ok(ptcl_dev_begin(f->dev, dir, &err), err);
	struct ntfsvol *v = ntfsvol_open(dev, 0, dev->size, true, &err);
	ck_assert_msg(v != NULL, "%s", err.message);
	const struct image_put put = {.path = "/log", .fd = fd, .old_fd = -1};
	assert_ok(ntfsvol_put(v, &put, &err), err);
	assert_ok(ntfsvol_close(v, &err), err);
	ptcl_dev_settle(f->dev);
	v = ntfsvol_open(dev, 0, dev->size, false, &err);
	ck_assert_ptr_nonnull(v);
	assert_ok(ntfsvol_used(v, used, h->blocks, &err), err);
	assert_ok(ntfsvol_close(v, &err), err);
	ck_assert_int_eq(mkdir(fresh, 0700), 0);
	assert_ok(ptcl_dev_save(f->dev, used, fresh, &names, digest, &err), err);
	ck_assert_uint_eq(names.n, 1);
}

static void cycle(unsigned cluster, const char *pack, const char *unpack)
{
	const struct image_want want = {"/noise", 8 * MIB, false};
	struct fixture f;
	struct error err = ERROR_INIT;
	CLEANUP(close) int fd = memfile("noise", NULL);
	CLEANUP(buf) struct buf got = BUF_INIT, noise = BUF_INIT;
	CLEANUP(free) char *path = path_join(dir, "noise");

	make_image(cluster, pack);
	open_image(&f, "v.img");
	ck_assert_uint_eq(ptcl_dev_header(f.dev)->block_size, cluster);
	assert_ok(ptcl_dev_prefetch(f.dev, &want, 1, &err), err);
	struct blockdev *dev = ptcl_dev_blockdev(f.dev);
	struct ntfsvol *v = ntfsvol_open(dev, 0, dev->size, false, &err);
	ck_assert_msg(v != NULL, "%s", err.message);
	ck_assert_int_eq(ntfsvol_fetch(v, "/noise", fd, &err), 1);
	assert_ok(ntfsvol_close(v, &err), err);
	ck_assert_int_eq(read_whole_file(path, 8 * MIB, &noise, NULL), 0);
	ck_assert_int_eq(read_whole_fd(fd, 8 * MIB, &got, NULL), 0);
	ck_assert(buf_equal(&noise, &got));
	change(&f);
	close_image(&f);
	/* what partclone makes of it */
	run("PATH=$PATH:/sbin:/usr/sbin; %s <new/v.img >new.ptcl && partclone.chkimg -s new.ptcl "
	    "-L plog && "
	    ": >new.ntfs && partclone.restore -C -s new.ptcl -O new.ntfs -L plog && truncate -s "
	    "24M new.ntfs && "
	    "dd if=v.ntfs of=new.ntfs bs=512 count=1 skip=49151 seek=49151 conv=notrunc && ntfsfix "
	    "-n new.ntfs && "
	    "ntfscat new.ntfs noise | cmp - noise && ntfscat new.ntfs log | head -c 8 | grep -qx "
	    "changed && "
	    "[ $(ntfscat new.ntfs log | wc -c) = 300000 ]",
	    unpack);
	run("rm -rf new v.ntfs v.img v.ptcl");
}

START_TEST(every_cluster_size_is_read_and_written)
{
	cycle(512, "zstd -qc", "zstd -qdc");
	cycle(1024, "cat", "cat");
	cycle(4096, "cat", "cat");
	cycle(65536, "gzip", "gzip -dc");
}
END_TEST

/* The same bytes as partclone would restore, from a stream and from a file in parts. */
START_TEST(blocks_are_where_they_belong)
{
	make_image(4096, "cat");
	run("split -a 3 -d -b 300001 v.img d1p1.img. && mv d1p1.img.000 d1p1.img && gzip <v.img "
	    ">z.img");
	run(": >r.ntfs && partclone.restore -C -s v.ptcl -O r.ntfs -L plog && truncate -s 24M "
	    "r.ntfs");
	static const char *const names[] = {"v.img", "d1p1.img", "z.img"};
	CLEANUP(free) char *path = path_join(dir, "r.ntfs");
	CLEANUP(buf) struct buf whole = BUF_INIT;
	CLEANUP(free) uint8_t *p = xmalloc(100000);
	uint32_t seed = 1;

	ck_assert_int_eq(read_whole_file(path, 32 * MIB, &whole, NULL), 0);
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;
		struct error err = ERROR_INIT;

		open_image(&f, names[i]);
		struct blockdev *d = ptcl_dev_blockdev(f.dev);
		ck_assert_uint_eq(d->size, whole.len);
		/* of a compressed one each miss is a pass: few of them */
		for (unsigned n = 0; n < (i == 2 ? 20 : 500); n++) {
			seed = seed * 1103515245 + 12345;
			uint64_t off = seed % (whole.len - 100000);
			size_t size = seed % 9973;

			assert_ok(blockdev_read(d, p, size, off, &err), err);
			ck_assert(memcmp(p, whole.data + off, size) == 0);
		}
		close_image(&f);
	}
}
END_TEST

START_TEST(parts_are_found_by_name)
{
	unsigned disk, partition;

	ck_assert_uint_eq(name_fog_stem("d1p2.img", &disk, &partition), 8);
	ck_assert(disk == 1 && partition == 2);
	ck_assert_uint_eq(name_fog_stem("d10p12.img.001", &disk, &partition), 10);
	ck_assert_uint_eq(name_fog_stem("d1p2.imgx", &disk, &partition), 0);
	ck_assert_uint_eq(name_fog_stem("d1p5.ebr", &disk, &partition), 0);
	ck_assert_uint_eq(name_fog_stem("d1.mbr", &disk, &partition), 0);
	ck_assert_uint_eq(name_fog_stem("dp.img", &disk, &partition), 0);
	ck_assert_uint_eq(name_fog_stem("d-1p2.img", &disk, &partition), 0);
	ck_assert_uint_eq(name_clonezilla_stem("sda2.ntfs-ptcl-img.zst"), 22);
	ck_assert_uint_eq(name_clonezilla_stem("sda2.ntfs-ptcl-img.gz.aa"), 21);
	ck_assert_uint_eq(name_clonezilla_stem("nvme0n1p3.ntfs-ptcl-img.uncomp.ab"), 30);
	ck_assert_uint_eq(name_clonezilla_stem("sda2.ntfs-img.aa"), 0);
	ck_assert_uint_eq(name_clonezilla_stem("-ptcl-img.gz"), 0);
}
END_TEST

static void is_set(const char *name, const char *first, size_t parts)
{
	CLEANUP(free) char *path = path_join(dir, name);
	struct error err = ERROR_INIT;
	struct ptcl_set s;

	assert_ok(ptcl_set_find(path, &s, &err), err);
	ck_assert_str_eq(s.names.v[0], first);
	ck_assert_uint_eq(s.names.n, parts);
	ptcl_set_free(&s);
}

START_TEST(a_set_is_the_same_by_each_of_its_names)
{
	run("touch d1p2.img d1p2.img.001 d1p2.img.002 d1p3.img d1p20.img d1p5.img.000 d1p5.img.001 "
	    "a.ntfs-ptcl-img.gz.aa a.ntfs-ptcl-img.gz.ab b.ntfs-ptcl-img.zst c.img c.img.001");
	is_set("d1p2.img", "d1p2.img", 3);
	is_set("d1p2.img.002", "d1p2.img", 3);
	is_set("d1p3.img", "d1p3.img", 1);
	is_set("d1p5.img.001", "d1p5.img.000", 2);
	is_set("a.ntfs-ptcl-img.gz.ab", "a.ntfs-ptcl-img.gz.aa", 2);
	is_set("b.ntfs-ptcl-img.zst", "b.ntfs-ptcl-img.zst", 1);
	is_set("c.img", "c.img", 1);

	CLEANUP(strvec) struct strvec paths = STRVEC_INIT;
	ptcl_dir_list(dir, &paths);
	ck_assert_uint_eq(paths.n, 6);
	/* what somebody put beside them is none, and what has lost its first part is still one */
	run("touch d1p2.img.old d1p9.img.old b.ntfs-ptcl-img.zst.old c.ntfs-ptcl-img.gz.old; "
	    "rm d1p5.img.000 a.ntfs-ptcl-img.gz.aa");
	strvec_free(&paths);
	ptcl_dir_list(dir, &paths);
	ck_assert_uint_eq(paths.n, 6);
	for (size_t i = 0; i < paths.n; i++)
		ck_assert_ptr_null(strstr(paths.v[i], ".old"));

	CLEANUP(free) char *path = path_join(dir, "d1p2.img");
	struct error err = ERROR_INIT;
	struct ptcl_set s;
	run("rm d1p2.img.001");
	assert_fails(ptcl_set_find(path, &s, &err), err, ERR_DAMAGED);
}
END_TEST

START_TEST(an_image_directory_is_told_by_its_other_files)
{
	CLEANUP(free) char *path = path_join(dir, "d1p2.img");

	run("touch d1p2.img");
	ck_assert_ptr_null(name_image_dir(path));
	run("touch d1.partitions");
	CLEANUP(free) char *found = name_image_dir(path);
	ck_assert_str_eq(found, dir);
}
END_TEST

static void good_header(struct ptcl_header *h)
{
	*h = (struct ptcl_header){
	    .version = 2,
	    .fs = "NTFS",
	    .device_size = 24 * MIB,
	    .blocks = 6143,
	    .super_used = 1000,
	    .stored = 1000,
	    .block_size = 4096,
	    .cpu_bits = 64,
	};
}

static void refused(const struct ptcl_header *h, enum err_code want)
{
	uint8_t raw[PTCL_V2_HEADER];
	struct error err = ERROR_INIT;
	struct ptcl_header out;
	size_t size;

	ptcl_header_make(h, raw);
	assert_fails(ptcl_header_parse(raw, sizeof(raw), &out, &size, &err), err, want);
}

START_TEST(impossible_headers_are_refused)
{
	struct ptcl_header h, out;
	uint8_t raw[PTCL_V2_HEADER];
	struct error err = ERROR_INIT;
	size_t size;

	good_header(&h);
	ptcl_header_make(&h, raw);
	assert_ok(ptcl_header_parse(raw, sizeof(raw), &out, &size, &err), err);
	ck_assert_uint_eq(size, PTCL_V2_HEADER);
	ck_assert_uint_eq(out.blocks, 6143);
	assert_fails(ptcl_header_parse(raw, 109, &out, &size, &err), err, ERR_DAMAGED);
	assert_fails(ptcl_header_parse(raw, 10, &out, &size, &err), err, ERR_NOT_AN_IMAGE);
	for (size_t i = 34; i < sizeof(raw); i++) {
		raw[i] ^= 0x80;
		ck_assert_msg(
		    ptcl_header_parse(raw, sizeof(raw), &out, &size, &err) < 0, "byte %zu", i);
		raw[i] ^= 0x80;
		err_clear(&err);
	}
	h.block_size = 4095, refused(&h, ERR_DAMAGED), good_header(&h);
	h.block_size = 1u << 31, refused(&h, ERR_DAMAGED), good_header(&h);
	h.blocks = 0, refused(&h, ERR_DAMAGED), good_header(&h);
	h.blocks = 7000, refused(&h, ERR_DAMAGED), good_header(&h);
	h.blocks = 1ull << 40, h.device_size = ~0ull, refused(&h, ERR_LIMIT), good_header(&h);
	h.blocks = ~0ull, h.device_size = ~0ull, refused(&h, ERR_LIMIT), good_header(&h);
	h.stored = 0, refused(&h, ERR_DAMAGED), good_header(&h);
	h.stored = 6144, refused(&h, ERR_DAMAGED), good_header(&h);
	h.sum_mode = PTCL_SUM_CRC32, refused(&h, ERR_DAMAGED), good_header(&h);
	h.blocks_per_sum = 5, refused(&h, ERR_DAMAGED), good_header(&h);
	h.sum_mode = (enum ptcl_sum_mode)0x77, refused(&h, ERR_FORMAT), good_header(&h);
	strcpy(h.fs, "EXTFS"), refused(&h, ERR_NO_WINDOWS);
}
END_TEST

START_TEST(the_cache_keeps_what_it_is_given_up_to_its_limit)
{
	struct block_cache *c = block_cache_new(512, 1u << 20);
	uint8_t p[512], q[512];

	for (unsigned pass = 0; pass < 3; pass++) {
		block_cache_begin_pass(c);
		for (uint64_t b = pass; b < 3000; b += 3) {
			memset(p, (int)(b % 251), sizeof(p));
			ck_assert(block_cache_add(c, b, p));
		}
		block_cache_end_pass(c);
	}
	for (uint64_t n = 0, b = 17; n < 3000; n++, b = (b + 1001) % 3000) {
		memset(p, (int)(b % 251), sizeof(p));
		ck_assert(block_cache_get(c, b, q));
		ck_assert(memcmp(p, q, sizeof(p)) == 0);
	}
	ck_assert(!block_cache_has(c, 3000) && !block_cache_get(c, 3000, q));
	/* noise does not compress */
	uint32_t seed = 1;
	uint64_t b = 5000;
	block_cache_begin_pass(c);
	do {
		for (size_t i = 0; i < sizeof(p); i++)
			p[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 24);
	} while (block_cache_add(c, b, p) && b++ < 10000);
	block_cache_end_pass(c);
	ck_assert_uint_gt(b, 6500);
	ck_assert_uint_lt(b, 7500);
	block_cache_free(c);
}
END_TEST

/* Records with bytes turned at random: whatever they say, it ends and stays in its bounds. */
START_TEST(hostile_records_do_no_harm)
{
	CLEANUP(free) char *path = path_join(dir, "v.ntfs");
	CLEANUP(buf) struct buf volume = BUF_INIT;
	static const struct image_want want[] = {
	    {"/noise", 1u << 20, false}, {"/", 65536, true}, {"/log/x/y", 1, false}};
	uint32_t seed = 4711;

	make_image(4096, "cat");
	ck_assert_int_eq(read_whole_file(path, 32 * MIB, &volume, NULL), 0);
	for (unsigned round = 0; round < 300; round++) {
		struct block_cache *c = block_cache_new(4096, 8 * MIB);
		uint8_t block[4096], wanted[6144 / 8] = {0};
		const struct mft_scan scan = {c, 4096, 1024, 6143, wanted};

		block_cache_begin_pass(c);
		for (uint64_t b = 0; b < 6143; b++) {
			const char *p = volume.data + b * 4096;

			if (memcmp(p, "FILE", 4) != 0)
				continue;
			memcpy(block, p, sizeof(block));
			for (unsigned n = 0; n < round % 40; n++) {
				seed = seed * 1103515245 + 12345;
				block[(seed >> 8) % sizeof(block)] = (uint8_t)(seed >> 24);
			}
			memcpy(block, "FILE", 4);
			ck_assert(block_cache_add(c, b, block));
		}
		block_cache_end_pass(c);
		mft_scan_paths(&scan, want, 3);
		if (round ==
		    0) /* 3 MiB of noise, of which 1 MiB was asked for, and the system's files */
			ck_assert_uint_gt(ptcl_count_bits(wanted, sizeof(wanted)), 256);
		mft_scan_owner(&scan, seed % 6143, 1u << 20);
		ck_assert(ptcl_bit(wanted, seed % 6143));
		ck_assert(!ptcl_bit(wanted, 6143));
		block_cache_free(c);
	}
}
END_TEST

SUITE_WITH("partclone", setup, teardown, every_cluster_size_is_read_and_written,
    blocks_are_where_they_belong,
    parts_are_found_by_name,
    a_set_is_the_same_by_each_of_its_names,
    an_image_directory_is_told_by_its_other_files,
    impossible_headers_are_refused,
    the_cache_keeps_what_it_is_given_up_to_its_limit,
    hostile_records_do_no_harm)
