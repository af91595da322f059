/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/txn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/text.h"
#include "image/partition_name.h"

#define RECORD_SCHEMA 1
#define RECORD_MAX (64u << 20)

/* How long to wait for the lock, and how often to look. */
enum { LOCK_WAIT_MS = 1000, LOCK_POLL_MS = 50 };
/* The same for a directory to become empty. */
enum { TIDY_WAIT_MS = 1000, TIDY_POLL_MS = 5 };

struct txn {
	char *image;	/* as named by the user */
	char *dir;	/* .w7prep/<name> beside it */
	int lock;
	char *record;	/* .w7prep/<name>/NNNN, NULL before txn_begin */
	char *kind;
	json_t *detail;
};

static void cleanup_json(json_t **j)
{
	json_decref(*j);
}

/* Where the records of @image are; links are resolved so that one image has one place. */
static char *records_dir(const char *image, struct error *err)
{
	CLEANUP(free) char *real = realpath(image, NULL);

	if (!real) {
		if (errno == ENOENT || errno == ENOTDIR)
			err_set(err, ERR_NO_SUCH_FILE, "%s: no such file", image);
		else
			err_errno(err, "cannot find %s", image);
		return NULL;
	}
	/* a partition of FOG or Clonezilla: beside their directory, where their globs do not look */
	CLEANUP(free) char *whole = name_image_dir(real);
	if (whole) {
		free(real);
		real = steal_ptr(&whole);
	}
	CLEANUP(free) char *parent = path_dir(real);
	return xasprintf("%s/.w7prep/%s", strcmp(parent, "/") == 0 ? "" : parent, path_base(real));
}

static bool is_record_name(const char *name)
{
	return strlen(name) == 4 && strspn(name, "0123456789") == 4;
}

/* Names of the records, oldest first. */
static void list_records(const char *dir, struct strvec *names)
{
	DIR *d = opendir(dir);

	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		if (is_record_name(e->d_name))
			strvec_add(names, e->d_name);
	closedir(d);
	strvec_sort(names);
}

static json_t *read_record(const char *record, struct error *err)
{
	CLEANUP(free) char *path = path_join(record, "record.json");
	CLEANUP(buf) struct buf text = BUF_INIT;
	json_error_t why;

	if (read_whole_file(path, RECORD_MAX, &text, err) != 0)
		return NULL;
	json_t *j = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		err_set(err, ERR_DAMAGED, "%s:%d: %s", path, why.line, why.text);
	else if (json_integer_value(json_object_get(j, "schema")) != RECORD_SCHEMA ||
	    !json_is_string(json_object_get(j, "kind")) ||
	    !json_is_string(json_object_get(j, "state")) ||
	    !json_is_object(json_object_get(j, "detail")))
		err_set(err, ERR_DAMAGED, "%s: not an undo record of this version", path);
	else
		return j;
	err_hint(err, "the record is needed to put the image back: do not delete it; see w7prep(1), UNDO");
	json_decref(j);
	return NULL;
}

static int write_record(const struct txn *t, const char *state, struct error *err)
{
	CLEANUP(free) char *path = path_join(t->record, "record.json");
	/* for people who look at it; a name that JSON cannot hold is no reason to fail */
	const char *image = path_base(t->image);
	CLEANUP(json) json_t *j = json_pack("{si ss ss ss sO}", "schema", RECORD_SCHEMA, "image",
	    utf8_valid(image, strlen(image)) ? image : "?", "kind", t->kind, "state", state, "detail",
	    t->detail);
	CLEANUP(free) char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;

	if (!text)
		return err_set(err, ERR_INTERNAL, "cannot make the undo record of %s", t->image);
	return write_file_atomic(path, text, strlen(text), 0600, err);
}

/* 1: @record was left "committing"; 0: not (or never got that far). */
static int record_interrupted(const char *record, json_t **out, struct error *err)
{
	CLEANUP(free) char *path = path_join(record, "record.json");

	*out = NULL;
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	CLEANUP(json) json_t *j = read_record(record, err);
	if (!j)
		return -1;
	if (strcmp(json_string_value(json_object_get(j, "state")), "committing") != 0)
		return 0;
	*out = json_incref(j);
	return 1;
}

static int put_back(const char *image, const char *record, const json_t *j, bool check,
    struct error *err)
{
	const char *kind = json_string_value(json_object_get(j, "kind"));

	for (size_t i = 0; undo_kinds[i]; i++)
		if (strcmp(undo_kinds[i]->kind, kind) == 0)
			return undo_kinds[i]->undo(image, record, json_object_get(j, "detail"),
			    check, err);
	err_set(err, ERR_NO_UNDO, "%s: the undo record is of kind '%s', unknown to this w7prep",
	    record, kind);
	return err_hint(err, "use the w7prep that made it, or a newer one");
}

