/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between partclone_open.c (which partitions there are) and partclone.c (their files). */
#ifndef W7PREP_IMAGE_PARTCLONE_INTERNAL_H
#define W7PREP_IMAGE_PARTCLONE_INTERNAL_H

#include "image/ntfs.h"
#include "image/partclone.h"
#include "image/partclone_dev.h"
#include "image/partclone_set.h"
#include "image/partclone_swap.h"

struct part {
	struct ptcl_set set;
	struct ptcl_dev *dev; /* NULL before the first look at its files */
	struct ntfsvol *mounted;
	bool useful;  /* a file of it was read */
	bool touched; /* something in it was changed */
	bool begun;   /* can be written to */
};

struct partclone {
	VEC(struct part) parts; /* as im->volumes */
	char *dir;              /* of the image's files */
	char *staging;          /* new files; NULL before begin */
	char *scratch;          /* staging without a transaction */
	bool writing;           /* between begin and settle */
	struct ptcl_swap swap;
};

/* For image_ops.open. */
int partclone_open(struct image *im, struct error *err);

#endif
