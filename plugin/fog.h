/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FOG's script directories on its server: /images/postdownloadscripts, from which
 * fog.postdownload is sourced after a PC was restored, and /images/dev/postinitscripts, with
 * fog.postinit before a PC is captured. In each, w7prep is one line in FOG's script and the
 * directory w7prep/ beside it.
 */
#ifndef W7PREP_PLUGIN_FOG_H
#define W7PREP_PLUGIN_FOG_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/error.h"

#define FOG_DIR "w7prep"	/* beside FOG's script */
#define FOG_HOOK "fog.w7prep"	/* in it: what the line sources */
#define FOG_CHOOSER "labs.sh" /* which it sources */
#define FOG_RULES "labs.conf"
#define FOG_PROGRAM "w7prep-static-"	/* + architecture */

struct fog_script {
	const char *name;	/* "fog.postdownload" */
	const char *variable;	/* in which FOG says where the script is */
	const char *other;	/* the variable of the other script, empty in this one */
	const char *line;	/* what is added to it */
};

/* One script directory. */
struct fog_site {
	const struct fog_script *script;
	char *path;		/* of FOG's script, links resolved */
	char *dir;		/* w7prep/ beside it */
};

/* The script directory that is meant by @dir. ERR_NO_SUCH_FILE with what to name instead. */
int fog_site_open(const char *dir, struct fog_site *out, struct error *err);
void fog_site_close(struct fog_site *s);

/* Architectures of imaging clients, as in the names of the programs; NULL-terminated. */
struct fog_arch {
	const char *name;
	unsigned char elf_class;
	unsigned short elf_machine;
	const char *clients;	/* which PCs want it */
};
extern const struct fog_arch fog_archs[];

/* ---- FOG's script: fog_line.c ---- */

#define FOG_SCRIPT_MAX (1u << 20)

/* Line numbers from 1, 0: there is none. */
struct fog_lines {
	unsigned ours;		/* the first that sources us and is no comment */
	unsigned again;		/* a second one */
	unsigned end;		/* the first that ends the script (exit, return), before ours */
	unsigned cr;		/* the first with a carriage return, which bash takes for text */
	unsigned by_hand;	/* the first that sources us and is not what w7prep added */
	bool exact;		/* ours is as fog_script.line has it */
	bool wrong_variable;	/* ours says the variable of the other script */
};

void fog_lines_find(const struct fog_script *script, const struct buf *text, struct fog_lines *out);
/* Add the line. 1: done, 0: it is there already. */
int fog_line_add(const struct fog_site *site, struct error *err);
/*
 * Take out every line that was added, and nothing else: the script is what it was. 1: done, 0: there
 * is none. ERR_UNKNOWN_SHAPE, nothing changed: it is sourced by a line of somebody's own.
 */
int fog_line_remove(const struct fog_site *site, struct error *err);

/* ---- the kit: fog_kit.c ---- */

/* A file of the installed kit, or of the source tree; NULL: not there. The caller frees it. */
char *fog_kit_file(const char *name);
/*
 * Put hook, programs, rules and profiles into site->dir. Rules and shipped profiles that are there
 * stay as they are; @profile (a file, may be NULL) replaces its namesake and is the default in new
 * rules. What was written is added to @done.
 */
int fog_kit_install(const struct fog_site *site, const char *profile, struct strvec *done,
		    struct error *err);

/* ---- fog_check.c, fog_rules.c ---- */

enum fog_level { FOG_OK, FOG_NOTE, FOG_WRONG };

struct fog_finding {
	enum fog_level level;
	char *text;
	char *hint;		/* what to do, or NULL */
};

struct fog_findings {
	VEC(struct fog_finding) list;
};

void fog_find(struct fog_findings *f, enum fog_level level, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void fog_findings_free(struct fog_findings *f);
/* Whether everybody has the rights @want (of 07) to @path; if not, that is added to @out. */
bool fog_check_mode(const char *path, unsigned want, struct fog_findings *out);
/* Why the hook would not run, or not do what is wanted. */
void fog_check(const struct fog_site *site, struct fog_findings *out);
/* The same for labs.conf and the profiles in site->dir alone. */
void fog_check_rules(const struct fog_site *site, struct fog_findings *out);
/* Letters, digits and ._:,/- in relative components: what labs.sh takes for a profile's name. */
bool fog_profile_name_ok(const char *name);

#endif
