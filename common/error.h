/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One error: a code from a frozen list, a line for a person, and a hint.
 *
 * Nothing below plugin/ prints or exits. A function that can fail takes a
 * struct error as its last parameter, returns 0 or -1 (or 1/0/-1 where it
 * answers a question), and fills the error with err_set(). Callers on the way
 * up add where it happened with err_context().
 */
#ifndef W7PREP_COMMON_ERROR_H
#define W7PREP_COMMON_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

/*
 * Numbers and names are frozen: JSON carries the name, scripts may test it.
 * New codes go at the end of their group in the table of error.c.
 */
enum err_code {
	ERR_NONE = 0,
	ERR_INTERNAL = 1,

	/* the command line */
	ERR_USAGE = 10,
	ERR_NO_SUCH_FILE = 11,
	ERR_EXISTS = 12,

	/* the profile, and what goes with it */
	ERR_PROFILE = 20,
	ERR_LAB_DATA = 21,	/* a list or store of confirmation IDs */

	/* the image is of the wrong kind */
	ERR_NOT_AN_IMAGE = 30,
	ERR_FORMAT = 31,	/* a format or variant we cannot edit */
	ERR_NO_WINDOWS = 32,
	ERR_NOT_WINDOWS_7 = 33,
	ERR_EDITION = 34,	/* edition without volume activation */
	ERR_DIFFERENCING = 35,
	ERR_BACKING_FILE = 36,
	ERR_SPLIT_WIM = 37,
	ERR_SOLID_WIM = 38,
	ERR_METADATA_ONLY_WIM = 39,
	ERR_BITLOCKER = 40,
	ERR_NO_SUCH_INDEX = 41,
	ERR_ARCH = 42,
	ERR_DAMAGED = 43,	/* not readable as what it says it is */
	ERR_LIMIT = 44,		/* larger than any real image would hold */

	/* the image is in a state in which a change would harm */
	ERR_HIVE_DIRTY = 50,
	ERR_HIBERNATED = 51,
	ERR_VOLUME_DIRTY = 52,
	ERR_PENDING = 53,
	ERR_UNSEALED = 54,
	ERR_LOCKED = 55,
	ERR_BIG_VALUE = 56,
	ERR_INTERRUPTED = 57,	/* an earlier apply was cut short */
	ERR_CHANGED_SINCE = 58,	/* the undo record is for another state */
	ERR_NO_UNDO = 59,
	ERR_STORE_INCOMPLETE = 60, /* licence files a rebuild needs are absent */
	ERR_UNKNOWN_SHAPE = 61,	/* something there that we do not know how to edit */

	/* it was tried and failed */
	ERR_IO = 70,
	ERR_NO_SPACE = 71,
	ERR_ENGINE = 72,	/* a library or a tool failed */
	ERR_NO_MEMORY = 73,
	ERR_INTERRUPT = 74,	/* SIGINT, SIGTERM */

	/* what was written is not what was planned */
	ERR_VERIFY = 80,
};

/* Exit status of the program: documented in w7prep(1), README.md and --help. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_INTERNAL = 1,
	EXIT_USAGE = 2,
	EXIT_PROFILE = 3,
	EXIT_UNSUPPORTED = 4,
	EXIT_UNSAFE = 5,
	EXIT_FAILED_UNCHANGED = 6,
	EXIT_FAILED_CHANGED = 7,
	EXIT_VERIFY = 8,
	EXIT_PENDING = 10,
};

struct error {
	enum err_code code;
	char *message;		/* one line, no final period or newline; owned */
	char *hint;		/* what to do about it, or NULL; owned */
	bool image_changed;	/* the image may differ from what it was */
};

#define ERROR_INIT ((struct error){0})

/* Free what the error holds and make it ERR_NONE again. */
void err_clear(struct error *err);

/*
 * Fill @err and return -1, so that "return err_set(...)" reads well. An earlier
 * message is replaced; image_changed stays. @err may be NULL where the caller
 * does not want to know why.
 */
int err_set(struct error *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));
int err_vset(struct error *err, enum err_code code, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0), cold));

/* The same with ": strerror(errno)"; ENOSPC, EDQUOT and ENOMEM get their own code. */
int err_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* Put "where: " in front of the message. Returns -1. */
int err_context(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));

/* Say what to do; replaces an earlier hint. Returns -1. */
int err_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* The hint, or what is generally to be done about errors of this code; may be NULL. */
const char *err_hint_text(const struct error *err);

/* Hand the error of @from to @to, leaving @from empty. Returns -1. */
int err_move(struct error *to, struct error *from);

/* Stable name of a code, for JSON: "hive-dirty". Never NULL. */
const char *err_code_name(enum err_code code);

/* Exit status of a code (without regard to image_changed). */
enum exit_status err_code_status(enum err_code code);

/* Exit status of an error: that of its code, but always 7 when the image may have changed. */
enum exit_status err_status(const struct error *err);

#endif
