/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing a tree. Nothing can be held back here as an overlay holds it, so the change is made at once
 * and the journal, synced before each step, is what abort, undo and a run after a crash use.
 *
 * An existing file is replaced: a new one is made whole beside it, with all its metadata, and renamed over
 * it. A crash leaves the old or the new one, even where the journal does not outlive it: in an
 * imaging client it lies in memory. Only what a new file could not be (one with hard links or
 * streams) is overwritten in place. A removed one is moved into the record where that is the same file
 * system and need not be sealed, else copied there; put back from a copy, a hard link is one again where the file still
 * has a name in Windows' component store, without its 8.3 name: ntfs-3g neither tells nor sets those of links.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/seal.h"
#include "image/secdesc.h"
#include "image/tree.h"

#define DEPTH_MAX 64

int tree_begin(struct image *im, struct error *err)
{
	struct tree *t = im->data;
	const char *dir = im->txn ? txn_begin(im->txn, err) : NULL;
	CLEANUP(free) char *scratch = im->txn ? NULL : scratch_create(NULL, err);

	if (!dir && !scratch)
		return -1;
	t->journal = tree_journal_create(dir ? dir : scratch, !dir, dir && im->seal_undo, err);
	if (t->journal && (!dir || txn_committing(im->txn, tree_undo.kind,
	    json_pack("{sb}", "sealed", t->journal->sealed), err) == 0))
		return 0;
	tree_journal_close(t->journal);
	t->journal = NULL;
	scratch_remove(scratch);
	txn_drop(im->txn);
	return -1;
}

/* A copy of @fd in the record, synced. The name is the caller's; NULL on error. */
static char *keep_copy(struct tree_journal *j, int fd, struct error *err)
{
	CLEANUP(free) char *name = tree_journal_copy_name(j);
	CLEANUP(close) int to = openat(j->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (to < 0) {
		err_errno(err, "cannot make a copy in %s", j->path);
		return NULL;
	}
	if ((j->sealed ? seal_fd : tree_copy)(fd, to, err) != 0)
		return NULL;
	if (fsync(to) != 0) {
		err_errno(err, "cannot sync the copy in %s", j->path);
		return NULL;
	}
	return steal_ptr(&name);
}

/* Without descriptors the mode says what it can: who may read. */
static int protect(const struct tree *t, int fd, const struct buf *sd, struct error *err)
{
	struct tree_meta meta = TREE_META_INIT;

	if (!sd)
		return 0;
	if (!t->sd_xattr) {
		mode_t mode = secdesc_others(sd->data, sd->len).others_read ? 0644 : 0600;

		return fchmod(fd, mode) == 0 ? 0 : err_errno(err, "cannot set the mode");
	}
	if (fstat(fd, &meta.st) != 0)
		return err_errno(err, "cannot look at the file");
	meta.sd = *sd;		/* borrowed */
	return tree_meta_write(fd, t->sd_xattr, &meta, err);
}

/* The file @name in @dir with all of @put, and what @before keeps of the old one. */
static int make_beside(struct tree *t, int dir, const char *name, const struct image_put *put,
    const struct tree_meta *before, struct error *err)
{
	CLEANUP(close) int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, "cannot make %s", name);
	/* times last: writing and everything else changes them */
	if (tree_copy(put->fd, fd, err) != 0 || tree_meta_write(fd, t->sd_xattr, before, err) != 0 ||
	    protect(t, fd, put->sd, err) != 0)
		return -1;
	return fsync(fd) == 0 ? 0 : err_errno(err, "cannot sync");
}

static int rename_over(struct tree *t, const struct tree_place *p, const char *name,
    const struct tree_meta *before, struct error *err)
{
	if (renameat(p->dir, name, p->dir, p->name) != 0)
		return err_errno(err, "cannot put it in place");
	CLEANUP(close) int fd = openat(p->dir, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "cannot open it");
	return tree_dos_name_write(fd, t->sd_xattr, before, err) != 0 ? -1 : tree_sync_dir(p->dir, err);
}

static int replace(struct tree *t, const struct tree_place *p, const struct image_put *put,
    const struct tree_entry *written, struct error *err)
{
	CLEANUP(free) char *path = xasprintf("%s" TREE_BESIDE_SUFFIX, p->path);
	struct tree_entry beside = {.op = TREE_BESIDE, .path = path};

	/* left by a run whose journal did not outlive it */
	if (unlinkat(p->dir, path_base(path), 0) != 0 && errno != ENOENT)
		return err_errno(err, "cannot remove %s", path);
	if (tree_journal_add(t->journal, &beside, err) != 0 ||
	    make_beside(t, p->dir, path_base(path), put, &written->meta, err) != 0)
		return -1;
	if (tree_journal_add(t->journal, written, err) != 0)
		return -1;
	return rename_over(t, p, path_base(path), &written->meta, err);
}

