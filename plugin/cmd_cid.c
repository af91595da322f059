/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "plugin/commands.h"
#include "plugin/confirmation.h"
#include "plugin/report.h"
#include "plugin/ui.h"

/* ---- import ---- */

static void say_import(const char *path, const struct cid_csv *csv, const struct cid_import *im)
{
	for (size_t i = 0; i < im->notes.n; i++)
		log_info("%s", im->notes.v[i]);
	for (size_t i = 0; i < csv->ignored.n; i++)
		log_debug("%s: column '%s' passed over", path, csv->ignored.v[i]);
	if (csv->without_cid)
		log_info("%s: %zu row%s without a confirmation ID left out", path, csv->without_cid,
		    csv->without_cid == 1 ? "" : "s");
}

static void print_import(const char *path, const struct cid_csv *csv, const struct cid_import *im)
{
	CLEANUP(free) char *replaced =
	    im->replaced ? xasprintf(", %zu replaced", im->replaced) : xstrdup("");

	ui_line("%s: %zu row%s: %zu new, %zu known%s", path, csv->rows.list.n,
	    csv->rows.list.n == 1 ? "" : "s", im->added, im->known, replaced);
}

static json_t *import_json(const char *path, const struct cid_csv *csv, const struct cid_import *im)
{
	return json_pack("{so si si si si si so}", "path", report_json_text(path), "rows",
	    (int)csv->rows.list.n, "added", (int)im->added, "known", (int)im->known, "replaced",
	    (int)im->replaced, "without_confirmation_id", (int)csv->without_cid, "notes",
	    report_json_texts(&im->notes));
}

/* The store is opened, and made, only for a list that is in order. */
static int import_one(
    struct cid_store **s, const char *path, const struct cli *cli, json_t *done, struct error *err)
{
	struct cid_import im = {0};
	struct cid_csv csv = {0};
	int rc = cid_csv_read(path, &csv, err);

	if (rc == 0 && !*s)
		rc = (*s = confirmation_store(cli, CID_STORE_WRITE, err)) ? 0 : -1;
	if (rc == 0)
		rc = cid_store_import(*s, path, &csv.rows, cli->force, &im, err);
	if (rc == 0) {
		say_import(path, &csv, &im);
		if (!cli->json)
			print_import(path, &csv, &im);
		json_array_append_new(done, import_json(path, &csv, &im));
	}
	strvec_free(&im.notes);
	cid_csv_free(&csv);
	return rc;
}

/* Each list by itself is taken over whole or not at all; the first that is not ends it. */
static int import(const struct cli *cli, struct error *err)
{
	struct cid_store *s = NULL;
	json_t *done = json_array();
	int rc = 0;

	for (size_t i = 1; rc == 0 && i < cli->args.n; i++)
		rc = import_one(&s, cli->args.v[i], cli, done, err);
	cid_store_close(s);
	if (rc == 0 && cli->json)
		report_json_result("cid", EXIT_DONE, "imports", json_incref(done));
	json_decref(done);
	return rc;
}

/* ---- list ---- */

static void format_time(int64_t t, const char *format, char out[static 24])
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(out, 24, format, &tm) == 0)
		strcpy(out, "?");
}

static const char *or_dash(const char *s)
{
	return *s ? s : "-";
}

static void list_text(const struct cid_rows *rows, const struct cli *cli)
{
	if (!cli->quiet)
		printf("%-15s  %-17s  %-13s  %-13s  %-5s  %s\n", "COMPUTER", "MAC", "INSTALLATION",
		    "CONFIRMATION", "KEY", "IMPORTED");
	for (size_t i = 0; i < rows->list.n; i++) {
		const struct cid_row *r = &rows->list.v[i];
		CLEANUP(free) char *iid = cid_short(r->iid), *cid = cid_short(r->cid);
		char day[24];

		format_time(r->imported, "%Y-%m-%d", day);
		ui_line("%-*s  %-17s  %s  %s  %-5s  %s", ui_width(r->computer, 15),
		    or_dash(r->computer), or_dash(r->mac), iid, cid, or_dash(r->partial_key), day);
	}
}

static json_t *list_json(const struct cid_rows *rows)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rows->list.n; i++) {
		const struct cid_row *r = &rows->list.v[i];
		json_t *o = json_object();
		char when[24];

		for (size_t f = 0; f < CID_FIELDS; f++) {
			const char *text = cid_get(r, (enum cid_field)f);

			json_object_set_new(o, cid_field_name((enum cid_field)f),
			    report_json_text(*text ? text : NULL));
		}
		format_time(r->imported, "%Y-%m-%dT%H:%M:%SZ", when);
		json_object_set_new(o, "imported", json_string(when));
		json_array_append_new(list, o);
	}
	return list;
}

static int list(const struct cli *cli, struct error *err)
{
	CLEANUP(cid_rows) struct cid_rows rows = {0};

	if (confirmation_rows(cli, &rows, err) < 0)
		return -1;
	if (cli->json)
		report_json_result("cid", EXIT_DONE, "confirmations", list_json(&rows));
	else
		list_text(&rows, cli);
	return 0;
}

/* ---- export ---- */

/* Oldest first: imported again, the newest is the newest again. */
static void reverse(struct cid_rows *rows)
{
	struct cid_row *v = rows->list.v;

	for (size_t i = 0, k = rows->list.n; i + 1 < k; i++) {
		struct cid_row swap = v[i];

		v[i] = v[--k];
		v[k] = swap;
	}
}

static int export(const struct cli *cli, struct error *err)
{
	CLEANUP(cid_rows) struct cid_rows rows = {0};
	CLEANUP(buf) struct buf text = BUF_INIT;

	if (cli->json) {
		err_set(err, ERR_USAGE, "cid export writes CSV");
		return err_hint(err, "w7prep cid list --json has the same as JSON");
	}
	if (confirmation_rows(cli, &rows, err) < 0)
		return -1;
	reverse(&rows);
	cid_csv_write(&rows, &text);
	fwrite(text.data, 1, text.len, stdout);
	return 0;
}

/* ---- */

static int run_verb(const struct cli *cli, struct error *err)
{
	static const struct {
		const char *name;
		size_t min_args, max_args;
		int (*run)(const struct cli *cli, struct error *err);
	} verbs[] = {
	    {"import", 2, SIZE_MAX, import},
	    {"list", 1, 1, list},
	    {"export", 1, 1, export},
	};
	const char *verb = cli->args.v[0];
	bool importing = strcmp(verb, "import") == 0;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verb, verbs[i].name) != 0)
			continue;
		if (cli->args.n < verbs[i].min_args || cli->args.n > verbs[i].max_args)
			err_set(err, ERR_USAGE, "cid %s: wrong number of arguments", verb);
		else if (importing && (cli->computer || cli->mac))
			err_set(err, ERR_USAGE,
			    "cid import takes the whole list: no --computer, no --mac");
		else if (!importing && cli->force)
			err_set(err, ERR_USAGE, "--force is only for cid import");
		else
			return verbs[i].run(cli, err);
		return err_hint(err, "see: w7prep cid --help");
	}
	err_set(err, ERR_USAGE, "there is no 'cid %s'", verb);
	return err_hint(err, "there are import, list and export");
}

int cmd_cid(const struct cli *cli)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	return run_verb(cli, &err) < 0 ? command_failed("cid", cli, &err) : EXIT_DONE;
}
