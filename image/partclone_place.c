/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partclone_place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/partclone_set.h"
#include "image/partclone_twin.h"

#define MOVING "moving" /* in work: a file on its way */

static bool same_file(const char *dir_a, const char *dir_b, const char *name)
{
	CLEANUP(free) char *a = path_join(dir_a, name);
	CLEANUP(free) char *b = path_join(dir_b, name);
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool in_place_already(const struct ptcl_place *p)
{
	for (size_t i = 0; i < p->come->n; i++)
		if (!same_file(p->dir, p->from, p->come->v[i]))
			return false;
	for (size_t i = 0; i < p->go->n; i++) {
		CLEANUP(free) char *path = path_join(p->dir, p->go->v[i]);

		if (!strvec_has(p->come, p->go->v[i]) && access(path, F_OK) == 0)
			return false;
	}
	return true;
}

/* ---- one after another ---- */

static int move(const char *from, const char *to, struct error *err)
{
	if (rename(from, to) != 0)
		return err_errno(err, "cannot put %s in place", to);
	/* two names of one file: rename() did nothing and left both */
	unlink(from);
	return 0;
}

static int put(const struct ptcl_place *p, const char *name, struct error *err)
{
	CLEANUP(free) char *from = path_join(p->from, name);
	CLEANUP(free) char *moving = path_join(p->work, MOVING);
	CLEANUP(free) char *to = path_join(p->dir, name);

	if (!p->keep)
		return move(from, to, err);
	return ptcl_link_or_copy(from, moving, err) == 0 ? move(moving, to, err) : -1;
}

static int put_empty(const struct ptcl_place *p, const char *name, struct error *err)
{
	CLEANUP(free) char *moving = path_join(p->work, MOVING);
	CLEANUP(free) char *to = path_join(p->dir, name);

	if (unlink(moving) != 0 && errno != ENOENT)
		return err_errno(err, "cannot replace %s", moving);
	CLEANUP(close) int fd = open(moving, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(err, "cannot create %s", moving);
	return move(moving, to, err);
}

static int one_by_one(const struct ptcl_place *p, struct error *err)
{
	CLEANUP(free) char *any = path_join(p->dir, p->come->v[0]);

	for (size_t i = 0; i < p->split->n; i++)
		if (put_empty(p, p->split->v[i], err) != 0)
			return -1;
	for (size_t i = 0; i < p->go->n; i++) {
		CLEANUP(free) char *path = path_join(p->dir, p->go->v[i]);

		if (!strvec_has(p->come, p->go->v[i]) && unlink(path) != 0 && errno != ENOENT)
			return err_errno(err, "cannot remove %s", path);
	}
	/* what is split is whole again with its last part: on disk first what was said of it so far */
	for (size_t i = 0; i < p->come->n; i++)
		if (!strvec_has(p->split, p->come->v[i]) && put(p, p->come->v[i], err) != 0)
			return -1;
	if (p->split->n && sync_parent(any, err) != 0)
		return -1;
	for (size_t i = 0; i < p->split->n; i++)
		if (put(p, p->split->v[i], err) != 0)
			return -1;
	return sync_parent(any, err);
}

int ptcl_link_or_copy(const char *from, const char *to, struct error *err)
{
	if (unlink(to) != 0 && errno != ENOENT)
		return err_errno(err, "cannot replace %s", to);
	return link(from, to) == 0 ? 0 : copy_file(from, to, "keeping the original", err);
}

int ptcl_place(const struct ptcl_place *p, struct error *err)
{
	int rc = 0;

	if (in_place_already(p))
		return 0;
	/* one file for one file: a rename is all there is to it */
	if (p->come->n > 1 || p->go->n > 1)
		rc = ptcl_exchange(p, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (one_by_one(p, err) == 0)
		return 0;
	if (err)
		err->image_changed = true;
	return -1;
}
