/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"

enum option_id {
	OPT_JSON = 256,
	OPT_ENGINE,
	OPT_IMAGE,
	OPT_LOG_FILE,
	OPT_PROGRESS,
	OPT_REBUILD,
	OPT_FORCE,
	OPT_ALL,
	OPT_SERVICING,
	OPT_ROOT,
	OPT_STORE,
	OPT_COMPUTER,
	OPT_MAC,
	OPT_UNATTEND,
	OPT_FOG,
	OPT_CLONEZILLA,
	OPT_KERNEL_ARGS,
	OPT_LONG_OPTIONS,
};

static const struct option_row {
	int id;			/* the short letter, or an option_id */
	const char *name;
	const char *metavar;	/* NULL: takes no value */
	const char *commands;	/* blank-separated; NULL: every one; "": every one, not in help */
	const char *help;
} rows[] = {
	{'p', "profile", "PROFILE", "plan apply verify profile fog wds pxe",
	    "lab profile: a file, or a name that `profile list` shows"},
	{'o', "output", "OUT", "apply wds pxe", "write the result to OUT; the image is not touched"},
	{OPT_IMAGE, "image", "N|all", "inspect plan apply verify wds",
	    "only image N of a WIM, or partition N of a disk"},
	{OPT_ENGINE, "engine", "NAME", "inspect plan apply verify",
	    "wim, guestfs (default for disks), direct, tree"},
	{OPT_ROOT, "root", "DIR", "inspect plan apply verify undo",
	    "the mounted Windows volume DIR instead of an image file"},
	{OPT_REBUILD, "rebuild", NULL, "apply",
	    "rewrite the WIM: superseded data leaves the file"},
	{OPT_SERVICING, "servicing", NULL, "inspect",
	    "check Windows' servicing store too, as CheckSUR would"},
	{OPT_COMPUTER, "computer", "NAME", "plan apply verify cid",
	    "the PC of that name: its confirmation IDs"},
	{OPT_MAC, "mac", "ADDRESS", "plan apply verify cid",
	    "the PC with that network card: its confirmation IDs"},
	{OPT_STORE, "store", "FILE", "plan apply verify cid",
	    "where confirmation IDs are kept"},
	{OPT_UNATTEND, "unattend", "FILE", "wds",
	    "your own image unattend: continued, and replaced on the server"},
	{OPT_FOG, "fog", "URI", "pxe", "the menu goes on to FOG's boot script at URI"},
	{OPT_CLONEZILLA, "clonezilla", "URI", "pxe",
	    "the menu boots Clonezilla live, whose files are below URI"},
	{OPT_KERNEL_ARGS, "kernel-args", "ARGS", "pxe",
	    "kernel arguments for Clonezilla instead of its own menu"},
	{OPT_FORCE, "force", NULL, "apply cid wds pxe",
	    "replace OUT, or other confirmation IDs, if they are there"},
	{OPT_ALL, "all", NULL, "undo fog",
	    "undo every apply; fog remove: the copied files too"},
	{OPT_JSON, "json", NULL, NULL, "one JSON object on standard output (\"schema\": 1)"},
	{'q', "quiet", NULL, NULL, "only warnings and errors"},
	{'v', "verbose", NULL, NULL, "say more"},
	{OPT_LOG_FILE, "log-file", "FILE", NULL, "append all messages to FILE (mode 0600)"},
	{OPT_PROGRESS, "progress", "MODE", NULL, "auto, bar, plain, json or none"},
	{'h', "help", NULL, NULL, "this help; after a command, help for it"},
	{'V', "version", NULL, NULL, "versions of w7prep and of its libraries"},
	{OPT_LONG_OPTIONS, "long-options", NULL, "", "list commands and options, for completion"},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *const progress_names[] = {"auto", "bar", "plain", "json", "none"};

static bool hidden(const struct option_row *row)
{
	return row->commands && !*row->commands;
}

static bool row_is_for(const struct option_row *row, const char *command)
{
	size_t n = strlen(command);

	if (!row->commands || hidden(row))
		return true;
	for (const char *p = row->commands; (p = strstr(p, command)); p += n)
		if ((p == row->commands || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

static const struct option_row *row_of(int id)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].id == id)
			return &rows[i];
	return NULL;
}

static int see_help(struct error *err, const struct command *cmd)
{
	return err_hint(err, "see: w7prep %s%s--help", cmd ? cmd->name : "", cmd ? " " : "");
}

static int set_string(char **field, const struct option_row *row, const char *value,
    struct error *err)
{
	if (*field)
		return err_set(err, ERR_USAGE, "--%s is given twice", row->name);
	if (!*value)
		return err_set(err, ERR_USAGE, "--%s needs a value", row->name);
	*field = xstrdup(value);
	return 0;
}

static int set_image_index(struct cli *cli, const char *value, struct error *err)
{
	unsigned long n = 0;

	if (strcmp(value, "all") != 0 && !parse_uint(value, 1, 9999, &n))
		return err_set(err, ERR_USAGE, "--image %s: not a number from 1, nor 'all'", value);
	cli->image_index = (unsigned)n;
	return 0;
}

static int set_progress(struct cli *cli, const char *value, struct error *err)
{
	for (size_t i = 0; i < sizeof(progress_names) / sizeof(*progress_names); i++) {
		if (strcmp(value, progress_names[i]) == 0) {
			cli->progress = (enum progress_mode)i;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "--progress=%s: use auto, bar, plain, json or none", value);
}

static int take_option(struct cli *cli, const struct option_row *row, const char *value,
    struct error *err)
{
	bool *flag = NULL;

	switch (row->id) {
	case 'p':
		return set_string(&cli->profile, row, value, err);
	case 'o':
		return set_string(&cli->output, row, value, err);
	case OPT_ENGINE:
		return set_string(&cli->engine, row, value, err);
	case OPT_ROOT:
		return set_string(&cli->root, row, value, err);
	case OPT_STORE:
		return set_string(&cli->store, row, value, err);
	case OPT_COMPUTER:
		return set_string(&cli->computer, row, value, err);
	case OPT_MAC:
		return set_string(&cli->mac, row, value, err);
	case OPT_UNATTEND:
		return set_string(&cli->unattend, row, value, err);
	case OPT_FOG:
		return set_string(&cli->fog, row, value, err);
	case OPT_CLONEZILLA:
		return set_string(&cli->clonezilla, row, value, err);
	case OPT_KERNEL_ARGS:
		return set_string(&cli->kernel_args, row, value, err);
	case OPT_LOG_FILE:
		return set_string(&cli->log_file, row, value, err);
	case OPT_IMAGE:
		return set_image_index(cli, value, err);
	case OPT_PROGRESS:
		return set_progress(cli, value, err);
	case OPT_JSON:
		flag = &cli->json;
		break;
	case OPT_REBUILD:
		flag = &cli->rebuild;
		break;
	case OPT_FORCE:
		flag = &cli->force;
		break;
	case OPT_SERVICING:
		flag = &cli->servicing;
		break;
	case OPT_ALL:
		flag = &cli->all;
		break;
	case 'q':
		flag = &cli->quiet;
		break;
	case 'v':
		flag = &cli->verbose;
		break;
	case 'h':
		flag = &cli->help;
		break;
	case 'V':
		flag = &cli->version;
		break;
	case OPT_LONG_OPTIONS:
		flag = &cli->long_options;
		break;
	default:
		return err_set(err, ERR_INTERNAL, "option --%s is in the table but not read",
		    row->name);
	}
	*flag = true;
	return 0;
}

static const struct command *find_command(const char *name, struct error *err)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	for (const struct command *c = commands; c->name; c++) {
		unsigned d = edit_distance(name, c->name, 2);

		if (strcmp(name, c->name) == 0)
			return c;
		/* "x" is no misspelt "pxe" */
		if (d < best_distance && d < strlen(name)) {
			best_distance = d;
			best = c->name;
		}
	}
	err_set(err, ERR_USAGE, "there is no command '%s'", name);
	if (best)
		err_hint(err, "did you mean: w7prep %s", best);
	else
		see_help(err, NULL);
	return NULL;
}

/* What getopt_long stumbled over: @c is its answer, '?' or ':'. */
static int bad_option(char *const argv[], int c, struct error *err)
{
	const char *word = argv[optind - 1];
	CLEANUP(free) char *name = xstrndup(word, strcspn(word, "="));
	const char *best = NULL;
	unsigned best_distance = 3;

	if (c == ':') {
		err_set(err, ERR_USAGE, "%s needs a value", name);
		return see_help(err, NULL);
	}
	if (optopt >= 256 || (optopt && row_of(optopt))) {
		err_set(err, ERR_USAGE, "%s takes no value", name);
		return see_help(err, NULL);
	}
	if (optopt) {
		err_set(err, ERR_USAGE, "there is no option -%c", optopt);
		return see_help(err, NULL);
	}
	err_set(err, ERR_USAGE, "there is no option %s (or it is cut too short to be clear)", name);
	for (size_t i = 0; i < N_ROWS && strncmp(name, "--", 2) == 0; i++) {
		unsigned d = edit_distance(name + 2, rows[i].name, 2);

		if (d < best_distance) {
			best_distance = d;
			best = rows[i].name;
		}
	}
	return best ? err_hint(err, "did you mean: --%s", best) : see_help(err, NULL);
}

static int check_args(const struct cli *cli, struct error *err)
{
	const struct command *cmd = cli->command;
	int n = (int)cli->args.n + (cli->root ? 1 : 0);

	if (cmd->needs_profile && !cli->profile) {
		err_set(err, ERR_USAGE, "%s: which profile? Name one with -p", cmd->name);
		return err_hint(err, "w7prep profile list shows the profiles there are");
	}
	if (n < cmd->min_args)
		err_set(err, ERR_USAGE, "%s: too few arguments: w7prep %s %s", cmd->name, cmd->name,
		    cmd->args);
	else if (cmd->max_args >= 0 && n > cmd->max_args)
		err_set(err, ERR_USAGE, "%s: one argument too many: '%s'", cmd->name,
		    cli->args.n ? cli->args.v[cli->args.n - 1] : cli->root);
	else if (cli->quiet && cli->verbose)
		err_set(err, ERR_USAGE, "-q and -v contradict each other");
	else if (cli->output && cmd->needs_profile && (cli->args.n != 1 || cli->root))
		err_set(err, ERR_USAGE, "-o takes one image file at a time");
	else if (cli->force && !cli->output && cmd->needs_profile)
		err_set(err, ERR_USAGE, "--force is only for -o OUT");
	else if ((cli->computer || cli->mac) && cmd->needs_profile && n != 1)
		err_set(err, ERR_USAGE, "--computer and --mac name one PC: one image at a time");
	else if (cli->store && cmd->needs_profile && !cli->computer && !cli->mac)
		err_set(err, ERR_USAGE, "--store without --computer or --mac: which PC is it?");
	else
		return 0;
	return see_help(err, cmd);
}

static int check_allowed(const struct cli *cli, const bool *seen, struct error *err)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!seen[i] || row_is_for(&rows[i], cli->command->name))
			continue;
		err_set(err, ERR_USAGE, "--%s is not for `w7prep %s`", rows[i].name,
		    cli->command->name);
		return see_help(err, cli->command);
	}
	return 0;
}

