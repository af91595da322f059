/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/ntfs_boot.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/bytes.h"
#include "image/ntfs_record.h"

#define RECORD_MIN 512u
#define PAGE_MAX 65536u /* of $LogFile; 4096 in practice */

enum { RECORD_LOGFILE = 2, RECORD_VOLUME = 3 };

#define VOLUME_IS_DIRTY 0x0001
#define LOG_NO_CLIENT 0xffff
#define LOG_VOLUME_IS_CLEAN 0x0002

enum volume_kind volume_kind(const uint8_t sector[512])
{
	if (memcmp(sector + 3, "-FVE-FS-", 8) == 0)
		return VOLUME_BITLOCKER;
	if (memcmp(sector + 3, "NTFS    ", 8) == 0 && sector[510] == 0x55 && sector[511] == 0xaa)
		return VOLUME_NTFS;
	return VOLUME_OTHER;
}

/* Sizes of records: clusters when positive, else a power of two of bytes. */
static uint64_t record_bytes(int8_t n, uint64_t cluster)
{
	if (n > 0)
		return (uint64_t)n * cluster;
	return n >= -16 ? 1ull << -n : 0;
}

int ntfs_boot_parse(
    const uint8_t s[512], uint64_t volume_size, struct ntfs_boot *out, struct error *err)
{
	uint64_t sector = get_le16(s + 0x0b), per_cluster = s[0x0d];

	if (per_cluster > 128) /* Windows 10: 2 to the power of 256 - n */
		per_cluster = per_cluster >= 0xf4 ? 1ull << (256 - per_cluster) : 0;
	uint64_t cluster = sector * per_cluster;
	uint64_t sectors = get_le64(s + 0x28);
	uint64_t record = record_bytes((int8_t)s[0x40], cluster);

	if (sector < 256 || sector > 4096 || !is_power_of_2(sector) || !is_power_of_2(cluster) ||
	    cluster > 2u << 20 || record < RECORD_MIN || record > NTFS_RECORD_MAX || !is_power_of_2(record))
		return err_set(err, ERR_DAMAGED, "the NTFS boot sector has impossible sizes");
	if (sectors == 0 || sectors > volume_size / sector)
		return err_set(err, ERR_DAMAGED,
		    "the NTFS file system (%llu sectors) is larger than its partition (%llu bytes)",
		    (unsigned long long)sectors, (unsigned long long)volume_size);
	uint64_t clusters = sectors * sector / cluster;
	uint64_t mft = get_le64(s + 0x30), mirror = get_le64(s + 0x38);
	if (mft == 0 || mft >= clusters || mirror >= clusters)
		return err_set(err, ERR_DAMAGED, "the NTFS boot sector points outside the volume");
	*out = (struct ntfs_boot){
	    .sector_size = (uint32_t)sector,
	    .cluster_size = (uint32_t)cluster,
	    .record_size = (uint32_t)record,
	    .size = sectors * sector,
	    .mft = mft * cluster,
	    .mft_mirror = mirror * cluster,
	};
	return 0;
}

struct view {
	struct blockdev *d;
	uint64_t offset, size; /* of the volume on the device */
	struct ntfs_boot boot;
};

static int read_record(const struct view *v, unsigned number, uint8_t *rec, struct error *err)
{
	uint64_t at = v->boot.mft + (uint64_t)number * v->boot.record_size;

	if (at + v->boot.record_size > v->boot.size)
		return err_set(err, ERR_DAMAGED, "the NTFS file table is outside the volume");
	if (blockdev_read(v->d, rec, v->boot.record_size, v->offset + at, err) != 0)
		return -1;
	if (memcmp(rec, "FILE", 4) != 0 || !ntfs_fix_up(rec, v->boot.record_size))
		return err_set(
		    err, ERR_DAMAGED, "the NTFS file table is damaged (record %u)", number);
	return 0;
}

/* The unnamed attribute of that type in the base record; false when it is not there. */
static bool find_attr(const uint8_t *rec, size_t size, uint32_t type, struct ntfs_attr_view *out)
{
	*out = (struct ntfs_attr_view){0};
	while (ntfs_next_attr(rec, size, out))
		if (out->type == type && out->p[9] == 0)
			return true;
	return false;
}

/*
 * Where @vcn of a non-resident attribute lies: its cluster, and how many follow it there. False
 * for a hole, a vcn that is not there, or mapping pairs that make no sense.
 */
static bool find_cluster(
    const struct ntfs_attr_view *a, uint64_t vcn, uint64_t *lcn, uint64_t *run)
{
	for (struct ntfs_run r = NTFS_RUN_INIT; ntfs_next_run(a, &r);) {
		if (vcn - r.vcn >= r.length)
			continue;
		*lcn = r.lcn + (vcn - r.vcn);
		*run = r.length - (vcn - r.vcn);
		return !r.hole;
	}
	return false;
}

/* 1: all @n bytes read, 0: not stored there, -1: I/O error. */
static int read_attr(const struct view *v, const struct ntfs_attr_view *a, uint64_t off, uint8_t *p, size_t n,
    struct error *err)
{
	uint32_t cluster = v->boot.cluster_size;

