/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first inputs of what reads disks, volumes and partition images. */
#ifndef W7PREP_TESTS_MKSEEDS_DISK_H
#define W7PREP_TESTS_MKSEEDS_DISK_H

#include "image/extent.h"
#include "image/partclone_format.h"
#include "tests/fixtures/volume.h"
#include "tests/fuzz/mkseeds.h"

#define SECTOR 512u

static inline void add_sector(struct buf *out, uint32_t number, const void *p)
{
	const uint32_t le = htole32(number);

	buf_add(out, &le, sizeof(le));
	buf_add(out, p, SECTOR);
}

static inline void mbr_entry(
    uint8_t *sector, unsigned i, uint8_t type, uint32_t start, uint32_t count)
{
	uint8_t *e = sector + 446 + 16 * i;

	e[4] = type;
	put_le32(e + 8, start);
	put_le32(e + 12, count);
	sector[510] = 0x55;
	sector[511] = 0xaa;
}

static inline void mbr_disk(void)
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

static inline void gpt_disk(void)
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
static inline void volume_sectors(const struct buf *v, uint32_t shift, struct buf *out)
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

/* Clusters of 4 KiB that begin with a file record, each with a number before it. */
static inline void mft_blocks(const struct buf *v, const char *name)
{
	CLEANUP(buf) struct buf b = BUF_INIT;

	buf_add(&b, "\3\5\0", 3);
	for (size_t at = 0; at + 4096 <= v->len && b.len < 65536; at += 4096) {
		if (memcmp(v->data + at, "FILE", 4) != 0)
			continue;
		buf_add(&b, "", 1);
		buf_add(&b, v->data + at, 4096);
	}
	seed("mft_scan", name, -1, b.data, b.len);
}

static inline void volumes(void)
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
		mft_blocks(&volume, name);
		const char *record = memmem(volume.data, volume.len, "FILE", 4);
		if (record)
			seed("ntfs_record", name, -1, record, 2 * SECTOR);
	}
	scratch_remove(dir);
}

static inline int read_pattern(
    struct blockdev *d, void *p, size_t n, uint64_t off, struct error *err)
{
	(void)d;
	(void)err;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = (uint8_t)((off + i) >> 5);
	return 0;
}

static inline void extents(void)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = memfile("data", &err);
	CLEANUP(buf) struct buf b = BUF_INIT;
	CLEANUP(buf) struct buf file = BUF_INIT;
	struct blockdev d = {.size = 1 << 20, .read = read_pattern};
	struct extent_list list = {0};

	check(fd, &err);
	extent_add(&list, 4096, 4096);
	extent_add(&list, 65536, 512);
	check(extent_save(&d, &list, fd, "data", &err), &err);
	check(read_whole_fd(fd, 1 << 20, &file, &err), &err);
	buf_adds(&b, "[[4096,4096],[65536,512]]");
	buf_add(&b, "", 1);
	buf_add(&b, file.data, file.len);
	seed("extents", "two", -1, b.data, b.len);
	extent_list_free(&list);
}

/* 40 blocks of which 6 are stored, a checksum after every 4; the first is @first. */
static inline void add_partclone(const uint8_t first[512], struct buf *b)
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
	const uint8_t bitmap[5] = {0x3f}, record[512] = "FILE";
	uint8_t header[PTCL_V2_HEADER], le[4];
	uint32_t crc = ~0u;

	ptcl_header_make(&h, header);
	buf_add(b, header, sizeof(header));
	buf_add(b, bitmap, sizeof(bitmap));
	put_le32(le, ptcl_crc32(bitmap, sizeof(bitmap)));
	buf_add(b, le, sizeof(le));
	for (int i = 0; i < 6; i++) {
		const uint8_t *block = i ? record : first;

		crc = ~crc32_ieee(~crc, block, 512);
		buf_add(b, block, 512);
		if (i != 3 && i != 5)
			continue;
		put_le32(le, crc);
		buf_add(b, le, sizeof(le));
		crc = ~0u;
	}
}

static inline void partclone_v2(void)
{
	uint8_t boot[512] = "\xeb\x52\x90NTFS    ";
	CLEANUP(buf) struct buf b = BUF_INIT;

	put_le32(boot + 0x0b, 512 | 1 << 16); /* bytes a sector, sectors a cluster */
	boot[0x28] = 40;
	boot[0x30] = 2;
	boot[0x38] = 1;
	boot[0x40] = 0xf7; /* a record: 2 to the power of 9 */
	boot[510] = 0x55;
	boot[511] = 0xaa;
	add_partclone(boot, &b);
	seed("partclone", "v2", 0, b.data, b.len);
	seed("partclone", "v2-mended", 1, b.data, b.len);
	seed("partclone_dev", "plain", 1, b.data, b.len);
	seed("partclone_dev", "compressed", 3, b.data, b.len);
}

static inline void partclone_v1(void)
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

#endif
