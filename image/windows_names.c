/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a Windows and its parts are called. */
#include "common/cleanup.h"
#include "common/text.h"
#include "image/windows.h"

const char *win_arch_name(enum win_arch arch)
{
	static const char *const names[] = {"unknown", "x86", "amd64", "ia64"};

	return names[arch];
}

const char *win_sealed_name(enum win_sealed sealed)
{
	static const char *const names[] = {"no", "yes", "inconsistent"};

	return names[sealed];
}

char *windows_path(const struct windows *win, const char *rest)
{
	return xasprintf("%s%s", win->root, rest);
}

/* A directory with a registry in it is a Windows, however little else is left. */
char *windows_describe(const struct windows *win)
{
	CLEANUP(buf) struct buf s = BUF_INIT;
	const char *sep = "";

	buf_adds(&s, win->product_name ? win->product_name : "an unnamed Windows");
	buf_adds(&s, " (");
	if (win->edition) {
		buf_adds(&s, win->edition);
		sep = ", ";
	}
	buf_addf(&s, "%s%s", sep,
	    win->arch == ARCH_UNKNOWN ? "unknown processor" : win_arch_name(win->arch));
	if (win->service_pack)
		buf_addf(&s, ", SP%u", win->service_pack);
	buf_adds(&s, ")");
	return buf_steal(&s);
}
