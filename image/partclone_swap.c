/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The undo record, kind "partition-files":
 *
 *     old/NAME…       the files as they were: second names of the same data, no copies
 *     record.json     detail: old, new: names; after: digest of each partition
 *
 * Nothing but the image's own names ever appears in its directory: FOG restores a split image
 * from whatever "d1p2.img*" matches.
 */
#include "image/partclone_swap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/partclone.h"
#include "image/partclone_set.h"

#define OLD_DIR "old"
#define BACK_DIR "back"

void ptcl_swap_free(struct ptcl_swap *s)
{
	strvec_free(&s->old);
	strvec_free(&s->fresh);
	json_decref(s->after);
	*s = (struct ptcl_swap){0};
}

static int make_dir(const char *path, struct error *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_errno(err, "cannot make %s", path);
	return 0;
}

/* A second name where the file system has them, else a copy. */
static int link_or_copy(const char *from, const char *to, struct error *err)
{
	if (unlink(to) != 0 && errno != ENOENT)
		return err_errno(err, "cannot replace %s", to);
	return link(from, to) == 0 ? 0 : copy_file(from, to, "keeping the original", err);
}

static int keep_old(const struct ptcl_swap *s, const char *record, struct error *err)
{
	CLEANUP(free) char *keep = path_join(record, OLD_DIR);

	if (make_dir(keep, err) != 0)
		return -1;
	for (size_t i = 0; i < s->old.n; i++) {
		CLEANUP(free) char *from = path_join(s->dir, s->old.v[i]);
		CLEANUP(free) char *to = path_join(keep, s->old.v[i]);

		if (link_or_copy(from, to, err) != 0)
			return -1;
	}
	CLEANUP(free) char *first = path_join(keep, s->old.v[0]);
	return sync_parent(first, err);
}

/* Owner and mode of the file that it replaces, or of the image's first. */
static int adopt(const struct ptcl_swap *s, const char *name, struct error *err)
{
	CLEANUP(free) char *fresh = path_join(s->staging, name);
	CLEANUP(free) char *old = path_join(s->dir, name);
	CLEANUP(free) char *first = path_join(s->dir, s->old.v[0]);
	CLEANUP(close) int fd = open(fresh, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || (stat(old, &st) != 0 && stat(first, &st) != 0))
		return err_errno(err, "cannot open %s", fresh);
	/* only root can; anybody else owns both already */
	if (fchown(fd, st.st_uid, st.st_gid) != 0)
		log_debug("%s: keeps our owner: %s", name, strerror(errno));
	if (fchmod(fd, st.st_mode & 07777) != 0 || fsync(fd) != 0)
		return err_errno(err, "cannot write %s", fresh);
	return 0;
}

static int move(const char *from_dir, const char *to_dir, const char *name, struct error *err)
{
	CLEANUP(free) char *from = path_join(from_dir, name);
	CLEANUP(free) char *to = path_join(to_dir, name);

	if (rename(from, to) == 0)
		return 0;
	err_errno(err, "cannot put %s in place", to);
	if (errno == EXDEV)
		err_hint(
		    err, "the image must be on the file system of the directory that it is in");
	return -1;
}

static int remove_rest(
    const char *dir, const struct strvec *names, const struct strvec *keep, struct error *err)
{
	for (size_t i = 0; i < names->n; i++) {
		CLEANUP(free) char *path = path_join(dir, names->v[i]);

		if (!strvec_has(keep, names->v[i]) && unlink(path) != 0 && errno != ENOENT)
			return err_errno(err, "cannot remove %s", path);
	}
	return 0;
}

static int exchange(const struct ptcl_swap *s, struct error *err)
{
	CLEANUP(free) char *any = path_join(s->dir, s->fresh.v[0]);

	for (size_t i = 0; i < s->fresh.n; i++)
		if (move(s->staging, s->dir, s->fresh.v[i], err) != 0)
			return -1;
	if (remove_rest(s->dir, &s->old, &s->fresh, err) != 0)
		return -1;
	return sync_parent(any, err);
}

static json_t *names_json(const struct strvec *names)
{
	json_t *j = json_array();

	for (size_t i = 0; i < names->n; i++)
		json_array_append_new(j, json_string(names->v[i]));
	return j;
}

/* The same file system, or the renames would fail half-way. */
static int check_device(const struct ptcl_swap *s, struct error *err)
{
	struct stat a, b;

	if (stat(s->dir, &a) != 0 || stat(s->staging, &b) != 0)
		return err_errno(err, "cannot find %s", s->dir);
	if (a.st_dev == b.st_dev)
		return 0;
	err_set(
	    err, ERR_ENGINE, "%s is on another file system than the directory it is in", s->dir);
	return err_hint(err, "move the image to where its parent directory is");
}

