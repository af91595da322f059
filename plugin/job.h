/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One image on the command line: open it, read every Windows in it, plan, apply,
 * verify. What came of it is kept in the job, and both reports (text and JSON) are
 * made from that.
 */
#ifndef W7PREP_PLUGIN_JOB_H
#define W7PREP_PLUGIN_JOB_H

#include "hooks/hook.h"
#include "image/image.h"
#include "image/windows.h"
#include "plugin/options.h"

/* One Windows installation in the image. */
struct target {
	struct windows win;
	bool selected;		/* to be prepared; else left alone */
	bool planned;		/* plan is filled */
	struct plan plan;
	struct error refusal;	/* why it cannot be planned, ERR_NONE: it can */
};

struct job {
	const struct plan_request *request;	/* of this run: set before job_plan(); borrowed */
	char *path;
	char *output;			/* -o, or NULL */
	struct image *im;		/* while open */
	enum image_format format;
	const char *engine;		/* name, static; NULL before it was opened */
	VEC(struct target) targets;
	struct strvec notes;		/* volumes without Windows, left alone, … */
	struct error error;		/* why the command failed on this image */
	bool applied;			/* apply changed the image */
	bool verified;			/* facts were read again and the second plan is empty */
	char *undo_record;		/* its directory, or NULL */
	double seconds;
};

/* Open the image and read the facts. @write: it will be changed. 0/-1 (job->error). */
int job_open(struct job *job, const struct cli *cli, const char *path, bool write);
/* Read the servicing store of every installation as well. 0/-1. */
int job_servicing(struct job *job);
/* Choose the installations to prepare and plan each; the first refusal fails. 0/-1. */
int job_plan(struct job *job, const struct cli *cli, const struct profile *profile);
/* Carry out the plans as one transaction, prove it, commit. 0/-1. */
int job_apply(struct job *job, const struct profile *profile);

/* Some Windows in the image holds a MAK, or will when its plan was carried out. */
bool job_leaves_mak(const struct job *job);
/* Number of changes planned for all selected installations. */
size_t job_changes(const struct job *job);
/* Exit status for this image: of its error, or 10 when @pending counts and there is something to do. */
int job_status(const struct job *job, bool pending);

void job_close(struct job *job);	/* the image; facts and results stay */
void job_free(struct job *job);

/*
 * Read the profile that -p names. 0/-1. A failure is reported here, with every complaint in
 * the order of the file; its status is err_status(err).
 */
int job_profile(const char *name, struct profile *out, struct error *err);

#endif
