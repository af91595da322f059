/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partition.h"

#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "image/bytes.h"
#include "image/ntfs_boot.h"

#define SECTOR 512u
#define MBR_TABLE 446
#define MBR_ENTRY 16
#define TYPE_PROTECTIVE 0xee
#define LOGICAL_MAX 128
#define GPT_ENTRIES_MAX 1024 /* 128 is what everybody writes */

void partition_list_free(struct partition_list *l)
{
	free(l->list.v);
	*l = PARTITION_LIST_INIT;
}

static struct partition *add(
    struct blockdev *d, struct partition_list *out, unsigned number, uint64_t offset, uint64_t size)
{
	if (offset >= d->size || size > d->size - offset || size == 0) {
		log_warn("partition %u is not wholly on the disk: left out", number);
		return NULL;
	}
	struct partition *p = VEC_PUSH(&out->list);
	p->number = number;
	p->offset = offset;
	p->size = size;
	return p;
}

struct mbr_entry {
	uint8_t status, type;
	uint64_t start, count; /* sectors */
};

static struct mbr_entry mbr_entry(const uint8_t sector[SECTOR], unsigned i)
{
	const uint8_t *e = sector + MBR_TABLE + i * MBR_ENTRY;

	return (struct mbr_entry){e[0], e[4], get_le32(e + 8), get_le32(e + 12)};
}

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static bool has_signature(const uint8_t sector[SECTOR])
{
	return sector[510] == 0x55 && sector[511] == 0xaa;
}

/* A boot sector of a file system ends in 55 AA as well; its "table" is program code. */
static bool is_mbr(const uint8_t sector[SECTOR])
{
	unsigned used = 0;

	if (!has_signature(sector) || volume_kind(sector) != VOLUME_OTHER)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		struct mbr_entry e = mbr_entry(sector, i);

		if (e.status & 0x7f)
			return false;
		used += e.type != 0 && e.count != 0;
	}
	return used > 0;
}

/*
 * The chain of an extended partition: each link has its logical partition (relative to the
 * link) and the next link (relative to the extended partition) in its first two entries.
 */
static int read_logical(struct blockdev *d, const struct mbr_entry *extended, unsigned *number,
    struct partition_list *out, struct error *err)
{
	uint64_t link = extended->start;
	uint8_t sector[SECTOR];

	for (unsigned n = 0; link; n++) {
		if (n == LOGICAL_MAX)
			return err_set(
			    err, ERR_LIMIT, "the chain of logical partitions does not end");
		if (link * SECTOR + SECTOR > d->size) {
			log_warn("the chain of logical partitions leaves the disk");
			return 0;
		}
		if (blockdev_read(d, sector, SECTOR, link * SECTOR, err) != 0)
			return -1;
		if (!has_signature(sector))
			return 0;
		struct mbr_entry here = mbr_entry(sector, 0), next = mbr_entry(sector, 1);
		if (here.type && here.count) {
			struct partition *p = add(
			    d, out, (*number)++, (link + here.start) * SECTOR, here.count * SECTOR);
			if (p)
				p->type = here.type;
		}
		link = is_extended(next.type) && next.start ? extended->start + next.start : 0;
	}
	return 0;
}

static int read_mbr(
    struct blockdev *d, const uint8_t sector[SECTOR], struct partition_list *out, struct error *err)
{
	unsigned logical = 5;

	out->table = TABLE_MBR;
	for (unsigned i = 0; i < 4; i++) {
		struct mbr_entry e = mbr_entry(sector, i);

		if (!e.type || !e.count || is_extended(e.type))
			continue;
		struct partition *p = add(d, out, i + 1, e.start * SECTOR, e.count * SECTOR);
		if (p)
			p->type = e.type;
	}
	for (unsigned i = 0; i < 4; i++) {
		struct mbr_entry e = mbr_entry(sector, i);

		if (is_extended(e.type) && e.count && read_logical(d, &e, &logical, out, err) != 0)
			return -1;
	}
	return 0;
}

struct gpt_header {
	uint64_t entries, first_usable, last_usable; /* sectors */
	uint32_t count, entry_size, entries_crc;
};

