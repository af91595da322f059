/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line. One table of commands and one of options drive parsing, help,
 * "not allowed with", shell completion and the test that the manual is complete.
 */
#ifndef W7PREP_PLUGIN_OPTIONS_H
#define W7PREP_PLUGIN_OPTIONS_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/error.h"

enum progress_mode { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_PLAIN, PROGRESS_JSON, PROGRESS_NONE };

struct cli {
	const struct command *command;
	struct strvec args;		/* what is left: images, names */
	bool json, quiet, verbose;
	bool force, rebuild, all, servicing;
	bool help, version, long_options;
	char *profile, *output, *engine, *log_file, *root;
	char *unattend;			/* wds: the answer file to be continued */
	char *fog, *clonezilla, *kernel_args;	/* pxe: what the menu boots */
	char *store, *computer, *mac;	/* confirmation IDs: where, and of which PC */
	unsigned image_index;		/* 0: all */
	enum progress_mode progress;
};

struct command {
	const char *name;
	const char *args;		/* for the usage line */
	const char *summary;
	int min_args, max_args;		/* -1: any number; --root DIR counts as one */
	bool needs_profile;
	int (*run)(const struct cli *cli);	/* returns the exit status; NULL: it is `help` */
	const char *help;		/* more text for --help, or NULL */
};

/* In the order of --help; ends with a row whose name is NULL. */
extern const struct command commands[];

/* ERR_USAGE with a hint for anything that is not in the tables. */
int cli_parse(int argc, char **argv, struct cli *out, struct error *err);
void cli_free(struct cli *cli);

/* Help for @cmd, or for the whole program when NULL, to standard output. */
void cli_help(const struct command *cmd);
/* Every command and long option, one a line: for completion and for tests. */
void cli_list_words(void);

#endif
