/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An iPXE script with which a person at the PC chooses its profile. What was chosen stays in iPXE's
 * setting w7prep_profile, which later scripts see: FOG's own boot script puts it on the kernel's
 * command line when FOG's kernel arguments hold w7prep_profile=${w7prep_profile}.
 */
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/text.h"
#include "plugin/commands.h"
#include "plugin/fog.h"
#include "plugin/report.h"

/* Not the name of any profile: those have no tilde. */
#define LOCAL "~local"
#define TIMEOUT_MS 30000
/* Linux' limit on x86, less what the menu adds. */
#define KERNEL_LINE_MAX 2000

struct entry {
	char *name, *text;
};

struct menu {
	VEC(struct entry) list;
	const char *preselected;
};

static void menu_free(struct menu *m)
{
	for (size_t i = 0; i < m->list.n; i++) {
		free(m->list.v[i].name);
		free(m->list.v[i].text);
	}
	free(m->list.v);
}

/*
 * For a text screen and iPXE's own syntax: ASCII, no $ (settings), # (comment), quotes, or words
 * that begin with - (options), no && or ||.
 */
static char *plain(const char *s)
{
	struct buf b = BUF_INIT;

	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		bool word = p == (const unsigned char *)s || !isalnum(p[-1]);

		if (*p >= 0x80 && *p < 0xc0)
			continue; /* rest of a character of UTF-8 */
		if (*p >= 0x80)
			buf_adds(&b, "?");
		else if (*p < ' ' || strchr("$#|&;\\\"`{}", *p) || (word && *p == '-'))
			buf_adds(&b, " ");
		else
			buf_add(&b, p, 1);
	}
	return buf_steal(&b);
}

/* 0 added; -1: not a profile that a menu can offer. */
static int add(struct menu *m, const char *path, struct error *err)
{
	const char *base = path_base(path);
	size_t n = strlen(base);
	CLEANUP(free) char *name = xstrndup(base, name_has_suffix(base, ".ini") ? n - 4 : n);
	struct profile p = {0};

	/* what hooks/labs.sh takes */
	if (!fog_profile_name_ok(name)) {
		err_set(err, ERR_USAGE,
		    "the name of profile '%s' does not pass through a kernel command line", name);
		return err_hint(err, "letters, digits and . _ : , / - do: rename the file");
	}
	if (profile_read(path, &p, NULL, err) != 0) {
		profile_free(&p);
		return -1;
	}
	struct entry *e = VEC_PUSH(&m->list);
	e->name = xstrdup(name);
	e->text = plain(p.description ? p.description : "");
	profile_free(&p);
	return 0;
}

static int add_named(struct menu *m, const char *name, struct error *err)
{
	CLEANUP(free) char *path = profile_find(name, err);

	return path ? add(m, path, err) : -1;
}

/* One that cannot be offered is left out of a menu of all there are, with a warning. */
static void add_all(struct menu *m)
{
	CLEANUP(strvec) struct strvec paths = STRVEC_INIT;

	profile_list(&paths);
	for (size_t i = 0; i < paths.n; i++) {
		CLEANUP(error) struct error err = ERROR_INIT;

		if (add(m, paths.v[i], &err) != 0)
			log_warn("%s: not in the menu: %s", paths.v[i], err.message);
	}
}

static int preselect(struct menu *m, const char *name, struct error *err)
{
	for (size_t i = 0; name && i < m->list.n; i++)
		if (strcmp(m->list.v[i].name, name) == 0)
			m->preselected = name;
	if (!name || m->preselected)
		return 0;
	err_set(err, ERR_USAGE, "-p %s: the menu has no such profile", name);
	return err_hint(
	    err, "it is the one that is chosen when nobody does; name it among the others");
}

static int fill(struct menu *m, const struct cli *cli, struct error *err)
{
	for (size_t i = 1; i < cli->args.n; i++)
		if (add_named(m, cli->args.v[i], err) != 0)
			return -1;
	if (cli->args.n == 1)
		add_all(m);
	if (!m->list.n)
		return err_set(err, ERR_USAGE, "there is no profile to choose from");
	return preselect(m, cli->profile, err);
}

/* ---- the script ---- */

static void add_menu(const struct menu *m, struct buf *out)
{
	buf_adds(out, "#!ipxe\n"
		      "# Made by w7prep pxe menu; see PXE MENU in w7prep(1).\n"
		      "\n"
		      ":w7prep_menu\n"
		      "clear w7prep_profile\n"
		      "menu w7prep: which classroom is this PC for?\n");
	for (size_t i = 0; i < m->list.n; i++)
		buf_addf(out, "item %s %s%s%s\n", m->list.v[i].name, m->list.v[i].name,
		    *m->list.v[i].text ? ": " : "", m->list.v[i].text);
	buf_adds(out, "item --gap\n"
		      "item off Go on, but leave Windows as it is restored\n"
		      "item " LOCAL " Start from the local disk\n");
	if (m->preselected)
		buf_addf(out,
		    "choose --default %s --timeout %d w7prep_profile || goto w7prep_local\n",
		    m->preselected, TIMEOUT_MS);
	else
		buf_adds(out, "choose w7prep_profile || goto w7prep_local\n");
	buf_adds(out, "iseq ${w7prep_profile} " LOCAL " && goto w7prep_local ||\n"
		      "echo w7prep: profile ${w7prep_profile}\n");
}

