/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comma-separated values as RFC 4180 has them, read strictly: what is not exactly that is an
 * error with its line, never a guess. Semicolons instead of commas (as spreadsheets write them
 * where the comma is the decimal sign), bare LF and a UTF-8 byte order mark are taken too.
 */
#ifndef W7PREP_PROFILES_CSV_H
#define W7PREP_PROFILES_CSV_H

#include "common/buf.h"
#include "common/error.h"

struct csv {
	const char *p, *end;
	const char *name; /* of the file, for errors */
	unsigned line;    /* of what comes next, from 1 */
	char separator;
};

/*
 * Start on @text, which stays the caller's and must outlive @csv, as does @name. The separator is
 * the one that the first record has more of. ERR_LAB_DATA for what is no UTF-8 text.
 */
int csv_start(struct csv *csv, const char *name, const struct buf *text, struct error *err);

/*
 * The next record into the empty @fields and the line it starts on into @line; empty lines are
 * passed over. 1, 0 at the end, -1: ERR_LAB_DATA with "file:line:" in front. Fields hold no NUL;
 * 64 fields a record and 4096 bytes a field at most.
 */
int csv_next(struct csv *csv, struct strvec *fields, unsigned *line, struct error *err);

/* Add one record, CRLF included, to @out; fields are quoted where they must be. */
void csv_add(struct buf *out, const char *const *fields, size_t n);

#endif
