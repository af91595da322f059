/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/job.h"

#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "image/servicing.h"
#include "image/txn.h"
#include "plugin/ui.h"

/* What --image counts in this kind of image. */
static const char *part_word(const struct job *job)
{
	return job->format == FORMAT_WIM ? "image" : "partition";
}

/* Say in @err which Windows it was, where there may be several. */
static int name_part(const struct job *job, const struct target *t, struct error *err)
{
	if (job->format == FORMAT_WIM || job->targets.n > 1)
		err_context(err, "%s %u", part_word(job), t->win.index);
	return -1;
}

/* What a volume without a Windows is, for a note. */
static void note_volume(struct job *job, const struct image_volume *v)
{
	const char *what = part_word(job);

	if (v->bitlocker)
		strvec_addf(&job->notes, "%s %u is encrypted with BitLocker: left alone", what, v->index);
	else if (job->format == FORMAT_WIM)
		strvec_addf(&job->notes, "image %u (%s) holds no Windows installation: left alone",
		    v->index, v->name && *v->name ? v->name : "no name");
	else
		log_debug("%s: %s %u holds no Windows installation", job->path, what, v->index);
}

static int read_facts(struct job *job, const struct cli *cli)
{
	struct image *im = job->im;
	bool found_index = cli->image_index == 0;

	for (size_t i = 0; i < im->volumes.n; i++) {
		const struct image_volume *v = &im->volumes.v[i];
		struct windows win;

		if (cli->image_index && v->index != cli->image_index)
			continue;
		found_index = true;
		if (cancel_requested())
			return err_set(&job->error, ERR_INTERRUPT, "%s: interrupted", job->path);
		int rc = v->ntfs && !v->bitlocker ? windows_read(im, i, &win, &job->error) : 0;
		if (rc < 0)
			return err_context(&job->error, "%s", job->path);
		if (rc > 0)
			VEC_PUSH(&job->targets)->win = win;
		else
			note_volume(job, v);
	}
	if (found_index)
		return 0;
	err_set(&job->error, ERR_NO_SUCH_INDEX, "%s: there is no %s %u in it", job->path,
	    part_word(job), cli->image_index);
	return err_hint(&job->error, "w7prep inspect %s shows which there are", job->path);
}

static int no_windows(struct job *job)
{
	struct image *im = job->im;

	for (size_t i = 0; i < im->volumes.n; i++) {
		if (!im->volumes.v[i].bitlocker)
			continue;
		err_set(&job->error, ERR_BITLOCKER, "%s: partition %u is encrypted with BitLocker",
		    job->path, im->volumes.v[i].index);
		return err_hint(&job->error,
		    "decrypt it on the reference PC (manage-bde -off C:), then capture it again");
	}
	err_set(&job->error, ERR_NO_WINDOWS, "%s: no Windows installation found in it", job->path);
	return err_hint(&job->error,
	    "it must hold \\Windows\\System32\\config\\SOFTWARE and SYSTEM; a boot.wim or data image has "
	    "nothing to prepare");
}

int job_open(struct job *job, const struct cli *cli, const char *path, bool write)
{
	struct image_options options = {
	    .engine = cli->root ? "tree" : cli->engine,
	    .write = write,
	    .rebuild = cli->rebuild,
	    .no_undo = job->output != NULL,
	};

	job->path = xstrdup(path);
	job->im = image_open(path, &options, &job->error);
	if (!job->im)
		return -1;
	job->format = job->im->format;
	job->engine = job->im->ops->name;
	if (read_facts(job, cli) != 0)
		return -1;
	return job->targets.n ? 0 : no_windows(job);
}

/* Facts that cost more and that only one kind of profile asks for. */
static int read_more_facts(const struct job *job, struct target *t, const struct profile *profile)
{
	if (profile->kb971033 != KB971033_OFFLINE || t->win.refusals.n)
		return 0;
	return windows_read_servicing(job->im, t->win.vol, false, &t->win, &t->refusal);
}

