/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine "direct": disk images through qemu-nbd, NTFS in this process. */
#ifndef W7PREP_IMAGE_DIRECT_H
#define W7PREP_IMAGE_DIRECT_H

#include "image/image.h"

extern const struct image_ops direct_ops;

#endif
