/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer files of an installation as hook and reports see them. No key is in any of this. */
#ifndef W7PREP_HOOKS_ANSWER_FILE_H
#define W7PREP_HOOKS_ANSWER_FILE_H

#include "image/unattend.h"
#include "image/windows.h"
#include "profiles/editions.h"

/* What a product key in an answer file is, as far as can be told without asking Microsoft. */
enum answer_key {
	ANSWER_KEY_NONE,		/* none, or an empty one */
	ANSWER_KEY_CLIENT,		/* the KMS client setup key of this edition */
	ANSWER_KEY_OTHER_EDITION,	/* that of another one: Setup fails on every PC */
	ANSWER_KEY_OTHER,		/* shaped like a key: a MAK, or bought with a PC */
	ANSWER_KEY_BLANKED,		/* Windows took it out after use */
	ANSWER_KEY_INVALID,		/* not shaped like a key: a placeholder */
};
const char *answer_key_name(enum answer_key key);	/* "none", "client-key", … */

/* @value: as unattend_value() gives it, may be NULL. */
enum answer_key answer_key_of(const char *value, const struct edition *edition);

struct answer_file {
	const struct win_file *file;	/* of struct windows */
	bool cached;			/* in Panther, where Windows keeps its copy: never edited */
	bool readable;			/* xml holds it; else error says why not */
	struct unattend xml;
	struct error error;
};

struct answer_files {
	VEC(struct answer_file) list;	/* in Windows' search order */
};

/* Read all of @win's; one that cannot be read is in the list too. @out is answer_files_free()d. */
void answer_files_read(const struct windows *win, struct answer_files *out);
void answer_files_free(struct answer_files *a);

/*
 * The file whose settings Windows uses for @pass: of those it finds, the first with settings
 * for the pass which it has not processed yet. NULL: none.
 */
const struct answer_file *answer_file_for(const struct answer_files *a, enum unattend_pass pass);

/* "\Windows\Panther\Unattend\Unattend.xml"; the caller frees it. */
char *answer_file_path(const struct answer_file *f);

#endif
