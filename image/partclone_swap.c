/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The undo record, kind "partition-files":
 *
 *     old/NAME…       the files as they were: second names of the same data, no copies; sealed
 *                     copies (seal.h) of an image that held a product key
 *     clear/NAME…     those unsealed, while the image is put back
 *     undo-started    an undo that began: the image may be half put back
 *     record.json     detail: old, new: names; marks: which files those were (partclone_marks.h);
 *                     split: first parts; after: digest of each partition;
 *                     sealed
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
#include "image/partclone_marks.h"
#include "image/partclone_place.h"
#include "image/partclone_set.h"
#include "image/partclone_twin.h"
#include "image/seal.h"

#define OLD_DIR "old"
#define CLEAR_DIR "clear"
#define STARTED "undo-started"

void ptcl_swap_free(struct ptcl_swap *s)
{
	strvec_free(&s->old);
	strvec_free(&s->fresh);
	strvec_free(&s->split);
	json_decref(s->after);
	*s = (struct ptcl_swap){0};
}

static int make_dir(const char *path, struct error *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_errno(err, "cannot make %s", path);
	return 0;
}

static int keep_old(const struct ptcl_swap *s, const char *record, struct error *err)
{
	CLEANUP(free) char *keep = path_join(record, OLD_DIR);

	if (make_dir(keep, err) != 0)
		return -1;
	for (size_t i = 0; i < s->old.n; i++) {
		CLEANUP(free) char *from = path_join(s->dir, s->old.v[i]);
		CLEANUP(free) char *to = path_join(keep, s->old.v[i]);

		if ((s->seal ? seal_file : ptcl_link_or_copy)(from, to, err) != 0)
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

/* All of them, before anything is changed: the key may not be at hand, a copy be damaged. */
static int unseal_old(const char *record, const struct strvec *old, struct error *err)
{
	CLEANUP(free) char *keep = path_join(record, OLD_DIR);
	CLEANUP(free) char *clear = path_join(record, CLEAR_DIR);

	if (make_dir(clear, err) != 0)
		return -1;
	for (size_t i = 0; i < old->n; i++) {
		CLEANUP(free) char *from = path_join(keep, old->v[i]);
		CLEANUP(free) char *to = path_join(clear, old->v[i]);

		/* of an undo that was cut short */
		if (unlink(to) != 0 && errno != ENOENT)
			return err_errno(err, "cannot replace %s", to);
		if (unseal_file(from, to, err) != 0)
			return -1;
	}
	return 0;
}

static int put_back(const char *dir, const char *record, bool sealed, const struct strvec *old,
    const struct strvec *fresh, const struct strvec *split, bool careful, struct error *err)
{
	CLEANUP(free) char *keep = path_join(record, sealed ? CLEAR_DIR : OLD_DIR);
	const struct ptcl_place back = {
	    .dir = dir,
	    .from = keep,
	    .work = record,
	    .come = old,
	    .go = fresh,
	    .split = split,
	    .keep = true,
	    .careful = careful,
	};

	return ptcl_place(&back, err);
}

static int exchange(const struct ptcl_swap *s, const char *work, bool careful, struct error *err)
{
	const struct ptcl_place place = {
	    .dir = s->dir,
	    .from = s->staging,
	    .work = work,
	    .come = &s->fresh,
	    .go = &s->old,
	    .split = &s->split,
	    .careful = careful,
	};

	return ptcl_place(&place, err);
}

static json_t *detail_of(const struct ptcl_swap *s)
{
	json_t *marks = json_array();

	ptcl_marks_add(marks, s->dir, &s->old);
	ptcl_marks_add(marks, s->staging, &s->fresh);
	return json_pack("{so so so so sO sb}", "marks", marks, "old", names_json(&s->old), "new",
	    names_json(&s->fresh), "split", names_json(&s->split), "after", s->after, "sealed", s->seal);
}

/* The exchange failed, or its record could not be finished. */
static int take_back(
    const struct ptcl_swap *s, struct txn *txn, bool placed, struct error *why, struct error *err)
{
	bool changed = placed || why->image_changed;

	why->image_changed =
	    changed &&
	    ((s->seal && unseal_old(txn_dir(txn), &s->old, NULL) != 0) ||
		put_back(s->dir, txn_dir(txn), s->seal, &s->old, &s->fresh, &s->split, false, NULL) != 0);
	if (!why->image_changed)
		txn_drop(txn);
	return err_move(err, why);
}

int ptcl_swap_run(struct ptcl_swap *s, struct txn *txn, struct error *err)
{
	struct error why = ERROR_INIT;

	if (check_device(s, err) != 0)
		return -1;
	for (size_t i = 0; i < s->fresh.n; i++)
		if (adopt(s, s->fresh.v[i], err) != 0)
			return -1;
	if (!txn)
		return exchange(s, s->work, false, err);
	if (keep_old(s, txn_dir(txn), err) != 0 ||
	    txn_committing(txn, partclone_undo.kind, detail_of(s), err) != 0)
		return -1;
	bool placed = exchange(s, txn_dir(txn), true, &why) == 0;
	if (placed && txn_done(txn, NULL, &why) == 0)
		return 0;
	return take_back(s, txn, placed, &why, err);
}

/* ---- undo ---- */

/* Names of files in one directory; one at the least. */
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

struct undo {
	const char *dir, *record;
	struct strvec old, fresh, split;
	const json_t *after, *marks;
	bool sealed;
};

static int read_detail(struct undo *u, const json_t *detail, struct error *err)
{
	const json_t *split = json_object_get(detail, "split");

	u->after = json_object_get(detail, "after");
	u->marks = json_object_get(detail, "marks");
	u->sealed = json_is_true(json_object_get(detail, "sealed"));
	if (names_from_json(json_object_get(detail, "old"), &u->old, err) != 0 ||
	    names_from_json(json_object_get(detail, "new"), &u->fresh, err) != 0)
		return -1;
	return json_array_size(split) ? names_from_json(split, &u->split, err) : 0;
}

/* From here on a check would find a mixture: a second call goes on without one. */
static int mark_started(const char *record, struct error *err)
{
	CLEANUP(free) char *path = path_join(record, STARTED);
	CLEANUP(close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fsync(fd) != 0)
		return err_errno(err, "cannot mark the undo record");
	return sync_parent(path, err);
}

/* Going on with what was cut short. */
static int check_known(const struct undo *u, struct error *err)
{
	return ptcl_marks_check(u->marks, u->dir, &u->old, u->record, err) == 0
		   ? ptcl_marks_check(u->marks, u->dir, &u->fresh, u->record, err)
		   : -1;
}

/* @real: what was named, @whole: the image's directory was. */
static int check_undo(const struct undo *u, const char *real, bool whole, struct error *err)
{
	CLEANUP(free) char *started = path_join(u->record, STARTED);

	if (access(started, F_OK) == 0)
		return check_known(u, err) == 0 ? check_in_use(u->dir, &u->fresh, err) : -1;
	if (!whole && check_name(real, &u->old, err) != 0)
		return -1;
	return check_state(u->dir, &u->fresh, u->after, err);
}

static int undo(
    const char *image, const char *record, const json_t *detail, bool check, struct error *err)
{
	CLEANUP(free) char *real = realpath(image, NULL);
	struct undo u = {.record = record};
	struct stat st;

	if (!real || stat(real, &st) != 0)
		return err_errno(err, "cannot find %s", image);
	bool whole = S_ISDIR(st.st_mode);
	CLEANUP(free) char *dir = whole ? xstrdup(real) : path_dir(real);
	u.dir = dir;
	int rc = read_detail(&u, detail, err);
	if (rc == 0)
		rc = check ? check_undo(&u, real, whole, err) : check_known(&u, err);
	if (rc == 0 && u.sealed)
		rc = unseal_old(record, &u.old, err);
	if (rc == 0 && check)
		rc = mark_started(record, err);
	if (rc == 0)
		rc = put_back(dir, record, u.sealed, &u.old, &u.fresh, &u.split, check, err);
	strvec_free(&u.old);
	strvec_free(&u.fresh);
	strvec_free(&u.split);
	return rc;
}

const struct undo_ops partclone_undo = {.kind = "partition-files", .undo = undo};
