/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "plugin/commands.h"
#include "plugin/report.h"
#include "plugin/ui.h"
#include "profiles/kms_dns.h"

/* One row of `profile list`: name and description of the profile at @path. */
static json_t *list_row(const char *path, const struct cli *cli)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *name = xstrndup(path_base(path), strcspn(path_base(path), "."));
	struct profile p = {0};
	bool ok = profile_read(path, &p, NULL, &err) == 0;
	const char *what = ok ? p.description : err.message;

	if (!cli->json && cli->quiet)
		printf("%s\n", name);
	else if (!cli->json)
		ui_line("%-16s %s", name, what ? what : "");
	json_t *row = json_object();
	json_object_set_new(row, "name", report_json_text(name));
	json_object_set_new(row, "path", report_json_text(path));
	json_object_set_new(row, "description", report_json_text(ok ? what : NULL));
	if (!ok)
		json_object_set_new(row, "error", report_json_error(&err));
	else
		json_object_set_new(row, "strategy", report_json_text(strategy_name(p.strategy)));
	profile_free(&p);
	return row;
}

static int list(const struct cli *cli)
{
	CLEANUP(strvec) struct strvec paths = STRVEC_INIT;
	json_t *rows = json_array();

	profile_list(&paths);
	for (size_t i = 0; i < paths.n; i++)
		json_array_append_new(rows, list_row(paths.v[i], cli));
	if (cli->json)
		report_json_result("profile", EXIT_DONE, "profiles", json_incref(rows));
	json_decref(rows);
	return EXIT_DONE;
}

/*
 * What KMS clients without a host of their own look for in DNS, ready to paste. Only where the
 * profile comes to kms and names a host: else there is nothing to point at.
 */
static json_t *show_dns(const struct profile *p, const struct cli *cli)
{
	struct strategy_decision d = {0};
	struct kms_dns dns = {0};
	const char *why;
	json_t *o = json_null();

	strategy_decide(p, &(struct strategy_image){0}, &d);
	if (d.strategy != STRATEGY_KMS || !p->kms_host) {
		strategy_decision_free(&d);
		return o;
	}
	if (kms_dns(p, &dns, &why)) {
		o = json_pack("{ss ss ss sI ss ss ss}", "zone", dns.zone, "name", KMS_SERVICE,
		    "target", dns.target, "port", (json_int_t)dns.port, "bind", dns.bind, "dnsmasq",
		    dns.dnsmasq, "windows", dns.windows);
		if (!cli->json)
			printf("\nDNS record for clients without kms_host:\n"
			       "  BIND         %s\n  dnsmasq      %s\n  Windows DNS  %s\n",
			    dns.bind, dns.dnsmasq, dns.windows);
	} else if (!cli->json) {
		printf("\nNo DNS record to show: %s\n", why);
	}
	kms_dns_free(&dns);
	strategy_decision_free(&d);
	return o;
}

static int show(const struct cli *cli)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile p = {0};
	size_t n;
	const struct profile_key *keys = profile_keys(&n);
	json_t *row = json_object(), *settings = json_array();

	if (job_profile(cli->args.v[1], &p, &err) != 0) {
		json_decref(row);
		json_decref(settings);
		return command_failed_said("profile", cli, &err);
	}
	for (size_t i = 0; i < n; i++) {
		const struct profile_source *from = profile_source(&p, &keys[i]);
		CLEANUP(free) char *value = profile_value(&p, &keys[i]);
		CLEANUP(free) char *where =
		    from ? xasprintf("%s:%u", from->file, from->line) : xstrdup("default");
		json_t *o = json_object();

		if (!cli->json)
			ui_line("%-11s %-23s %-*s %s", keys[i].section, keys[i].name,
			    ui_width(value, 24), value ? value : "-", where);
		json_object_set_new(o, "section", json_string(keys[i].section));
		json_object_set_new(o, "key", json_string(keys[i].name));
		json_object_set_new(o, "value", report_json_text(value));
		json_object_set_new(o, "from", report_json_text(where));
		json_array_append_new(settings, o);
	}
	json_object_set_new(row, "name", report_json_text(p.name));
	json_object_set_new(row, "path", report_json_text(p.path));
	json_object_set_new(row, "settings", settings);
	json_object_set_new(row, "dns", show_dns(&p, cli));
	if (cli->json)
		report_json_result("profile", EXIT_DONE, "profiles", json_pack("[O]", row));
	json_decref(row);
	profile_free(&p);
	return EXIT_DONE;
}

