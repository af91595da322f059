/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The servicing store while it is being read, for the parts of servicing.c. */
#ifndef W7PREP_IMAGE_SERVICING_STORE_H
#define W7PREP_IMAGE_SERVICING_STORE_H

#include "image/reg_key.h"
#include "image/servicing.h"
#include "image/wat_package.h"
#include "image/windows_read.h"

#define CBS_PACKAGES KEY_CBS "\\Packages"
#define KEY_SIDE_BY_SIDE "Microsoft\\Windows\\CurrentVersion\\SideBySide"
#define CSI_WINNERS KEY_SIDE_BY_SIDE "\\Winners"
#define CSI_COMPONENTS "DerivedData\\Components"
#define CSI_FAMILIES "DerivedData\\VersionedIndex"
#define CSI_DEPLOYMENTS "CanonicalData\\Deployments"
#define CSI_CATALOGS "CanonicalData\\Catalogs"

/* Below the Windows directory. */
#define PACKAGES_DIR "/servicing/Packages"
#define WINSXS_DIR "/winsxs"
#define MANIFESTS_DIR WINSXS_DIR "/Manifests"
#define CATALOGS_DIR WINSXS_DIR "/Catalogs"
#define FILE_MAPS_DIR WINSXS_DIR "/FileMaps"
#define BACKUP_DIR WINSXS_DIR "/Backup"
#define CATROOT_DIR "/System32/catroot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}"

/* The directories that are listed, once. */
enum store_dir {
	DIR_PACKAGES,
	DIR_WINSXS,
	DIR_MANIFESTS,
	DIR_CATALOGS,
	DIR_MAPS,
	DIR_BACKUP,
	DIR_CATROOT,
	DIRS
};

struct store {
	struct win_reader r;
	struct servicing *out;
	bool thorough;
	struct regf hives[CHANGE_HIVES];
	bool mapped[CHANGE_HIVES];
	struct strvec dirs[DIRS];	/* names, sorted with names_sort() */
	const struct wat_package *wat;	/* NULL: no package for this processor */
	/* set by wat_components(): key in CanonicalData\Deployments, catalog's hash */
	char *deployment, *catalog;
};

/* More are not kept: servicing.more is set. */
#define STORE_FINDINGS_MAX 10000

/*
 * Map the hives and list the directories; what cannot be read is noted. store_close() gives back what
 * the reading took; s->out stays.
 */
void store_open(struct store *s);
void store_close(struct store *s);

/* Sets of names, without case. */
void names_sort(struct strvec *names);
bool names_has(const struct strvec *sorted, const char *name);

/* Full path of a listed directory, of a name in it; the caller frees it. */
char *store_dir_path(const struct store *s, enum store_dir dir);
char *store_path(const struct store *s, enum store_dir dir, const char *name);

/* The last component of a key path. */
const char *key_base(const char *path);

void store_finding(struct store *s, enum servicing_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void store_unknown(struct store *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* @path is taken over. */
void store_place_path(struct store *s, enum wat_part part, char *path, bool is_dir);
void store_place_key(struct store *s, enum wat_part part, enum change_hive hive, const char *key,
		     const char *value);
/* Is it one of the places, or below one? */
bool store_placed_key(const struct store *s, enum change_hive hive, const char *key,
		      const char *value);
bool store_placed_path(const struct store *s, const char *path);

/*
 * Load a key: true when it is there. A hive that is damaged becomes unknown, and false.
 */
bool store_key(struct store *s, enum change_hive hive, const char *path, struct reg_key *out);
/* reg_walk() and reg_each_subkey() with the store as opaque; damage becomes unknown. */
void store_walk(struct store *s, enum change_hive hive, const char *top, reg_visit visit);
void store_each(struct store *s, enum change_hive hive, const char *top, reg_visit visit);

/* Nothing more is read: the engine failed, or the user wants to stop. */
bool store_failed(struct store *s);

/* The parts, one file each. */
void store_check(struct store *s);		/* servicing_check.c */
void wat_cbs(struct store *s);			/* wat_cbs.c: the package in SOFTWARE */
void wat_components(struct store *s);		/* wat_components.c: COMPONENTS, WinSxS, catalogs */
void wat_rest(struct store *s);			/* wat_rest.c: service, programs, tasks, classes */
void wat_mentions(struct store *s);		/* wat_mentions.c: what else names it */

#endif
