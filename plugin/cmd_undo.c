/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "common/cleanup.h"
#include "image/txn.h"
#include "plugin/commands.h"
#include "plugin/report.h"
#include "plugin/ui.h"

static int undo_one(const char *path, const struct cli *cli, json_t *images)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	unsigned before = txn_records(path);
	int status = txn_undo(path, cli->all, &err) == 0 ? EXIT_DONE : (int)err_status(&err);
	unsigned left = txn_records(path);

	if (images) {
		json_t *o = json_pack("{so sI sI}", "path", report_json_text(path), "undone",
		    (json_int_t)(before - left), "records_left", (json_int_t)left);

		if (status)
			json_object_set_new(o, "error", report_json_error(&err));
		json_array_append_new(images, o);
	} else if (!status) {
		ui_line("%s: put back as it was%s", path,
		    left ? "; older changes remain (undo again, or --all)" : "");
	}
	if (status)
		ui_error(&err, NULL);
	return status;
}

int cmd_undo(const struct cli *cli)
{
	json_t *images = cli->json ? json_array() : NULL;
	int status = EXIT_DONE;

	if (cli->root)
		status = undo_one(cli->root, cli, images);
	for (size_t i = 0; i < cli->args.n; i++) {
		int s = undo_one(cli->args.v[i], cli, images);

		status = status ? status : s;
	}
	if (images)
		report_json_print("undo", status, images, NULL);
	return status;
}
