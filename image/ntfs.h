/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of an NTFS volume in process, through libntfs-3g on a block device of ours.
 * Paths and meanings are those of image.h: absolute, without regard to case, reparse points
 * never followed (a path through one is ERR_UNKNOWN_SHAPE).
 */
#ifndef W7PREP_IMAGE_NTFS_H
#define W7PREP_IMAGE_NTFS_H

#include "common/buf.h"
#include "common/error.h"
#include "image/blockdev.h"
#include "image/image.h"

struct ntfsvol;

/*
 * Mount the volume of @size bytes at @offset of @dev, which must outlive the mount. Nothing is
 * repaired or replayed: with @write a dirty volume is ERR_VOLUME_DIRTY, a hibernated one
 * ERR_HIBERNATED; read-only, both can be looked at. NULL on error.
 */
struct ntfsvol *ntfsvol_open(struct blockdev *dev, uint64_t offset, uint64_t size, bool write,
			     struct error *err);
/* Write what is held back and unmount; -1 when something could not be written. */
int ntfsvol_close(struct ntfsvol *v, struct error *err);

/* 1 and @st, 0 when it is not there, -1 on error. */
int ntfsvol_stat(struct ntfsvol *v, const char *path, struct image_stat *st, struct error *err);
/* Long names, as stored, in the directory's order; the volume's own $files are left out. */
int ntfsvol_list(struct ntfsvol *v, const char *path, struct strvec *names, struct error *err);
int ntfsvol_read(struct ntfsvol *v, const char *path, uint64_t off, size_t max, struct buf *out,
		 struct error *err);
int ntfsvol_fetch(struct ntfsvol *v, const char *path, int fd, struct error *err);
int ntfsvol_get_sd(struct ntfsvol *v, const char *path, struct buf *out, struct error *err);
/*
 * Which clusters are in use: the first @clusters bits of the volume's bitmap, from its lowest bit
 * on, to @bits; those behind the volume's last are clear.
 */
int ntfsvol_used(struct ntfsvol *v, uint8_t *bits, uint64_t clusters, struct error *err);
/* See struct image_put. What was written is not read back here. */
int ntfsvol_put(struct ntfsvol *v, const struct image_put *put, struct error *err);
/* A file (only this link, its 8.3 name with it) or a directory with all below it. */
int ntfsvol_remove(struct ntfsvol *v, const char *path, struct error *err);

#endif
