/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partition tables and the state of NTFS volumes, sound and damaged. */
#include "tests/unit/unit.h"

#include "common/fsutil.h"
#include "image/bytes.h"
#include "image/ntfs_boot.h"
#include "image/partition.h"
#include "tests/fixtures/volume.h"

#define SECTORS 40960u	/* 20 MiB */

/* A disk in memory: reads past its end would be a bug, blockdev_read() has to prevent them. */
struct memory {
	struct blockdev dev;
	uint8_t *p;
};

static int memory_read(struct blockdev *d, void *p, size_t n, uint64_t off, struct error *err)
{
	(void)err;
	memcpy(p, ((struct memory *)d)->p + off, n);
	return 0;
}

static struct memory make_disk(uint64_t size)
{
	return (struct memory){{.size = size, .read = memory_read}, xcalloc(1, size)};
}

static void put_le32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, 4);
}

static void put_le64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, 8);
}

static void mbr_entry(struct memory *m, uint64_t sector, unsigned i, uint8_t type, uint32_t start,
    uint32_t count)
{
	uint8_t *s = m->p + sector * 512, *e = s + 446 + i * 16;

	e[4] = type;
	put_le32(e + 8, start);
	put_le32(e + 12, count);
	s[510] = 0x55;
	s[511] = 0xaa;
}

static struct partition_list read_table(struct memory *m)
{
	struct partition_list l = PARTITION_LIST_INIT;
	struct error err = ERROR_INIT;

	assert_ok(partition_read(&m->dev, &l, &err), err);
	return l;
}

static void check(const struct partition_list *l, size_t i, unsigned number, uint64_t start,
    uint64_t sectors)
{
	ck_assert_uint_gt(l->list.n, i);
	ck_assert_uint_eq(l->list.v[i].number, number);
	ck_assert_uint_eq(l->list.v[i].offset, start * 512);
	ck_assert_uint_eq(l->list.v[i].size, sectors * 512);
}

START_TEST(primary_and_logical_partitions)
{
	struct memory m = make_disk(SECTORS * 512);

	mbr_entry(&m, 0, 0, 7, 2048, 4096);
	mbr_entry(&m, 0, 2, 0x0f, 8192, 20000);
	mbr_entry(&m, 0, 3, 7, 30000, 1000);
	mbr_entry(&m, 8192, 0, 7, 64, 1000);
	mbr_entry(&m, 8192, 1, 5, 4000, 5000);
	mbr_entry(&m, 8192 + 4000, 0, 0x83, 64, 2000);
	struct partition_list l = read_table(&m);
	ck_assert_int_eq(l.table, TABLE_MBR);
	ck_assert_uint_eq(l.list.n, 4);
	check(&l, 0, 1, 2048, 4096);
	check(&l, 1, 4, 30000, 1000);
	check(&l, 2, 5, 8192 + 64, 1000);
	check(&l, 3, 6, 8192 + 4000 + 64, 2000);
	ck_assert_uint_eq(l.list.v[3].type, 0x83);
	partition_list_free(&l);
	free(m.p);
}
END_TEST

START_TEST(partitions_outside_the_disk_are_left_out)
{
	struct memory m = make_disk(SECTORS * 512);

	mbr_entry(&m, 0, 0, 7, 2048, 4096);
	mbr_entry(&m, 0, 1, 7, SECTORS - 10, 11);
	mbr_entry(&m, 0, 2, 7, 0xffffffff, 0xffffffff);
	mbr_entry(&m, 0, 3, 5, SECTORS + 5, 100);
	struct partition_list l = read_table(&m);
	ck_assert_uint_eq(l.list.n, 1);
	partition_list_free(&l);
	free(m.p);
}
END_TEST

START_TEST(a_chain_that_bites_its_tail_ends)
{
	struct memory m = make_disk(SECTORS * 512);
	struct partition_list l = PARTITION_LIST_INIT;
	struct error err = ERROR_INIT;

	mbr_entry(&m, 0, 0, 5, 8192, 20000);
	mbr_entry(&m, 8192, 0, 7, 64, 1000);
	mbr_entry(&m, 8192, 1, 5, 4000, 5000);
	mbr_entry(&m, 8192 + 4000, 0, 7, 64, 1000);
	mbr_entry(&m, 8192 + 4000, 1, 5, 4000, 5000);
	assert_fails(partition_read(&m.dev, &l, &err), err, ERR_LIMIT);
	partition_list_free(&l);
	free(m.p);
}
END_TEST

/* Header at @lba with its table at @table, as UEFI 2.10, 5.3.2 has it. */
static void gpt_header(struct memory *m, uint32_t sector, uint64_t lba, uint64_t table)
{
	uint8_t *h = m->p + lba * sector;

	memcpy(h, "EFI PART\0\0\1", 12);
	put_le32(h + 12, 92);
	put_le64(h + 24, lba);
	put_le64(h + 40, 34);
	put_le64(h + 48, SECTORS - 34);
	put_le64(h + 72, table);
	put_le32(h + 80, 128);
	put_le32(h + 84, 128);
	put_le32(h + 88, crc32_ieee(0, m->p + table * sector, 128 * 128));
	put_le32(h + 16, 0);
	put_le32(h + 16, crc32_ieee(0, h, 92));
}

