/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkseeds DIR: the first inputs of the targets that read something binary, as DIR/TARGET/NAME.
 * Those of the targets that read text are in ci/fuzz.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/bytes.h"
#include "image/partclone_format.h"
#include "image/secdesc.h"
#include "tests/fixtures/hivegen.h"
#include "tests/fixtures/phony.h"
#include "tests/fixtures/volume.h"
#include "tests/fixtures/winsd.h"

#define SECTOR 512u

static const char *top;

static void check(int rc, const struct error *err)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "mkseeds: %s\n", err->message ? err->message : "?");
	exit(1);
}

/* @first: a byte that a target takes off for itself; -1: none */
static void seed(const char *target, const char *name, int first, const void *p, size_t n)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *dir = path_join(top, target);
	CLEANUP(free) char *path = path_join(dir, name);
	CLEANUP(buf) struct buf b = BUF_INIT;
	const char byte = (char)first;

	mkdir(dir, 0777);
	if (first >= 0)
		buf_add(&b, &byte, 1);
	buf_add(&b, p, n);
	check(write_file_atomic(path, b.data ? b.data : "", b.len, 0666, &err), &err);
}

/* ---- hives ---- */

/* What fuzz_hive_edit.c edits, with every kind of cell. */
static struct hivegen *small_hive(bool big)
{
	static char data[20000];
	struct hivegen *g = hivegen_new();

	hivegen_set_dword(g, "A", "n", 1);
	hivegen_set_sz(g, "A", "s", "string of some length");
	hivegen_set_multi_sz(g, "A", "m", (const char *const[]){"one", "two", NULL});
	hivegen_set_sz(g, "A\\B", "s", "string");
	hivegen_set_binary(g, "A\\B\\C", "b", "binary data", 11);
	if (big)
		hivegen_set_binary(g, "A\\Big", "big", data, sizeof(data));
	hivegen_key(g, "D\\E\\F");
	for (int i = 0; i < 12; i++) {
		CLEANUP(free) char *key = xasprintf("List\\k%02d", i);

		hivegen_key(g, key);
	}
	return g;
}

static void hive_bytes(const struct hivegen_options *o, bool big, struct buf *out)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = memfile("hive", &err);
	struct hivegen *g = small_hive(big);

	check(fd, &err);
	check(hivegen_write_fd(g, fd, o, &err), &err);
	check(read_whole_fd(fd, 1 << 20, out, &err), &err);
	hivegen_free(g);
}

static void hives(void)
{
	/* make and delete keys, set and delete values: see edit_one() */
	static const char script[] = "\6\3\7\1\2\1\1\1\4\2\0\2\0\0\12\0\3\11\5";

	for (int i = 0; i < 6; i++) {
		const struct hivegen_options o = {
		    .list = (enum hivegen_list)(i % 3),
		    .index_root = i >= 3,
		    .minor = i == 1 ? 3 : 5,
		};
		CLEANUP(free) char *name = xasprintf("hive%d", i);
		CLEANUP(buf) struct buf hive = BUF_INIT;
		CLEANUP(buf) struct buf edit = BUF_INIT;

		hive_bytes(&o, i == 0, &hive);
		seed("hive_read", name, -1, hive.data, hive.len);
		buf_add(&edit, script, sizeof(script) - 1);
		buf_add(&edit, hive.data, hive.len);
		seed("hive_edit", name, -1, edit.data, edit.len);
	}
}

/* ---- a whole Windows ---- */

static void windows(void)
{
	static const char *const names[] = {"SOFTWARE", "SYSTEM", "COMPONENTS"};
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *dir = scratch_create(NULL, &err);
	struct phony_options o;

	check(dir ? 0 : -1, &err);
	phony_init(&o);
	check(phony_set(&o, "servicing=small", &err), &err);
	check(phony_tree(dir, &o, &err), &err);
	phony_free(&o);
	for (int i = 0; i < 3; i++) {
		CLEANUP(free)
		char *path = xasprintf("%s/Windows/System32/config/%s", dir, names[i]);
		CLEANUP(buf) struct buf hive = BUF_INIT;

		check(read_whole_file(path, 16 << 20, &hive, &err), &err);
		seed("windows", names[i], i, hive.data, hive.len);
	}
	scratch_remove(dir);
}

