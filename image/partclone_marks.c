/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partclone_marks.h"

#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "image/partclone_set.h"

/* Inode numbers are given again: with the time of the last writing, it is that file. */
static char *mark_of(const struct stat *st)
{
	return xasprintf("%llu:%lld:%lld.%09ld", (unsigned long long)st->st_ino,
	    (long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static bool look(const char *dir, const char *name, struct stat *st)
{
	CLEANUP(free) char *path = path_join(dir, name);

	return stat(path, st) == 0;
}

void ptcl_marks_add(json_t *marks, const char *dir, const struct strvec *names)
{
	struct stat st;

	for (size_t i = 0; i < names->n; i++) {
		if (!look(dir, names->v[i], &st))
			continue;
		CLEANUP(free) char *mark = mark_of(&st);
		json_array_append_new(marks, json_string(mark));
	}
}

static bool has(const json_t *marks, const char *mark)
{
	for (size_t i = 0; i < json_array_size(marks); i++) {
		const char *m = json_string_value(json_array_get(marks, i));

		if (m && strcmp(m, mark) == 0)
			return true;
	}
	return false;
}

static bool digest(const char *dir, const char *name, char hex[33])
{
	struct ptcl_set set = {.dir = (char *)(uintptr_t)dir};
	struct stat st;

	if (!look(dir, name, &st))
		return false;
	strvec_add(&set.names, name);
	int rc = ptcl_set_digest(&set, hex, NULL);
	strvec_free(&set.names);
	return rc == 0;
}

/* Put back from a copy, where the file system has no second names. */
static bool is_kept(const char *dir, const char *name, const char *record)
{
	static const char *const kept[] = {"old", "clear"};
	char now[33], then[33];

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		CLEANUP(free) char *copies = path_join(record, kept[i]);

		if (digest(copies, name, then) && digest(dir, name, now) &&
		    strcmp(now, then) == 0)
			return true;
	}
	return false;
}

int ptcl_marks_check(const json_t *marks, const char *dir, const struct strvec *names,
    const char *record, struct error *err)
{
	struct stat st;

	for (size_t i = 0; marks && i < names->n; i++) {
		/* empty: the first part while others are put in place */
		if (!look(dir, names->v[i], &st) || st.st_size == 0)
			continue;
		CLEANUP(free) char *mark = mark_of(&st);
		if (has(marks, mark) || is_kept(dir, names->v[i], record))
			continue;
		err_set(err, ERR_CHANGED_SINCE,
		    "%s/%s was replaced since, the record of that run is about an older image", dir,
		    names->v[i]);
		return err_hint(err, "when that one is gone for good: rm -r '%s'", record);
	}
	return 0;
}
