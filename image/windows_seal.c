/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is the image sealed? Windows says so in four places: ImageState in SOFTWARE and in State.ini,
 * SystemSetupInProgress and CmdLine in SYSTEM\Setup. GeneralizationState is none of
 * them: it is 7 in every installation, from Microsoft's own generalize (measured on a
 * Windows 7 that was never sealed).
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/windows_read.h"

#define KEY_STATE "Microsoft\\Windows\\CurrentVersion\\Setup\\State"
#define KEY_SYSPREP "Setup\\Status\\SysprepStatus"

#define GENERALIZATION_DIED 3	/* began and never came to its end */

/* Windows writes the file as ANSI; tools that write it as UTF-16 put a BOM first. */
static char *as_utf8(const struct buf *text)
{
	if (text->len >= 2 && memcmp(text->data, "\xff\xfe", 2) == 0)
		return utf16le_to_utf8(text->data + 2, text->len - 2);
	return text->len ? xstrndup(text->data, text->len) : xstrdup("");
}

/* ImageState= of the section [State]. */
static char *state_of_ini(char *text)
{
	bool in_section = false;
	char *save = NULL;

	for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		line += strspn(line, " \t");
		if (line[0] == '[') {
			in_section = name_has_prefix(line, "[State]");
			continue;
		}
		size_t name = strcspn(line, "= \t");
		const char *value = line + name + strspn(line + name, " \t");
		if (!in_section || *value != '=' || name != strlen("ImageState") ||
		    !name_has_prefix(line, "ImageState"))
			continue;
		value += 1 + strspn(value + 1, " \t");
		return xstrndup(value, strcspn(value, " \t"));
	}
	return NULL;
}

static char *read_state_ini(struct win_reader *r)
{
	CLEANUP(free) char *path = windows_path(r->win, "/Setup/State/State.ini");
	CLEANUP(buf) struct buf raw = BUF_INIT;

	if (!win_head(r, path, 4096, &raw))
		return NULL;
	CLEANUP(free) char *text = as_utf8(&raw);
	char *state = state_of_ini(text);
	if (state && !utf8_valid(state, strlen(state))) {
		free(state);
		return NULL;
	}
	return state;
}

static bool generalized(const char *state)
{
	return state && name_has_prefix(state, "IMAGE_STATE_GENERALIZE_RESEAL_TO_");
}

/* SPECIALIZE_RESEAL is sysprep without /generalize: meant for this one PC, so not sealed. */
static bool undeployable(const char *state)
{
	return state && name_eq(state, "IMAGE_STATE_UNDEPLOYABLE");
}

static enum win_sealed judge(struct win_reader *r)
{
	const struct windows *win = r->win;
	bool registry = generalized(win->image_state), ini = generalized(win->image_state_ini);
	bool windeploy = win->setup_cmdline && name_contains(win->setup_cmdline, "windeploy.exe");
	uint32_t generalization;

	if (undeployable(win->image_state) || undeployable(win->image_state_ini) ||
	    (win_dword(r, WIN_SYSTEM, KEY_SYSPREP, "GeneralizationState", &generalization) &&
		generalization == GENERALIZATION_DIED))
		return SEALED_BROKEN;
	if (registry && ini && win->setup_in_progress && windeploy &&
	    name_eq(win->image_state, win->image_state_ini))
		return SEALED_YES;
	if (registry || ini || win->setup_in_progress || windeploy)
		return SEALED_BROKEN;
	return SEALED_NO;
}

void windows_read_seal(struct win_reader *r)
{
	struct windows *win = r->win;
	uint32_t n;

	win->image_state = win_string(r, WIN_SOFTWARE, KEY_STATE, "ImageState");
	win->image_state_ini = read_state_ini(r);
	if (win_dword(r, WIN_SYSTEM, "Setup", "SystemSetupInProgress", &n))
		win->setup_in_progress = n != 0;
	win_dword(r, WIN_SYSTEM, "Setup", "SetupType", &win->setup_type);
	win->setup_cmdline = win_string(r, WIN_SYSTEM, "Setup", "CmdLine");
	win->sealed = judge(r);
}
