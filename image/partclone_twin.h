/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of partclone_place.h that needs a file system which can exchange two directories. */
#ifndef W7PREP_IMAGE_PARTCLONE_TWIN_H
#define W7PREP_IMAGE_PARTCLONE_TWIN_H

#include "image/partclone_place.h"

/* 1: done; 0: it cannot be done here, and nothing was; -1: as ptcl_place(), nothing was done. */
int ptcl_exchange(const struct ptcl_place *p, struct error *err);

/* A second name where the file system has them, else a copy; replaces @to. */
int ptcl_link_or_copy(const char *from, const char *to, struct error *err);

#endif
