/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A lab profile: an INI file, read strictly. See w7prep-profile(5). */
#ifndef W7PREP_PROFILES_PROFILE_H
#define W7PREP_PROFILES_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/error.h"

enum strategy {
	STRATEGY_AUTO,
	STRATEGY_KMS,
	STRATEGY_MAK_PROXY,
	STRATEGY_MAK,
	STRATEGY_NONE,
	STRATEGY_OEM,
	STRATEGY_SINGLE,
};
const char *strategy_name(enum strategy s);	/* "kms", "mak-proxy", … */

enum kb971033_mode { KB971033_WINDOWS, KB971033_OFFLINE, KB971033_NO };
enum strip_mode { STRIP_IMAGE, STRIP_FIRST_BOOT, STRIP_NO };
enum first_boot_mode { FIRST_BOOT_AUTO, FIRST_BOOT_SETUPCOMPLETE, FIRST_BOOT_SETUP_CMDLINE };
enum lab_licence { LICENCE_UNKNOWN, LICENCE_KMS, LICENCE_MAK, LICENCE_OEM, LICENCE_RETAIL };
/* Whether VAMT is let into the clones, and in which network it meets them. */
enum vamt_access { VAMT_ACCESS_NO, VAMT_ACCESS_DOMAIN, VAMT_ACCESS_WORKGROUP };
enum tristate { UNSET = -1, NO = 0, YES = 1 };

/* Where a key got its value; file NULL: nowhere, the default holds. */
struct profile_source {
	char *file;
	unsigned line;
};

struct profile {
	char *path;		/* the file it was read from */
	char *name, *description;
	char *extends;		/* as written, or NULL */

	enum strategy strategy;
	char *kms_host;		/* NULL: DNS (_vlmcs._tcp) */
	unsigned kms_port;	/* 0: not set (1688) */
	char *mak_key_file;	/* path of a file with the key; resolved against the profile's directory */
	char *vamt_host;
	enum vamt_access vamt_access;
	bool activate_at_first_boot;
	unsigned rearm_when_days_left;	/* strategy none rearms with fewer days of grace left */

	enum kb971033_mode kb971033;
	enum strip_mode strip;
	bool strip_set;		/* said in the profile: mak and mak-proxy strip only then */

	bool require_sealed;
	enum first_boot_mode first_boot;
	char *report_share;	/* "\\\\server\\share": clones copy activation.log there; NULL */

	/* [lab]; 0 and UNSET: not said */
	unsigned seats, kms_clients, reclone_days;
	enum tristate mobile;
	enum lab_licence licence;
	char *domain;

	struct strvec warnings;	/* odd but not wrong; "file:line: …" */
	struct profile_source *sources;	/* one a row of profile_keys() */
};

/*
 * Read and check @path and what it extends. Every complaint is ERR_PROFILE with
 * "file:line:" in front; all complaints of a file are collected, the first is the error's message
 * and the rest are in *@more (may be NULL). No such file is ERR_NO_SUCH_FILE. After a
 * failure @out holds nothing that needs profile_free().
 */
int profile_read(const char *path, struct profile *out, struct strvec *more, struct error *err);
void profile_free(struct profile *p);

/*
 * Every key there is: the one table that parsing, checking, `profile show` and the test of
 * the manual page go by.
 */
enum profile_type {
	PROFILE_TEXT,
	PROFILE_CHOICE,		/* one of choices */
	PROFILE_YESNO,
	PROFILE_NUMBER,		/* min to max */
	PROFILE_HOST,		/* host name, IPv4 address or [IPv6 address] */
	PROFILE_DOMAIN,		/* DNS name */
	PROFILE_PATH,		/* of a file; relative to the profile that says it */
	PROFILE_SHARE,		/* \\server\share, as Windows names it */
};

struct profile_key {
	const char *section, *name;
	enum profile_type type;
	const char *fallback;	/* the default as one would write it; "": nothing */
	const char *help;	/* one line, no final period */
	const char *const *choices;	/* PROFILE_CHOICE: NULL-terminated */
	unsigned long min, max;		/* PROFILE_NUMBER */
	bool own;		/* not taken over by a profile that extends this one */
	size_t offset;		/* of the member of struct profile */
};

const struct profile_key *profile_keys(size_t *n);
/* The row of a key, whose names are unique across sections; NULL: no such key. */
const struct profile_key *profile_key_find(const char *name);
/* "kms, mak or none"; "1 to 65535"; what a value may be. The caller frees it. */
char *profile_key_allowed(const struct profile_key *k);
/* What the profile says or implies, as one would write it; NULL: nothing. Caller frees. */
char *profile_value(const struct profile *p, const struct profile_key *k);
/* Where that was said; NULL: it is the default. */
const struct profile_source *profile_source(const struct profile *p, const struct profile_key *k);

/*
 * The MAK in the profile's mak_key_file, upper case, without a newline, added to the empty
 * @out (free it with buf_wipe_free). ERR_PROFILE unless it is a regular file of ours or
 * root's that nobody else can read, with one product key in it that is not a KMS client
 * setup key. No message quotes the key.
 */
int profile_read_mak(const struct profile *p, struct buf *out, struct error *err);

/*
 * What -p names: a path when it holds a slash or ends in ".ini", else the name of a
 * shipped profile, looked for in $W7PREP_PROFILES, the user's and the system's
 * directory and where the program was installed. NULL: not found, the error lists those
 * there are. The caller frees it.
 */
char *profile_find(const char *name, struct error *err);

/* Paths of all profiles that can be named, sorted by name. */
void profile_list(struct strvec *paths);

#endif
