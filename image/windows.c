/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/windows.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/servicing.h"
#include "image/windows_read.h"

#define HINT_RECAPTURE "boot it once and shut it down cleanly, or capture it again"
#define ROOT_NAMES_MAX 1000

static bool holds_registry(struct win_reader *r, const char *dir)
{
	CLEANUP(free) char *software = xasprintf("%s/System32/config/SOFTWARE", dir);
	CLEANUP(free) char *system = xasprintf("%s/System32/config/SYSTEM", dir);

	return win_is_dir(r, dir) && (win_is_file(r, software) || win_is_file(r, system));
}

/* \Windows, or whatever else in the root holds a registry (WINNT, an OEM's own name). */
static char *find_root(struct win_reader *r)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	win_list(r, "/", &names);
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(free) char *dir = path_join("/", names.v[i]);

		if (name_eq(names.v[i], "Windows") && holds_registry(r, dir))
			return steal_ptr(&dir);
	}
	for (size_t i = 0; i < names.n && i < ROOT_NAMES_MAX; i++) {
		CLEANUP(free) char *dir = path_join("/", names.v[i]);

		if (holds_registry(r, dir))
			return steal_ptr(&dir);
	}
	return NULL;
}

static void open_hive(struct win_reader *r, enum win_hive which, const char *name)
{
	CLEANUP(free) char *path = xasprintf("%s/System32/config/%s", r->win->root, name);
	struct error e = ERROR_INIT;
	struct image_stat st;
	int fd;

	if (!win_stat(r, path, &st) || st.is_dir) {
		if (r->error.code == ERR_NONE)
			win_refuse(r->win, ERR_DAMAGED, "capture the image again",
			    "%s: the %s hive is not there", path, name);
		return;
	}
	if (st.size > WIN_HIVE_MAX)
		err_set(&e, ERR_LIMIT, "%s: a hive of %llu MiB", path,
		    (unsigned long long)st.size >> 20);
	else if (image_file_fd(r->im, r->vol, path, &fd, &e) != 1)
		err_context(&e, "%s", path);
	else
		r->hives[which] = hive_open(fd, path, false, true, &e);
	if (!r->hives[which]) {
		if (e.code == ERR_NONE)
			err_set(&e, ERR_DAMAGED, "%s: cannot be read", path);
		win_note_error(r, &e);
	} else if (hive_is_dirty(r->hives[which])) {
		strvec_add(&r->win->dirty_hives, path);
		win_refuse(r->win, ERR_HIVE_DIRTY,
		    "changes are waiting in its log files and only Windows can apply them: "
		    HINT_RECAPTURE,
		    "%s: the registry was not closed cleanly", path);
	}
}

/*
 * A registry put together from two Windows versions. SOFTWARE names the version; SYSTEM does
 * not, but lacks a service that every Windows 7 has and has one that none has. A dirty hive is
 * not asked: what it holds is not the last word, and it is refused for that.
 */
static const char *foreign_system(struct win_reader *r)
{
	static const struct {
		const char *service, *windows;
	} marks[] = {
	    {"WZCSVC", "Windows XP or Server 2003"},
	    {"slsvc", "Windows Vista or Server 2008"},
	    {"BrokerInfrastructure", "Windows 8 or later"},
	};
	CLEANUP(free) char *own = win_control(r->win, "services\\sppuinotify");

	if (!r->hives[WIN_SYSTEM] || hive_is_dirty(r->hives[WIN_SYSTEM]) ||
	    win_key(r, WIN_SYSTEM, own))
		return NULL;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		CLEANUP(free) char *service = xasprintf("services\\%s", marks[i].service);
		CLEANUP(free) char *key = win_control(r->win, service);

		if (win_key(r, WIN_SYSTEM, key))
			return marks[i].windows;
	}
	return NULL;
}

/* Windows PE (boot.wim) and the recovery environment have version 6.1 too. */
static bool is_pe(const struct windows *win)
{
	return (win->edition && name_eq(win->edition, "WindowsPE")) ||
	    (win->installation_type && name_eq(win->installation_type, "WindowsPE"));
}

static void check_kind(struct win_reader *r)
{
	struct windows *win = r->win;
	CLEANUP(free) char *what = windows_describe(win);
	const char *foreign = foreign_system(r);

	if (!win->version) {
		/* a SOFTWARE hive that cannot be read was refused for that */
		if (r->hives[WIN_SOFTWARE] && !r->damaged[WIN_SOFTWARE])
			win_refuse(win, ERR_NOT_WINDOWS_7, "name an image of Windows 7",
			    "%s: its registry does not say which Windows it is", win->root);
	} else if (is_pe(win)) {
		win_refuse(win, ERR_NOT_WINDOWS_7,
		    "name install.wim or a captured image, not boot.wim or WinRE.wim",
		    "this is Windows PE, the setup and recovery environment");
	} else if (!windows_is_7(win)) {
		win_refuse(win, ERR_NOT_WINDOWS_7,
		    "only Windows 7 and Server 2008 R2 (version 6.1) are prepared",
		    "this is %s, version %s, not Windows 7 or Server 2008 R2", what, win->version);
	} else if (foreign) {
		win_refuse(win, ERR_NOT_WINDOWS_7, "capture the image again from a whole Windows 7",
		    "the SYSTEM hive is of %s, the SOFTWARE hive of %s", foreign, what);
	} else if (win->arch == ARCH_UNKNOWN && r->hives[WIN_SYSTEM] && !r->damaged[WIN_SYSTEM]) {
		win_refuse(win, ERR_ARCH, "x86, amd64 and ia64 are known",
		    "neither registry nor cmd.exe says for which processor this Windows is");
	}
}

