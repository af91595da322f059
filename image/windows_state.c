/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Windows is in the middle of, and what it will read at its next boot. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/secdesc.h"
#include "image/windows_read.h"

#define SESSIONS KEY_CBS "\\SessionsPending"

static void read_pending_keys(struct win_reader *r)
{
	static const char *const markers[] = {"RebootPending", "RebootInProgress", "PackagesPending"};
	CLEANUP(strvec) struct strvec sessions = STRVEC_INIT;
	uint32_t exclusive;

	for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++) {
		CLEANUP(free) char *key = xasprintf(KEY_CBS "\\%s", markers[i]);

		if (win_key(r, WIN_SOFTWARE, key))
			win_pending(r->win, "key %s", markers[i]);
	}
	/* this key is always there: what counts is what it holds */
	win_subkeys(r, WIN_SOFTWARE, SESSIONS, &sessions);
	if (sessions.n ||
	    (win_dword(r, WIN_SOFTWARE, SESSIONS, "Exclusive", &exclusive) && exclusive))
		win_pending(r->win, "key SessionsPending");
}

/* Programs that run before anything else at the next boot: poqexec, which finishes an update. */
static void read_setup_execute(struct win_reader *r)
{
	CLEANUP(free) char *key = win_control(r->win, "Control\\Session Manager");
	CLEANUP(strvec) struct strvec programs = STRVEC_INIT;

	win_strings(r, WIN_SYSTEM, key, "SetupExecute", &programs);
	for (size_t i = 0; i < programs.n; i++) {
		if (!*programs.v[i])
			continue;
		win_pending(r->win, "SetupExecute");
		return;
	}
}

static void read_pending_file(struct win_reader *r)
{
	CLEANUP(free) char *path = windows_path(r->win, "/winsxs/pending.xml");

	if (win_is_file(r, path))
		win_pending(r->win, "file winsxs\\pending.xml");
}

/*
 * The first bytes of hiberfil.sys: "hibr" is a hibernated system, "rstr" one whose
 * resume was cut short; "wake" and zeros are left behind by a resume that went well.
 */
static void read_hibernation(struct win_reader *r)
{
	CLEANUP(buf) struct buf head = BUF_INIT;

	if (!win_head(r, "/hiberfil.sys", 4, &head) || head.len < 4)
		return;
	for (size_t i = 0; i < 4; i++)
		head.data[i] = (char)tolower((unsigned char)head.data[i]);
	r->win->hibernated = memcmp(head.data, "hibr", 4) == 0 || memcmp(head.data, "rstr", 4) == 0;
}

static void read_descriptor(struct win_reader *r, struct win_file *f)
{
	CLEANUP(buf) struct buf sd = BUF_INIT;
	struct error e = ERROR_INIT;

	if (!(r->im->ops->caps & IMAGE_CAP_SECURITY))
		return;
	if (image_get_sd(r->im, r->vol, f->path, &sd, &e) < 0)
		win_note_error(r, &e);
	f->has_sd = sd.len > 0;
	f->safe_script = f->has_sd && secdesc_is_safe(&sd, SECDESC_SCRIPT);
	f->safe_secret = f->has_sd && secdesc_is_safe(&sd, SECDESC_SECRET);
}

/* @f is empty when the file is not there. */
static void load_file(struct win_reader *r, const char *path, struct win_file *f)
{
	struct image_stat st;

	memset(f, 0, sizeof(*f));
	if (!win_stat(r, path, &st) || st.is_dir)
		return;
	f->path = xstrdup(path);
	f->too_large = st.size > WIN_TEXT_MAX;
	if (!f->too_large)
		win_head(r, path, WIN_TEXT_MAX, &f->content);
	read_descriptor(r, f);
}

static void read_placed(struct win_reader *r)
{
	CLEANUP(free) char *dir = windows_path(r->win, "/Setup/Scripts/w7prep");
	CLEANUP(strvec) struct strvec paths = STRVEC_INIT;

	win_find(r, dir, NULL, 0, &paths);
	for (size_t i = 0; i < paths.n; i++) {
		struct win_file f;

		load_file(r, paths.v[i], &f);
		if (f.path)
			*VEC_PUSH(&r->win->placed) = f;
	}
}

static void add_answer_file(struct win_reader *r, const char *path)
{
	struct windows *win = r->win;
	struct win_file f;

	for (size_t i = 0; i < win->answer_files.n; i++)
		if (name_eq(win->answer_files.v[i].path, path))
			return;
	load_file(r, path, &f);
	if (f.path)
		*VEC_PUSH(&win->answer_files) = f;
}

/* "C:\Windows\x.xml", "%SystemRoot%\x.xml" → path in this volume; NULL: somewhere else. */
static char *path_of_windows(const struct windows *win, const char *s)
{
	static const char *const roots[] = {"%SystemRoot%", "%windir%"};
	CLEANUP(free) char *path = NULL;

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]) && !path; i++)
		if (name_has_prefix(s, roots[i]))
			path = windows_path(win, s + strlen(roots[i]));
	if (!path && name_has_prefix(s, "%SystemDrive%"))
		path = xstrdup(s + strlen("%SystemDrive%"));
	/* the letter is the one that Windows gives its own volume, whatever it is */
	if (!path && isalpha((unsigned char)s[0]) && s[1] == ':')
		path = xstrdup(s + 2);
	if (!path)
		return NULL;
	for (char *p = path; *p; p++)
		if (*p == '\\')
			*p = '/';
	return image_path_ok(path) ? steal_ptr(&path) : NULL;
}

/* In the order in which Setup looks (the places on other media are not in an image). */
static void read_answer_files(struct win_reader *r)
{
	static const char *const places[] = {"/Panther/Unattend/Unattend.xml",
	    "/Panther/Unattend/Autounattend.xml", "/Panther/unattend.xml",
	    "/Panther/autounattend.xml", "/System32/Sysprep/Unattend.xml"};
	CLEANUP(free) char *named = win_string(r, WIN_SYSTEM, "Setup", "UnattendFile");
	CLEANUP(free) char *first = named ? path_of_windows(r->win, named) : NULL;

	if (first)
		add_answer_file(r, first);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		CLEANUP(free) char *path = windows_path(r->win, places[i]);

		add_answer_file(r, path);
	}
	add_answer_file(r, "/Unattend.xml");
	add_answer_file(r, "/Autounattend.xml");
}

void windows_read_state(struct win_reader *r)
{
	struct windows *win = r->win;
	CLEANUP(free) char *setup_complete = windows_path(win, "/Setup/Scripts/SetupComplete.cmd");

	read_pending_keys(r);
	read_setup_execute(r);
	read_pending_file(r);
	read_hibernation(r);
	load_file(r, setup_complete, &win->setup_complete);
	read_placed(r);
	read_answer_files(r);
}