static int put_back(const char *dir, const char *record, const struct strvec *old,
    const struct strvec *fresh, struct error *err)
{
	CLEANUP(free) char *keep = path_join(record, OLD_DIR);
	CLEANUP(free) char *back = path_join(record, BACK_DIR);
	CLEANUP(free) char *any = path_join(dir, old->v[0]);

	if (make_dir(back, err) != 0)
		return -1;
	/* the record keeps its names until it is removed: this can be done twice */
	for (size_t i = 0; i < old->n; i++) {
		CLEANUP(free) char *from = path_join(keep, old->v[i]);
		CLEANUP(free) char *to = path_join(back, old->v[i]);

		if (link_or_copy(from, to, err) != 0 || move(back, dir, old->v[i], err) != 0)
			return -1;
		/* two names of one file: rename() did nothing and left both */
		unlink(to);
	}
	if (remove_rest(dir, fresh, old, err) != 0)
		return -1;
	return sync_parent(any, err);
}

int ptcl_swap_run(struct ptcl_swap *s, struct txn *txn, struct error *err)
{
	struct error local = ERROR_INIT;

	if (check_device(s, err) != 0)
		return -1;
	for (size_t i = 0; i < s->fresh.n; i++)
		if (adopt(s, s->fresh.v[i], err) != 0)
			return -1;
	if (!txn)
		return exchange(s, err);
	json_t *detail = json_pack("{so so sO}", "old", names_json(&s->old), "new",
	    names_json(&s->fresh), "after", s->after);
	if (keep_old(s, txn_dir(txn), err) != 0) {
		json_decref(detail);
		return -1;
	}
	if (txn_committing(txn, partclone_undo.kind, detail, err) != 0)
		return -1;
	if (exchange(s, &local) == 0 && txn_done(txn, NULL, &local) == 0)
		return 0;
	if (put_back(s->dir, txn_dir(txn), &s->old, &s->fresh, NULL) == 0)
		txn_drop(txn);
	else
		local.image_changed = true;
	return err_move(err, &local);
}

/* ---- undo ---- */

static int names_from_json(const json_t *j, struct strvec *names, struct error *err)
{
	for (size_t i = 0; i < json_array_size(j); i++) {
		const char *name = json_string_value(json_array_get(j, i));

		if (!name || !*name || *name == '.' || strchr(name, '/'))
			return err_set(
			    err, ERR_DAMAGED, "the undo record names an impossible file");
		strvec_add(names, name);
	}
	return names->n ? 0 : err_set(err, ERR_DAMAGED, "the undo record lacks a field");
}

static int check_after(const char *dir, const json_t *after, struct error *err)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	struct ptcl_set set = {.dir = (char *)(uintptr_t)dir};
	const char *want = json_string_value(json_object_get(after, "xxh128"));
	char now[33] = "";

	if (names_from_json(json_object_get(after, "names"), &names, err) != 0)
		return -1;
	set.names = names;
	if (want && ptcl_set_digest(&set, now, NULL) == 0 && strcmp(now, want) == 0)
		return 0;
	err_set(
	    err, ERR_CHANGED_SINCE, "%s/%s was changed after w7prep prepared it", dir, names.v[0]);
	return err_hint(err,
	    "putting back would undo that change too; to keep it, delete the record in "
	    ".w7prep");
}

static int check_in_use(const char *dir, const struct strvec *names, struct error *err)
{
	const struct ptcl_set set = {.dir = (char *)(uintptr_t)dir, .names = *names};

	return ptcl_set_not_in_use(&set, err);
}

static int check_state(
    const char *dir, const struct strvec *fresh, const json_t *after, struct error *err)
{
	for (size_t i = 0; i < json_array_size(after); i++)
		if (check_after(dir, json_array_get(after, i), err) != 0)
			return -1;
	return check_in_use(dir, fresh, err);
}

/* A partition of the directory was named: is the record about it? */
static int check_name(const char *real, const struct strvec *old, struct error *err)
{
	struct ptcl_set set;
	bool known = false;

	if (ptcl_set_find(real, &set, err) != 0)
		return -1;
	known = strvec_has(old, set.names.v[0]);
	ptcl_set_free(&set);
	if (known)
		return 0;
	err_set(err, ERR_NO_UNDO, "%s: the newest undo record is about %s", real, old->v[0]);
	return err_hint(err, "to put that back, name the image's directory");
}

static int undo(
    const char *image, const char *record, const json_t *detail, bool check, struct error *err)
{
	CLEANUP(strvec) struct strvec old = STRVEC_INIT, fresh = STRVEC_INIT;
	CLEANUP(free) char *real = realpath(image, NULL);
	struct stat st;

	if (!real || stat(real, &st) != 0)
		return err_errno(err, "cannot find %s", image);
	CLEANUP(free) char *dir = S_ISDIR(st.st_mode) ? xstrdup(real) : path_dir(real);
	if (names_from_json(json_object_get(detail, "old"), &old, err) != 0 ||
	    names_from_json(json_object_get(detail, "new"), &fresh, err) != 0)
		return -1;
	if (check && !S_ISDIR(st.st_mode) && check_name(real, &old, err) != 0)
		return -1;
	if (check && check_state(dir, &fresh, json_object_get(detail, "after"), err) != 0)
		return -1;
	return put_back(dir, record, &old, &fresh, err);
}

const struct undo_ops partclone_undo = {.kind = "partition-files", .undo = undo};
