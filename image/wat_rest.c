/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What KB971033 installs outside of servicing: service, event source, programs, tasks, classes; and
 * what its programs have stored. Names and values are those of its component
 * manifests; the service and the event source are so in a real Windows 7 too.
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/servicing_store.h"

#define PROGRAM_PART "\\Wat\\"

static const char *const task_files[] = {"ValidationTask", "ValidationTaskDeadline", NULL};

static bool is_among(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (name_eq(*names, name))
			return true;
	return false;
}

/* ---- services ---- */

static bool names_program(const struct reg_key *key, const char *value)
{
	CLEANUP(free) char *text = reg_value_text(reg_key_value(key, value));

	return text && name_contains(text, PROGRAM_PART);
}

/* A key of services: its program is ours, and below it is only what is known. */
static void place_service(struct store *s, enum wat_part part, const char *set, const char *rest,
    const char *value, const char *const *subkeys)
{
	CLEANUP(free) char *path = xasprintf("%s\\services\\%s", set, rest);
	CLEANUP(reg_key) struct reg_key key = {0};

	if (!store_key(s, CHANGE_SYSTEM, path, &key))
		return;
	if (!names_program(&key, value)) {
		store_unknown(s, "SYSTEM\\%s!%s: not the program of KB971033", path, value);
		return;
	}
	for (size_t i = 0; i < key.subkeys.n; i++) {
		if (is_among(subkeys, key.subkeys.v[i]))
			continue;
		store_unknown(s, "SYSTEM\\%s\\%s: no such key is known", path, key.subkeys.v[i]);
		return;
	}
	store_place_key(s, part, CHANGE_SYSTEM, path, NULL);
}

static void place_services(struct store *s)
{
	static const char *const service[] = {"Security", NULL}, *const source[] = {NULL};
	const struct strvec *sets = &s->r.win->control_sets;

	for (size_t i = 0; i < sets->n; i++) {
		place_service(s, WAT_SERVICE, sets->v[i], "WatAdminSvc", "ImagePath", service);
		place_service(s, WAT_EVENT_SOURCE, sets->v[i],
		    "eventlog\\Application\\Windows Activation Technologies", "EventMessageFile",
		    source);
	}
}

/* ---- directories and tasks ---- */

static void place_dir(
    struct store *s, enum wat_part part, const char *rest, const char *const *known)
{
	CLEANUP(free) char *dir = windows_path(s->r.win, rest);
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	if (!win_is_dir(&s->r, dir))
		return;
	win_list(&s->r, dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (is_among(known, names.v[i]))
			continue;
		store_unknown(s, "%s/%s: not a file of KB971033", dir, names.v[i]);
		return;
	}
	store_place_path(s, part, steal_ptr(&dir), true);
}

static void place_tasks(struct store *s)
{
	const struct kb971033 *kb = &s->r.win->kb971033;

	for (size_t i = 0; i < kb->tasks.n; i++) {
		if (is_among(task_files, kb->tasks.v[i].name))
			continue;
		store_unknown(s, "task \"%s\": not a task of KB971033", kb->tasks.v[i].name);
		return;
	}
	for (size_t i = 0; i < kb->task_keys.n; i++)
		store_place_key(s, WAT_TASK, CHANGE_SOFTWARE, kb->task_keys.v[i], NULL);
}

/* ---- classes ---- */

/* Who took over a class id has put another program there: the key that says so. */
static char *other_server(struct store *s, const char *path)
{
	static const char *const servers[] = {"InprocServer32", "LocalServer32"};

	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		CLEANUP(free) char *sub = xasprintf("%s\\%s", path, servers[i]);
		CLEANUP(reg_key) struct reg_key key = {0};

		if (store_key(s, CHANGE_SOFTWARE, sub, &key) && !names_program(&key, ""))
			return steal_ptr(&sub);
	}
	return NULL;
}

