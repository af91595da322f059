/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The libraries that the engines of this build stand on, for --version. */
#ifndef W7PREP_PLUGIN_LIBRARIES_H
#define W7PREP_PLUGIN_LIBRARIES_H

#include "common/buf.h"

/* Append "name version", each with ", " after it, to @out; nothing when there is none. */
void libraries_add(struct buf *out);

#endif
