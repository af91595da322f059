/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New files for old ones in an image directory: whoever reads it finds the old ones or the new
 * ones, never some of each, also after a crash.
 *
 * Where it can be, a twin of the directory is made, with the new files and second names of all
 * others, and the two are exchanged by one renameat2(). It can be where the directory holds files
 * only, @work is outside of it, its file system knows hard links and the exchange (ext4, XFS, btrfs,
 * tmpfs, ZFS; no NFS mount, no FAT), and nobody's shell stands in it.
 *
 * Elsewhere the files are put in place one after another. The first part of a split partition is an
 * empty file meanwhile: what reads it then stops at once and does not restore a mixture.
 */
#ifndef W7PREP_IMAGE_PARTCLONE_PLACE_H
#define W7PREP_IMAGE_PARTCLONE_PLACE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/error.h"

struct ptcl_place {
	const char *dir;             /* of the image; absolute, without links */
	const char *from;            /* where the files that come are */
	const char *work;            /* a private directory on the same file system */
	const struct strvec *come;   /* names, in from and then in dir */
	const struct strvec *go;     /* names in dir of the files that go; may be the same */
	const struct strvec *split;  /* first parts of the partitions that are several files */
	bool keep;                   /* from must hold its files afterwards: this may be done twice */
	bool careful;                /* not when somebody has come to use what goes */
};

/*
 * 0 also when all is in place already. On error err->image_changed tells whether some of it was
 * done; ERR_CHANGED_SINCE, ERR_LOCKED: another program was faster, nothing was changed.
 */
int ptcl_place(const struct ptcl_place *p, struct error *err);

#endif