static void plan_target(const struct job *job, struct target *t, const struct profile *profile)
{
	if (read_more_facts(job, t, profile) == 0 &&
	    hooks_plan_for(&t->win, profile, job->request, &t->plan, &t->refusal) == 0 &&
	    changeset_check(job->im, t->win.vol, &t->win, &t->plan.changes, &t->refusal) == 0)
		t->planned = true;
	else
		name_part(job, t, &t->refusal);
}

static int refused(struct job *job, struct target *t)
{
	err_set(&job->error, t->refusal.code, "%s: %s", job->path, t->refusal.message);
	if (t->refusal.hint)
		err_hint(&job->error, "%s", t->refusal.hint);
	return -1;
}

/* Of FOG's and Clonezilla's images the directory; files of a mounted volume have modes of their own. */
static void note_exposed(struct job *job)
{
	struct stat st;

	if (job->format == FORMAT_TREE || stat(job->path, &st) != 0)
		return;
	if (st.st_mode & (S_ISDIR(st.st_mode) ? S_IXOTH : S_IROTH))
		strvec_addf(&job->notes,
		    "everybody on this machine can read it, and the MAK in it: chmod o-rwx %s",
		    job->path);
}

int job_plan(struct job *job, const struct cli *cli, const struct profile *profile)
{
	struct target *first_other = NULL;
	size_t selected = 0;

	for (size_t i = 0; i < job->targets.n; i++) {
		struct target *t = &job->targets.v[i];

		t->selected = windows_is_7(&t->win) || cli->image_index;
		if (t->selected) {
			selected++;
			plan_target(job, t, profile);
			continue;
		}
		CLEANUP(free) char *what = windows_describe(&t->win);
		strvec_addf(&job->notes, "%s %u is %s, not Windows 7: left alone", part_word(job),
		    t->win.index, what);
		if (!first_other)
			first_other = t;
	}
	if (!selected && first_other) {
		/* nothing else in there: the facts' own refusal says what it is */
		plan_target(job, first_other, profile);
		return refused(job, first_other);
	}
	for (size_t i = 0; i < job->targets.n; i++) {
		struct target *t = &job->targets.v[i];

		if (!t->selected || t->planned)
			continue;
		refused(job, t);
		if (selected > 1)
			err_hint(&job->error, "%s%sor choose the images to prepare with --image N",
			    t->refusal.hint ? t->refusal.hint : "", t->refusal.hint ? "; " : "");
		return -1;
	}
	/* a copy is for nobody else, see publish() */
	if (!job->output && job_leaves_mak(job))
		note_exposed(job);
	return 0;
}

int job_servicing(struct job *job)
{
	for (size_t i = 0; i < job->targets.n; i++) {
		struct windows *win = &job->targets.v[i].win;

		if (windows_read_servicing(job->im, win->vol, true, win, &job->error) != 0)
			return err_context(&job->error, "%s", job->path);
	}
	return 0;
}

bool job_leaves_mak(const struct job *job)
{
	for (size_t i = 0; i < job->targets.n; i++)
		if (plan_leaves_mak(&job->targets.v[i].plan))
			return true;
	return false;
}

size_t job_changes(const struct job *job)
{
	size_t n = 0;

	for (size_t i = 0; i < job->targets.n; i++)
		n += job->targets.v[i].plan.changes.list.n;
	return n;
}

/* The facts @before was read with, read again. */
static int read_again(struct job *job, const struct windows *before, struct windows *win)
{
	int rc = windows_read(job->im, before->vol, win, &job->error);

	if (rc == 0)
		return err_set(&job->error, ERR_VERIFY, "the Windows installation is not found again");
	if (rc < 0 || !before->servicing)
		return rc < 0 ? -1 : 0;
	rc = windows_read_servicing(job->im, before->vol, false, win, &job->error);
	if (rc == 0)
		rc = servicing_compare(before->servicing, win->servicing, &job->error);
	if (rc != 0)
		windows_free(win);
	return rc;
}

