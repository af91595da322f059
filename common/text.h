/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text as Windows has it: UTF-16LE, and names that ignore case. */
#ifndef W7PREP_COMMON_TEXT_H
#define W7PREP_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

/*
 * UTF-16LE bytes to UTF-8, up to the first NUL unit or the end; an odd last byte
 * is dropped, a lone surrogate becomes U+FFFD, so the result is always valid
 * UTF-8. The caller frees it.
 */
char *utf16le_to_utf8(const void *p, size_t bytes);

/*
 * UTF-8 to UTF-16LE with a final NUL unit, appended to @out. Returns false when
 * @s is not valid UTF-8 (@out is unchanged then).
 */
bool utf8_to_utf16le(const char *s, struct buf *out);

bool utf8_valid(const char *s, size_t n);

/*
 * Compare as NTFS and the registry compare names, for the letters that occur in
 * the names we look for: ASCII without case, everything else exactly.
 */
int name_cmp(const char *a, const char *b);
bool name_eq(const char *a, const char *b);
bool name_has_prefix(const char *s, const char *prefix);
bool name_has_suffix(const char *s, const char *suffix);
bool name_contains(const char *s, const char *part);

/* Shell-like match with * and ? and no case. */
bool name_matches(const char *pattern, const char *s);

/*
 * Make @s one line that a terminal shows and does not obey: control characters (C0, DEL, and
 * C1 in UTF-8) become blanks. Names of files and what an image says may hold any of them.
 */
void text_one_line(char *s);

/* Edit distance for "did you mean", at most @limit + 1. */
unsigned edit_distance(const char *a, const char *b, unsigned limit);

/*
 * The nearest of several names, or else one that begins so, for "did you mean": start from
 * SUGGESTION_INIT(typed), offer each; best stays NULL while none is near enough.
 */
struct suggestion {
	const char *typed, *best;
	unsigned distance;
};

#define SUGGESTION_INIT(what) ((struct suggestion){.typed = (what)})

void suggestion_offer(struct suggestion *s, const char *name);

/*
 * Whole decimal number within [min, max]; false for anything else, sign, blanks
 * and overflow included.
 */
bool parse_uint(const char *s, unsigned long min, unsigned long max, unsigned long *out);

/* Hexadecimal, lower case. The caller frees it. */
char *to_hex(const void *p, size_t n);

#endif