static void place_class(struct store *s, const char *root, const char *name)
{
	CLEANUP(free) char *path = xasprintf("%s\\%s", root, name);
	CLEANUP(reg_key) struct reg_key key = {0};

	if (!store_key(s, CHANGE_SOFTWARE, path, &key))
		return;
	CLEANUP(free) char *other = other_server(s, path);
	if (other)
		store_unknown(s, "SOFTWARE\\%s: not a program of KB971033", other);
	else if (name_has_prefix(name, "TypeLib\\") && key.subkeys.n &&
		 (key.subkeys.n > 1 || !name_eq(key.subkeys.v[0], "1.0")))
		store_unknown(s, "SOFTWARE\\%s: there is another version of this library", path);
	else
		store_place_key(s, WAT_CLASS, CHANGE_SOFTWARE, path, NULL);
}

static void place_classes(struct store *s)
{
	static const char *const roots[] = {
	    "Classes", "Classes\\Wow6432Node", "Wow6432Node\\Classes"};
	static const char *const names[] = {
	    "AppID\\{205609B7-5E08-443E-B0A7-A7AED3F3A716}",
	    "AppID\\WatAdminSvc.EXE",
	    "CLSID\\{F02602C4-3C2A-473B-B35E-679A0076A4A5}",
	    "CLSID\\{F1CA3CE9-57E0-4862-B35F-C55328F05F1C}",
	    "Interface\\{1069B656-07F8-41D6-9B1C-6B1F43A8A4A0}",
	    "Interface\\{4549EA25-55E9-4055-A33A-087596608817}",
	    "Interface\\{BECE4D4D-D9F3-40A9-8FE8-C2487FC37492}",
	    "TypeLib\\{57DACAE6-5313-4E27-B109-E6E3D415730B}",
	    "TypeLib\\{7E82B358-3E3F-49B6-B77B-4EEF2373D298}",
	    "WatAdminSvc.WatAdminSvcObject",
	    "WatAdminSvc.WatAdminSvcObject.1",
	    "WatWeb.WatWebObject",
	    "WatWeb.WatWebObject.1",
	};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			place_class(s, roots[i], names[k]);
}

/* The browser plug-in; its name was used by others before. */
static void place_plugin(struct store *s, const char *path)
{
	CLEANUP(reg_key) struct reg_key key = {0};

	if (!store_key(s, CHANGE_SOFTWARE, path, &key))
		return;
	CLEANUP(free) char *file = reg_value_text(reg_key_value(&key, "Path"));
	if (!file || name_eq(file, "disabled") || name_contains(file, PROGRAM_PART))
		store_place_key(s, WAT_CLASS, CHANGE_SOFTWARE, path, NULL);
	else
		store_unknown(s, "SOFTWARE\\%s: not the plug-in of KB971033", path);
}

static void place_state(struct store *s, const char *path)
{
	CLEANUP(reg_key) struct reg_key key = {0};

	if (store_key(s, CHANGE_SOFTWARE, path, &key))
		store_place_key(s, WAT_STATE, CHANGE_SOFTWARE, path, NULL);
}

void wat_rest(struct store *s)
{
	place_services(s);
	place_dir(s, WAT_PROGRAM, "/System32/Wat", wat_files);
	place_dir(s, WAT_PROGRAM, "/SysWOW64/Wat", wat_files);
	place_dir(s, WAT_TASK, "/System32/Tasks/Microsoft/Windows/Windows Activation Technologies",
	    task_files);
	place_tasks(s);
	place_classes(s);
	place_plugin(s, "MozillaPlugins\\@microsoft.com/GENUINE");
	place_plugin(s, "Wow6432Node\\MozillaPlugins\\@microsoft.com/GENUINE");
	place_state(s, KEY_CURRENT_VERSION "\\Windows Activation Technologies");
	place_state(s, "Wow6432Node\\" KEY_CURRENT_VERSION "\\Windows Activation Technologies");
}
