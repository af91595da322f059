/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kinds of undo record, one row each. */
#include "image/disk.h"
#include "image/txn.h"

const struct undo_ops *const undo_kinds[] = {
	&disk_undo,
	NULL,
};
