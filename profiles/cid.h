/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Confirmation IDs of the PCs of a lab.
 *
 * Activation by proxy (VAMT) exchanges an installation ID, which Windows makes of a PC's hardware
 * and its product key, for a confirmation ID of Microsoft's. That one stays good for the same
 * hardware and key: deposited again after the PC was cloned again, it activates without taking
 * another activation off the MAK. For any other installation ID it is worth nothing.
 */
#ifndef W7PREP_PROFILES_CID_H
#define W7PREP_PROFILES_CID_H

#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

/*
 * Windows 7: nine and eight groups of six digits. There are check digits among them
 * (SL_E_CIDIID_INVALID_CHECK_DIGITS, 0xC004F04D), which Microsoft does not document: Windows
 * looks at them, we do not.
 */
#define CID_IID_DIGITS 54
#define CID_CID_DIGITS 48

/* One row; texts are as cid_set() leaves them, "" where nothing is known. */
struct cid_row {
	char computer[16]; /* NetBIOS name, upper case */
	char mac[18];      /* "00:1B:21:AA:BB:CC" */
	char iid[CID_IID_DIGITS + 1];
	char cid[CID_CID_DIGITS + 1];
	char partial_key[6]; /* last five characters of the product key */
	int64_t imported;    /* seconds since 1970; 0: not stored yet */
	unsigned line;       /* of the file it was read from; 0: read from a store */
};

struct cid_rows {
	VEC(struct cid_row) list;
};

void cid_rows_free(struct cid_rows *rows);
static inline void cleanup_cid_rows(struct cid_rows *rows)
{
	cid_rows_free(rows);
}

enum cid_field { CID_COMPUTER, CID_MAC, CID_IID, CID_CID, CID_PARTIAL_KEY, CID_FIELDS };

/* As the column is called in a CSV file and in JSON: "computer", "installation_id", … */
const char *cid_field_name(enum cid_field f);

/*
 * Check @text and put it into @row in its one spelling:
 *   computer     letters, digits, - and _, 15 at most; what follows a first dot is a DNS suffix
 *                and left out
 *   mac          12 hexadecimal digits, with or without : - . or blanks; not a group's address
 *   IDs          digits only, in groups divided by blanks or hyphens
 *   partial key  five characters of a product key; a whole key is refused and not quoted
 * "" clears the field. ERR_LAB_DATA says what is wrong; the caller adds where.
 */
int cid_set(struct cid_row *row, enum cid_field f, const char *text, struct error *err);
const char *cid_get(const struct cid_row *row, enum cid_field f);

/* A row is of use with both IDs and a PC that can be named: ERR_LAB_DATA where something is
 * missing. */
int cid_check(const struct cid_row *row, struct error *err);

/*
 * Read the list of confirmation IDs at @path: CSV (csv.h) with a header. Columns, without regard to
 * case, blanks, - and _: computer (or "Computer Name", as VAMT shows it), mac ("MAC address"),
 * installation_id ("OfflineInstallationId", as WMI has it, or IID), confirmation_id (CID),
 * partial_product_key; computer or mac may be missing, as may partial_product_key. Other columns
 * are passed over. All or nothing: the first complaint is the error, "path:line: …".
 */
struct cid_csv {
	struct cid_rows rows;  /* in the order of the file */
	size_t without_cid;    /* rows left out: nothing was confirmed for them yet */
	struct strvec ignored; /* columns passed over */
};
int cid_csv_read(const char *path, struct cid_csv *out, struct error *err);
void cid_csv_free(struct cid_csv *csv);

/* @rows as such a file, header included, added to @out. */
void cid_csv_write(const struct cid_rows *rows, struct buf *out);

/* "PC07", "00:1B:21:AA:BB:CC" or "PC07 (00:1B:21:AA:BB:CC)". The caller frees it. */
char *cid_row_pc(const struct cid_row *row);
/* "012345…678901": enough to recognise an ID. The caller frees it. */
char *cid_short(const char *id);

#endif
