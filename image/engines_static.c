/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engines of the static program (make static), in the place of engines.c: what an imaging
 * client needs and what links without a shared library.
 */
#include "image/partclone.h"
#include "image/tree.h"

const struct image_ops *const image_engines[] = {
    &partclone_ops,
    &tree_ops,
    NULL,
};
