/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Editions of Windows 7 and Server 2008 R2 and their KMS client setup keys, which
 * Microsoft publishes (KB4487266; "KMS client activation and product keys"). They
 * activate nothing by themselves.
 */
#ifndef W7PREP_PROFILES_EDITIONS_H
#define W7PREP_PROFILES_EDITIONS_H

#include <stdbool.h>
#include <stddef.h>

struct edition {
	const char *id;			/* EditionID in the registry */
	const char *name;		/* as Microsoft's table names it */
	const char *client_key;		/* KMS client setup key; NULL: no volume activation */
	const char *activation_id;	/* of that key's licence, lower case; NULL: none */
	bool server;
};

/* The row of an EditionID, without case; NULL: not known. */
const struct edition *edition_find(const char *id);
/* The row whose client key is @key; NULL: not a client setup key. */
const struct edition *edition_of_key(const char *key);
/* All rows; *n gets their number. */
const struct edition *edition_table(size_t *n);
/* Five groups of five from Microsoft's alphabet, in either case. */
bool product_key_valid(const char *key);
/*
 * Whether something in @text has the shape of a product key, however it was typed or
 * pasted (with dashes of any kind, with blanks, run together): for refusing keys where
 * none may be. Ordinary words and names do not match.
 */
bool product_key_inside(const char *text, size_t n);

#endif
