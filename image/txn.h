/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transactions and undo records.
 *
 * Beside the image, in .w7prep/<file name of the image>/ (mode 0700), every applied
 * change leaves a numbered record:
 *
 *     .w7prep/install.wim/lock              held with flock while w7prep works on the image
 *     .w7prep/install.wim/0001/record.json  what kind, which state, before and after
 *     .w7prep/install.wim/0001/data.tar.zst the original content (disk images)
 *
 * Of an image that held a product key the content is sealed, see seal.h.
 *
 * A record is written and synced before the first byte of the image changes, in
 * state "committing"; it becomes "done" when the image is whole again. One that
 * is found "committing" belongs to a run that was cut short: the next run that may write
 * rolls it back. Records are a stack: undo takes the newest first.
 */
#ifndef W7PREP_IMAGE_TXN_H
#define W7PREP_IMAGE_TXN_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

struct txn;

/* How the image is put back: one per kind of record, in the file that writes that kind. */
struct undo_ops {
	const char *kind;	/* "wim-append", "disk-extents", "whole-file" */
	/*
	 * Put the image back. @record is record.json's "detail", @dir the record's directory,
	 * @check: refuse with ERR_CHANGED_SINCE unless the image is as the apply left it
	 * (not asked when rolling back an interrupted commit). Must be repeatable: a crash in the
	 * middle is followed by the same call again.
	 */
	int (*undo)(const char *image, const char *dir, const json_t *record, bool check,
		    struct error *err);
};

extern const struct undo_ops *const undo_kinds[];	/* NULL-terminated */

/*
 * Take the image's lock for writing. ERR_LOCKED when another w7prep holds it. An
 * interrupted commit is rolled back here, and said (log_warn).
 */
struct txn *txn_open(const char *image, struct error *err);
/* Give the lock back; a record that is still "preparing" is dropped. */
void txn_close(struct txn *t);

/* Is there an interrupted commit? For commands that only read: 1/0/-1. */
int txn_interrupted(const char *image, struct error *err);

/*
 * Make the next record in state "preparing": a directory where an engine puts its data
 * (for example the overlay). Returns its path, owned by @t; NULL on error.
 */
const char *txn_begin(struct txn *t, struct error *err);
/* Write record.json with @kind and @detail (taken over), sync it: state "committing". */
int txn_committing(struct txn *t, const char *kind, json_t *detail, struct error *err);
/* Replace the detail (taken over), e.g. to add how the image looks now; state "done". */
int txn_done(struct txn *t, json_t *detail, struct error *err);
/* Drop the record of this transaction: the image was not changed, or was put back. */
void txn_drop(struct txn *t);
/* The directory of the record in use, NULL before txn_begin. */
const char *txn_dir(const struct txn *t);

/*
 * Undo the newest record of @image and remove it. ERR_NO_UNDO when there is none.
 * @all: every record, newest first.
 */
int txn_undo(const char *image, bool all, struct error *err);

/* Number of records, for reports. */
unsigned txn_records(const char *image);

#endif