/* ---- disks ---- */

static void add_sector(struct buf *out, uint32_t number, const void *p)
{
	const uint32_t le = htole32(number);

	buf_add(out, &le, sizeof(le));
	buf_add(out, p, SECTOR);
}

static void put_le32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void mbr_entry(uint8_t *sector, unsigned i, uint8_t type, uint32_t start, uint32_t count)
{
	uint8_t *e = sector + 446 + 16 * i;

	e[4] = type;
	put_le32(e + 8, start);
	put_le32(e + 12, count);
	sector[510] = 0x55;
	sector[511] = 0xaa;
}

static void mbr_disk(void)
{
	CLEANUP(buf) struct buf b = BUF_INIT;
	uint8_t first[SECTOR] = {0}, second[SECTOR] = {0}, third[SECTOR] = {0};

	mbr_entry(first, 0, 7, 2048, 4096);
	mbr_entry(first, 2, 0x0f, 8192, 20000);
	mbr_entry(second, 0, 7, 64, 1000);
	mbr_entry(second, 1, 5, 4000, 5000);
	mbr_entry(third, 0, 7, 64, 2000);
	add_sector(&b, 0, first);
	add_sector(&b, 8192, second);
	add_sector(&b, 8192 + 4000, third);
	seed("disk", "mbr", -1, b.data, b.len);
}

static void gpt_disk(void)
{
	static const uint8_t basic_data[16] = {0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87,
	    0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7};
	CLEANUP(buf) struct buf b = BUF_INIT;
	uint8_t mbr[SECTOR] = {0}, header[SECTOR] = "EFI PART", entries[SECTOR] = {0};

	mbr_entry(mbr, 0, 0xee, 1, 131071);
	memcpy(entries, basic_data, 16);
	put_le32(entries + 32, 2048);
	put_le32(entries + 40, 10000);
	put_le32(header + 8, 0x10000);
	put_le32(header + 12, 92);
	put_le32(header + 24, 1);
	put_le32(header + 32, 131071);
	put_le32(header + 40, 34);
	put_le32(header + 48, 131038);
	put_le32(header + 72, 2);
	put_le32(header + 80, 4);
	put_le32(header + 84, 128);
	put_le32(header + 88, crc32_ieee(0, entries, sizeof(entries)));
	put_le32(header + 16, crc32_ieee(0, header, 92));
	add_sector(&b, 0, mbr);
	add_sector(&b, 1, header);
	add_sector(&b, 2, entries);
	seed("disk", "gpt", -1, b.data, b.len);
}

/* The sectors of a volume that are looked at: boot sector, file records, log pages. */
static void volume_sectors(const struct buf *v, uint32_t shift, struct buf *out)
{
	unsigned follow = 0;

	for (uint32_t i = 0; i < v->len / SECTOR && out->len < 32768; i++) {
		const char *p = v->data + (size_t)i * SECTOR;

		if (memcmp(p, "FILE", 4) == 0 || memcmp(p, "RSTR", 4) == 0)
			follow = *p == 'F' ? 2 : 8;
		if (i == 0 || follow)
			add_sector(out, i + shift, p);
		follow -= follow != 0;
	}
}

