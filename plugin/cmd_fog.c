/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "plugin/commands.h"
#include "plugin/fog.h"
#include "plugin/report.h"
#include "profiles/editions.h"
#include "profiles/profile.h"

#define KEY_MAX 128

static const char *const level_names[] = {"ok", "note", "wrong"};

static json_t *findings_json(const struct fog_findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->list.n; i++)
		json_array_append_new(
		    list, json_pack("{ss so so}", "level", level_names[f->list.v[i].level], "text",
			      report_json_text(f->list.v[i].text), "hint",
			      report_json_text(f->list.v[i].hint)));
	return list;
}

/* Print what fog_check() found; its exit status. */
static int report(const struct fog_site *site, const struct cli *cli)
{
	struct fog_findings f = {0};
	int status = EXIT_DONE;

	fog_check(site, &f);
	for (size_t i = 0; i < f.list.n; i++) {
		const struct fog_finding *one = &f.list.v[i];

		if (one->level == FOG_WRONG)
			status = EXIT_VERIFY;
		if (cli->json || (cli->quiet && one->level != FOG_WRONG))
			continue;
		printf("%-5s  %s\n", level_names[one->level], one->text);
		if (one->hint)
			printf("       -> %s\n", one->hint);
	}
	if (cli->json)
		report_json_result("fog", status, "findings", findings_json(&f));
	fog_findings_free(&f);
	return status;
}

/* What -p names, as a file whose name the hook can be told. NULL: none, or an error. */
static char *default_profile(const struct cli *cli, struct error *err)
{
	CLEANUP(free) char *path = cli->profile ? profile_find(cli->profile, err) : NULL;
	struct profile p = {0};

	if (!path || profile_read(path, &p, NULL, err) != 0)
		return NULL;
	profile_free(&p);
	const char *base = path_base(path);
	size_t n = strlen(base);
	if (n > 4 && strcmp(base + n - 4, ".ini") == 0 && fog_profile_name_ok(base))
		return steal_ptr(&path);
	err_set(err, ERR_USAGE, "%s: FOG cannot be told this name", path);
	err_hint(err, "call it NAME.ini, with letters, digits and ._:,- in NAME");
	return NULL;
}

static int install(const struct fog_site *site, const struct cli *cli, struct error *err)
{
	CLEANUP(strvec) struct strvec done = STRVEC_INIT;
	CLEANUP(free) char *profile = default_profile(cli, err);

	if (cli->profile && !profile)
		return -1;
	/* the line comes last: before, nothing of it is run */
	if (fog_kit_install(site, profile, &done, err) != 0)
		return -1;
	int added = fog_line_add(site, err);
	if (added < 0)
		return -1;
	for (size_t i = 0; i < done.n; i++)
		log_info("wrote %s", done.v[i]);
	if (added)
		log_info("added one line to %s", site->path);
	return report(site, cli);
}

/* Rules and profiles are the admin's work: they stay unless --all. */
static int drop(const struct fog_site *site, const struct cli *cli, struct error *err)
{
	int removed = fog_line_remove(site, err);

	if (removed < 0)
		return -1;
	log_info(removed ? "took the line out of %s" : "%s has no line of w7prep", site->path);
	if (cli->all && access(site->dir, F_OK) == 0) {
		if (remove_tree(site->dir, err) != 0)
			return -1;
		log_info("removed %s", site->dir);
	} else if (access(site->dir, F_OK) == 0) {
		log_info("%s stays, with your rules and profiles (--all removes it)", site->dir);
	}
	if (cli->json)
		report_json_result("fog", EXIT_DONE, "findings", json_array());
	return EXIT_DONE;
}

static int check(const struct fog_site *site, const struct cli *cli, struct error *err)
{
	(void)err;
	return report(site, cli);
}

/*
 * The key that FOG's client would install at a host with this profile, on standard input: does it
 * contradict the strategy? A client setup key is what kms installs anyway; "single" is
 * activated by hand with whatever key the PC has.
 */
static int key(const struct cli *cli, struct error *err)
{
	CLEANUP(free) char *path = cli->profile ? profile_find(cli->profile, err) : NULL;
	struct profile p = {0};
	char text[KEY_MAX] = "";

	if (!cli->profile)
		return err_set(err, ERR_USAGE, "fog key: which profile? Name one with -p");
	if (!path || profile_read(path, &p, NULL, err) != 0)
		return -1;
	enum strategy strategy = p.strategy;
	profile_free(&p);
	if (!fgets(text, sizeof(text), stdin))
		return EXIT_DONE;
	text[strcspn(text, " \t\r\n")] = '\0';
	for (char *c = text; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	bool fits =
	    !*text || strategy == STRATEGY_SINGLE ||
	    ((strategy == STRATEGY_KMS || strategy == STRATEGY_AUTO) && edition_of_key(text));
	explicit_bzero(text, sizeof(text));
	if (fits)
		return EXIT_DONE;
	log_warn("the product key of this host contradicts strategy %s", strategy_name(strategy));
	return EXIT_PENDING;
}

static int run_at_site(const struct cli *cli,
    int (*run)(const struct fog_site *, const struct cli *, struct error *), struct error *err)
{
	struct fog_site site;
	int rc = fog_site_open(cli->args.v[1], &site, err);

	if (rc == 0)
		rc = run(&site, cli, err);
	fog_site_close(&site);
	return rc;
}

static int run_verb(const struct cli *cli, struct error *err)
{
	static const struct {
		const char *name;
		bool profile, all;
		int (*run)(const struct fog_site *, const struct cli *, struct error *);
	} verbs[] = {
	    {"install", true, false, install},
	    {"check", false, false, check},
	    {"remove", false, true, drop},
	};
	const char *verb = cli->args.v[0];

	if (strcmp(verb, "key") == 0 && cli->args.n == 1 && !cli->all)
		return key(cli, err);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verb, verbs[i].name) != 0)
			continue;
		if (cli->args.n != 2)
			err_set(err, ERR_USAGE, "fog %s takes one directory", verb);
		else if (cli->profile && !verbs[i].profile)
			err_set(err, ERR_USAGE, "-p is not for fog %s", verb);
		else if (cli->all && !verbs[i].all)
			err_set(err, ERR_USAGE, "--all is only for fog remove");
		else
			return run_at_site(cli, verbs[i].run, err);
		return err_hint(err, "see: w7prep fog --help");
	}
	err_set(err, ERR_USAGE, "there is no 'fog %s'", verb);
	return err_hint(
	    err, "there are install, check and remove, each with FOG's script directory");
}

int cmd_fog(const struct cli *cli)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	int status = run_verb(cli, &err);

	return status < 0 ? command_failed("fog", cli, &err) : status;
}