#define POSTRUN "\"bash /home/partimag/w7prep/w7prep-postrun.sh\""

/* Clonezilla's own menu of what to do, unless the arguments say what. */
static const char interactive[] =
    "ocs_live_run=\"ocs-live-general\" ocs_live_extra_param=\"\" ocs_live_batch=no";

static int add_clonezilla(const struct cli *cli, struct buf *out, struct error *err)
{
	CLEANUP(free) char *base = xstrdup(cli->clonezilla);
	size_t n = strlen(base);

	if (n && base[n - 1] == '/')
		base[n - 1] = '\0';
	CLEANUP(free)
	char *line = xasprintf(
	    "kernel %s/vmlinuz initrd=initrd.img boot=live union=overlay username=user config "
	    "components quiet noswap edd=on nomodeset noprompt net.ifnames=0 "
	    "fetch=%s/filesystem.squashfs ocs_restoredisk_postrun=" POSTRUN
	    " ocs_restoreparts_postrun=" POSTRUN " w7prep_profile=${w7prep_profile} %s",
	    base, base, cli->kernel_args ? cli->kernel_args : interactive);
	if (strlen(line) > KERNEL_LINE_MAX)
		return err_set(
		    err, ERR_USAGE, "--kernel-args: longer than a kernel command line can be");
	buf_addf(out,
	    "%s || goto w7prep_failed\n"
	    "initrd %s/initrd.img || goto w7prep_failed\n"
	    "boot || goto w7prep_failed\n",
	    line, base);
	return 0;
}

static int make_script(
    const struct menu *m, const struct cli *cli, struct buf *out, struct error *err)
{
	add_menu(m, out);
	if (cli->fog)
		buf_addf(out, "chain --autofree %s || goto w7prep_failed\n", cli->fog);
	else if (add_clonezilla(cli, out, err) != 0)
		return -1;
	buf_adds(out, "\n"
		      ":w7prep_failed\n"
		      "prompt --timeout 10000 That did not work. Any key: the menu again ||\n"
		      "goto w7prep_menu\n"
		      "\n"
		      ":w7prep_local\n"
		      "exit\n");
	return 0;
}

/* ---- the command ---- */

/* One line of iPXE's: nothing that ends it or splits it. */
static int check_text(const char *option, const char *s, const char * not, struct error *err)
{
	for (const char *p = s; p && *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f || strchr(not, *p))
			return err_set(err, ERR_USAGE,
			    "--%s: '%s' has characters in it that iPXE would take "
			    "for something else",
			    option, s);
	return 0;
}

static int check(const struct cli *cli, struct error *err)
{
	struct stat st;

	if (!cli->output || !cli->fog == !cli->clonezilla ||
	    (cli->kernel_args && !cli->clonezilla)) {
		err_set(err, ERR_USAGE,
		    "pxe menu: it takes -o FILE and what to boot, --fog=URI or --clonezilla=URI "
		    "(--kernel-args=ARGS)");
		return err_hint(err, "see: w7prep pxe --help");
	}
	if (check_text("fog", cli->fog, " |\"'", err) != 0 ||
	    check_text("clonezilla", cli->clonezilla, " |\"'#", err) != 0 ||
	    check_text("kernel-args", cli->kernel_args, "|&#$", err) != 0)
		return -1;
	if (cli->force || lstat(cli->output, &st) != 0)
		return 0;
	err_set(err, ERR_EXISTS, "%s is there already", cli->output);
	return err_hint(err, "name another file, or replace it with --force");
}

static void report(const struct menu *m, const struct cli *cli)
{
	if (cli->json) {
		json_t *names = json_array();

		for (size_t i = 0; i < m->list.n; i++)
			json_array_append_new(names, report_json_text(m->list.v[i].name));
		report_json_result("pxe", EXIT_DONE, "menus",
		    json_pack("[{so so so}]", "path", report_json_text(cli->output), "profiles",
			names, "preselected", report_json_text(m->preselected)));
	} else if (!cli->quiet) {
		printf("%s: %zu profiles, then %s\n", cli->output, m->list.n,
		    cli->fog ? "FOG" : "Clonezilla live");
	}
}

int cmd_pxe(const struct cli *cli)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf script = BUF_INIT;
	struct menu m = {0};
	int rc;

	if (strcmp(cli->args.v[0], "menu") != 0) {
		rc = err_set(&err, ERR_USAGE, "there is no 'pxe %s'", cli->args.v[0]);
		err_hint(&err, "there is: w7prep pxe menu");
	} else {
		rc = check(cli, &err);
	}
	if (rc == 0)
		rc = fill(&m, cli, &err);
	if (rc == 0)
		rc = make_script(&m, cli, &script, &err);
	if (rc == 0)
		rc = write_file_atomic(cli->output, script.data, script.len, 0644, &err);
	if (rc == 0)
		report(&m, cli);
	menu_free(&m);
	return rc == 0 ? EXIT_DONE : command_failed("pxe", cli, &err);
}
