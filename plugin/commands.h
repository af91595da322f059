/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The subcommands, one cmd_*.c each; every one returns the exit status. */
#ifndef W7PREP_PLUGIN_COMMANDS_H
#define W7PREP_PLUGIN_COMMANDS_H

#include "plugin/job.h"
#include "plugin/options.h"

int cmd_inspect(const struct cli *cli);
int cmd_plan(const struct cli *cli);
int cmd_verify(const struct cli *cli);
int cmd_apply(const struct cli *cli);
int cmd_undo(const struct cli *cli);
int cmd_profile(const struct cli *cli);
int cmd_cid(const struct cli *cli);
int cmd_fog(const struct cli *cli);
int cmd_wds(const struct cli *cli);
int cmd_pxe(const struct cli *cli);

/* How one command handles one image. Failures go to job->error. */
struct image_command {
	const char *name;
	unsigned parts;			/* enum report_parts */
	bool pending_counts;		/* exit 10 when there is something to do */
	void (*run)(struct job *job, const struct cli *cli, const char *path,
		    const struct profile *profile);
};

/*
 * Run @cmd on every image named and report; with a profile when -p was given.
 * The worst status is the program's: a failure before "changes pending".
 */
int run_on_images(const struct image_command *cmd, const struct cli *cli);

/* A failure that belongs to no image, as text and with --json; returns its status. */
int command_failed(const char *command, const struct cli *cli, struct error *err);
/* The same when it was said already (job_profile): only with --json. */
int command_failed_said(const char *command, const struct cli *cli, struct error *err);

#endif
