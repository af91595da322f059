/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where confirmation IDs are kept from one cloning to the next: an SQLite file of its owner's
 * alone (0600). One row an installation ID.
 */
#ifndef W7PREP_PROFILES_CID_STORE_H
#define W7PREP_PROFILES_CID_STORE_H

#include "profiles/cid.h"

struct cid_store;

/* ${XDG_DATA_HOME:-~/.local/share}/w7prep/cid.sqlite; the caller frees it. NULL: no home. */
char *cid_store_default(struct error *err);

enum cid_store_mode {
	CID_STORE_READ,  /* ERR_NO_SUCH_FILE when it is not there */
	CID_STORE_WRITE, /* made when it is not there, its directory (0700) too */
};

/*
 * Open the store at @path. Refused with ERR_LAB_DATA: a file that others may read or that belongs
 * to another user, one that is no store, one that a later version made. ERR_LOCKED while
 * another program writes to it for longer than a few seconds. NULL on error.
 */
struct cid_store *cid_store_open(const char *path, enum cid_store_mode mode, struct error *err);
void cid_store_close(struct cid_store *s);

struct cid_import {
	size_t added;        /* installation IDs that were not there */
	size_t replaced;     /* that had another confirmation ID (only with @replace) */
	size_t known;        /* that were there with this confirmation ID */
	struct strvec notes; /* PCs that now have several installation IDs */
};

/*
 * Take over all of @rows, as one transaction, as the newest of the store in their order. What a row
 * does not say (computer, MAC, partial key) is kept from before. Another confirmation ID for a
 * known installation ID is refused (ERR_LAB_DATA, "name:line: …") unless @replace. @name: of the
 * file, for messages. strvec_free(&out->notes) in every case.
 */
int cid_store_import(struct cid_store *s, const char *name, const struct cid_rows *rows,
    bool replace, struct cid_import *out, struct error *err);

/*
 * Rows of @computer or with @mac, both as cid_set() spells them; all of them when both are NULL.
 * Newest first.
 */
int cid_store_find(struct cid_store *s, const char *computer, const char *mac, struct cid_rows *out,
    struct error *err);

#endif