/* getopt's two tables, from ours. ':' in front asks it to keep quiet. */
static void make_getopt_tables(struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (size_t i = 0; i < N_ROWS; i++) {
		longs[i] = (struct option){rows[i].name, rows[i].metavar != NULL, NULL, rows[i].id};
		if (rows[i].id >= 256)
			continue;
		*shorts++ = (char)rows[i].id;
		if (rows[i].metavar)
			*shorts++ = ':';
	}
	longs[N_ROWS] = (struct option){0};
	*shorts = '\0';
}

/* `help` is --help, `help COMMAND` is COMMAND --help. */
static int help_command(int argc, char **argv, struct cli *out, struct error *err)
{
	const struct command *help = out->command;

	if (argc - optind > 1) {
		err_set(err, ERR_USAGE, "help: one argument too many: '%s'", argv[argc - 1]);
		return see_help(err, help);
	}
	/* `help --help` is about help itself */
	if (optind < argc || !out->help)
		out->command = optind < argc ? find_command(argv[optind], err) : NULL;
	out->help = true;
	return optind < argc && !out->command ? -1 : 0;
}

int cli_parse(int argc, char **argv, struct cli *out, struct error *err)
{
	struct option longs[N_ROWS + 1];
	char shorts[2 * N_ROWS + 2];
	bool seen[N_ROWS] = {0};
	int c;

	memset(out, 0, sizeof(*out));
	make_getopt_tables(longs, shorts);
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *row = c == ':' || c == '?' ? NULL : row_of(c);

		if (!row)
			return bad_option(argv, c, err);
		if (take_option(out, row, optarg, err) != 0)
			return see_help(err, NULL);
		seen[row - rows] = true;
	}
	if (out->version || out->long_options || (out->help && optind >= argc))
		return 0;
	if (optind >= argc) {
		err_set(err, ERR_USAGE, "what is to be done?");
		return see_help(err, NULL);
	}
	out->command = find_command(argv[optind++], err);
	if (!out->command)
		return -1;
	if (!out->command->run)
		return help_command(argc, argv, out, err);
	if (out->help)
		return 0;
	for (; optind < argc; optind++)
		strvec_add(&out->args, argv[optind]);
	return check_allowed(out, seen, err) != 0 ? -1 : check_args(out, err);
}

