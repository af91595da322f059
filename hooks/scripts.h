/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scripts of hooks/scripts/ as they are placed in images: ASCII, CRLF. */
#ifndef W7PREP_HOOKS_SCRIPTS_H
#define W7PREP_HOOKS_SCRIPTS_H

#include <stddef.h>

struct script {
	const char *name;		/* "firstboot.cmd" */
	const unsigned char *data;
	size_t size;
};

/* Ends with a row whose name is NULL. */
extern const struct script scripts[];

#endif
