/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <sqlite3.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "plugin/commands.h"
#include "plugin/libraries.h"
#include "plugin/ui.h"

const struct command commands[] = {
    {"inspect", "IMAGE…", "show what is in an image", 1, -1, false, cmd_inspect,
	"Reads only. For every Windows: edition, sealed or not, KB971033, licence store, product\n"
	"key channel, KMS host, pending servicing, and whatever keeps it from being prepared.\n"},
    {"plan", "-p PROFILE IMAGE…", "show what would change, and why", 1, -1, true, cmd_plan,
	"Reads only. Exit status 10 when there is something to do.\n"},
    {"apply", "-p PROFILE IMAGE… [-o OUT]", "change it, and prove it", 1, -1, true, cmd_apply,
	"One transaction: all of it or nothing. Afterwards the image is read again and planned\n"
	"again; only when nothing is left to do is it called done. An undo record is kept in\n"
	".w7prep beside the image (not with -o, which leaves IMAGE alone).\n"},
    {"verify", "-p PROFILE IMAGE…", "is it (still) as the profile wants it", 1, -1, true, cmd_verify,
	"Reads only. Exit status 0: yes; 10: changes pending, and which.\n"},
    {"undo", "IMAGE…", "put it back as it was before apply", 1, -1, false, cmd_undo,
	"Newest apply first; --all for every one. Refused when the image was changed since.\n"},
    {"profile", "list|show|check|advise …", "look at lab profiles", 1, -1, false, cmd_profile,
	"  profile list                    the profiles that -p can name\n"
	"  profile show NAME|FILE          every setting, and where it comes from\n"
	"  profile check FILE…             every mistake, with its line\n"
	"  profile advise NAME|FILE [IMAGE]  which strategy fits the lab, and why\n"},
    {"cid", "import FILE.csv…|list|export", "keep confirmation IDs between clonings", 1, -1, false,
	cmd_cid,
	"  cid import FILE.csv…  take over a list: computer,mac,installation_id,confirmation_id\n"
	"  cid list              what is there, newest first\n"
	"  cid export            the same list on standard output, oldest first\n"
	"list and export show one PC with --computer or --mac.\n"},
    {"fog", "install|check|remove DIR", "hook into a FOG server", 1, -1, false, cmd_fog,
	"DIR is /images/postdownloadscripts (PCs are prepared after they were restored) or\n"
	"/images/dev/postinitscripts (before they are captured):\n"
	"  fog install [-p PROFILE] DIR  copy the hook there, add one line to FOG's script\n"
	"  fog check DIR                 why it would not run\n"
	"  fog remove [--all] DIR        take the line out; --all: the copy too\n"
	"See w7prep-fog(7).\n"},
    {"wds", "kit -p PROFILE IMAGE -o DIR", "what a WDS or MDT server needs for an image", 1, 2, false,
	cmd_wds,
	"Writes to DIR: the answer file and $OEM$ tree of each image, a .cmd with the wdsutil\n"
	"commands, CustomSettings.ini lines for MDT, README.txt. Reads IMAGE only.\n"},
    {"pxe", "menu [PROFILE…] --fog=URI -o FILE", "a boot menu to choose a PC's profile", 1, -1, false,
	cmd_pxe,
	"Writes an iPXE script: a person chooses the profile, and FOG or Clonezilla live is booted\n"
	"with the kernel argument w7prep_profile. -p names the one that is chosen after 30 seconds.\n"},
    {"help", "[COMMAND]", "this help, or a command's", 0, 1, false, NULL, NULL},
    {0},
};

static void on_signal(int sig)
{
	/* the first asks to stop at a safe point; the second means it, and the next run rolls back */
	if (cancel_requested())
		_exit(128 + sig);
	cancel_request();
}

static void catch_signals(void)
{
	const struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &stop, NULL);
	/* a closed pipe and a full quota are errors of the call, not the end of the program */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

static void print_version(void)
{
	CLEANUP(buf) struct buf libraries = BUF_INIT;

	libraries_add(&libraries);
	printf("w7prep %s\n%sjansson %s, SQLite %s\n", W7PREP_VERSION,
	    libraries.len ? libraries.data : "", JANSSON_VERSION, sqlite3_libversion());
}

static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

/* Libraries that take names and not descriptors are handed /proc/self/fd/N. */
static int need_proc(struct error *err)
{
	if (access("/proc/self/fd", X_OK) == 0)
		return 0;
	err_set(err, ERR_ENGINE, "/proc is not mounted");
	return err_hint(err, "in a chroot: mount -t proc proc /proc");
}

static int run(int argc, char **argv)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cli cli;
	int status = EXIT_DONE;

	if (cli_parse(argc, argv, &cli, &err) != 0) {
		cli.json = wants_json(argc, argv);
		status = command_failed(cli.command ? cli.command->name : NULL, &cli, &err);
	} else if (cli.version) {
		print_version();
	} else if (cli.long_options) {
		cli_list_words();
	} else if (cli.help) {
		cli_help(cli.command);
	} else if (need_proc(&err) != 0 || ui_start(&cli, &err) != 0) {
		status = command_failed(cli.command->name, &cli, &err);
	} else {
		status = cli.command->run(&cli);
	}
	ui_stop();
	cli_free(&cli);
	return status;
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	catch_signals();
	int status = run(argc, argv);
	scratch_remove_all();
	/* a report that did not reach its reader was not given */
	if ((ferror(stdout) || fflush(stdout) != 0) && errno != EPIPE) {
		fprintf(stderr, "w7prep: error: cannot write to standard output: %s\n", strerror(errno));
		if (status == EXIT_DONE || status == EXIT_PENDING)
			status = EXIT_INTERNAL;
	}
	return status;
}