static void gpt_entry(struct memory *m, uint64_t at, uint64_t first, uint64_t last)
{
	memcpy(m->p + at, "\xa2\xa0\xd0\xeb\xe5\xb9\x33\x44\x87\xc0\x68\xb6\xb7\x26\x99\xc7", 16);
	put_le64(m->p + at + 32, first);
	put_le64(m->p + at + 40, last);
}

static struct memory make_gpt(uint32_t sector)
{
	struct memory m = make_disk((uint64_t)SECTORS * 512);
	uint64_t sectors = m.dev.size / sector;
	uint64_t tables[] = {2, sectors - 1 - 128 * 128 / sector};

	mbr_entry(&m, 0, 0, 0xee, 1, 0xffffffff);
	for (int i = 0; i < 2; i++) {
		gpt_entry(&m, tables[i] * sector, 64, 1000);
		gpt_entry(&m, tables[i] * sector + 3 * 128, 2000, 3000);
		gpt_entry(&m, tables[i] * sector + 4 * 128, 4000, sectors);	/* one too many */
		gpt_entry(&m, tables[i] * sector + 5 * 128, 4000, 3999);
	}
	gpt_header(&m, sector, 1, tables[0]);
	gpt_header(&m, sector, sectors - 1, tables[1]);
	return m;
}

static void check_gpt(struct memory *m, uint32_t sector)
{
	struct partition_list l = read_table(m);

	ck_assert_int_eq(l.table, TABLE_GPT);
	ck_assert_uint_eq(l.list.n, 2);
	check(&l, 0, 1, 64 * sector / 512, 937 * sector / 512);
	check(&l, 1, 4, 2000 * sector / 512, 1001 * sector / 512);
	partition_list_free(&l);
}

START_TEST(gpt_with_small_and_large_sectors)
{
	for (uint32_t sector = 512; sector <= 4096; sector *= 8) {
		struct memory m = make_gpt(sector);

		check_gpt(&m, sector);
		free(m.p);
	}
}
END_TEST

START_TEST(either_copy_of_a_gpt_will_do)
{
	struct memory m = make_gpt(512);
	struct partition_list l = PARTITION_LIST_INIT;
	struct error err = ERROR_INIT;

	m.p[512 + 60] ^= 1;	/* header */
	check_gpt(&m, 512);
	m.p[512 + 60] ^= 1;
	m.p[1024 + 128 * 50] ^= 1;	/* table */
	check_gpt(&m, 512);
	m.p[m.dev.size - 512 + 60] ^= 1;
	assert_fails(partition_read(&m.dev, &l, &err), err, ERR_DAMAGED);
	ck_assert_uint_eq(l.list.n, 0);
	free(m.p);
}
END_TEST

START_TEST(a_boot_sector_is_no_table)
{
	struct memory m = make_disk(SECTORS * 512);

	mbr_entry(&m, 0, 0, 7, 2048, 4096);
	memcpy(m.p + 3, "NTFS    ", 8);
	struct partition_list l = read_table(&m);
	ck_assert_int_eq(l.table, TABLE_NONE);
	memcpy(m.p + 3, "-FVE-FS-", 8);
	l = read_table(&m);
	ck_assert_int_eq(l.table, TABLE_NONE);
	/* program code where the table would be */
	memset(m.p + 3, 0, 8);
	memset(m.p + 446, 0x33, 64);
	l = read_table(&m);
	ck_assert_int_eq(l.table, TABLE_NONE);
	m.dev.size = 100;
	l = read_table(&m);
	ck_assert_int_eq(l.table, TABLE_NONE);
	free(m.p);
}
END_TEST

/* Whatever the bytes say, every partition that is given out is on the disk. */
START_TEST(damaged_tables_stay_in_bounds)
{
	unsigned seed = 5;

	for (int kind = 0; kind < 2; kind++) {
		for (int round = 0; round < 1000; round++) {
			struct memory m = kind ? make_gpt(512) : make_disk(SECTORS * 512);
			struct partition_list l = PARTITION_LIST_INIT;

			if (!kind) {
				mbr_entry(&m, 0, 0, 7, 2048, 4096);
				mbr_entry(&m, 0, 1, 5, 8192, 20000);
				mbr_entry(&m, 8192, 0, 7, 64, 1000);
				mbr_entry(&m, 8192, 1, 5, 4000, 5000);
			}
			for (int i = 0; i < 4; i++) {
				seed = seed * 1664525 + 1013904223;
				uint32_t at = kind ? 512 + (seed >> 8) % 1500 : 446 + (seed >> 8) % 64;
				m.p[at + (round & 1 && !kind ? 8192 * 512 : 0)] = (uint8_t)seed;
				if (kind && round & 1)	/* let the entries through */
					gpt_header(&m, 512, 1, 2);
			}
			partition_read(&m.dev, &l, NULL);
			for (size_t i = 0; i < l.list.n; i++) {
				ck_assert_uint_gt(l.list.v[i].size, 0);
				ck_assert_uint_le(l.list.v[i].offset, m.dev.size);
				ck_assert_uint_le(l.list.v[i].size, m.dev.size - l.list.v[i].offset);
			}
			partition_list_free(&l);
			free(m.p);
		}
	}
}
END_TEST

