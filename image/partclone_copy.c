/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partclone_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "image/partclone_set.h"
#include "image/partclone_twin.h"

#define COPYING ".copying" /* end of the name of a file that becomes one of its own */

typedef int (*file_fn)(const char *from, const char *to, struct error *err);

static int check_whole(const char *image, struct error *err)
{
	struct ptcl_set set;

	if (ptcl_set_find(image, &set, err) != 0)
		return -1;
	size_t n = set.names.n;
	ptcl_set_free(&set);
	if (n == 1)
		return 0;
	err_set(err, ERR_USAGE, "%s: -o cannot copy a partition of %zu files by itself", image, n);
	return err_hint(err, "name the image's directory: OUT is then a directory, too");
}

/* Call @fn for each file of @image, which is one file or a directory of files. */
static int for_each(const char *image, const char *to, file_fn fn, struct error *err)
{
	DIR *d = opendir(image);
	int rc = 0;

	if (!d)
		return errno == ENOTDIR ? fn(image, to, err) : err_errno(err, "cannot read %s", image);
	for (struct dirent *e; rc == 0 && (e = readdir(d));) {
		CLEANUP(free) char *from = path_join(image, e->d_name);
		CLEANUP(free) char *there = path_join(to, e->d_name);

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = fn(from, there, err);
	}
	closedir(d);
	return rc;
}

static int take(const char *from, const char *to, struct error *err)
{
	struct stat st;

	if (stat(from, &st) != 0)
		return err_errno(err, "cannot find %s", from);
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_USAGE, "%s is not a file: -o copies directories of files only", from);
		return err_hint(err, "move it out of the image's directory");
	}
	CLEANUP(free) char *real = realpath(from, NULL);
	return real ? ptcl_link_or_copy(real, to, err) : err_errno(err, "cannot find %s", from);
}

int ptcl_copy_begin(const char *image, const char *to, struct error *err)
{
	struct stat st;

	if (stat(image, &st) != 0)
		return err_errno(err, "cannot find %s", image);
	if (!S_ISDIR(st.st_mode) && check_whole(image, err) != 0)
		return -1;
	if (S_ISDIR(st.st_mode) && mkdir(to, (st.st_mode & 0777) | S_IRWXU) != 0)
		return err_errno(err, "cannot make %s", to);
	return for_each(image, to, take, err);
}

static int own(const char *from, const char *to, struct error *err)
{
	CLEANUP(free) char *copying = xasprintf("%s" COPYING, to);

	if (copy_file(from, copying, "copying the image", err) != 0)
		return -1;
	return rename(copying, to) == 0 ? 0 : err_errno(err, "cannot put %s in place", to);
}

static int separate(const char *from, const char *to, struct error *err)
{
	struct stat a, b;

	if (stat(from, &a) != 0)
		return err_errno(err, "cannot find %s", from);
	/* the new image may have fewer parts */
	if (stat(to, &b) != 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot find %s", to);
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? own(from, to, err) : 0;
}

/* A file, or the directory itself. */
static int limit_mode(const char *path, const char *same, struct error *err)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	mode_t mask = umask(0);
	struct stat st;
	(void)same;

	umask(mask);
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_errno(err, "cannot open %s", path);
	if (fchmod(fd, st.st_mode & 0777 & ~mask) != 0 || fsync(fd) != 0)
		return err_errno(err, "cannot write %s", path);
	return 0;
}

int ptcl_copy_finish(const char *image, const char *to, struct error *err)
{
	return for_each(image, to, separate, err) == 0 && for_each(to, to, limit_mode, err) == 0
		   ? limit_mode(to, to, err)
		   : -1;
}