static int remove_record(const char *record, struct error *err)
{
	/* record.json goes first: half a directory without it is known to mean nothing */
	CLEANUP(free) char *path = path_join(record, "record.json");

	if (unlink(path) != 0 && errno != ENOENT)
		return err_errno(err, "cannot remove %s", path);
	return remove_tree(record, err);
}

/* Drop what never became a commit, roll back what was cut short. */
static int recover(struct txn *t, struct error *err)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	list_records(t->dir, &names);
	for (size_t i = names.n; i-- > 0;) {
		CLEANUP(free) char *record = path_join(t->dir, names.v[i]);
		CLEANUP(free) char *json = path_join(record, "record.json");
		CLEANUP(json) json_t *j = NULL;

		if (access(json, F_OK) != 0) {
			if (remove_record(record, err) != 0)
				return -1;
			continue;
		}
		int rc = record_interrupted(record, &j, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		if (put_back(t->image, record, j, false, err) != 0) {
			/* another image by now is not one that we left half-written */
			if (err && err->code != ERR_CHANGED_SINCE)
				err->image_changed = true;
			return err_context(err, "%s: an earlier apply was cut short and cannot be rolled back",
			    t->image);
		}
		if (remove_record(record, err) != 0)
			return -1;
		log_warn("%s: an earlier apply was cut short; the image has been put back as it was before",
		    t->image);
	}
	return 0;
}

static int make_private_dir(const char *path, struct error *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		err_errno(err, "cannot make %s for the undo record", path);
		return err_hint(err, "use -o OUT in a writable directory, or make this one writable");
	}
	return 0;
}

/* 1: the lock is ours; 0: somebody else has it. */
static int try_lock(struct txn *t, const char *path, struct error *err)
{
	struct stat held, named;

	t->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (t->lock < 0)
		return err_errno(err, "cannot open %s", path);
	/* the last one out removes the file (tidy), so make sure that this is still the one there */
	if (flock(t->lock, LOCK_EX | LOCK_NB) == 0 && fstat(t->lock, &held) == 0 &&
	    stat(path, &named) == 0 && held.st_ino == named.st_ino)
		return 1;
	close(t->lock);
	t->lock = -1;
	return 0;
}

static int take_lock(struct txn *t, const char *path, struct error *err)
{
	int rc;

	/* a tool that a run killed a moment ago was about to start may still hold it */
	for (int waited = 0; (rc = try_lock(t, path, err)) == 0 && waited < LOCK_WAIT_MS;
	     waited += LOCK_POLL_MS)
		usleep(LOCK_POLL_MS * 1000);
	if (rc != 0)
		return rc > 0 ? 0 : -1;
	err_set(err, ERR_LOCKED, "%s: another w7prep is working on it", t->image);
	return err_hint(err, "wait for it to end, then try again");
}

static int open_records(struct txn *t, struct error *err)
{
	t->dir = records_dir(t->image, err);
	if (!t->dir)
		return -1;
	CLEANUP(free) char *base = path_dir(t->dir);
	CLEANUP(free) char *lock = path_join(t->dir, "lock");
	if (make_private_dir(base, err) != 0 || make_private_dir(t->dir, err) != 0)
		return -1;
	return take_lock(t, lock, err) != 0 ? -1 : recover(t, err);
}

struct txn *txn_open(const char *image, struct error *err)
{
	struct txn *t = xcalloc(1, sizeof(*t));

	t->lock = -1;
	t->image = xstrdup(image);
	if (open_records(t, err) == 0)
		return t;
	txn_close(t);
	return NULL;
}

static bool only_fuse_hidden(const char *dir)
{
	static const char hidden[] = ".fuse_hidden";
	DIR *d = opendir(dir);
	bool only = d != NULL;

	for (struct dirent *e; only && (e = readdir(d));)
		only = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    strncmp(e->d_name, hidden, strlen(hidden)) == 0;
	if (d)
		closedir(d);
	return only;
}

/* Remove directories that hold nothing, so that a refused image leaves no trace. */
static void tidy(struct txn *t)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	CLEANUP(free) char *base = path_dir(t->dir);
	CLEANUP(free) char *lock = path_join(t->dir, "lock");

	list_records(t->dir, &names);
	if (names.n)
		return;
	unlink(lock);
	/* FUSE keeps a file that is open under another name, and lets go of it a moment after */
	close(t->lock);
	t->lock = -1;
	for (int waited = 0; rmdir(t->dir) != 0; waited += TIDY_POLL_MS) {
		if (errno != ENOTEMPTY || waited >= TIDY_WAIT_MS || !only_fuse_hidden(t->dir))
			return;
		usleep(TIDY_POLL_MS * 1000);
	}
	rmdir(base);
}