void cli_free(struct cli *cli)
{
	strvec_free(&cli->args);
	free(cli->profile);
	free(cli->output);
	free(cli->engine);
	free(cli->log_file);
	free(cli->root);
	free(cli->store);
	free(cli->computer);
	free(cli->mac);
	free(cli->unattend);
	free(cli->fog);
	free(cli->clonezilla);
	free(cli->kernel_args);
}

static void help_row(const struct option_row *r)
{
	const char *value = r->metavar ? r->metavar : "";
	char left[40];

	if (r->id < 256)
		snprintf(left, sizeof(left), "-%c, --%s%s%s", r->id, r->name, r->metavar ? "=" : "",
		    value);
	else
		snprintf(left, sizeof(left), "    --%s%s%s", r->name, r->metavar ? "=" : "", value);
	printf("  %-24s %s\n", left, r->help);
}

static const char exit_text[] =
    "Exit status: 0 done, or nothing to do; 1 internal error; 2 usage; 3 profile or list invalid;\n"
    "4 image unsupported; 5 image unsafe or busy; 6 failed, image unchanged; 7 failed, image\n"
    "may have changed; 8 verification failed; 10 changes pending (plan, verify).\n";

void cli_help(const struct command *cmd)
{
	if (cmd) {
		printf("Usage: w7prep %s [OPTION…] %s\n\n%s\n%s%s\n", cmd->name, cmd->args,
		    cmd->summary, cmd->help ? "\n" : "", cmd->help ? cmd->help : "");
	} else {
		printf("w7prep prepares cloned Windows 7 images so that every PC made from them\n"
		       "activates correctly: volume licences, as Microsoft documents it.\n\n");
		for (const struct command *c = commands; c->name; c++)
			printf("  w7prep %-8s %-36s %s\n", c->name, c->args, c->summary);
		printf("\n");
	}
	printf("Options:\n");
	for (size_t i = 0; i < N_ROWS; i++)
		if (!hidden(&rows[i]) && (!cmd || row_is_for(&rows[i], cmd->name)))
			help_row(&rows[i]);
	printf("\n%sManual: w7prep(1), w7prep-profile(5), w7prep-strategies(7), w7prep-fog(7),\n"
	       "w7prep-clonezilla(7), w7prep-wds(7)\n",
	    exit_text);
}

void cli_list_words(void)
{
	for (const struct command *c = commands; c->name; c++)
		printf("%s\n", c->name);
	for (size_t i = 0; i < N_ROWS; i++)
		if (!hidden(&rows[i]))
			printf("--%s\n", rows[i].name);
}
