/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A second directory with the files that an image directory is to have, and the exchange. */
#include "image/partclone_twin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/partclone_set.h"

#define TWIN "twin"     /* in work */
#define XATTR_MAX 65536 /* the kernel's limit, of a list and of a value */

struct twin {
	const struct ptcl_place *p;
	char *path;
	int old, fresh;      /* the image's directory as it is, and what takes its place */
	struct strvec names; /* in old */
	struct strvec marks; /* of the same files: any other is another program's */
	bool other;          /* path holds what another program made */
};

/* False where something is neither a file nor a symbolic link. */
static bool list(int fd, struct strvec *names, struct strvec *marks)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own >= 0 ? fdopendir(own) : NULL;
	struct stat st;
	bool flat = d != NULL;

	if (!d && own >= 0)
		close(own);
	for (struct dirent *e; flat && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		flat = fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		       (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode));
		strvec_add(names, e->d_name);
	}
	if (d)
		closedir(d);
	strvec_sort(names);
	for (size_t i = 0; flat && i < names->n; i++) {
		flat = fstatat(fd, names->v[i], &st, AT_SYMLINK_NOFOLLOW) == 0;
		strvec_addf(marks, "%s/%llu", names->v[i], (unsigned long long)st.st_ino);
	}
	return flat;
}

/* Somebody in this directory would go on seeing the old files: our caller's shell is told by ours. */
static bool stands_in_it(int dir)
{
	struct stat here, there;

	return stat(".", &here) == 0 && fstat(dir, &there) == 0 && here.st_dev == there.st_dev &&
	       here.st_ino == there.st_ino;
}

static bool contains(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(dir, path, n) == 0 && path[n] == '/';
}

static bool open_old(struct twin *t)
{
	if (contains(t->p->dir, t->p->work))
		return false;
	t->old = open(t->p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->old >= 0 && !stands_in_it(t->old) && list(t->old, &t->names, &t->marks);
}

static bool link_all(const struct twin *t)
{
	const struct ptcl_place *p = t->p;
	CLEANUP(close) int from = open(p->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = from >= 0;

	for (size_t i = 0; ok && i < t->names.n; i++) {
		const char *name = t->names.v[i];

		if (!strvec_has(p->come, name) && !strvec_has(p->go, name))
			ok = linkat(t->old, name, t->fresh, name, 0) == 0;
	}
	for (size_t i = 0; ok && i < p->come->n; i++)
		ok = linkat(from, p->come->v[i], t->fresh, p->come->v[i], 0) == 0;
	return ok;
}

static bool has_xattr(const char *names, ssize_t n, const char *name)
{
	for (const char *s = names; s < names + n; s += strlen(s) + 1)
		if (strcmp(s, name) == 0)
			return true;
	return false;
}

/* Access lists and labels: those of the old directory, and no others. */
static bool copy_xattrs(int from, int to)
{
	CLEANUP(free) char *want = xmalloc(XATTR_MAX);
	CLEANUP(free) char *have = xmalloc(XATTR_MAX);
	CLEANUP(free) char *value = xmalloc(XATTR_MAX);
	CLEANUP(free) char *other = xmalloc(XATTR_MAX);
	ssize_t n_want = flistxattr(from, want, XATTR_MAX), n_have = flistxattr(to, have, XATTR_MAX);

	if (n_want < 0 || n_have < 0)
		return errno == ENOTSUP;
	for (const char *s = want; s < want + n_want; s += strlen(s) + 1) {
		ssize_t n = fgetxattr(from, s, value, XATTR_MAX);

		if (n < 0)
			return false;
		if (fgetxattr(to, s, other, XATTR_MAX) == n && memcmp(value, other, (size_t)n) == 0)
			continue;
		if (fsetxattr(to, s, value, (size_t)n, 0) != 0)
			return false;
	}
	for (const char *s = have; s < have + n_have; s += strlen(s) + 1)
		if (!has_xattr(want, n_want, s) && fremovexattr(to, s) != 0)
			return false;
	return true;
}

static bool adopt(int from, int to)
{
	struct stat old, fresh;

	if (fstat(from, &old) != 0 || fstat(to, &fresh) != 0 || old.st_dev != fresh.st_dev ||
	    ((old.st_uid != fresh.st_uid || old.st_gid != fresh.st_gid) &&
		fchown(to, old.st_uid, old.st_gid) != 0) ||
	    !copy_xattrs(from, to) || fchmod(to, old.st_mode & 07777) != 0)
		return false;
	/* without CAP_FSETID the kernel leaves out the set-group-ID bit and says nothing */
	return fstat(to, &fresh) == 0 && old.st_mode == fresh.st_mode;
}

static bool make(struct twin *t)
{
	if (remove_tree(t->path, NULL) != 0 || mkdir(t->path, 0700) != 0)
		return false;
	t->fresh = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->fresh >= 0 && link_all(t) && adopt(t->old, t->fresh) && fsync(t->fresh) == 0;
}

static bool exchange(const struct twin *t)
{
	return renameat2(AT_FDCWD, t->path, AT_FDCWD, t->p->dir, RENAME_EXCHANGE) == 0;
}

/* What was exchanged is what was looked at before, file for file, and nobody has begun to read it. */
static int check_old(const struct twin *t, struct error *err)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT, marks = STRVEC_INIT;
	const struct ptcl_set gone = {.dir = t->path, .names = *t->p->go};
	struct stat now, then;

	bool same = stat(t->path, &now) == 0 && fstat(t->old, &then) == 0 &&
		    now.st_ino == then.st_ino && list(t->old, &names, &marks) &&
		    marks.n == t->marks.n;
	for (size_t i = 0; same && i < marks.n; i++)
		same = strcmp(marks.v[i], t->marks.v[i]) == 0;
	if (same)
		return t->p->careful ? ptcl_set_not_in_use(&gone, err) : 0;
	err_set(err, ERR_CHANGED_SINCE, "%s: another program changed it at the same moment", t->p->dir);
	return err_hint(err, "run the same command again");
}

static int half_done(struct error *err)
{
	if (err)
		err->image_changed = true;
	return -1;
}

static int run(struct twin *t, struct error *err)
{
	errno = 0;
	if (!open_old(t) || !make(t) || !exchange(t)) {
		log_debug("%s: its files are exchanged one after another (%s)", t->p->dir,
		    errno ? strerror(errno) : "not only files, or in use as a directory");
		return 0;
	}
	if (check_old(t, err) != 0) {
		if (exchange(t))
			return -1;
		/* not ours to remove */
		t->other = true;
		err_hint(err, "what it held is now in %s", t->path);
		return half_done(err);
	}
	if (sync_parent(t->p->dir, err) == 0 && sync_parent(t->path, err) == 0)
		return 1;
	return half_done(err);
}

int ptcl_exchange(const struct ptcl_place *p, struct error *err)
{
	struct twin t = {.p = p, .path = path_join(p->work, TWIN), .old = -1, .fresh = -1};
	int rc = run(&t, err);

	if (t.old >= 0)
		close(t.old);
	if (t.fresh >= 0)
		close(t.fresh);
	/* now the old directory, whose files have other names; or what did not come to be used */
	if (!t.other)
		remove_tree(t.path, NULL);
	strvec_free(&t.names);
	strvec_free(&t.marks);
	free(t.path);
	return rc;
}
