/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A partclone image as a block device.
 *
 * A stream that is not compressed is read in place. Of a compressed one there is no way to read
 * block 4711 but to decompress all before it, so it is read in passes, whose blocks
 * stay in memory, compressed: the first keeps what looks like file table and directories,
 * the second what the files in question are made of. A read that nobody announced costs a
 * pass for the file that it belongs to. No copy of the volume is made.
 *
 * What is written goes to a sparse scratch file; ptcl_dev_save() merges both into a new stream.
 */
#ifndef W7PREP_IMAGE_PARTCLONE_DEV_H
#define W7PREP_IMAGE_PARTCLONE_DEV_H

#include "image/blockdev.h"
#include "image/image.h"
#include "image/partclone_set.h"
#include "image/partclone_stream.h"

struct ptcl_dev;

/* @set must outlive the device. The first pass is made here. NULL on error. */
struct ptcl_dev *ptcl_dev_open(const struct ptcl_set *set, struct error *err);
void ptcl_dev_close(struct ptcl_dev *d);
/* Owned by @d; size is the device's, blocks that are not stored read as zeros. */
struct blockdev *ptcl_dev_blockdev(struct ptcl_dev *d);
const struct ptcl_header *ptcl_dev_header(const struct ptcl_dev *d);

/* Bring the blocks of NTFS's own files and of @want into memory, in one pass. */
int ptcl_dev_prefetch(
    struct ptcl_dev *d, const struct image_want *want, size_t n, struct error *err);

/* From here on it can be written to; the scratch file is made in @dir and has no name. */
int ptcl_dev_begin(struct ptcl_dev *d, const char *dir, struct error *err);
/* Read-only again; what was written is still seen. */
void ptcl_dev_settle(struct ptcl_dev *d);
/* Forget what was written. */
void ptcl_dev_abort(struct ptcl_dev *d);

/*
 * Write the image with its changes as new files in @dir, read them back and compare. @used: a
 * bit a block, what the file system says is in use (ptcl_bitmap_size() bytes); of these, blocks are
 * stored that were or that were written. *@names: the files; @digest: XXH128 of all of them in
 * order as they lie on disk, as hexadecimal text.
 */
int ptcl_dev_save(struct ptcl_dev *d, const uint8_t *used, const char *dir, struct strvec *names,
    char digest[33], struct error *err);

#endif
