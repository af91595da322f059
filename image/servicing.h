/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The servicing store of an installation: a self-check in the words of CheckSUR (the System Update
 * Readiness tool, KB947821), and every place in it that belongs to KB971033.
 *
 * These facts are read only when somebody asks (`inspect --servicing`, a profile with
 * remove = offline): they cost half a dozen directory listings and the COMPONENTS hive.
 *
 * No real Windows 7 store was at hand. What is known of its shape comes from Microsoft's package
 * itself (names of components, files, keys), from published registry listings of
 * Windows 7, and from CheckSUR's messages. So a place is listed only where everything about
 * it is as expected; whatever else names the package is listed as unknown, and
 * then nothing of it may be edited.
 */
#ifndef W7PREP_IMAGE_SERVICING_H
#define W7PREP_IMAGE_SERVICING_H

#include "image/changeset.h"
#include "image/windows.h"

enum servicing_kind {
	SERVICING_MUM_MISSING,		/* a registered package without its .mum */
	SERVICING_MUM_CORRUPT,		/* empty, or nothing but zeros */
	SERVICING_CATALOG_MISSING,	/* .cat of a package, or a catalog of the component store */
	SERVICING_CATALOG_CORRUPT,
	SERVICING_REGISTRY_ERROR,	/* a .mum or a PackageIndex entry without its package */
	SERVICING_WATCHLIST,		/* PackageDetect or ComponentDetect waits for nobody */
	SERVICING_MANIFEST_MISSING,
	SERVICING_MANIFEST_ZEROES,
	SERVICING_DIRECTORY_MISSING,
	SERVICING_PAYLOAD_MISSING,
	SERVICING_DEPLOYMENT_MISSING,	/* a component or catalog of a deployment that is gone */
	SERVICING_THUMBPRINT,		/* a deployment whose catalog is gone */
	SERVICING_WINNER_MISSING,	/* the version in use of a component that is gone */
	SERVICING_KINDS,
};

/* "CBS MUM Missing", …: CheckSUR's own words. */
const char *servicing_kind_name(enum servicing_kind kind);

struct servicing_finding {
	enum servicing_kind kind;
	char *path;		/* a file as "/Windows/…", or "SOFTWARE\key!value" */
};

/* What a place of KB971033 is. */
enum wat_part {
	WAT_PACKAGE_KEY,
	WAT_PACKAGE_INDEX,
	WAT_DETECT,		/* PackageDetect, ComponentDetect */
	WAT_EVALUATION,		/* ApplicabilityEvaluationCache */
	WAT_PACKAGE_FILE,	/* .mum and .cat */
	WAT_CATALOG,		/* copies of the .cat, the key of it in COMPONENTS */
	WAT_DEPLOYMENT,
	WAT_COMPONENT,		/* COMPONENTS, the manifest */
	WAT_WINNER,		/* SideBySide\Winners, VersionedIndex */
	WAT_PAYLOAD,		/* directories of WinSxS */
	WAT_FILE_MAP,		/* WinSxS\FileMaps of the Wat directories */
	WAT_PROGRAM,		/* System32\Wat, SysWOW64\Wat */
	WAT_SERVICE,
	WAT_EVENT_SOURCE,
	WAT_TASK,
	WAT_CLASS,		/* COM classes and the browser plug-in */
	WAT_STATE,		/* what its programs have stored */
	WAT_PARTS,
};

struct wat_place {
	enum wat_part part;
	char *path;		/* a file or directory; NULL: in the registry */
	bool is_dir;
	enum change_hive hive;
	char *key, *value;	/* value NULL: the key with all below it */
};

struct servicing {
	size_t packages, components;	/* registered in CBS, in COMPONENTS */
	VEC(struct servicing_finding) findings;	/* sorted by kind and path */
	bool more;			/* there were more findings than are kept */
	VEC(struct wat_place) places;	/* all of KB971033, in the order they are found */
	/* What names the package in a way that is not known, or cannot be read; one line each. */
	struct strvec unknown;
};

/*
 * Fill win->servicing (which may have been filled before). Damage of the store goes into
 * findings and unknown; -1 only where the engine fails or for ERR_INTERRUPT.
 *
 * Read are: the lists of servicing\Packages, WinSxS, its Manifests, Catalogs, FileMaps and Backup,
 * and catroot; the keys of CBS and COMPONENTS; and of one in 16 the first bytes of .mum, .cat and
 * manifest and the list of a component's directory. Which ones is decided by their names, so they
 * are the same ones before and after a change; KB971033's own are always among them.
 * @thorough reads every .mum and .cat (some hundred). Every manifest (over ten thousand) is
 * never read: with an appliance that takes minutes.
 */
int windows_read_servicing(struct image *im, size_t vol, bool thorough, struct windows *win,
			   struct error *err);

void servicing_free(struct servicing *s);

/*
 * Was the store left as sound as it was? ERR_VERIFY names the first finding that is
 * in one report and not in the other.
 */
int servicing_compare(const struct servicing *before, const struct servicing *after,
		      struct error *err);

#endif
