/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes with an offset: what partition tables, NTFS and undo records are read from and
 * written to, whether a disk behind qemu-nbd, a file, or a device of an appliance.
 * A provider embeds struct blockdev and fills the functions.
 */
#ifndef W7PREP_IMAGE_BLOCKDEV_H
#define W7PREP_IMAGE_BLOCKDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* Larger minimum block sizes are not known of any format. */
#define BLOCKDEV_ALIGN_MAX 4096u

struct blockdev {
	uint64_t size;		/* bytes */
	unsigned align;		/* read and write take multiples of this, up to BLOCKDEV_ALIGN_MAX; 0: any */
	bool exact;		/* reading more than is needed may be very dear: nobody reads ahead */
	/* All of @n bytes or an error; the caller keeps within size (blockdev_read checks). */
	int (*read)(struct blockdev *d, void *p, size_t n, uint64_t off, struct error *err);
	/* NULL: read-only. */
	int (*write)(struct blockdev *d, const void *p, size_t n, uint64_t off, struct error *err);
	/* Everything written so far to stable storage; NULL where there is nothing to do. */
	int (*flush)(struct blockdev *d, struct error *err);
	void (*close)(struct blockdev *d);	/* releases the provider's memory too */
};

/* Checked against size: ERR_DAMAGED for a range that is not all there. */
int blockdev_read(struct blockdev *d, void *p, size_t n, uint64_t off, struct error *err);
int blockdev_write(struct blockdev *d, const void *p, size_t n, uint64_t off, struct error *err);
int blockdev_flush(struct blockdev *d, struct error *err);
/* @d may be NULL. */
void blockdev_close(struct blockdev *d);

/* A regular file or a device node of the host. @write: 1 for reading and writing. */
struct blockdev *blockdev_file(const char *path, int write, struct error *err);

#endif
