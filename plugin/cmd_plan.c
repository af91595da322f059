/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan and verify ask the same question: what is there still to do? */
#include "plugin/commands.h"
#include "plugin/report.h"

static void plan(struct job *job, const struct cli *cli, const char *path,
    const struct profile *profile)
{
	if (job_open(job, cli, path, false) == 0 && job_plan(job, cli, profile) == 0)
		job->verified = job_changes(job) == 0;
}

int cmd_plan(const struct cli *cli)
{
	static const struct image_command cmd = {"plan", REPORT_PLAN, true, plan};

	return run_on_images(&cmd, cli);
}

int cmd_verify(const struct cli *cli)
{
	static const struct image_command cmd = {"verify", REPORT_PLAN, true, plan};

	return run_on_images(&cmd, cli);
}
