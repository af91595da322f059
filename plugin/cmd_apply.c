/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "plugin/commands.h"
#include "plugin/report.h"

static int change(struct job *job, const struct cli *cli, const char *path,
    const struct profile *profile)
{
	if (job_open(job, cli, path, true) != 0 || job_plan(job, cli, profile) != 0 ||
	    job_apply(job, profile) != 0)
		return -1;
	return 0;
}

static int check_output(const struct cli *cli, const char *path, struct error *err)
{
	struct stat in, out;

	if (strcmp(cli->output, "-") == 0) {
		err_set(err, ERR_USAGE, "-o -: an image cannot go to standard output");
		return err_hint(err, "name a file; one with this name is ./-");
	}
	if (stat(path, &in) != 0)
		return err_set(err, ERR_NO_SUCH_FILE, "%s: no such file", path);
	if (!S_ISREG(in.st_mode))
		return err_set(err, ERR_USAGE, "%s: -o can only copy an image file", path);
	if (stat(cli->output, &out) != 0)
		return errno == ENOENT ? 0 : err_errno(err, "%s", cli->output);
	if (in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
		err_set(err, ERR_USAGE, "%s and %s are the same file", path, cli->output);
		return err_hint(err, "without -o the image is changed in place, and undo puts it back");
	}
	if (S_ISREG(out.st_mode) && cli->force)
		return 0;
	err_set(err, ERR_EXISTS, "%s is there already", cli->output);
	return err_hint(err, "name another file, or replace it with --force");
}

/* A closed image's file reaches the disk before it gets its final name. */
static int publish(const char *tmp, const char *output, struct error *err)
{
	struct stat now, old;
	CLEANUP(close) int fd = open(tmp, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &now) != 0)
		return err_errno(err, "cannot write %s", output);
	/* readable for nobody who could not read IMAGE, nor the OUT that it replaces */
	if (stat(output, &old) == 0 && fchmod(fd, now.st_mode & old.st_mode & 0777) != 0)
		return err_errno(err, "cannot write %s", output);
	if (fsync(fd) != 0)
		return err_errno(err, "cannot write %s", output);
	if (rename(tmp, output) != 0)
		return err_errno(err, "cannot put %s in place", output);
	return sync_parent(output, err);
}

/* Work on a copy beside OUT, which becomes OUT when all is well. */
static void apply_to_copy(struct job *job, const struct cli *cli, const char *path,
    const struct profile *profile)
{
	CLEANUP(free) char *dir = path_dir(cli->output);
	CLEANUP(free) char *scratch = NULL, *tmp = NULL;

	job->output = xstrdup(cli->output);
	if (check_output(cli, path, &job->error) != 0 ||
	    !(scratch = scratch_create(dir, &job->error))) {
		job->path = xstrdup(path);
		return;
	}
	tmp = path_join(scratch, path_base(path));
	if (copy_file(path, tmp, "copying the image", &job->error) != 0) {
		job->path = xstrdup(path);
	} else {
		int rc = change(job, cli, tmp, profile);

		job_close(job);
		if (rc == 0)
			publish(tmp, cli->output, &job->error);
		/* the report speaks of what the user named; the copy is gone either way */
		free(job->path);
		job->path = xstrdup(path);
		job->error.image_changed = false;
	}
	scratch_remove(scratch);
}

static void apply(struct job *job, const struct cli *cli, const char *path,
    const struct profile *profile)
{
	if (cli->output)
		apply_to_copy(job, cli, path, profile);
	else
		change(job, cli, path, profile);
}

int cmd_apply(const struct cli *cli)
{
	static const struct image_command cmd = {
	    "apply", REPORT_PLAN | REPORT_APPLY, false, apply};

	return run_on_images(&cmd, cli);
}
