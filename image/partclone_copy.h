/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A copy of a FOG or Clonezilla image to prepare (-o). The engine never writes into a file of the
 * image, it makes new ones: until it has, the copy is second names of the same files, and takes no room.
 */
#ifndef W7PREP_IMAGE_PARTCLONE_COPY_H
#define W7PREP_IMAGE_PARTCLONE_COPY_H

#include "common/error.h"

/*
 * @image: a partition of one file, or an image directory; @to does not exist. ERR_USAGE for one part
 * of several: the others would have to be called something, too.
 */
int ptcl_copy_begin(const char *image, const char *to, struct error *err);
/*
 * What in @to is still a file of @image's becomes one of its own; all of it synced, with the modes of
 * @image less the umask.
 */
int ptcl_copy_finish(const char *image, const char *to, struct error *err);

#endif
