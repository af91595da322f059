/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Would libhivex survive an edit of this hive, and do what is meant?
 *
 * It frees and follows cells that it has not checked: a cell named twice stops the program with
 * an assertion, a key below itself overflows the stack, a security record with stray links makes
 * it write outside of its memory. Sound hives have none of this, hives from elsewhere may. So every
 * cell that an edit will free is claimed here first: a real cell, of the right kind, once.
 */
#ifndef W7PREP_IMAGE_HIVE_CELLS_H
#define W7PREP_IMAGE_HIVE_CELLS_H

#include "image/regf.h"

struct hive_cells {
	const struct regf *r;
	unsigned char *used;	/* bit: a used cell starts here that nobody has claimed */
	unsigned char *doomed;	/* bit: a key that is already being deleted */
	unsigned char *shared;	/* bit: a security record, which many keys may name */
};

/* Look at all bins and cells: they must lie end to end. ERR_DAMAGED. */
int hive_cells_open(struct hive_cells *c, const struct regf *r, struct error *err);
void hive_cells_close(struct hive_cells *c);

/* The key at @at will be deleted with all below it (less what is doomed already). */
int hive_cells_doom(struct hive_cells *c, uint32_t at, struct error *err);

/* The key at @at will get other values, or other subkeys. */
int hive_cells_rewrite(struct hive_cells *c, uint32_t at, bool values, bool subkeys,
		       struct error *err);

#endif
