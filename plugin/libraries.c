/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/libraries.h"

#include <archive.h>
#include <guestfs.h>
#include <wimlib.h>

static void add_libguestfs(struct buf *out)
{
	guestfs_h *g = guestfs_create_flags(GUESTFS_CREATE_NO_ENVIRONMENT);
	struct guestfs_version *v = g ? guestfs_version(g) : NULL;

	if (v)
		buf_addf(out, "libguestfs %lld.%lld.%lld, ", (long long)v->major,
		    (long long)v->minor, (long long)v->release);
	guestfs_free_version(v);
	if (g)
		guestfs_close(g);
}

void libraries_add(struct buf *out)
{
	uint32_t wim = wimlib_get_version();

	buf_addf(out, "libwim %u.%u.%u, ", wim >> 20, wim >> 10 & 0x3ff, wim & 0x3ff);
	add_libguestfs(out);
	buf_addf(out, "%s, ", archive_version_string());
}
