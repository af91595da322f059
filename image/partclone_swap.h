/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Putting new files of an image directory in the place of old ones, and the way back. */
#ifndef W7PREP_IMAGE_PARTCLONE_SWAP_H
#define W7PREP_IMAGE_PARTCLONE_SWAP_H

#include <jansson.h>

#include "common/buf.h"
#include "common/error.h"
#include "image/txn.h"

struct ptcl_swap {
	const char *dir;     /* of the image */
	const char *staging; /* where the new files are, on the same file system */
	const char *work;    /* without a transaction: a private directory there */
	bool seal;           /* the old files, in the undo record */
	struct strvec old;   /* names in dir of the files that go */
	struct strvec fresh; /* names in staging of the files that come; may be the same */
	struct strvec split; /* first parts of the partitions that are or were several files */
	json_t *after;       /* [{"names": […], "xxh128": "…"}] of the partitions, for undo */
};

void ptcl_swap_free(struct ptcl_swap *s);

/*
 * Checksum files (MD5SUMS, SHA1SUMS … of Clonezilla) that name old files: made anew in staging
 * and added to the swap.
 */
int ptcl_swap_checksums(struct ptcl_swap *s, struct error *err);

/* All together, see partclone_place.h. @txn NULL: without an undo record. */
int ptcl_swap_run(struct ptcl_swap *s, struct txn *txn, struct error *err);

#endif
