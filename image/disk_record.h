/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Carrying changed extents from an overlay to a disk image, and back from an undo record.
 * Between disk.c, disk_commit.c and disk_undo.c; engines use disk.h.
 *
 * A record of kind "disk-extents": data.tar.zst (see extent_save()) or, that sealed (seal.h),
 * data.tar.zst.sealed, and as its detail
 *
 *     format        qemu's name of the container format
 *     virtual_size  bytes of the disk
 *     extents       [[offset, length], …]: what the commit changes
 *     before        SHA-256 of their content before the commit
 *     after         and after it
 *     sealed        whether the data are
 */
#ifndef W7PREP_IMAGE_DISK_RECORD_H
#define W7PREP_IMAGE_DISK_RECORD_H

#include "common/error.h"
#include "image/extent.h"
#include "image/txn.h"

#define DISK_UNDO_KIND "disk-extents"
#define DISK_UNDO_DATA "data.tar.zst"
#define DISK_UNDO_SEALED DISK_UNDO_DATA ".sealed"

struct disk_change {
	const char *path, *format;	/* of the image */
	const char *overlay;		/* qcow2, nobody has it open */
	struct txn *txn;		/* NULL: no undo record, no way back */
	bool seal;			/* what the record holds */
};

/* What disk_commit() promises, without the attachments. */
int disk_change_run(const struct disk_change *c, struct error *err);

struct disk_record {
	const char *path, *format;	/* of the image */
	uint64_t virtual_size;
	struct extent_list extents;
	char before[65], after[65];
	bool sealed;
};

/*
 * Write the content saved in @dir back to r->path, sync, read back. What is right already
 * is not written, so that this can be repeated after a crash, and so that a full disk does not
 * stand in the way where nothing had been written yet.
 */
int disk_restore(const struct disk_record *r, const char *dir, struct error *err);

#endif
