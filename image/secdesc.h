/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Self-relative security descriptors of files that w7prep places in an image. */
#ifndef W7PREP_IMAGE_SECDESC_H
#define W7PREP_IMAGE_SECDESC_H

#include <stdbool.h>

#include "common/buf.h"

enum secdesc_kind {
	/* SYSTEM and Administrators full; nobody else. For anything with a key in it. */
	SECDESC_SECRET,
	/* the same, and Users may read and execute. For scripts and reports. */
	SECDESC_SCRIPT,
	/* as SECDESC_SCRIPT, inherited by what is made below. For directories. */
	SECDESC_DIRECTORY,
};

/* Owner and group Administrators, DACL protected from inheritance ([MS-DTYP] 2.4.6). */
void secdesc_make(enum secdesc_kind kind, struct buf *out);

/*
 * What somebody other than SYSTEM, Administrators and TrustedInstaller may do with
 * a file of this descriptor. A missing or malformed DACL gives everybody everything.
 */
struct secdesc_access {
	bool others_read;
	bool others_write;	/* write data, append, delete, WRITE_DAC, WRITE_OWNER … */
};
struct secdesc_access secdesc_others(const void *sd, size_t n);

/* True when @sd is at least as closed as secdesc_make(kind) makes it. */
bool secdesc_is_safe(const struct buf *sd, enum secdesc_kind kind);

#endif
