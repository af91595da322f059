/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A lab profile: an INI file, read strictly. See w7prep-profile(5). */
#ifndef W7PREP_PROFILES_PROFILE_H
#define W7PREP_PROFILES_PROFILE_H

#include <stdbool.h>

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
enum tristate { UNSET = -1, NO = 0, YES = 1 };

struct profile {
	char *path;		/* the file it was read from */
	char *name, *description;

	enum strategy strategy;
	char *kms_host;		/* NULL: DNS (_vlmcs._tcp) */
	unsigned kms_port;	/* 0: not set (1688) */
	char *mak_key_file;	/* path of a file with the key; resolved against the profile's directory */
	char *vamt_host;
	bool activate_at_first_boot;

	enum kb971033_mode kb971033;
	enum strip_mode strip;
	bool strip_set;		/* said in the profile: mak and mak-proxy strip only then */

	bool require_sealed;
	enum first_boot_mode first_boot;

	/* [lab]; 0 and UNSET: not said */
	unsigned seats, kms_clients, reclone_days;
	enum tristate mobile;
	enum lab_licence licence;
	char *domain;

	struct strvec warnings;	/* odd but not wrong; "file:line: …" */
};

/*
 * Read and check @path and what it extends. Every complaint is ERR_PROFILE with
 * "file:line:" in front; all complaints of a file are collected, the first is the error's message
 * and the rest are in *@more (may be NULL).
 */
int profile_read(const char *path, struct profile *out, struct strvec *more, struct error *err);
void profile_free(struct profile *p);

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
