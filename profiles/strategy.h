/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From profile and image to how the clones are to be activated, and why. */
#ifndef W7PREP_PROFILES_STRATEGY_H
#define W7PREP_PROFILES_STRATEGY_H

#include "common/buf.h"
#include "profiles/profile.h"

/* What of the image matters for the decision; so that profiles/ needs no image. */
struct strategy_image {
	const char *edition;		/* EditionID, or NULL: no image at hand (`profile advise`) */
	const char *key_channel;	/* "OEM:SLP", …, or NULL */
	bool oem_certificate;
};

struct strategy_decision {
	enum strategy strategy;		/* never STRATEGY_AUTO */
	struct strvec reasons;		/* in the order they were weighed */
	struct strvec advice;		/* what the admin should also do or know */
};

/* Of Windows 7: the initial grace period, and how often a new installation can begin it again. */
#define GRACE_DAYS 30u
#define REARMS 3u

/*
 * How long a clone runs without activation when each rearm is used with @days_left days of the
 * grace period left: 30 to 120 days.
 */
unsigned strategy_days_without_activation(unsigned days_left);

/* Always decides. Rules: see w7prep-strategies(7), each with its source. */
void strategy_decide(const struct profile *p, const struct strategy_image *image,
		     struct strategy_decision *out);
void strategy_decision_free(struct strategy_decision *d);

#endif
