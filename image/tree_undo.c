/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Putting a tree back from its journal, newest change first; every step may be done twice. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/seal.h"
#include "image/tree.h"

#define BESIDE ".w7prep-undo"	/* end of the name of a file that is being put back */
#define STARTED "undoing"	/* in the record: the tree is no longer as the apply left it */

struct undo {
	int root;
	int dir;		/* the record's directory */
	bool sealed;		/* its copies are */
	const char *sd_xattr;
	struct tree_links *links;
};

static void cleanup_log(struct tree_log *log)
{
	tree_log_free(log);
}

/* In memory and whole before a file is touched. */
static int unsealed(int copy, struct error *err)
{
	CLEANUP(close) int fd = memfile("unsealed", err);

	return fd < 0 || unseal_fd(copy, fd, err) != 0 ? -1 : steal_fd(&fd);
}

static int write_back(const struct undo *u, const struct tree_entry *e, int fd, struct error *err)
{
	CLEANUP(close) int copy = openat(u->dir, e->copy, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (copy < 0)
		return err_errno(err, "cannot open the copy %s", e->copy);
	CLEANUP(close) int clear = u->sealed ? unsealed(copy, err) : -1;
	if (u->sealed && clear < 0)
		return err_context(err, "the copy %s", e->copy);
	if (tree_copy(u->sealed ? clear : copy, fd, err) != 0 ||
	    tree_meta_write(fd, u->sd_xattr, &e->meta, err) != 0)
		return -1;
	return fsync(fd) == 0 ? 0 : err_errno(err, "cannot sync");
}

/* The directory that holds @path. -1 on error; it is an error that it is not there. */
static int open_parent(const struct undo *u, const char *path, struct error *err)
{
	CLEANUP(place) struct tree_place p = TREE_PLACE_INIT;
	CLEANUP(free) char *parent = path_dir(path);
	int rc = tree_find(u->root, parent, &p, err);

	if (rc == 0)
		return err_set(err, ERR_DAMAGED, "%s is not there", parent);
	return rc < 0 ? -1 : tree_open_dir(&p, err);
}

/* The content is known: where the file of that name has another, it is a name that comes back. */
static bool link_again(
    const struct undo *u, const struct tree_entry *e, int fd, int dir, const char *beside)
{
	return tree_links_use(u->links, u->root, e, fd, dir, path_base(e->path)) &&
	    unlinkat(dir, beside, 0) == 0;
}

/* A removed file: made beside its name and renamed, so that it is there whole or not at all. */
static int create_again(const struct undo *u, const struct tree_entry *e, struct error *err)
{
	CLEANUP(free) char *beside = xasprintf("%s" BESIDE, path_base(e->path));
	CLEANUP(close) int dir = open_parent(u, e->path, err);

	if (dir < 0)
		return -1;
	if (unlinkat(dir, beside, 0) != 0 && errno != ENOENT)
		return err_errno(err, "cannot remove %s", beside);
	CLEANUP(close) int fd =
	    openat(dir, beside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "cannot create %s", beside);
	if (write_back(u, e, fd, err) != 0)
		return -1;
	if (link_again(u, e, fd, dir, beside))
		return tree_sync_dir(dir, err);
	if (renameat(dir, beside, dir, path_base(e->path)) != 0)
		return err_errno(err, "cannot put it in place");
	return tree_dos_name_write(fd, u->sd_xattr, &e->meta, err) != 0 ? -1 : tree_sync_dir(dir, err);
}

static int undo_write(const struct undo *u, const struct tree_entry *e,
    const struct tree_place *p, struct error *err)
{
	CLEANUP(close) int fd = tree_open_file(p, O_RDWR, err);
	CLEANUP(meta) struct tree_meta now = TREE_META_INIT;

	if (fd < 0)
		return -1;
	/* as it was written: replaced, where a new file can be all that the old one was */
	tree_meta_read(fd, u->sd_xattr, &now);
	return tree_replaceable(fd, &now) ? create_again(u, e, err) : write_back(u, e, fd, err);
}

static int undo_move(const struct undo *u, const struct tree_entry *e, struct error *err)
{
	struct stat st;

	if (fstatat(u->dir, e->copy, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot look at the copy %s", e->copy);
	CLEANUP(close) int dir = open_parent(u, e->path, err);
	if (dir < 0)
		return -1;
	return renameat(u->dir, e->copy, dir, path_base(e->path)) == 0
	    ? 0
	    : err_errno(err, "cannot move it back");
}

static int undo_rmdir(const struct undo *u, const struct tree_entry *e, struct error *err)
{
	CLEANUP(close) int dir = open_parent(u, e->path, err);

	if (dir < 0)
		return -1;
	if (mkdirat(dir, path_base(e->path), 0700) != 0 && errno != EEXIST)
		return err_errno(err, "cannot make the directory");
	CLEANUP(close) int fd =
	    openat(dir, path_base(e->path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "cannot open the directory");
	return tree_meta_write(fd, u->sd_xattr, &e->meta, err);
}

static int undo_created(const struct tree_place *p, bool is_dir, struct error *err)
{
	/* a directory that has something else in it by now stays */
	if (unlinkat(p->dir, p->name, is_dir ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT ||
	    (is_dir && errno == ENOTEMPTY))
		return 0;
	return err_errno(err, "cannot remove");
}

static int undo_entry(const struct undo *u, const struct tree_entry *e, struct error *err)
{
	CLEANUP(place) struct tree_place p = TREE_PLACE_INIT;
	int there = tree_find(u->root, e->path, &p, err);

	if (there < 0)
		return -1;
	switch (e->op) {
	case TREE_CREATE:
	case TREE_MKDIR:
	case TREE_BESIDE:
		return there ? undo_created(&p, e->op == TREE_MKDIR, err) : 0;
	case TREE_WRITE:
		return there ? undo_write(u, e, &p, err) : create_again(u, e, err);
	case TREE_MOVE:
		return undo_move(u, e, err);
	case TREE_UNLINK:
		return there ? 0 : create_again(u, e, err);
	case TREE_RMDIR:
		return undo_rmdir(u, e, err);
	}
	return err_set(err, ERR_INTERNAL, "unknown entry in the journal");
}

/* Nothing is touched where some copy could not be opened later. */
static int check_copies(const struct undo *u, const struct tree_log *log, struct error *err)
{
	for (size_t i = 0; u->sealed && i < log->list.n; i++) {
		const struct tree_entry *e = &log->list.v[i];

		if (!e->copy || e->op == TREE_MOVE)
			continue;
		CLEANUP(close) int fd = openat(u->dir, e->copy, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_errno(err, "cannot open the copy %s", e->copy);
		if (unseal_fd(fd, -1, err) != 0)
			return err_context(err, "%s", e->path);
	}
	return 0;
}

static int roll_back_all(const struct undo *u, const struct tree_log *log, struct error *err)
{
	for (size_t i = log->list.n; i-- > 0;) {
		const struct tree_entry *e = &log->list.v[i];

		if (undo_entry(u, e, err) != 0)
			return err_context(err, "%s", e->path);
	}
	/* times of directories: putting their files back changed them */
	for (size_t i = 0; i < log->list.n; i++)
		if (log->list.v[i].op == TREE_RMDIR && undo_entry(u, &log->list.v[i], err) != 0)
			return err_context(err, "%s", log->list.v[i].path);
	return syncfs(u->root) == 0 ? 0 : err_errno(err, "cannot sync the file system");
}

static int roll_back(const struct undo *u, const struct tree_log *log, struct error *err)
{
	struct tree_links links = {0};
	struct undo with_links = *u;

	with_links.links = &links;
	tree_links_find(&links, u->root, log);
	int rc = roll_back_all(&with_links, log, err);
	tree_links_free(&links);
	return rc;
}

int tree_roll_back(int root, const char *dir, bool sealed, struct error *err)
{
	CLEANUP(close) int record = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(cleanup_log))) struct tree_log log = {0};
	struct undo u = {root, record, sealed, tree_sd_xattr(root), NULL};

	if (record < 0)
		return err_errno(err, "cannot open %s", dir);
	if (tree_log_read(dir, &log, err) != 0 || check_copies(&u, &log, err) != 0)
		return -1;
	return roll_back(&u, &log, err);
}

/* Is the last thing that was done to @e's path still what is there? 1/0/-1. */
static int still_there(int root, const struct tree_entry *e, struct error *err)
{
	CLEANUP(place) struct tree_place p = TREE_PLACE_INIT;
	int rc = tree_find(root, e->path, &p, err);

	if (rc < 0)
		return -1;
	switch (e->op) {
	case TREE_MOVE:
	case TREE_UNLINK:
	case TREE_RMDIR:
		return !rc;
	case TREE_MKDIR:
		return rc && S_ISDIR(p.st.st_mode);
	case TREE_BESIDE:
		return 1;
	case TREE_CREATE:
	case TREE_WRITE:
		break;
	}
	if (!rc || !S_ISREG(p.st.st_mode))
		return 0;
	CLEANUP(close) int fd = tree_open_file(&p, O_RDONLY, err);
	CLEANUP(free) char *now = fd >= 0 ? tree_hash(fd, err) : NULL;
	return now ? e->after && strcmp(now, e->after) == 0 : -1;
}

static bool later_change(const struct tree_log *log, size_t i)
{
	for (size_t k = i + 1; k < log->list.n; k++)
		if (name_eq(log->list.v[k].path, log->list.v[i].path))
			return true;
	return false;
}

static int check_unchanged(int root, const struct tree_log *log, struct error *err)
{
	for (size_t i = 0; i < log->list.n; i++) {
		const struct tree_entry *e = &log->list.v[i];

		if (later_change(log, i))
			continue;
		int rc = still_there(root, e, err);
		if (rc < 0)
			return -1;
		if (rc)
			continue;
		err_set(err, ERR_CHANGED_SINCE, "%s is not as w7prep left it", e->path);
		return err_hint(err, "something else has changed the image since; capture it again, or "
		    "put this file back as apply made it and undo then");
	}
	return 0;
}

/* From here on a check would find a mixture: a second call goes on without one. */
static int mark_started(int record, struct error *err)
{
	CLEANUP(close) int fd = openat(record, STARTED, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fsync(fd) != 0 || fsync(record) != 0)
		return err_errno(err, "cannot mark the undo record");
	return 0;
}

static int undo_tree(const char *image, const char *dir, const json_t *detail, bool check,
    struct error *err)
{
	CLEANUP(close) int root = open(image, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(close) int record = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(cleanup_log))) struct tree_log log = {0};

	if (root < 0 || record < 0)
		return err_errno(err, "cannot open %s", root < 0 ? image : dir);
	struct undo u = {root, record, json_is_true(json_object_get(detail, "sealed")),
		tree_sd_xattr(root), NULL};
	if (tree_log_read(dir, &log, err) != 0 || check_copies(&u, &log, err) != 0)
		return -1;
	if (check && faccessat(record, STARTED, F_OK, 0) != 0 &&
	    check_unchanged(root, &log, err) != 0)
		return -1;
	return mark_started(record, err) != 0 ? -1 : roll_back(&u, &log, err);
}

const struct undo_ops tree_undo = {"tree-files", undo_tree};
