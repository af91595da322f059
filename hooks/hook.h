/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Build-time hooks. A hook reads facts and profile and says what should change
 * and why; it never touches an image. A new hook is one file and one row in the
 * table of hook.c.
 */
#ifndef W7PREP_HOOKS_HOOK_H
#define W7PREP_HOOKS_HOOK_H

#include "common/error.h"
#include "image/changeset.h"
#include "image/windows.h"
#include "profiles/cid.h"
#include "profiles/editions.h"
#include "profiles/profile.h"
#include "profiles/strategy.h"

/* What one run asks for beyond the profile, which is the same for every PC of a lab. */
struct plan_request {
	bool confirmation;		/* a PC was named: its confirmation IDs belong in the image */
	struct cid_rows confirmations;	/* those, newest first; none: nothing is stored for it */
	char *pc;			/* as it was named, for notes; owned */
};

struct plan_context {
	const struct windows *win;
	const struct profile *profile;
	enum strategy strategy;
	const struct edition *edition;	/* NULL: not in the table */
	const struct plan_request *request;	/* never NULL */
	struct buf *mak;		/* the MAK, read from mak_key_file; NULL: none */
};

struct plan {
	struct strategy_decision decision;
	struct changeset changes;
	struct strvec notes;		/* for the admin: what was seen and left alone, what to do by hand */
	struct strvec placed;		/* names in Setup\Scripts\w7prep that this plan wants, there or not */
};

struct hook {
	const char *name;		/* "kb971033": in reports and JSON */
	const char *summary;		/* one line, no final period */
	bool (*applies)(const struct plan_context *c);
	/* Adds to out->changes and out->notes. An error refuses the whole image. */
	int (*plan)(const struct plan_context *c, struct plan *out, struct error *err);
};

/* In the order they are run; NULL-terminated. */
extern const struct hook *const hooks[];

/*
 * Decide the strategy and run every hook that applies. Refusals of the facts and of the
 * strategy come back as errors (exit status 4 or 5). Equal facts give an equal plan, and
 * the facts of an image that a plan was applied to give an empty one: a hook compares
 * what is there with what should be, never with what it did. @out is the caller's to
 * plan_free() in every case.
 */
int hooks_plan(const struct windows *win, const struct profile *profile, struct plan *out,
	       struct error *err);
/* The same for a request of this run; @request is only borrowed. */
int hooks_plan_for(const struct windows *win, const struct profile *profile,
		   const struct plan_request *request, struct plan *out, struct error *err);
/*
 * Does a file that Windows reads at setup or first boot hold a product key that is not public? Then
 * image->seal_undo is to be set before image_begin().
 */
bool hooks_key_in_image(const struct windows *win);
/* The image holds a MAK once @p is carried out. */
bool plan_leaves_mak(const struct plan *p);
void plan_request_free(struct plan_request *request);
void plan_free(struct plan *p);

#endif
