/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be said of a volume without mounting it, from a few reads with every bound
 * checked: whether it is NTFS or BitLocker, its label, and whether Windows left it clean.
 */
#ifndef W7PREP_IMAGE_NTFS_BOOT_H
#define W7PREP_IMAGE_NTFS_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "image/blockdev.h"

enum volume_kind { VOLUME_OTHER, VOLUME_NTFS, VOLUME_BITLOCKER };

/* Of a boot sector (512 bytes). */
enum volume_kind volume_kind(const uint8_t sector[512]);

struct ntfs_boot {
	uint32_t sector_size, cluster_size, record_size;	/* bytes */
	uint64_t size;		/* bytes of the file system, the last (backup boot) sector included */
	uint64_t mft, mft_mirror;	/* bytes from the volume's beginning */
};

/* ERR_DAMAGED when the numbers contradict each other or do not fit @volume_size. */
int ntfs_boot_parse(const uint8_t sector[512], uint64_t volume_size, struct ntfs_boot *out,
		    struct error *err);

struct ntfs_state {
	bool dirty;		/* $Volume says so (chkdsk is due) */
	bool log_clean;		/* $LogFile is empty or was closed: no transaction to replay */
	uint8_t major, minor;	/* 3, 1 */
	char label[32 * 4 + 1];	/* UTF-8 */
};

/*
 * Look at a volume of @size bytes at @offset of @d. Returns 1 and @out for NTFS, 0 for
 * anything else (@kind says what), -1 on error (ERR_DAMAGED: says NTFS and is not).
 */
int ntfs_state_read(struct blockdev *d, uint64_t offset, uint64_t size, enum volume_kind *kind,
		    struct ntfs_state *out, struct error *err);

#endif
