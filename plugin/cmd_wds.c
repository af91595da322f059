/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "hooks/wds.h"
#include "plugin/commands.h"
#include "plugin/report.h"
#include "plugin/ui.h"

#define UNATTEND_MAX (1u << 20)

/* ---- where it goes ---- */

/* "kit///" is "kit": the last component is what gets renamed. */
static char *without_slashes(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return xstrndup(path, n);
}

static bool is_empty(const char *dir, bool *kit)
{
	DIR *d = opendir(dir);
	bool empty = d != NULL;

	*kit = false;
	for (struct dirent *e; d && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		empty = false;
		*kit = *kit || strcmp(e->d_name, WDS_KIT_CMD) == 0;
	}
	if (d)
		closedir(d);
	return empty;
}

/* *@exchange: there is an older kit to be replaced. */
static int check_place(const char *dir, bool force, bool *exchange, struct error *err)
{
	struct stat st;
	bool kit = false;

	*exchange = false;
	if (lstat(dir, &st) != 0)
		return errno == ENOENT ? 0 : err_errno(err, "%s", dir);
	if (S_ISDIR(st.st_mode) && is_empty(dir, &kit))
		return 0;
	if (kit && force) {
		*exchange = true;
		return 0;
	}
	err_set(err, ERR_EXISTS, "%s is there already", dir);
	return err_hint(err,
	    kit ? "it is an older kit: --force replaces it"
		: "name a directory that is not there, or is empty; --force replaces only a kit");
}

static int write_file(const char *dir, const struct wds_file *f, struct error *err)
{
	CLEANUP(free) char *path = path_join(dir, f->path);

	for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return err_errno(err, "cannot make %s", path);
	}
	/* answer files hold passwords: who else may read them is for the administrator to say */
	return write_file_atomic(path, f->content.data, f->content.len, 0600, err);
}

/* All of it under another name beside it, then renamed: a kit is there whole or not at all. */
static int write_kit(const struct wds_kit *kit, const char *dir, bool exchange, struct error *err)
{
	CLEANUP(free) char *parent = path_dir(dir);
	CLEANUP(free) char *tmp = scratch_create(parent, err);
	int rc = tmp ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < kit->files.n; i++)
		rc = write_file(tmp, &kit->files.v[i], err);
	if (rc == 0 && renameat2(AT_FDCWD, tmp, AT_FDCWD, dir, exchange ? RENAME_EXCHANGE : 0) != 0)
		rc = err_errno(err, "cannot put %s in place", dir);
	if (rc == 0)
		rc = sync_parent(dir, err);
	scratch_remove(tmp); /* after an exchange: the older kit */
	return rc;
}

/* ---- what is in it ---- */

static int add_images(struct job *job, const struct cli *cli, const struct profile *profile,
    struct wds_kit *kit, struct error *err)
{
	struct buf unattend = BUF_INIT;
	int rc = 0;

	if (cli->unattend)
		rc = read_whole_file(cli->unattend, UNATTEND_MAX, &unattend, err);
	for (size_t i = 0; rc == 0 && i < job->targets.n; i++) {
		const struct target *t = &job->targets.v[i];
		const struct wds_source src = {
		    .index = t->win.index,
		    .name = job->im->volumes.v[t->win.vol].name,
		    .win = &t->win,
		    .profile = profile,
		    .plan = &t->plan,
		    .unattend = cli->unattend ? &unattend : NULL,
		};

		if (t->selected)
			rc = wds_kit_add(kit, &src, err);
		if (rc != 0)
			err_context(err, "%s: image %u", job->path, t->win.index);
	}
	buf_wipe_free(&unattend);
	return rc;
}

static int make_kit(struct job *job, const struct cli *cli, const struct profile *profile,
    struct wds_kit *kit, struct error *err)
{
	const char *path = cli->args.v[1];
	enum image_format format;