void txn_close(struct txn *t)
{
	if (!t)
		return;
	if (t->lock >= 0) {
		/* a record that never became a commit holds nothing that anybody needs */
		if (!t->kind)
			txn_drop(t);
		tidy(t);
	}
	if (t->lock >= 0)
		close(t->lock);
	json_decref(t->detail);
	free(t->kind);
	free(t->record);
	free(t->dir);
	free(t->image);
	free(t);
}

int txn_interrupted(const char *image, struct error *err)
{
	CLEANUP(free) char *dir = records_dir(image, err);
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	if (!dir)
		return -1;
	list_records(dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(free) char *record = path_join(dir, names.v[i]);
		CLEANUP(json) json_t *j = NULL;
		int rc = record_interrupted(record, &j, err);

		if (rc == 0)
			continue;
		if (rc > 0) {
			err_set(err, ERR_INTERRUPTED,
			    "%s: an apply is under way or was cut short; the image may be half-written",
			    image);
			err_hint(err, "if no w7prep is running, run: w7prep undo %s", image);
		}
		return rc;
	}
	return 0;
}

const char *txn_begin(struct txn *t, struct error *err)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	unsigned long last = 0;

	list_records(t->dir, &names);
	if (names.n && !parse_uint(names.v[names.n - 1], 0, 9998, &last)) {
		err_set(err, ERR_LIMIT, "%s: too many undo records", t->image);
		err_hint(err, "put the image back with: w7prep undo --all %s", t->image);
		return NULL;
	}
	free(t->record);
	t->record = xasprintf("%s/%04lu", t->dir, last + 1);
	if (mkdir(t->record, 0700) == 0)
		return t->record;
	err_errno(err, "cannot make %s", t->record);
	free(t->record);
	t->record = NULL;
	return NULL;
}

static void set_detail(struct txn *t, json_t *detail)
{
	if (!detail)
		return;
	json_decref(t->detail);
	t->detail = detail;
}

int txn_committing(struct txn *t, const char *kind, json_t *detail, struct error *err)
{
	free(t->kind);
	t->kind = xstrdup(kind);
	set_detail(t, detail);
	if (write_record(t, "committing", err) != 0)
		return -1;
	/* the record's own directories must survive a crash as well */
	if (sync_parent(t->record, err) != 0 || sync_parent(t->dir, err) != 0)
		return -1;
	return 0;
}

int txn_done(struct txn *t, json_t *detail, struct error *err)
{
	set_detail(t, detail);
	return write_record(t, "done", err);
}

void txn_drop(struct txn *t)
{
	if (!t || !t->record)
		return;
	remove_record(t->record, NULL);
	free(t->record);
	t->record = NULL;
}

const char *txn_dir(const struct txn *t)
{
	return t->record;
}

static int no_undo(const char *image, struct error *err)
{
	err_set(err, ERR_NO_UNDO, "%s: there is no undo record", image);
	return err_hint(err, "w7prep apply keeps one in .w7prep beside the image, unless -o was given");
}

/* A record below one that was just undone: where it does not fit, it is another file's. */
static int older_does_not_fit(const char *image, const char *dir, struct error *err)
{
	if (err->code != ERR_CHANGED_SINCE)
		return -1;
	err_set(err, ERR_CHANGED_SINCE,
	    "%s: put back, but an older undo record is of a file that had this name before", image);
	return err_hint(err, "when that file is gone for good: rm -r '%s'", dir);
}

int txn_undo(const char *image, bool all, struct error *err)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	CLEANUP(free) char *dir = records_dir(image, err);

	if (!dir)
		return -1;
	/* an interrupted commit is the newest record: rolling it back is the undo asked for */
	int interrupted = txn_interrupted(image, err);
	if (interrupted < 0)
		return -1;
	err_clear(err);
	if (!interrupted && txn_records(image) == 0)
		return no_undo(image, err);
	struct txn *t = txn_open(image, err);
	if (!t)
		return -1;
	int rc = 0;
	list_records(dir, &names);
	for (size_t i = names.n; rc == 0 && i-- > 0 && (all || (!interrupted && i == names.n - 1));) {
		CLEANUP(free) char *record = path_join(dir, names.v[i]);
		CLEANUP(json) json_t *j = read_record(record, err);

		if (!j || put_back(image, record, j, true, err) != 0 || remove_record(record, err) != 0)
			rc = i + 1 < names.n ? older_does_not_fit(image, dir, err) : -1;
	}
	txn_close(t);
	return rc;
}

unsigned txn_records(const char *image)
{
	CLEANUP(free) char *dir = records_dir(image, NULL);
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	if (dir)
		list_records(dir, &names);
	return (unsigned)names.n;
}