/* One of the two headers; false when it is not good. */
static bool read_gpt_header(
    struct blockdev *d, uint64_t lba, uint32_t sector_size, struct gpt_header *h)
{
	uint8_t s[4096];

	if (lba >= d->size / sector_size ||
	    blockdev_read(d, s, sector_size, lba * sector_size, NULL) != 0 ||
	    memcmp(s, "EFI PART", 8) != 0)
		return false;
	uint32_t size = get_le32(s + 12), crc = get_le32(s + 16);
	if (size < 92 || size > sector_size || get_le64(s + 24) != lba)
		return false;
	memset(s + 16, 0, 4);
	if (crc32_ieee(0, s, size) != crc)
		return false;
	*h = (struct gpt_header){
	    .first_usable = get_le64(s + 40),
	    .last_usable = get_le64(s + 48),
	    .entries = get_le64(s + 72),
	    .count = get_le32(s + 80),
	    .entry_size = get_le32(s + 84),
	    .entries_crc = get_le32(s + 88),
	};
	return h->count >= 1 && h->count <= GPT_ENTRIES_MAX && h->entry_size >= 128 &&
	       h->entry_size <= 4096 && is_power_of_2(h->entry_size);
}

static void add_gpt_entry(struct blockdev *d, const uint8_t *e, unsigned number,
    uint32_t sector_size, struct partition_list *out)
{
	static const uint8_t unused[16];
	uint64_t first = get_le64(e + 32), last = get_le64(e + 40);
	uint64_t sectors = d->size / sector_size;

	if (memcmp(e, unused, 16) == 0)
		return;
	if (first > last || last >= sectors) {
		log_warn("partition %u is not wholly on the disk: left out", number);
		return;
	}
	struct partition *p =
	    add(d, out, number, first * sector_size, (last - first + 1) * sector_size);
	if (p)
		memcpy(p->guid, e, 16);
}

/* The table behind one header; false, and nothing added, when it is not good. */
static bool read_gpt_copy(
    struct blockdev *d, uint64_t lba, uint32_t sector_size, struct partition_list *out)
{
	struct gpt_header h;

	if (!read_gpt_header(d, lba, sector_size, &h) || h.entries >= d->size / sector_size)
		return false;
	size_t bytes = (size_t)h.count * h.entry_size;
	CLEANUP(free) uint8_t *table = xmalloc(bytes);
	if (blockdev_read(d, table, bytes, h.entries * sector_size, NULL) != 0 ||
	    crc32_ieee(0, table, bytes) != h.entries_crc)
		return false;
	for (uint32_t i = 0; i < h.count; i++)
		add_gpt_entry(d, table + (size_t)i * h.entry_size, i + 1, sector_size, out);
	return true;
}

static int read_gpt(struct blockdev *d, struct partition_list *out, struct error *err)
{
	static const uint32_t sizes[] = {512, 4096};

	out->table = TABLE_GPT;
	for (size_t i = 0; i < 2; i++)
		if (read_gpt_copy(d, 1, sizes[i], out))
			return 0;
	for (size_t i = 0; i < 2; i++) {
		if (d->size / sizes[i] > 2 &&
		    read_gpt_copy(d, d->size / sizes[i] - 1, sizes[i], out)) {
			log_warn(
			    "the first copy of the GPT is damaged: the one at the end is used");
			return 0;
		}
	}
	err_set(err, ERR_DAMAGED, "the partition table (GPT) is damaged in both copies");
	return err_hint(err, "look at it with: sgdisk --verify");
}

int partition_read(struct blockdev *d, struct partition_list *out, struct error *err)
{
	uint8_t sector[SECTOR];

	out->table = TABLE_NONE;
	if (d->size < SECTOR)
		return 0;
	if (blockdev_read(d, sector, SECTOR, 0, err) != 0)
		return -1;
	if (!is_mbr(sector))
		return 0;
	for (unsigned i = 0; i < 4; i++)
		if (mbr_entry(sector, i).type == TYPE_PROTECTIVE)
			return read_gpt(d, out, err);
	return read_mbr(d, sector, out, err);
}