	while (n) {
		uint64_t lcn, run, skip = off % cluster;

		if (!find_cluster(a, off / cluster, &lcn, &run) || lcn >= v->boot.size / cluster)
			return 0;
		/* a run as long as it likes to be is cut to what is asked for */
		uint64_t there = run > NTFS_RECORD_MAX ? n : run * cluster - skip;
		size_t part = there < n ? (size_t)there : n;
		if (lcn * cluster + skip + part > v->boot.size)
			return 0;
		if (blockdev_read(v->d, p, part, v->offset + lcn * cluster + skip, err) != 0)
			return -1;
		p += part;
		off += part;
		n -= part;
	}
	return 1;
}

/* State of one of the two restart pages: -1 not valid, else 1 clean or 0 not. */
static int restart_page(uint8_t *p, size_t size, uint64_t *lsn)
{
	if ((memcmp(p, "RSTR", 4) != 0 && memcmp(p, "CHKD", 4) != 0) || get_le32(p + 16) != size ||
	    !ntfs_fix_up(p, size))
		return -1;
	size_t at = get_le16(p + 24);
	if (at < 30 || (at & 7) || at + 48 > size)
		return -1;
	*lsn = get_le64(p + at);
	return get_le16(p + at + 12) == LOG_NO_CLIENT ||
	       (get_le16(p + at + 14) & LOG_VOLUME_IS_CLEAN);
}

static bool all_ff(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0xff)
			return false;
	return true;
}

/*
 * Nothing to replay: $LogFile was emptied (all bytes FF), or the newer of its two restart pages
 * says that it was closed.
 */
static int log_is_clean(const struct view *v, uint8_t *rec, bool *clean, struct error *err)
{
	CLEANUP(free) uint8_t *page = xmalloc(PAGE_MAX);
	struct ntfs_attr_view data;
	uint64_t lsn[2] = {0, 0};
	int state[2];

	*clean = false;
	if (read_record(v, RECORD_LOGFILE, rec, err) != 0)
		return -1;
	if (!find_attr(rec, v->boot.record_size, NTFS_ATTR_DATA, &data))
		return 0;
	int rc = read_attr(v, &data, 0, page, 4096, err);
	if (rc <= 0)
		return rc;
	if (all_ff(page, 4096)) {
		*clean = true;
		return 0;
	}
	/* a first page that was torn leaves the size of the second to be guessed: 4096 */
	size_t size = get_le32(page + 16);
	if (size < 512 || size > PAGE_MAX || !is_power_of_2(size))
		size = 4096;
	for (unsigned i = 0; i < 2; i++) {
		rc = read_attr(v, &data, (uint64_t)i * size, page, size, err);
		if (rc < 0)
			return -1;
		state[i] = rc == 1 ? restart_page(page, size, &lsn[i]) : -1;
	}
	unsigned newer = state[0] < 0 || (state[1] >= 0 && lsn[1] > lsn[0]);
	*clean = state[newer] == 1;
	return 0;
}

static int read_volume(
    const struct view *v, uint8_t *rec, struct ntfs_state *out, struct error *err)
{
	struct ntfs_attr_view a;
	const uint8_t *p;
	size_t n;

	if (read_record(v, RECORD_VOLUME, rec, err) != 0)
		return -1;
	if (!find_attr(rec, v->boot.record_size, NTFS_ATTR_VOLUME_INFORMATION, &a) ||
	    !ntfs_resident_value(&a, &p, &n) || n < 12)
		return err_set(err, ERR_DAMAGED, "the NTFS volume has no volume information");
	out->major = p[8];
	out->minor = p[9];
	out->dirty = get_le16(p + 10) & VOLUME_IS_DIRTY;
	if (find_attr(rec, v->boot.record_size, NTFS_ATTR_VOLUME_NAME, &a) &&
	    ntfs_resident_value(&a, &p, &n)) {
		CLEANUP(free) char *label = utf16le_to_utf8(p, n < 64 ? n : 64);

		snprintf(out->label, sizeof(out->label), "%s", label);
	}
	return 0;
}

int ntfs_state_read(struct blockdev *d, uint64_t offset, uint64_t size, enum volume_kind *kind,
    struct ntfs_state *out, struct error *err)
{
	struct view v = {.d = d, .offset = offset, .size = size};
	uint8_t sector[512];

	memset(out, 0, sizeof(*out));
	*kind = VOLUME_OTHER;
	if (size < sizeof(sector))
		return 0;
	if (blockdev_read(d, sector, sizeof(sector), offset, err) != 0)
		return -1;
	*kind = volume_kind(sector);
	if (*kind != VOLUME_NTFS)
		return 0;
	if (ntfs_boot_parse(sector, size, &v.boot, err) != 0)
		return -1;
	CLEANUP(free) uint8_t *rec = xmalloc(v.boot.record_size);
	if (read_volume(&v, rec, out, err) != 0 || log_is_clean(&v, rec, &out->log_clean, err) != 0)
		return -1;
	return 1;
}