/* ---- NTFS ---- */

static struct memory make_volume(const struct volume_options *o)
{
	struct error err = ERROR_INIT;
	char *dir = scratch_create("/tmp", &err);
	CLEANUP(free) char *path = path_join(dir, "v");
	struct buf b = BUF_INIT;

	assert_ok(volume_make(path, 8, NULL, o, &err), err);
	assert_ok(read_whole_file(path, 16 << 20, &b, &err), err);
	scratch_remove(dir);
	free(dir);
	return (struct memory){{.size = b.len, .read = memory_read}, (uint8_t *)b.data};
}

static struct ntfs_state state_of(const struct volume_options *o)
{
	struct memory m = make_volume(o);
	struct ntfs_state s;
	struct error err = ERROR_INIT;
	enum volume_kind kind;

	ck_assert_msg(ntfs_state_read(&m.dev, 0, m.dev.size, &kind, &s, &err) == 1, "%s", err.message);
	ck_assert_int_eq(kind, VOLUME_NTFS);
	free(m.p);
	return s;
}

START_TEST(the_state_of_a_volume_is_seen)
{
	struct ntfs_state s = state_of(&(struct volume_options){.label = "Wörk"});

	ck_assert(!s.dirty && s.log_clean);
	ck_assert_str_eq(s.label, "Wörk");
	ck_assert(s.major == 3 && s.minor == 1);
	s = state_of(&(struct volume_options){.log = VOLUME_LOG_EMPTY});
	ck_assert(!s.dirty && s.log_clean);
	ck_assert_str_eq(s.label, "");
	s = state_of(&(struct volume_options){.log = VOLUME_LOG_UNCLEAN});
	ck_assert(!s.dirty && !s.log_clean);
	s = state_of(&(struct volume_options){.dirty = true});
	ck_assert(s.dirty && s.log_clean);
}
END_TEST

START_TEST(other_volumes_are_told_apart)
{
	struct memory m = make_volume(&(struct volume_options){.bitlocker = true});
	struct ntfs_state s;
	struct error err = ERROR_INIT;
	enum volume_kind kind;

	ck_assert_int_eq(ntfs_state_read(&m.dev, 0, m.dev.size, &kind, &s, &err), 0);
	ck_assert_int_eq(kind, VOLUME_BITLOCKER);
	memset(m.p, 0, 512);
	ck_assert_int_eq(ntfs_state_read(&m.dev, 0, m.dev.size, &kind, &s, &err), 0);
	ck_assert_int_eq(kind, VOLUME_OTHER);
	ck_assert_int_eq(ntfs_state_read(&m.dev, 0, 100, &kind, &s, &err), 0);
	free(m.p);
}
END_TEST

START_TEST(a_volume_larger_than_its_partition_is_damaged)
{
	struct memory m = make_volume(&(struct volume_options){0});
	struct ntfs_state s;
	struct error err = ERROR_INIT;
	enum volume_kind kind;

	assert_fails(ntfs_state_read(&m.dev, 0, m.dev.size / 2, &kind, &s, &err), err, ERR_DAMAGED);
	ck_assert_int_eq(kind, VOLUME_NTFS);
	free(m.p);
}
END_TEST

START_TEST(damaged_volumes_stay_in_bounds)
{
	struct memory m = make_volume(&(struct volume_options){.label = "x"});
	CLEANUP(free) uint8_t *whole = xmemdup(m.p, m.dev.size);
	struct error err = ERROR_INIT;
	enum volume_kind kind;
	struct ntfs_boot boot;
	struct ntfs_state s;
	unsigned seed = 3, damaged = 0;

	assert_ok(ntfs_boot_parse(m.p, m.dev.size, &boot, &err), err);
	const uint64_t places[] = {0, boot.mft + 2 * boot.record_size, boot.mft + 3 * boot.record_size};
	for (int round = 0; round < 10000; round++) {
		uint64_t base = places[round % 3];
		size_t span = round % 3 ? 512 : 96;	/* of a record: the attributes */

		for (int i = 0; i < 3; i++) {
			seed = seed * 1664525 + 1013904223;
			m.p[base + (seed >> 8) % span] = (uint8_t)seed;
		}
		damaged += ntfs_state_read(&m.dev, 0, m.dev.size, &kind, &s, NULL) < 0;
		memcpy(m.p + base, whole + base, 1024);
	}
	ck_assert_uint_gt(damaged, 1000);
	free(m.p);
}
END_TEST

SUITE("partition", primary_and_logical_partitions, partitions_outside_the_disk_are_left_out,
    a_chain_that_bites_its_tail_ends, gpt_with_small_and_large_sectors,
    either_copy_of_a_gpt_will_do, a_boot_sector_is_no_table, damaged_tables_stay_in_bounds,
    the_state_of_a_volume_is_seen, other_volumes_are_told_apart,
    a_volume_larger_than_its_partition_is_damaged, damaged_volumes_stay_in_bounds)
