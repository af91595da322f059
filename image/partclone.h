/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engine "partclone": what FOG and Clonezilla keep of a partition. Named is a partition image or
 * the image directory, whose partitions are the volumes: index is the partition's number, of the
 * second disk and on 1000 times the disk's less one more.
 */
#ifndef W7PREP_IMAGE_PARTCLONE_H
#define W7PREP_IMAGE_PARTCLONE_H

#include "image/image.h"
#include "image/txn.h"

extern const struct image_ops partclone_ops;

/* Kind "partition-files": the old files are kept in the record. See partclone_swap.c. */
extern const struct undo_ops partclone_undo;

#endif
