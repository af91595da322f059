/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Engine "guestfs": disk images through the libguestfs appliance. The default for them. */
#ifndef W7PREP_IMAGE_GUESTFS_H
#define W7PREP_IMAGE_GUESTFS_H

#include "image/image.h"

extern const struct image_ops guestfs_ops;

#endif
