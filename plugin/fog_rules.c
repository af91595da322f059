/* SPDX-License-Identifier: GPL-3.0-or-later */
/* labs.conf and the profiles that it names, read as the hook reads them. */
#include <dirent.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "plugin/fog.h"
#include "profiles/profile.h"

#define RULES_MAX (1u << 20)
#define FIELDS 4

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define NAME_CHARS LETTERS "._:,/-"
#define PATTERN_CHARS LETTERS "._:*?+@-"

static bool only(const char *text, const char *chars)
{
	return *text && text[strspn(text, chars)] == '\0';
}

bool fog_profile_name_ok(const char *name)
{
	CLEANUP(free) char *copy = xstrdup(name);
	char *save = NULL;

	if (*name == '/' || *name == '-' || !only(name, NAME_CHARS))
		return false;
	for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save))
		if (strcmp(part, "..") == 0)
			return false;
	return true;
}

/* The profile at @path, which a rule names, asks for what should not lie here. */
static void check_secrets(const char *path, struct fog_findings *out)
{
	struct profile p = {0};

	if (profile_read(path, &p, NULL, NULL) != 0)
		return;
	if (p.mak_key_file)
		fog_find(out, FOG_NOTE,
		    "prepare such an image on the server instead, or use mak-proxy",
		    "%s names a key file: every machine in the network can mount FOG's store and "
		    "read it",
		    path);
	profile_free(&p);
}

static void check_named(
    const struct fog_site *site, const char *where, const char *name, struct fog_findings *out)
{
	CLEANUP(free) char *plain = xasprintf("%s/profiles/%s", site->dir, name);
	CLEANUP(free) char *path = xasprintf("%s.ini", plain);

	if (strcasecmp(name, "off") == 0)
		return;
	if (!fog_profile_name_ok(name))
		fog_find(out, FOG_WRONG, "letters, digits and ._:,/- are allowed",
		    "%s: '%s' is not the name of a profile", where, name);
	else if (access(path, R_OK) != 0 && access(plain, R_OK) != 0)
		fog_find(out, FOG_WRONG,
		    "copy the profile there: PCs that this line fits stop with an error",
		    "%s: there is no %s", where, path);
	else
		check_secrets(access(plain, R_OK) == 0 ? plain : path, out);
}

static bool kind_known(const char *kind)
{
	return strcmp(kind, "host") == 0 || strcmp(kind, "mac") == 0 || strcmp(kind, "image") == 0;
}

/* One line; true when it is a default. */
static bool check_rule(
    const struct fog_site *site, const char *where, char *line, struct fog_findings *out)
{
	char *field[FIELDS] = {0}, *save = NULL;
	size_t n = 0;

	line[strcspn(line, "#")] = '\0';
	for (char *f = strtok_r(line, " \t\r", &save); f && n < FIELDS;
	     f = strtok_r(NULL, " \t\r", &save))
		field[n++] = f;
	if (n == 0)
		return false;
	bool is_default = strcmp(field[0], "default") == 0;
	if (!is_default && !kind_known(field[0]))
		fog_find(out, FOG_WRONG, "there are host, mac, image and default",
		    "%s: there is no rule '%s'", where, field[0]);
	else if (n != (is_default ? 2 : 3))
		fog_find(out, FOG_WRONG, "a blank in a pattern is written ?", "%s: %s expected",
		    where, is_default ? "default PROFILE" : "host|mac|image PATTERN PROFILE");
	else if (!is_default && !only(field[1], PATTERN_CHARS))
		fog_find(out, FOG_WRONG, "letters, digits, . _ : + @ - and * ? are allowed",
		    "%s: not a pattern", where);
	else
		check_named(site, where, field[n - 1], out);
	return is_default;
}

static void check_rules_file(const struct fog_site *site, struct fog_findings *out)
{
	CLEANUP(free) char *path = path_join(site->dir, FOG_RULES);
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf text = BUF_INIT;
	unsigned n = 0, defaults = 0;

	if (read_whole_file(path, RULES_MAX, &text, &err) != 0) {
		fog_find(out, FOG_WRONG,
		    "w7prep fog install; PCs without the kernel argument w7prep_profile= stop with "
		    "an error",
		    "%s", err.message);
		return;
	}
	fog_check_mode(path, 04, out);
	for (char *rest = text.len ? text.data : NULL, *line; (line = strsep(&rest, "\n"));) {
		CLEANUP(free) char *where = xasprintf("%s:%u", path, ++n);

		if (n == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
			line += 3;
		if (check_rule(site, where, line, out) && defaults++)
			fog_find(out, FOG_WRONG, "leave one", "%s: a second default", where);
	}
	if (!defaults)
		fog_find(out, FOG_NOTE, "add a line: default PROFILE",
		    "%s: no default: PCs that no line fits are left as they are", path);
}

static void check_profile(const char *path, struct fog_findings *out)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile p = {0};

	fog_check_mode(path, 04, out);
	if (profile_read(path, &p, NULL, &err) != 0) {
		fog_find(
		    out, FOG_WRONG, "w7prep profile check shows every mistake", "%s", err.message);
		return;
	}
	profile_free(&p);
}

void fog_check_rules(const struct fog_site *site, struct fog_findings *out)
{
	CLEANUP(free) char *dir = path_join(site->dir, "profiles");
	DIR *d = opendir(dir);

	fog_check_mode(dir, 05, out);
	/* what a profile extends is looked for here on the client */
	setenv("W7PREP_PROFILES", dir, 1);
	check_rules_file(site, out);
	if (!d) {
		fog_find(out, FOG_WRONG, "w7prep fog install", "%s cannot be read", dir);
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		size_t n = strlen(e->d_name);
		CLEANUP(free) char *path = path_join(dir, e->d_name);

		if (e->d_name[0] != '.' && n > 4 && strcmp(e->d_name + n - 4, ".ini") == 0)
			check_profile(path, out);
	}
	closedir(d);
}