static int check_one(const char *path, const struct cli *cli, json_t *rows)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile p = {0};
	int status = EXIT_DONE;
	json_t *row = json_object();

	json_object_set_new(row, "name", report_json_text(path_base(path)));
	json_object_set_new(row, "path", report_json_text(path));
	if (job_profile(path, &p, &err) != 0) {
		status = (int)err_status(&err);
		json_object_set_new(row, "error", report_json_error(&err));
	} else if (!cli->json) {
		ui_line("%s: fine%s", path, p.warnings.n ? ", with warnings" : "");
	}
	json_array_append_new(rows, row);
	profile_free(&p);
	return status;
}

static int check(const struct cli *cli)
{
	json_t *rows = json_array();
	int status = EXIT_DONE;

	for (size_t i = 1; i < cli->args.n; i++) {
		int s = check_one(cli->args.v[i], cli, rows);

		status = status ? status : s;
	}
	if (cli->json)
		report_json_result("profile", status, "profiles", json_incref(rows));
	json_decref(rows);
	return status;
}

static void print_list(const char *label, const struct strvec *list)
{
	for (size_t i = 0; i < list->n; i++)
		ui_line("  %-8s %s", i ? "" : label, list->v[i]);
}

static void advise_one(const struct profile *p, const struct strategy_image *image, const char *what,
    const struct cli *cli, json_t *rows)
{
	struct strategy_decision d = {0};

	strategy_decide(p, image, &d);
	if (!cli->json) {
		ui_line("%s%s%s: %s", p->name ? p->name : cli->args.v[1], what ? " for " : "",
		    what ? what : "", strategy_name(d.strategy));
		print_list("because", &d.reasons);
		print_list("advice", &d.advice);
	}
	json_t *row = json_object();
	json_object_set_new(row, "name", report_json_text(p->name));
	json_object_set_new(row, "path", report_json_text(p->path));
	json_object_set_new(row, "windows", report_json_text(what));
	json_object_set_new(row, "strategy", json_string(strategy_name(d.strategy)));
	json_object_set_new(row, "reasons", report_json_texts(&d.reasons));
	json_object_set_new(row, "advice", report_json_texts(&d.advice));
	json_array_append_new(rows, row);
	strategy_decision_free(&d);
}

/* The same decision that plan and apply take, with or without an image at hand. */
static int advise(const struct cli *cli)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile p = {0};
	struct job job = {0};
	json_t *rows = json_array();
	int status = EXIT_DONE;

	if (job_profile(cli->args.v[1], &p, &err) != 0) {
		json_decref(rows);
		return command_failed_said("profile", cli, &err);
	}
	if (cli->args.n < 3) {
		advise_one(&p, &(struct strategy_image){0}, NULL, cli, rows);
	} else if (job_open(&job, cli, cli->args.v[2], false) != 0) {
		status = (int)err_status(&job.error);
		ui_error(&job.error, NULL);
	}
	for (size_t i = 0; i < job.targets.n; i++) {
		const struct windows *win = &job.targets.v[i].win;
		CLEANUP(free) char *what = windows_describe(win);

		advise_one(&p,
		    &(struct strategy_image){win->edition, win->spp.key_channel, win->spp.oem_certificate},
		    what, cli, rows);
	}
	if (cli->json)
		report_json_result("profile", status, "profiles", json_incref(rows));
	json_decref(rows);
	job_free(&job);
	profile_free(&p);
	return status;
}

int cmd_profile(const struct cli *cli)
{
	static const struct {
		const char *name;
		size_t min_args, max_args;
		int (*run)(const struct cli *cli);
	} verbs[] = {
	    {"list", 1, 1, list},
	    {"show", 2, 2, show},
	    {"check", 2, SIZE_MAX, check},
	    {"advise", 2, 3, advise},
	};
	CLEANUP(error) struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(cli->args.v[0], verbs[i].name) != 0)
			continue;
		if (cli->args.n >= verbs[i].min_args && cli->args.n <= verbs[i].max_args)
			return verbs[i].run(cli);
		err_set(&err, ERR_USAGE, "profile %s: wrong number of arguments", verbs[i].name);
		err_hint(&err, "see: w7prep profile --help");
		return command_failed("profile", cli, &err);
	}
	err_set(&err, ERR_USAGE, "there is no 'profile %s'", cli->args.v[0]);
	err_hint(&err, "there are list, show, check and advise");
	return command_failed("profile", cli, &err);
}
