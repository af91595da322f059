/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Profiles by name: where they are looked for. */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "profiles/profile_priv.h"

/*
 * Where profiles lie beside the program: the source tree's when it was built and not
 * installed, those of its own prefix when it was installed, whatever prefix it was built for.
 */
static void beside_program(struct strvec *dirs)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return;
	exe[n] = '\0';
	CLEANUP(free) char *dir = path_dir(exe);
	CLEANUP(free) char *parent = path_dir(dir);
	strvec_take(dirs, path_join(parent, "profiles"));
	strvec_take(dirs, path_join(parent, "share/w7prep/profiles"));
}

/* In the order in which they count. */
static void search_dirs(struct strvec *dirs)
{
	const char *own = getenv("W7PREP_PROFILES"), *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (own && *own)
		strvec_add(dirs, own);
	if (config && *config == '/')
		strvec_addf(dirs, "%s/w7prep/profiles", config);
	else if (home && *home == '/')
		strvec_addf(dirs, "%s/.config/w7prep/profiles", home);
	strvec_add(dirs, "/etc/w7prep/profiles");
	beside_program(dirs);
	strvec_add(dirs, W7PREP_DATADIR "/profiles");
}

void profile_candidates(const char *name, struct strvec *paths)
{
	CLEANUP(strvec) struct strvec dirs = STRVEC_INIT;
	CLEANUP(free) char *file = xasprintf("%s.ini", name);

	search_dirs(&dirs);
	for (size_t i = 0; i < dirs.n; i++) {
		char *path = path_join(dirs.v[i], file);

		if (access(path, F_OK) == 0)
			strvec_take(paths, path);
		else
			free(path);
	}
}

static bool same_name(const struct strvec *paths, const char *file)
{
	for (size_t i = 0; i < paths->n; i++)
		if (strcmp(path_base(paths->v[i]), file) == 0)
			return true;
	return false;
}

static void list_dir(const char *dir, struct strvec *paths)
{
	DIR *d = opendir(dir);

	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));) {
		size_t n = strlen(e->d_name);

		if (e->d_name[0] != '.' && n > 4 && strcmp(e->d_name + n - 4, ".ini") == 0 &&
		    !same_name(paths, e->d_name))
			strvec_take(paths, path_join(dir, e->d_name));
	}
	closedir(d);
}

/* Without ".ini", so that mak comes before mak-proxy. */
static int by_name(const void *a, const void *b)
{
	const char *x = path_base(*(char *const *)a), *y = path_base(*(char *const *)b);
	size_t n = strlen(x) - 4, m = strlen(y) - 4;
	int d = memcmp(x, y, n < m ? n : m);

	return d ? d : (n > m) - (n < m);
}

void profile_list(struct strvec *paths)
{
	CLEANUP(strvec) struct strvec dirs = STRVEC_INIT;

	search_dirs(&dirs);
	for (size_t i = 0; i < dirs.n; i++)
		list_dir(dirs.v[i], paths);
	if (paths->n > 1)
		qsort(paths->v, paths->n, sizeof(*paths->v), by_name);
}

static void name_those_there_are(const char *name, struct error *err)
{
	CLEANUP(strvec) struct strvec paths = STRVEC_INIT;
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	CLEANUP(buf) struct buf all = BUF_INIT;
	struct suggestion near = SUGGESTION_INIT(name);

	profile_list(&paths);
	for (size_t i = 0; i < paths.n; i++) {
		const char *base = path_base(paths.v[i]);

		strvec_take(&names, xstrndup(base, strlen(base) - 4));
	}
	for (size_t i = 0; i < names.n; i++) {
		suggestion_offer(&near, names.v[i]);
		buf_addf(&all, "%s%s", i ? ", " : "", names.v[i]);
	}
	if (near.best)
		err_hint(err, "did you mean '%s'? There are: %s", near.best, all.data);
	else if (all.len)
		err_hint(err, "there are: %s; or give the path of a profile file", all.data);
	else
		err_hint(err, "no profiles are installed: give the path of a profile file");
}

char *profile_find(const char *name, struct error *err)
{
	CLEANUP(strvec) struct strvec found = STRVEC_INIT;

	if (strchr(name, '/') || name_has_suffix(name, ".ini"))
		return xstrdup(name);
	if (*name)
		profile_candidates(name, &found);
	if (found.n)
		return xstrdup(found.v[0]);
	CLEANUP(free) char *shown = ini_excerpt(name);
	err_set(err, ERR_NO_SUCH_FILE, "no profile is called '%s'", shown);
	name_those_there_are(name, err);
	return NULL;
}