/*
 * Facts again, plan again: what is still to be done means that it did not work. Facts may not show
 * all that was to go, so each deletion is looked for as well.
 */
static int verify_target(struct job *job, const struct target *t, const struct profile *profile)
{
	struct windows win;
	struct plan plan = {0};

	if (read_again(job, &t->win, &win) != 0)
		return -1;
	int rc = hooks_plan_for(&win, profile, job->request, &plan, &job->error);
	if (rc != 0) {
		job->error.code = ERR_VERIFY;
	} else if (plan.changes.list.n) {
		const struct change *c = &plan.changes.list.v[0];
		CLEANUP(free) char *target = change_target(c);

		rc = err_set(&job->error, ERR_VERIFY,
		    "%zu of the changes did not take effect, first: %s %s (%s)", plan.changes.list.n,
		    change_op_name(c->op), target, c->reason);
	} else {
		rc = changeset_verify(job->im, t->win.vol, &win, &t->plan.changes, &job->error);
	}
	plan_free(&plan);
	windows_free(&win);
	return rc;
}

static int run_plans(struct job *job, const struct profile *profile)
{
	struct image *im = job->im;

	for (size_t i = 0; i < job->targets.n; i++)
		im->seal_undo = im->seal_undo || hooks_key_in_image(&job->targets.v[i].win);
	if (image_begin(im, &job->error) != 0)
		return -1;
	for (size_t i = 0; i < job->targets.n; i++) {
		struct target *t = &job->targets.v[i];

		if (t->selected && changeset_run(im, t->win.vol, &t->win, &t->plan.changes, &job->error) != 0)
			return name_part(job, t, &job->error);
	}
	if (image_settle(im, &job->error) != 0)
		return -1;
	for (size_t i = 0; i < job->targets.n; i++) {
		const struct target *t = &job->targets.v[i];

		if (t->selected && verify_target(job, t, profile) != 0)
			return name_part(job, t, &job->error);
	}
	if (cancel_requested())
		return err_set(&job->error, ERR_INTERRUPT, "interrupted");
	return 0;
}

int job_apply(struct job *job, const struct profile *profile)
{
	struct image *im = job->im;

	bool rebuild = im->options.rebuild && job->format == FORMAT_WIM;

	if (job_changes(job) == 0 && !rebuild) {
		job->verified = true;
		return 0;
	}
	if (run_plans(job, profile) != 0) {
		image_abort(im);
		return err_context(&job->error, "%s", job->path);
	}
	job->verified = true;
	const char *record = im->txn ? txn_dir(im->txn) : NULL;
	job->undo_record = record ? xstrdup(record) : NULL;
	if (image_commit(im, &job->error) != 0)
		return err_context(&job->error, "%s", job->path);
	job->applied = true;
	return 0;
}

int job_status(const struct job *job, bool pending)
{
	if (job->error.code != ERR_NONE)
		return err_status(&job->error);
	return pending && job_changes(job) ? EXIT_PENDING : EXIT_DONE;
}

void job_close(struct job *job)
{
	image_close(job->im);
	job->im = NULL;
}

void job_free(struct job *job)
{
	job_close(job);
	for (size_t i = 0; i < job->targets.n; i++) {
		struct target *t = &job->targets.v[i];

		windows_free(&t->win);
		plan_free(&t->plan);
		err_clear(&t->refusal);
	}
	free(job->targets.v);
	strvec_free(&job->notes);
	err_clear(&job->error);
	free(job->undo_record);
	free(job->output);
	free(job->path);
}

int job_profile(const char *name, struct profile *out, struct error *err)
{
	CLEANUP(strvec) struct strvec more = STRVEC_INIT;
	CLEANUP(free) char *path = profile_find(name, err);
	int rc = path ? profile_read(path, out, &more, err) : -1;

	if (rc != 0)
		ui_error(err, &more);
	for (size_t i = 0; rc == 0 && i < out->warnings.n; i++)
		log_warn("%s", out->warnings.v[i]);
	return rc;
}
