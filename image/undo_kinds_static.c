/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kinds of undo record of the static program, in the place of undo_kinds.c. */
#include "image/partclone.h"
#include "image/tree.h"
#include "image/txn.h"

const struct undo_ops *const undo_kinds[] = {
    &partclone_undo,
    &tree_undo,
    NULL,
};
