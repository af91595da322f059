/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What should change in one Windows installation: pure data, in order. Hooks
 * add to it; `plan` prints it; changeset_run() in execute.c is the only code that
 * carries it out.
 */
#ifndef W7PREP_IMAGE_CHANGESET_H
#define W7PREP_IMAGE_CHANGESET_H

#include "common/buf.h"
#include "common/error.h"
#include "image/hive.h"
#include "image/secdesc.h"

enum change_op {
	CHANGE_DELETE_FILE,
	CHANGE_DELETE_TREE,
	CHANGE_WRITE_FILE,
	CHANGE_SET_VALUE,
	CHANGE_DELETE_VALUE,
	CHANGE_DELETE_KEY,
};

/* "delete-file", "set-value", …: for reports and JSON. */
const char *change_op_name(enum change_op op);

enum change_hive { CHANGE_SYSTEM, CHANGE_SOFTWARE, CHANGE_COMPONENTS, CHANGE_HIVES };

/* "SYSTEM", "SOFTWARE", "COMPONENTS" */
const char *change_hive_name(enum change_hive hive);

struct change {
	enum change_op op;
	char *path;		/* file operations: path in the volume */
	enum change_hive hive;	/* registry operations */
	char *key, *value;
	struct hive_value data;	/* CHANGE_SET_VALUE */
	struct buf content;	/* CHANGE_WRITE_FILE */
	bool keep_metadata;	/* CHANGE_WRITE_FILE over an existing file: its descriptor stays */
	enum secdesc_kind sd;	/* CHANGE_WRITE_FILE, unless keep_metadata */
	bool secret;		/* content or data, also that before, never appears in any output
				 * and does not stay in an overlay's unused clusters */
	const char *hook;	/* name of the hook that wants it; static */
	char *reason;		/* why, in plain words; no final period */
};

struct changeset {
	VEC(struct change) list;
};

#define CHANGESET_INIT ((struct changeset){0})

void changeset_free(struct changeset *cs);

/* Each adds one change; strings are copied; @reason is printf-like. */
struct change *changeset_delete_file(struct changeset *cs, const char *hook, const char *path,
				     const char *reason, ...)
	__attribute__((format(printf, 4, 5)));
void changeset_delete_tree(struct changeset *cs, const char *hook, const char *path,
			   const char *reason, ...) __attribute__((format(printf, 4, 5)));
struct change *changeset_write_file(struct changeset *cs, const char *hook, const char *path,
				    const struct buf *content, enum secdesc_kind sd,
				    const char *reason, ...)
	__attribute__((format(printf, 6, 7)));
/* @data is taken over. */
struct change *changeset_set_value(struct changeset *cs, const char *hook, enum change_hive hive,
				   const char *key, const char *value, struct hive_value data,
				   const char *reason, ...)
	__attribute__((format(printf, 7, 8)));
void changeset_delete_value(struct changeset *cs, const char *hook, enum change_hive hive,
			    const char *key, const char *value, const char *reason, ...)
	__attribute__((format(printf, 6, 7)));
void changeset_delete_key(struct changeset *cs, const char *hook, enum change_hive hive,
			  const char *key, const char *reason, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * The target as a person reads it: the file's path with backslashes
 * ("\Windows\System32\…"), or "SOFTWARE\key!value". The caller frees it.
 */
char *change_target(const struct change *c);

/* The new content or value for a report: "0x4", "kms.example.org", "<secret>", "412 bytes";
 * NULL where the operation has none. The caller frees it. */
char *change_detail(const struct change *c);

struct image;
struct windows;

/*
 * Could the registry changes of @cs be made? Edits the hives in memory and drops them: for
 * `plan`, so that it refuses what apply would. Errors as changeset_run(): ERR_BIG_VALUE …
 */
int changeset_check(struct image *im, size_t vol, const struct windows *win,
		    const struct changeset *cs, struct error *err);

/*
 * Carry out @cs in volume @vol, between image_begin() and image_settle(). Registry
 * changes are grouped by hive: each hive is fetched, edited and put back once.
 */
int changeset_run(struct image *im, size_t vol, const struct windows *win,
		  const struct changeset *cs, struct error *err);

/*
 * After image_settle(): is each deletion, and each value, as @cs says? ERR_VERIFY names the
 * first that is not. Files that were written are not read: facts are, see job.c.
 */
int changeset_verify(struct image *im, size_t vol, const struct windows *win,
		     const struct changeset *cs, struct error *err);

#endif
