/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the parts of the profile reader. */
#ifndef W7PREP_PROFILES_PROFILE_PRIV_H
#define W7PREP_PROFILES_PROFILE_PRIV_H

#include "profiles/ini_scan.h"
#include "profiles/profile.h"

/* Complain unless @value is one that @k may have. "" (the default) always is. */
void profile_check_value(const struct profile_key *k, const char *value, const char *file,
			 unsigned line, struct complaints *c);

/* Store a value that was checked; relative paths are of the directory of @file. */
void profile_store(struct profile *p, const struct profile_key *k, const char *value,
		   const char *file);

/* Set every member to its default. */
void profile_defaults(struct profile *p);

/* What the values say together: contradictions to @c, oddities to p->warnings. */
void profile_check_sense(struct profile *p, struct complaints *c);

/* Every file that a profile's name can mean, the one that counts first. */
void profile_candidates(const char *name, struct strvec *paths);

#endif