static int in_place(struct tree *t, int fd, const struct image_put *put,
    const struct tree_entry *written, struct error *err)
{
	if (tree_journal_add(t->journal, written, err) != 0 || tree_copy(put->fd, fd, err) != 0)
		return -1;
	/* times last: writing and everything else changes them */
	if (tree_meta_write(fd, t->sd_xattr, &written->meta, err) != 0 ||
	    protect(t, fd, put->sd, err) != 0)
		return -1;
	return fsync(fd) == 0 ? 0 : err_errno(err, "cannot sync");
}

static int overwrite(struct tree *t, const struct tree_place *p, const struct image_put *put,
    struct error *err)
{
	struct tree_entry e = {.op = TREE_WRITE, .path = p->path};
	CLEANUP(close) int fd = tree_open_file(p, O_RDWR, err);
	CLEANUP(free) char *after = fd >= 0 ? tree_hash(put->fd, err) : NULL;
	CLEANUP(free) char *copy = after ? keep_copy(t->journal, fd, err) : NULL;
	CLEANUP(meta) struct tree_meta before = TREE_META_INIT;

	if (!copy)
		return -1;
	tree_meta_read(fd, t->sd_xattr, &before);
	e.copy = copy;
	e.after = after;
	e.meta = before;
	return tree_replaceable(fd, &before) ? replace(t, p, put, &e, err)
	                                     : in_place(t, fd, put, &e, err);
}

static int create(struct tree *t, int dir, const char *path, const struct image_put *put,
    struct error *err)
{
	CLEANUP(free) char *after = tree_hash(put->fd, err);
	CLEANUP(free) char *spelled = xstrdup(path);
	struct tree_entry e = {.op = TREE_CREATE, .path = spelled, .after = after};

	if (!put->sd)
		return err_set(err, ERR_INTERNAL, "a new file needs a descriptor");
	if (!after || tree_journal_add(t->journal, &e, err) != 0)
		return -1;
	CLEANUP(close) int fd = openat(dir, path_base(path),
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "cannot create it");
	/* closed to others before there is anything to read in it */
	if (protect(t, fd, put->sd, err) != 0 || tree_copy(put->fd, fd, err) != 0)
		return -1;
	if (fsync(fd) != 0)
		return err_errno(err, "cannot sync");
	return tree_sync_dir(dir, err);
}

/* A directory that ntfs-3g makes is open to everybody: close it before anything is in it. */
static int make_dir(struct tree *t, int parent, const char *path, struct error *err)
{
	CLEANUP(free) char *spelled = xstrdup(path);
	CLEANUP(buf) struct buf sd = BUF_INIT;
	struct tree_entry e = {.op = TREE_MKDIR, .path = spelled};

	if (tree_journal_add(t->journal, &e, err) != 0)
		return -1;
	if (mkdirat(parent, path_base(path), 0755) != 0)
		return err_errno(err, "cannot make the directory");
	if (!t->sd_xattr)
		return tree_sync_dir(parent, err);
	CLEANUP(close) int fd =
	    openat(parent, path_base(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "cannot open the directory");
	secdesc_make(SECDESC_DIRECTORY, &sd);
	return protect(t, fd, &sd, err) != 0 ? -1 : tree_sync_dir(parent, err);
}

/* Find the directory at @path, making it and those above it. */
static int need_dir(struct tree *t, const char *path, struct tree_place *out, struct error *err)
{
	int rc = tree_find(t->root, path, out, err);

	if (rc < 0)
		return -1;
	if (rc == 1 && !S_ISDIR(out->st.st_mode))
		return err_set(err, ERR_UNKNOWN_SHAPE, "not a directory");
	if (rc == 1)
		return 0;
	CLEANUP(place) struct tree_place above = TREE_PLACE_INIT;
	CLEANUP(free) char *parent = path_dir(path);
	if (need_dir(t, parent, &above, err) != 0)
		return -1;
	CLEANUP(close) int fd = tree_open_dir(&above, err);
	CLEANUP(free) char *spelled = xasprintf("%s/%s", above.path, path_base(path));
	if (fd < 0 || make_dir(t, fd, spelled, err) != 0)
		return -1;
	rc = tree_find(t->root, spelled, out, err);
	return rc == 1 ? 0 : rc < 0 ? -1 : err_set(err, ERR_IO, "was made and is not there");
}

int tree_put(struct image *im, size_t vol, const struct image_put *put, struct error *err)
{
	struct tree *t = im->data;
	CLEANUP(place) struct tree_place p = TREE_PLACE_INIT;
	CLEANUP(place) struct tree_place above = TREE_PLACE_INIT;
	CLEANUP(free) char *parent = path_dir(put->path);
	(void)vol;
	int rc = tree_find(t->root, put->path, &p, err);

	if (rc == 1) {
		rc = overwrite(t, &p, put, err);
	} else if (rc == 0 && (rc = need_dir(t, parent, &above, err)) == 0) {
		CLEANUP(close) int dir = tree_open_dir(&above, err);
		CLEANUP(free) char *spelled =
		    xasprintf("%s/%s", above.path, path_base(put->path));

		rc = dir >= 0 ? create(t, dir, spelled, put, err) : -1;
	}
	return rc == 0 ? 0 : err_context(err, "%s", put->path);
}

static int remove_at(struct tree *t, int dir, const char *path, unsigned depth,
    struct error *err);

static int remove_below(struct tree *t, int fd, const char *path, unsigned depth,
    struct error *err)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	if (depth > DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "%s: nested too deep", path);
	if (tree_list(fd, &names, err) != 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(free) char *below = path_join(path, names.v[i]);

		if (remove_at(t, fd, below, depth + 1, err) != 0)
			return -1;
	}
	return 0;
}

