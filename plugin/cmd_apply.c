/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "image/image.h"
#include "image/partclone_copy.h"
#include "image/txn.h"
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

static int is_there(const char *output, bool file, struct error *err)
{
	err_set(err, ERR_EXISTS, "%s is there already", output);
	return file ? err_hint(err, "name another file, or replace it with --force")
		    : err_hint(err, "name a directory that is not there yet: none is replaced");
}

static int check_output(
    const struct cli *cli, const char *path, enum image_format format, struct error *err)
{
	struct stat in, out;

	if (strcmp(cli->output, "-") == 0) {
		err_set(err, ERR_USAGE, "-o -: an image cannot go to standard output");
		return err_hint(err, "name a file; one with this name is ./-");
	}
	if (stat(path, &in) != 0)
		return err_set(err, ERR_NO_SUCH_FILE, "%s: no such file", path);
	if (!S_ISREG(in.st_mode) && format != FORMAT_PARTCLONE)
		return err_set(err, ERR_USAGE, "%s: -o can only copy an image file", path);
	if (stat(cli->output, &out) != 0)
		return errno == ENOENT ? 0 : err_errno(err, "%s", cli->output);
	if (in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
		err_set(err, ERR_USAGE, "%s and %s are the same file", path, cli->output);
		return err_hint(err, "without -o the image is changed in place, and undo puts it back");
	}
	if (S_ISREG(in.st_mode) && S_ISREG(out.st_mode) && cli->force)
		return 0;
	return is_there(cli->output, S_ISREG(in.st_mode), err);
}

/* Another run may have made OUT since check_output(). Not every file system can see to that. */
static int rename_to(const char *tmp, const char *output, bool replace)
{
	unsigned how = replace ? 0 : RENAME_NOREPLACE;

	if (renameat2(AT_FDCWD, tmp, AT_FDCWD, output, how) == 0)
		return 0;
	return errno == EINVAL || errno == ENOSYS ? rename(tmp, output) : -1;
}

/* A closed image's file reaches the disk before it gets its final name. */
static int publish(
    const char *tmp, const char *output, bool replace, bool secret, struct error *err)
{
	struct stat now, old;
	CLEANUP(close) int fd = open(tmp, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &now) != 0)
		return err_errno(err, "cannot write %s", output);
	/* readable for nobody who could not read IMAGE, nor the OUT that it replaces; with a MAK in
	 * it, for fewer still */
	mode_t mode = now.st_mode & 07777;
	if (stat(output, &old) == 0)
		mode &= old.st_mode & 0777;
	if (secret)
		mode &= ~(mode_t)S_IRWXO;
	if (fchmod(fd, mode) != 0)
		return err_errno(err, "cannot write %s", output);
	if (fsync(fd) != 0)
		return err_errno(err, "cannot write %s", output);
	if (rename_to(tmp, output, replace) != 0)
		return errno == EEXIST ? is_there(output, S_ISREG(now.st_mode), err)
				       : err_errno(err, "cannot put %s in place", output);
	return sync_parent(output, err);
}

/* Of a directory that may be written with a slash at its end. */
static char *parent_of(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	CLEANUP(free) char *plain = xstrndup(path, n);
	return path_dir(plain);
}

static int begin_copy(
    const char *path, const char *tmp, enum image_format format, struct error *err)
{
	return format == FORMAT_PARTCLONE ? ptcl_copy_begin(path, tmp, err)
					  : copy_file(path, tmp, "copying the image", err);
}

static void change_copy(struct job *job, const struct cli *cli, const char *path, const char *tmp,
    enum image_format format, const struct profile *profile)
{
	int rc = change(job, cli, tmp, profile);

	job_close(job);
	if (rc == 0 && format == FORMAT_PARTCLONE)
		rc = ptcl_copy_finish(path, tmp, &job->error);
	if (rc == 0)
		publish(tmp, cli->output, cli->force, job_leaves_mak(job), &job->error);
	/* the report speaks of what the user named; the copy is gone either way */
	free(job->path);
	job->error.image_changed = false;
}

/* Work on a copy beside OUT, which becomes OUT when all is well. */
static void apply_to_copy(struct job *job, const struct cli *cli, const char *path,
    const struct profile *profile)
{
	CLEANUP(free) char *dir = parent_of(cli->output);
	CLEANUP(free) char *scratch = NULL, *tmp = NULL;
	CLEANUP(free) char *real = realpath(path, NULL);
	enum image_format format;

	job->output = xstrdup(cli->output);
	/* half an image is not worth a copy */
	if (txn_interrupted(path, &job->error) == 0 &&
	    image_probe(path, &format, &job->error) == 0 &&
	    check_output(cli, path, format, &job->error) == 0 &&
	    (scratch = scratch_create(dir, &job->error))) {
		tmp = path_join(scratch, path_base(real));
		if (begin_copy(path, tmp, format, &job->error) == 0)
			change_copy(job, cli, path, tmp, format, profile);
	}
	job->path = xstrdup(path);
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
