/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of strategy.c among themselves: what is known of a lab and its image. */
#ifndef W7PREP_PROFILES_STRATEGY_LAB_H
#define W7PREP_PROFILES_STRATEGY_LAB_H

#include "profiles/strategy.h"

#define KMS_MIN_CLIENTS 25 /* a KMS host activates Windows 7 from here on … */
#define KMS_MIN_SERVERS 5  /* … and servers from here on */

/* What the rules look at: profile and image, with what each implies for the other. */
struct lab {
	enum strategy strategy; /* the profile's; then the one decided on */
	const struct profile *profile;
	const char *edition_name; /* of the image; NULL: there is no image */
	bool oem_image;           /* it activates itself on the vendor's PCs */
	bool oem_key;             /* OEM:SLP, with or without the certificate */
	bool volume;              /* its edition, if known, can be volume activated */
	enum lab_licence licence;
	const char *licence_from; /* where that is known from */
	bool mak;                 /* a MAK can be used */
	bool mobile;
	unsigned clients, need, days, seats;
	unsigned left;           /* days left when a rearm is used */
	unsigned total, longest; /* days without activation with that, and with 1 */
};

struct lab lab_survey(const struct profile *p, const struct strategy_image *image);
/* Put its numbers where a sentence has {clients}, {need}, {days} and the like; to be freed. */
char *lab_fill_in(const struct lab *l, const char *sentence);

/* What both rules and advice ask. */
bool lab_no_volume_edition(const struct lab *l);
bool lab_recloned_within_grace(const struct lab *l);
bool lab_recloned_with_rearms(const struct lab *l);
bool lab_recloned_often(const struct lab *l);
bool lab_recloned_rarely(const struct lab *l);
bool lab_never_recloned(const struct lab *l);

/* Add what should also be done or known with the strategy that was decided on. */
void strategy_advise(const struct lab *l, struct strvec *advice);

#endif