	if (wds_kit_begin(kit, path, err) != 0)
		return -1;
	if (image_probe(path, &format, err) != 0)
		return -1;
	if (format != FORMAT_WIM) {
		err_set(err, ERR_FORMAT, "%s: WDS and MDT deploy WIM files, this is none", path);
		return err_hint(err, "capture the volume to a WIM (imagex, wimlib-imagex capture)");
	}
	if (job_open(job, cli, path, false) != 0 || job_plan(job, cli, profile) != 0)
		return err_move(err, &job->error);
	if (add_images(job, cli, profile, kit, err) != 0)
		return -1;
	wds_kit_finish(kit, profile->name ? profile->name : cli->profile);
	return 0;
}

/* ---- report ---- */

static json_t *image_json(const struct wds_image *im)
{
	return json_pack("{si so so ss sb so so so}", "index", (int)im->index, "name",
	    report_json_text(im->name), "windows", report_json_text(im->edition), "strategy",
	    strategy_name(im->strategy), "unattend", im->unattend, "scripts",
	    report_json_texts(&im->scripts), "needs_apply", report_json_texts(&im->needs_apply),
	    "notes", report_json_texts(&im->notes));
}

static void print_json(const struct wds_kit *kit, const char *dir, const char *image)
{
	json_t *images = json_array(), *files = json_array();

	for (size_t i = 0; i < kit->images.n; i++)
		json_array_append_new(images, image_json(&kit->images.v[i]));
	for (size_t i = 0; i < kit->files.n; i++)
		json_array_append_new(files, report_json_text(kit->files.v[i].path));
	report_json_result("wds", EXIT_DONE, "kits",
	    json_pack("[{so so so so}]", "path", report_json_text(dir), "image",
		report_json_text(image), "images", images, "files", files));
}

static void print_text(const struct wds_kit *kit, const char *dir)
{
	for (size_t i = 0; i < kit->images.n; i++) {
		const struct wds_image *im = &kit->images.v[i];

		printf("image %u \"%s\": %s\n", im->index, im->name, im->edition);
		printf("    %s, %s, %zu scripts in $OEM$\n", strategy_name(im->strategy),
		    im->unattend ? "ImageUnattend.xml" : "no answer file needed", im->scripts.n);
		if (im->needs_apply.n)
			printf("    the WIM itself is not prepared: %zu changes only w7prep apply "
			       "makes\n",
			    im->needs_apply.n);
		for (size_t k = 0; k < im->notes.n; k++)
			printf("    note: %s\n", im->notes.v[k]);
	}
	printf("%s: copy it to the server beside %s; README.txt says what to do with it\n", dir,
	    kit->wim);
}

static int kit(const struct cli *cli, struct error *err)
{
	CLEANUP(free) char *dir = without_slashes(cli->output);
	struct profile profile = {0};
	struct wds_kit out = {0};
	struct job job = {.request = &(struct plan_request){0}};
	bool exchange = false;

	if (job_profile(cli->profile, &profile, err) != 0) {
		profile_free(&profile);
		return command_failed_said("wds", cli, err);
	}
	int rc = check_place(dir, cli->force, &exchange, err);
	if (rc == 0)
		rc = make_kit(&job, cli, &profile, &out, err);
	if (rc == 0)
		rc = write_kit(&out, dir, exchange, err);
	if (rc == 0 && cli->json)
		print_json(&out, dir, cli->args.v[1]);
	else if (rc == 0 && !cli->quiet)
		print_text(&out, dir);
	job_free(&job);
	wds_kit_free(&out);
	profile_free(&profile);
	return rc == 0 ? EXIT_DONE : command_failed("wds", cli, err);
}

int cmd_wds(const struct cli *cli)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	if (strcmp(cli->args.v[0], "kit") != 0) {
		err_set(&err, ERR_USAGE, "there is no 'wds %s'", cli->args.v[0]);
		err_hint(&err, "there is: w7prep wds kit -p PROFILE IMAGE -o DIR");
	} else if (cli->args.n != 2 || !cli->profile || !cli->output) {
		err_set(&err, ERR_USAGE,
		    "wds kit: it takes a profile (-p), one image, and a directory (-o)");
		err_hint(&err, "see: w7prep wds --help");
	} else {
		return kit(cli, &err);
	}
	return command_failed("wds", cli, &err);
}
