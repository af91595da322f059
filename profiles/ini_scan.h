/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The strict reading of an INI file that goes before iniparser. iniparser 4.1 drops or joins
 * what it does not like without a word (a value from its first ';' on, a key after a line
 * that ends in '\', the first of two equal keys) and knows no line numbers; here each of
 * these is a complaint with file and line.
 */
#ifndef W7PREP_PROFILES_INI_SCAN_H
#define W7PREP_PROFILES_INI_SCAN_H

#include "common/buf.h"
#include "common/error.h"

#define INI_MAX_FILE 65536	/* a profile has some hundred lines */
#define INI_MAX_LINE 1000	/* iniparser refuses a file with a line of 1023 */

/* What is wrong in the files read, in the order found; bounded. */
struct complaint {
	char *message;	/* "file:line: …" */
	char *hint;	/* or NULL */
	unsigned line;
};

struct complaints {
	struct complaint *v;
	size_t n, cap;
	size_t dropped;	/* further ones, not kept */
};

/* @line 0: the file as a whole. @hint may be NULL. */
void complain(struct complaints *c, const char *file, unsigned line, const char *hint,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Put those from number @first on in the order of their lines. */
void complaints_sort(struct complaints *c, size_t first);
void complaints_free(struct complaints *c);

/* One header (key NULL) or one key with its value, quotes removed. */
struct ini_entry {
	unsigned line;
	char *section, *key;	/* lower case */
	char *value;
};

struct ini_file {
	struct ini_entry *v;
	size_t n, cap;
	struct buf text;	/* what was read, without a byte order mark */
};

/*
 * Read @path. Every complaint goes to @c; entries of lines without one are in @out either
 * way. A line that holds something like a product key is refused and never quoted.
 */
void ini_scan(const char *path, struct ini_file *out, struct complaints *c);
void ini_file_free(struct ini_file *f);

/*
 * Have iniparser read the same bytes; -1 unless it finds exactly the scan's keys and values.
 * Only for a file without complaints. Nothing is printed.
 */
int ini_cross_check(const struct ini_file *f, struct error *err);

/* The beginning of @s for a message, cut between characters. The caller frees it. */
char *ini_excerpt(const char *s);

#endif
