/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engines that are built in, one row each, in order of preference. */
#include "image/direct.h"
#include "image/guestfs.h"
#include "image/partclone.h"
#include "image/tree.h"
#include "image/wim.h"

const struct image_ops *const image_engines[] = {
	&wim_ops,
	&guestfs_ops,
	&direct_ops,
	&partclone_ops,
	&tree_ops,
	NULL,
};
