/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/commands.h"
#include "plugin/report.h"

static void inspect(struct job *job, const struct cli *cli, const char *path,
    const struct profile *profile)
{
	(void)profile;
	if (job_open(job, cli, path, false) == 0 && cli->servicing)
		job_servicing(job);
}

int cmd_inspect(const struct cli *cli)
{
	static const struct image_command cmd = {"inspect", REPORT_FACTS, false, inspect};

	return run_on_images(&cmd, cli);
}
