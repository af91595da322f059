/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a file's bytes are on its volume, from what ntfsinfo says. ntfs-3g gives out a 60 MB
 * file within the emulated appliance in 1 s and the appliance hands it to us in another; the
 * clusters themselves are read in 0.05 s from the host's side.
 */
#ifndef W7PREP_IMAGE_GUESTFS_RUNS_H
#define W7PREP_IMAGE_GUESTFS_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

struct gfs_run {
	uint64_t offset, length;	/* bytes, from the beginning of the volume */
};

struct gfs_runs {
	VEC(struct gfs_run) list;
};

/*
 * Read the output of "ntfsinfo -v -i INODE" (it comes from the appliance: nothing in it is
 * believed). True when the file's @size bytes are plainly there, in clusters of
 * @cluster bytes within a volume of @volume bytes; false for resident, sparse, compressed
 * and encrypted files, for any contradiction and for any other format of the text. @out
 * covers @size bytes exactly; the caller frees out->list.v in either case.
 */
bool gfs_runs_parse(const char *text, uint64_t size, uint32_t cluster, uint64_t volume,
		    struct gfs_runs *out);

#endif
