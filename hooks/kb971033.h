/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two ways to be rid of KB971033, between their files. */
#ifndef W7PREP_HOOKS_KB971033_H
#define W7PREP_HOOKS_KB971033_H

#include "hooks/hook.h"

#define KB971033_HOOK "kb971033"

/* Is there something for kb971033_offline() to take out? */
bool kb971033_offline_applies(const struct plan_context *c);

/*
 * Nothing of it is installed, but remove = offline asked, and something is odd: the line that says
 * what; NULL: all is well. Borrowed.
 */
const char *kb971033_offline_oddity(const struct plan_context *c);

/*
 * remove = offline: everything of the package goes from the image, as a list of places that
 * were found and judged (image/servicing.h). ERR_UNKNOWN_SHAPE where one thing about it is not
 * known: then nothing of it may be edited, and only Windows can uninstall it.
 */
int kb971033_offline(const struct plan_context *c, struct plan *out, struct error *err);

#endif