static void volumes(void)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *dir = scratch_create(NULL, &err);

	check(dir ? 0 : -1, &err);
	CLEANUP(free) char *path = path_join(dir, "volume");
	for (int i = 0; i < 3; i++) {
		const struct volume_options o = {
		    .label = "Label", .log = (enum volume_log)i, .dirty = i == 1};
		CLEANUP(free) char *name = xasprintf("ntfs%d", i);
		CLEANUP(buf) struct buf volume = BUF_INIT;
		CLEANUP(buf) struct buf sectors = BUF_INIT;

		unlink(path);
		check(volume_make(path, 8, NULL, &o, &err), &err);
		check(read_whole_file(path, 16 << 20, &volume, &err), &err);
		volume_sectors(&volume, 0, &sectors);
		seed("disk", name, -1, sectors.data, sectors.len);
		const char *record = memmem(volume.data, volume.len, "FILE", 4);
		if (record)
			seed("ntfs_record", name, -1, record, 2 * SECTOR);
	}
	scratch_remove(dir);
}

/* ---- the rest ---- */

static void descriptors(void)
{
	for (int i = 0; i < 3 + WINSD_COUNT; i++) {
		CLEANUP(free) char *name = xasprintf("sd%d", i);
		CLEANUP(buf) struct buf sd = BUF_INIT;

		if (i < 3)
			secdesc_make((enum secdesc_kind)i, &sd);
		else
			winsd_make((enum winsd)(i - 3), &sd);
		seed("secdesc", name, -1, sd.data, sd.len);
	}
}

/* 40 blocks of which 6 are stored, a checksum after every 4. */
static void partclone_v2(void)
{
	const struct ptcl_header h = {
	    .version = 2,
	    .program = "0.3.23",
	    .fs = "NTFS",
	    .device_size = 40 * 512,
	    .blocks = 40,
	    .super_used = 6,
	    .stored = 6,
	    .block_size = 512,
	    .cpu_bits = 64,
	    .sum_mode = PTCL_SUM_CRC32,
	    .sum_size = 4,
	    .blocks_per_sum = 4,
	    .reseed = true,
	};
	const uint8_t bitmap[5] = {0x3f}, block[512] = "block";
	uint8_t header[PTCL_V2_HEADER], le[4];
	uint32_t crc = ~0u;
	CLEANUP(buf) struct buf b = BUF_INIT;

	ptcl_header_make(&h, header);
	buf_add(&b, header, sizeof(header));
	buf_add(&b, bitmap, sizeof(bitmap));
	put_le32(le, ptcl_crc32(bitmap, sizeof(bitmap)));
	buf_add(&b, le, sizeof(le));
	for (int i = 0; i < 6; i++) {
		crc = ~crc32_ieee(~crc, block, sizeof(block));
		buf_add(&b, block, sizeof(block));
		if (i != 3 && i != 5)
			continue;
		put_le32(le, crc);
		buf_add(&b, le, sizeof(le));
		crc = ~0u;
	}
	seed("partclone", "v2", 0, b.data, b.len);
	seed("partclone", "v2-mended", 1, b.data, b.len);
}

static void partclone_v1(void)
{
	uint8_t header[PTCL_V1_HEADER] = PTCL_MAGIC "NTFS";
	const uint8_t bitmap[8] = {1, 1, 0, 1}, block[512] = "block", sum[4] = {0};
	CLEANUP(buf) struct buf b = BUF_INIT;

	memcpy(header + 30, "0001", 4);
	put_le32(header + 36, 512);
	put_le32(header + 40, 8 * 512);
	put_le32(header + 48, 8);
	put_le32(header + 56, 3);
	buf_add(&b, header, sizeof(header));
	buf_add(&b, bitmap, sizeof(bitmap));
	buf_adds(&b, PTCL_V1_BITMAP_END);
	for (int i = 0; i < 3; i++) {
		buf_add(&b, block, sizeof(block));
		buf_add(&b, sum, sizeof(sum));
	}
	seed("partclone", "v1", 0, b.data, b.len);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: mkseeds DIR\n");
		return 2;
	}
	top = argv[1];
	hives();
	windows();
	mbr_disk();
	gpt_disk();
	volumes();
	descriptors();
	partclone_v2();
	partclone_v1();
	return 0;
}
