/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line in a script that belongs to FOG and its admin: nothing else of it is touched. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/text.h"
#include "plugin/fog.h"

#define SOURCED FOG_DIR "/" FOG_HOOK
#define END "; fi # w7prep"
#define GUARD(test, variable)                                                                      \
	"if [[ " test "-r \"${" variable "}" SOURCED "\" ]]; then . \"${" variable "}" SOURCED     \
	"\"" END
/* behind it: the line before had no newline, which goes again with ours */
#define WAS_OPEN " (no newline before)"

static const struct fog_script scripts[] = {
    {"fog.postdownload", "postdownpath", "postinitpath", GUARD("", "postdownpath")},
    {"fog.postinit", "postinitpath", "postdownpath", GUARD("$type == up && ", "postinitpath")},
};
#define SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

static int not_a_site(const char *dir, struct error *err)
{
	static const char *const below[] = {
	    "postdownloadscripts", "dev/postinitscripts", "postinitscripts"};

	err_set(
	    err, ERR_NO_SUCH_FILE, "%s: neither fog.postdownload nor fog.postinit is there", dir);
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		CLEANUP(free) char *path = path_join(dir, below[i]);

		if (access(path, F_OK) == 0)
			return err_hint(err, "name the directory of FOG's script: %s", path);
	}
	return err_hint(err,
	    "FOG's installer makes them: /images/postdownloadscripts (after a restore), "
	    "/images/dev/postinitscripts (before a capture)");
}

int fog_site_open(const char *dir, struct fog_site *out, struct error *err)
{
	*out = (struct fog_site){0};
	for (size_t i = 0; i < SCRIPTS; i++) {
		CLEANUP(free) char *path = path_join(dir, scripts[i].name);

		if (access(path, F_OK) != 0)
			continue;
		out->script = &scripts[i];
		/* FOG follows a link, and so do we: it stays one */
		out->path = realpath(path, NULL);
		out->dir = path_join(dir, FOG_DIR);
		return out->path ? 0 : err_errno(err, "%s", path);
	}
	return not_a_site(dir, err);
}

void fog_site_close(struct fog_site *s)
{
	free(s->path);
	free(s->dir);
}

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

static bool is_ours(const char *line)
{
	return *skip_blanks(line) != '#' && strstr(line, SOURCED);
}

static bool is_exact(const char *line, const struct fog_script *script)
{
	return name_has_prefix(line, script->line) &&
	    (!line[strlen(script->line)] || strcmp(line + strlen(script->line), WAS_OPEN) == 0);
}

/* The line that was added, whatever somebody has changed in it: a statement of its own. */
static bool is_added(const char *line)
{
	return is_ours(line) && strstr(line, END);
}

/* Not indented, so not in a branch: what follows is never reached. */
static bool ends_script(const char *line)
{
	static const char *const words[] = {"exit", "return", "exec", "reboot", "poweroff"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if (strncmp(line, words[i], n) == 0 && !isalnum((unsigned char)line[n]) &&
		    line[n] != '_' && line[n] != '=')
			return true;
	}
	return false;
}

/* The line at *@p without its end, *@p moved behind it; NULL at the end of the text. */
static char *next_line(const char **p)
{
	const char *line = *p;
	size_t n = strcspn(line, "\n");

	if (!*line)
		return NULL;
	*p = line + n + (line[n] == '\n');
	return xstrndup(line, n);
}

void fog_lines_find(const struct fog_script *script, const struct buf *text, struct fog_lines *out)
{
	const char *p = text->len ? text->data : "";
	char *line;

	*out = (struct fog_lines){0};
	for (unsigned n = 1; (line = next_line(&p)); n++) {
		if (!out->cr && strchr(line, '\r'))
			out->cr = n;
		if (!out->ours && !out->end && ends_script(line))
			out->end = n;
		if (is_ours(line) && out->ours && !out->again)
			out->again = n;
		if (is_ours(line) && !out->ours) {
			out->ours = n;
			out->exact = is_exact(line, script);
			out->wrong_variable = strstr(line, script->other) != NULL;
		}
		if (is_ours(line) && !is_added(line) && !out->by_hand)
			out->by_hand = n;
		free(line);
	}
}

static int read_script(
    const struct fog_site *site, struct buf *text, struct stat *st, struct error *err)
{
	if (stat(site->path, st) != 0)
		return err_errno(err, "%s", site->path);
	if (read_whole_file(site->path, FOG_SCRIPT_MAX, text, err) != 0)
		return -1;
	if (text->len && memchr(text->data, 0, text->len))
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s: not a text", site->path);
	return 0;
}

/* Atomically: a PC may be sourcing it right now. Mode and owner stay. */
static int write_script(
    const struct fog_site *site, const struct buf *text, const struct stat *st, struct error *err)
{
	if (write_file_atomic(
		site->path, text->len ? text->data : "", text->len, st->st_mode & 07777, err) != 0)
		return -1;
	if (chown(site->path, st->st_uid, st->st_gid) != 0 && errno == EPERM)
		log_info("%s: now belongs to you; only root could keep its owner", site->path);
	return 0;
}

int fog_line_add(const struct fog_site *site, struct error *err)
{
	CLEANUP(buf) struct buf text = BUF_INIT;
	struct fog_lines lines;
	struct stat st;

	if (read_script(site, &text, &st, err) != 0)
		return -1;
	fog_lines_find(site->script, &text, &lines);
	if (lines.ours)
		return 0;
	bool open = text.len && text.data[text.len - 1] != '\n';
	buf_addf(&text, "%s%s%s\n", open ? "\n" : "", site->script->line, open ? WAS_OPEN : "");
	return write_script(site, &text, &st, err) == 0 ? 1 : -1;
}

/* @text without the lines that were added. */
static void without_ours(const struct buf *text, struct buf *kept)
{
	const char *line, *p;
	bool open = false;

	for (line = p = text->len ? text->data : ""; *line; line = p) {
		CLEANUP(free) char *copy = next_line(&p);

		if (is_added(copy))
			open = strstr(copy, WAS_OPEN) != NULL;
		else
			buf_add(kept, line, (size_t)(p - line));
		open = open && is_added(copy);
	}
	/* ours is still the last, and the newline before it came with it */
	if (open && kept->len)
		kept->data[--kept->len] = '\0';
}

int fog_line_remove(const struct fog_site *site, struct error *err)
{
	CLEANUP(buf) struct buf text = BUF_INIT;
	CLEANUP(buf) struct buf kept = BUF_INIT;
	struct fog_lines lines;
	struct stat st;

	if (read_script(site, &text, &st, err) != 0)
		return -1;
	fog_lines_find(site->script, &text, &lines);
	if (lines.by_hand) {
		err_set(err, ERR_UNKNOWN_SHAPE, "%s:%u: sources w7prep, but not by the line that w7prep adds",
		    site->path, lines.by_hand);
		return err_hint(err, "take it out by hand, then again: w7prep fog remove");
	}
	without_ours(&text, &kept);
	if (kept.len == text.len)
		return 0;
	return write_script(site, &kept, &st, err) == 0 ? 1 : -1;
}
