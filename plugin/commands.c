/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/commands.h"

#include <time.h>

#include "common/cleanup.h"
#include "plugin/confirmation.h"
#include "plugin/report.h"
#include "plugin/ui.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int command_failed_said(const char *command, const struct cli *cli, struct error *err)
{
	int status = err_status(err);

	if (cli->json)
		report_json_print(command, status, NULL, err);
	err_clear(err);
	return status;
}

int command_failed(const char *command, const struct cli *cli, struct error *err)
{
	ui_error(err, NULL);
	return command_failed_said(command, cli, err);
}

static int worse(int a, int b)
{
	if (a == EXIT_DONE || (a == EXIT_PENDING && b != EXIT_DONE))
		return b;
	return a;
}

/* Returns the image's status; adds to @images for JSON. */
static int run_on(const struct image_command *cmd, const struct cli *cli, const char *path,
    const struct profile *profile, const struct plan_request *request, json_t *images)
{
	struct job job = {.request = request};
	double start = now();

	cmd->run(&job, cli, path, profile);
	job_close(&job);
	job.seconds = now() - start;
	int status = job_status(&job, cmd->pending_counts);
	if (images)
		json_array_append_new(images, report_json(&job, cmd->parts));
	else
		report_text(&job, cmd->parts);
	if (job.error.code != ERR_NONE)
		ui_error(&job.error, NULL);
	job_free(&job);
	return status;
}

int run_on_images(const struct image_command *cmd, const struct cli *cli)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile profile = {0};
	struct plan_request request = {0};
	int status = EXIT_DONE;

	if (cli->profile && job_profile(cli->profile, &profile, &err) != 0) {
		profile_free(&profile);
		return command_failed_said(cmd->name, cli, &err);
	}
	if (confirmation_request(cli, &request, &err) < 0) {
		profile_free(&profile);
		plan_request_free(&request);
		return command_failed(cmd->name, cli, &err);
	}
	json_t *images = cli->json ? json_array() : NULL;
	if (cli->root)
		status = run_on(cmd, cli, cli->root, &profile, &request, images);
	for (size_t i = 0; i < cli->args.n; i++)
		status = worse(status, run_on(cmd, cli, cli->args.v[i], &profile, &request, images));
	profile_free(&profile);
	plan_request_free(&request);
	if (images)
		report_json_print(cmd->name, status, images, NULL);
	return status;
}
