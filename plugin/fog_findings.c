/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What "fog check" finds. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "plugin/fog.h"

void fog_find(struct fog_findings *f, enum fog_level level, const char *hint, const char *fmt, ...)
{
	struct fog_finding *new = VEC_PUSH(&f->list);
	va_list ap;

	new->level = level;
	new->hint = hint ? xstrdup(hint) : NULL;
	va_start(ap, fmt);
	if (vasprintf(&new->text, fmt, ap) < 0)
		new->text = xstrdup(fmt);
	va_end(ap);
}

void fog_findings_free(struct fog_findings *f)
{
	for (size_t i = 0; i < f->list.n; i++) {
		free(f->list.v[i].text);
		free(f->list.v[i].hint);
	}
	free(f->list.v);
}

/* A client is nobody in particular. */
bool fog_check_mode(const char *path, unsigned want, struct fog_findings *out)
{
	CLEANUP(free) char *hint = xasprintf("chmod a+%s %s", want & 1 ? "rx" : "r", path);
	struct stat st;

	if (stat(path, &st) != 0) {
		fog_find(out, FOG_WRONG, "w7prep fog install", "%s: %s", path, strerror(errno));
		return false;
	}
	if ((st.st_mode & want) == want)
		return true;
	fog_find(out, FOG_WRONG, hint, "%s: mode %04o: not everybody may %s", path,
	    (unsigned)st.st_mode & 07777, want & 1 ? "read and run it" : "read it");
	return false;
}
