/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KB971033 as Microsoft's packages for x86 and x64 describe it. There is one version of it, one
 * package for each processor, with no language packages. Names are as update.mum, the
 * container index and the component manifests in the .msu files have them. A family's name is not
 * among them: its hash is computed as the others are, without the version (asdcorp/haveSxS; it gives
 * the names of our components and those of families in Windows 7, see test_servicing.c).
 */
#ifndef W7PREP_IMAGE_WAT_PACKAGE_H
#define W7PREP_IMAGE_WAT_PACKAGE_H

#include "image/windows.h"

#define WAT_VERSION "7.1.7600.16395"
#define WAT_TOKEN "31bf3856ad364e35"
/* Of the package and of each of its components. "KB971033" is in none of their names. */
#define WAT_NAME "Microsoft-Windows-Security-WindowsActivationTechnologies"

struct wat_component {
	const char *stem;	/* name in WinSxS, of the manifest and of the key in COMPONENTS */
	const char *family;	/* the same without the version: Winners, ComponentFamilies */
	const char *name, *arch;
	const char *files[3];	/* NULL-terminated; lower case, as COMPONENTS has them */
};

struct wat_package {
	const char *identity, *index;	/* with the version; with 0.0.0.0 */
	const char *deployment;		/* beginning of appid in COMPONENTS */
	const struct wat_component *components;	/* ends with a NULL stem */
};

/* NULL: there is no package for this processor. */
const struct wat_package *wat_package(enum win_arch arch);

enum wat_family {
	WAT_FAMILY_OTHER,
	WAT_FAMILY_LIKE,	/* of that name, which is cut, with another hash */
	WAT_FAMILY_OWN,
};
enum wat_family wat_family(const struct wat_package *p, const char *name);

/* Files of the Wat directories, lower case; NULL-terminated. */
extern const char *const wat_files[];

/*
 * Does the text name the package, a component of it or a directory of WinSxS that is its own?
 * @text is any bytes: NULs in it are skipped, so that UTF-16 can be looked through as well.
 */
bool wat_is_named(const void *text, size_t n);
/* Is @name in it, in the same sense? NULL: no. */
bool wat_has_text(const void *text, size_t n, const char *name);

#endif
