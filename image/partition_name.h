/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partition images by name: what FOG and Clonezilla call them, and which directory is an image. */
#ifndef W7PREP_IMAGE_PARTITION_NAME_H
#define W7PREP_IMAGE_PARTITION_NAME_H

#include <stddef.h>

#define CLONEZILLA_MARK "-ptcl-img"

/* Length of "d1p2.img" at the beginning of @name; 0: not such a name. */
size_t name_fog_stem(const char *name, unsigned *disk, unsigned *partition);
/* Length of "sda2.ntfs-ptcl-img.zst" at the beginning of @name; 0: not such a name. */
size_t name_clonezilla_stem(const char *name);

/*
 * The image directory of FOG or Clonezilla that the file @real (a path without links) belongs
 * to, NULL when it is on its own. A directory is told by its other files, not by one name. The
 * caller frees it.
 */
char *name_image_dir(const char *real);

#endif
