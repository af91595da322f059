/* SPDX-License-Identifier: GPL-3.0-or-later */
/* iniparser's reading of a scanned file, held against the scan's. */
#include <iniparser/iniparser.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "profiles/ini_scan.h"

static void cleanup_dictionary(dictionary **d)
{
	if (*d)
		iniparser_freedict(*d);
}

/* iniparser would print the offending line to standard error. */
static int say_nothing(const char *fmt, ...)
{
	(void)fmt;
	return 0;
}

static int compare(const struct ini_file *f, const dictionary *d, struct error *err)
{
	size_t keys = 0, found = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct ini_entry *e = &f->v[i];

		if (!e->key)
			continue;
		/* never a typed getter: they crash on a section's name (CVE-2023-33461) */
		CLEANUP(free) char *name = xasprintf("%s:%s", e->section, e->key);
		const char *value = iniparser_getstring(d, name, NULL);
		if (!value || strcmp(value, e->value) != 0)
			return err_set(err, ERR_INTERNAL,
			    "line %u: iniparser reads key '%s' differently", e->line, e->key);
		keys++;
	}
	for (int i = 0; i < iniparser_getnsec(d); i++)
		found += (size_t)iniparser_getsecnkeys(d, iniparser_getsecname(d, i));
	if (found != keys)
		return err_set(
		    err, ERR_INTERNAL, "iniparser finds %zu keys instead of %zu", found, keys);
	return 0;
}

/*
 * iniparser 4.1 opens files by name only. A memory file has the very bytes that were
 * scanned, whatever happens to the profile meanwhile.
 */
int ini_cross_check(const struct ini_file *f, struct error *err)
{
	CLEANUP(close) int fd = memfile("profile", err);

	if (fd < 0 || write_all(fd, f->text.data, f->text.len, err) != 0)
		return -1;
	CLEANUP(free) char *name = xasprintf("/proc/self/fd/%d", fd);
	iniparser_set_error_callback(say_nothing);
	CLEANUP(dictionary) dictionary *d = iniparser_load(name);
	if (!d)
		return err_set(err, ERR_INTERNAL, "iniparser cannot read it");
	return compare(f, d, err);
}