static void check_state(struct win_reader *r)
{
	struct windows *win = r->win;

	if (win->hibernated)
		win_refuse(win, ERR_HIBERNATED,
		    "boot it, run \"powercfg /h off\", shut it down cleanly and capture it again",
		    "Windows is hibernated: its file system is still open in hiberfil.sys");
	if (r->im->volumes.v[r->vol].dirty)
		win_refuse(win, ERR_VOLUME_DIRTY,
		    "boot it once so that chkdsk can run and shut it down cleanly; "
		    "Linux cannot replay an NTFS log",
		    "the NTFS volume was not unmounted cleanly");
	if (win->pending_servicing)
		win_refuse(win, ERR_PENDING,
		    "boot it until no update wants a restart, shut it down and capture it again",
		    "Windows servicing is in the middle of its work (%s)", win->pending_reason);
}

static void read_policy(struct win_reader *r)
{
	struct error e = ERROR_INIT;

	if (r->hives[WIN_SOFTWARE] && r->hives[WIN_SYSTEM] &&
	    win_policy_read(r->hives[WIN_SOFTWARE], r->hives[WIN_SYSTEM], r->win, &e) < 0)
		win_note_error(r, &e);
}

static void read_facts(struct win_reader *r)
{
	open_hive(r, WIN_SYSTEM, "SYSTEM");
	open_hive(r, WIN_SOFTWARE, "SOFTWARE");
	windows_read_identity(r);
	windows_read_seal(r);
	windows_read_kb971033(r);
	windows_read_spp(r);
	windows_read_state(r);
	read_policy(r);
	check_kind(r);
	check_state(r);
	for (size_t i = 0; i < WIN_HIVES; i++)
		hive_close(r->hives[i]);
}

/*
 * What is read of a Windows, for engines that fetch all at once; a Windows that is not called so
 * is read all the same. Kept together with the places that the windows_*.c look at.
 */
static const struct image_want wanted[] = {
	{"/Windows/System32/config/SYSTEM", WIN_HIVE_MAX, false},
	{"/Windows/System32/config/SOFTWARE", WIN_HIVE_MAX, false},
	{"/Windows/System32/cmd.exe", 4096, false},
	{"/Windows/Setup/State/State.ini", WIN_TEXT_MAX, false},
	{"/Windows/Setup/Scripts/SetupComplete.cmd", WIN_TEXT_MAX, false},
	{"/Windows/Setup/Scripts/w7prep", WIN_TEXT_MAX, true},
	{"/Windows/Panther/unattend.xml", WIN_TEXT_MAX, false},
	{"/Windows/Panther/autounattend.xml", WIN_TEXT_MAX, false},
	{"/Windows/Panther/Unattend", WIN_TEXT_MAX, true},
	{"/Windows/System32/Sysprep/Unattend.xml", WIN_TEXT_MAX, false},
	{"/Windows/System32/Sysprep", 65536, true},
	{"/Unattend.xml", WIN_TEXT_MAX, false},
	{"/Autounattend.xml", WIN_TEXT_MAX, false},
	{"/hiberfil.sys", 4096, false},
};

int windows_read(struct image *im, size_t vol, struct windows *out, struct error *err)
{
	struct win_reader r = {.im = im, .vol = vol, .win = out};

	memset(out, 0, sizeof(*out));
	out->vol = vol;
	out->index = im->volumes.v[vol].index;
	if (!im->volumes.v[vol].ntfs || im->volumes.v[vol].bitlocker)
		return 0;
	if (image_prefetch(im, vol, wanted, sizeof(wanted) / sizeof(wanted[0]), err) != 0)
		return -1;
	out->root = find_root(&r);
	if (out->root)
		read_facts(&r);
	int rc = out->root ? 1 : 0;
	if (r.error.code != ERR_NONE)
		rc = err_move(err, &r.error);
	else if (!out->root && out->refusals.n)
		rc = windows_refuse(out, err);
	if (rc != 1)
		windows_free(out);
	return rc;
}

static void win_file_free(struct win_file *f)
{
	free(f->path);
	buf_wipe_free(&f->content);
}

void windows_free(struct windows *win)
{
	char *const strings[] = {win->root, win->product_name, win->edition, win->installation_type,
	    win->version, win->computer_name, win->current_control_set, win->image_state,
	    win->image_state_ini, win->setup_cmdline, win->pending_reason};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		free(strings[i]);
	strvec_free(&win->languages);
	strvec_free(&win->control_sets);
	strvec_free(&win->dirty_hives);
	kb971033_free(&win->kb971033);
	spp_free(&win->spp);
	win_policy_free(&win->policy);
	servicing_free(win->servicing);
	win_file_free(&win->setup_complete);
	for (size_t i = 0; i < win->placed.n; i++)
		win_file_free(&win->placed.v[i]);
	for (size_t i = 0; i < win->answer_files.n; i++)
		win_file_free(&win->answer_files.v[i]);
	for (size_t i = 0; i < win->refusals.n; i++) {
		free(win->refusals.v[i].message);
		free(win->refusals.v[i].hint);
	}
	free(win->placed.v);
	free(win->answer_files.v);
	free(win->refusals.v);
	memset(win, 0, sizeof(*win));
}

int windows_refuse(const struct windows *win, struct error *err)
{
	if (!win->refusals.n)
		return 0;
	const struct refusal *first = &win->refusals.v[0];

	err_set(err, first->code, "%s", first->message);
	return err_hint(err, "%s", first->hint);
}

bool windows_is_7(const struct windows *win)
{
	return win->version && strcmp(win->version, "6.1") == 0 && !is_pe(win);
}