/* Copy a file or directory into the record and remove it; the last component of @path is in @dir. */
static int remove_at(struct tree *t, int dir, const char *path, unsigned depth,
    struct error *err)
{
	const char *name = path_base(path);
	CLEANUP(free) char *spelled = xstrdup(path);
	CLEANUP(free) char *copy = NULL;
	CLEANUP(meta) struct tree_meta before = TREE_META_INIT;
	CLEANUP(close) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s: a link is there", path);
	if (fd < 0)
		return err_errno(err, "%s: cannot open", path);
	tree_meta_read(fd, t->sd_xattr, &before);
	struct tree_entry e = {.path = spelled, .meta = before};
	if (S_ISDIR(before.st.st_mode)) {
		e.op = TREE_RMDIR;
		if (remove_below(t, fd, path, depth, err) != 0)
			return -1;
	} else if (S_ISREG(before.st.st_mode)) {
		e.op = TREE_UNLINK;
		e.copy = copy = keep_copy(t->journal, fd, err);
		if (!copy)
			return err_context(err, "%s", path);
	} else {
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s: neither file nor directory", path);
	}
	if (tree_journal_add(t->journal, &e, err) != 0)
		return -1;
	if (unlinkat(dir, name, e.op == TREE_RMDIR ? AT_REMOVEDIR : 0) != 0)
		return err_errno(err, "%s: cannot remove", path);
	return 0;
}

static int move_away(struct tree *t, const struct tree_place *p, struct error *err)
{
	CLEANUP(free) char *copy = tree_journal_copy_name(t->journal);
	struct tree_entry e = {.op = TREE_MOVE, .path = p->path, .copy = copy};

	if (tree_journal_add(t->journal, &e, err) != 0)
		return -1;
	if (renameat(p->dir, p->name, t->journal->dir, copy) == 0)
		return tree_sync_dir(t->journal->dir, err);
	return err_errno(err, "cannot move it into the undo record");
}

int tree_remove(struct image *im, size_t vol, const char *path, struct error *err)
{
	struct tree *t = im->data;
	CLEANUP(place) struct tree_place p = TREE_PLACE_INIT;
	struct stat record;
	(void)vol;
	int rc = tree_find(t->root, path, &p, err);

	if (rc != 1)
		return rc;
	if (strcmp(p.name, ".") == 0)
		return err_set(err, ERR_INTERNAL, "the root of the tree is never removed");
	if (fstat(t->journal->dir, &record) != 0)
		return err_errno(err, "cannot look at %s", t->journal->path);
	rc = record.st_dev == p.st.st_dev && !t->journal->sealed
	    ? move_away(t, &p, err)
	    : remove_at(t, p.dir, p.path, 0, err);
	if (rc == 0)
		rc = tree_sync_dir(p.dir, err);
	return rc == 0 ? 0 : err_context(err, "%s", path);
}

int tree_settle(struct image *im, struct error *err)
{
	const struct tree *t = im->data;

	return syncfs(t->root) == 0 ? 0 : err_errno(err, "cannot sync the file system");
}

static void end(struct tree *t)
{
	if (t->journal->scratch)
		scratch_remove(t->journal->path);
	tree_journal_close(t->journal);
	t->journal = NULL;
}

int tree_commit(struct image *im, struct error *err)
{
	struct tree *t = im->data;

	if (tree_settle(im, err) != 0 || (im->txn && txn_done(im->txn, NULL, err) != 0)) {
		if (err)
			err->image_changed = true;
		return -1;
	}
	end(t);
	return 0;
}

void tree_abort(struct image *im)
{
	struct tree *t = im->data;
	CLEANUP(error) struct error e = ERROR_INIT;

	if (!t->journal)
		return;
	if (tree_roll_back(t->root, t->journal->path, t->journal->sealed, &e) == 0)
		txn_drop(im->txn);
	else if (im->txn)
		log_warn("%s: cannot be put back (%s); the next run, or w7prep undo, tries again", im->path,
		    e.message);
	else
		log_warn("%s: cannot be put back: %s", im->path, e.message);
	end(t);
}
