/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The static program's engine stands on no library, and says which program it is. */
#include "plugin/libraries.h"

void libraries_add(struct buf *out)
{
	buf_adds(out, "static, engine tree, ");
}
