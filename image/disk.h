/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every engine for disk images shares: the container opened through qemu-nbd, the
 * list of volumes, the overlay that takes the changes, commit with its undo record.
 *
 * Life, beside that of struct image:
 *
 *     disk_open ─ disk_attach(read-only) … disk_begin ─ changes to the overlay, either
 *         through disk_attach(writable) or by another program that opens disk_overlay()
 *         ─ nobody has the overlay open for writing any more ─ disk_commit | disk_abort
 *         ─ disk_close
 *
 * disk_begin may be called as early as in the engine's open (an engine for which opening is
 * dear opens the overlay at once). The image file itself is written by disk_commit only.
 *
 * qemu never finds out a format by itself here, and never opens a file that the image
 * names: image_probe() refuses images with backing files, and every call names the format.
 */
#ifndef W7PREP_IMAGE_DISK_H
#define W7PREP_IMAGE_DISK_H

#include "common/error.h"
#include "image/blockdev.h"
#include "image/image.h"
#include "image/txn.h"

struct disk;

/* qemu's name of a format ("vpc", "vhdx", "vmdk", "qcow2", "raw"); NULL: not a disk image.
 * It is libguestfs's name (the "format" of add_drive) too. */
const char *disk_qemu_format(enum image_format format);
/* For image_ops.handles. */
bool disk_handles(enum image_format format);

/*
 * Open im->path read-only and fill im->volumes. With im->options.write the file must be
 * writable, too. ERR_LOCKED when a virtual machine has it open. NULL on error.
 */
struct disk *disk_open(struct image *im, struct error *err);
/* disk_abort() first unless committed. @d may be NULL. */
void disk_close(struct disk *d);

/* The image file as an absolute path without links: what to hand to qemu and libguestfs. */
const char *disk_path(const struct disk *d);

/*
 * The disk's content as a block device: the overlay's once there is one, the image's
 * before. An attachment of the same kind is kept, another one detached: to be sure that nothing
 * from memory is seen, detach first. The device belongs to @d and lives until the next attach of
 * the other kind, detach, begin, commit or abort. NULL on error.
 */
struct blockdev *disk_attach(struct disk *d, bool writable, struct error *err);
/*
 * disk_attach() with a second door: @socket becomes the path of a Unix socket (mode 0700
 * above it) where other programs reach the same NBD export, raw, as long as the attachment
 * lives. All see one state of the disk. They must have closed their connections before the
 * next call that ends the attachment.
 */
struct blockdev *disk_attach_shared(struct disk *d, bool writable, const char **socket,
				    struct error *err);
/* Flush and close the attachment, if any; qemu-nbd is gone and its locks with it. */
int disk_detach(struct disk *d, struct error *err);

/*
 * Make the qcow2 overlay over the image, in the transaction's record directory, or in a
 * scratch directory where there is no transaction (yet). Nothing of the image changes.
 */
int disk_begin(struct disk *d, struct error *err);
/* Path of the overlay, NULL before disk_begin. Format: qcow2. */
const char *disk_overlay(const struct disk *d);

/*
 * Make the overlay's content the image's. What differs is found, its original content saved
 * in the undo record (unless there is no transaction: options.no_undo) and synced, then
 * written, synced and read back. Nothing to do where nothing differs: then there is no record
 * either. On failure the original content is put back at once; err->image_changed is
 * set only where that failed as well, and then the record stays for the next run.
 */
int disk_commit(struct disk *d, struct error *err);
/* Drop the overlay (and the record that disk_begin began). */
void disk_abort(struct disk *d);

/* Kind "disk-extents": how a disk image is put back. See disk_undo.c for the record. */
extern const struct undo_ops disk_undo;

/* The volumes of @dev: partitions, or the whole device; see partition.h and ntfs_boot.h. */
int disk_scan(struct blockdev *dev, struct image *im, struct error *err);

#endif
