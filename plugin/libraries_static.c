/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The static program's engines stand on no library that has a version, and it says which it is. */
#include "plugin/libraries.h"

void libraries_add(struct buf *out)
{
	buf_adds(out, "static, engines partclone and tree, ");
}
