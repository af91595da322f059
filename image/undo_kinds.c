/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kinds of undo record, one row each. */
#include "image/disk.h"
#include "image/partclone.h"
#include "image/tree.h"
#include "image/txn.h"
#include "image/wim.h"

const struct undo_ops *const undo_kinds[] = {
	&wim_undo_append,
	&wim_undo_rebuild,
	&disk_undo,
	&partclone_undo,
	&tree_undo,
	NULL,
};
