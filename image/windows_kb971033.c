/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KB971033, the Windows Activation Technologies update: names as its packages for x86 and
 * x64 have them (read from Microsoft's .msu files), each place looked at by itself. "KB971033"
 * is in none of those names. What is listed is what is there, so that a
 * plan made from it names nothing else and is empty once it was carried out.
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/windows_read.h"

#define PACKAGE_GLOB \
	"Microsoft-Windows-Security-WindowsActivationTechnologies-Package~31bf3856ad364e35~*~~*"
#define SERVICE "services\\WatAdminSvc"
#define START_DISABLED 4
#define TASK_FOLDER "\\Microsoft\\Windows\\Windows Activation Technologies"
#define TREE_KEY KEY_TASK_CACHE "\\Tree" TASK_FOLDER
#define WAT_DEPTH 4

/* CurrentState of a package ("CBS Servicing States Chart"). */
enum cbs_state {
	CBS_UNINSTALL_PENDING = 0x05,
	CBS_INSTALL_PENDING = 0x60,
	CBS_PARTIALLY_INSTALLED = 0x65,
	CBS_INSTALLED = 0x70,
	CBS_PERMANENT = 0x80,
};

const char *kb971033_sign_name(enum kb971033_sign sign)
{
	static const char *const names[] = {"cbs-package", "mum", "manifest", "service",
	    "system32-wat", "syswow64-wat", "task-file", "task-cache"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (sign == 1u << i)
			return names[i];
	return NULL;
}

static bool state_installed(uint32_t state)
{
	/* negative states are installed and broken: their files are there all the same */
	return state == CBS_PARTIALLY_INSTALLED || state == CBS_INSTALLED ||
	    state == CBS_PERMANENT || state >= 0x80000000u;
}

/* Of several packages (there is one version, but who knows) the one that is installed. */
static void read_package_key(struct win_reader *r, struct kb971033 *kb)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	win_subkeys(r, WIN_SOFTWARE, KEY_CBS "\\Packages", &names);
	for (size_t i = 0; i < names.n; i++) {
		uint32_t state = 0;

		if (!name_matches(PACKAGE_GLOB, names.v[i]))
			continue;
		kb->signs |= KB_SIGN_CBS_PACKAGE;
		CLEANUP(free) char *key = xasprintf(KEY_CBS "\\Packages\\%s", names.v[i]);
		win_dword(r, WIN_SOFTWARE, key, "CurrentState", &state);
		if (kb->package && (state_installed(kb->current_state) || !state_installed(state)))
			continue;
		free(kb->package);
		kb->package = xstrdup(names.v[i]);
		kb->current_state = state;
	}
}

static void read_store(struct win_reader *r, struct kb971033 *kb)
{
	static const char *const manifests[] = {
	    "*_microsoft-windows-s..ivationtechnologies_31bf3856ad364e35_7.1.7600.*.manifest",
	    "*_microsoft-windows-s..ologies-webcontrols_31bf3856ad364e35_7.1.7600.*.manifest",
	    "*_microsoft-windows-s..technologies-deploy_31bf3856ad364e35_7.1.7600.*.manifest",
	};
	CLEANUP(free) char *packages = windows_path(r->win, "/servicing/Packages");
	CLEANUP(free) char *store = windows_path(r->win, "/winsxs/Manifests");
	CLEANUP(strvec) struct strvec mums = STRVEC_INIT;
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	win_list(r, packages, &mums);
	for (size_t i = 0; i < mums.n; i++) {
		if (!name_matches(PACKAGE_GLOB ".mum", mums.v[i]))
			continue;
		kb->signs |= KB_SIGN_MUM;
		if (!kb->package)
			kb->package = xstrndup(mums.v[i], strlen(mums.v[i]) - strlen(".mum"));
	}
	win_list(r, store, &names);
	for (size_t i = 0; i < names.n; i++)
		for (size_t m = 0; m < sizeof(manifests) / sizeof(manifests[0]); m++)
			if (name_matches(manifests[m], names.v[i]))
				kb->signs |= KB_SIGN_MANIFEST;
}

static void read_services(struct win_reader *r, struct kb971033 *kb)
{
	const struct strvec *sets = &r->win->control_sets;

	for (size_t i = 0; i < sets->n; i++) {
		CLEANUP(free) char *key = xasprintf("%s\\" SERVICE, sets->v[i]);

		if (!win_key(r, WIN_SYSTEM, key))
			continue;
		struct kb971033_service *s = VEC_PUSH(&kb->services);
		s->control_set = xstrdup(sets->v[i]);
		win_dword(r, WIN_SYSTEM, key, "Start", &s->start);
		kb->signs |= KB_SIGN_SERVICE;
	}
}

/* A directory that holds nothing else: its files, and itself. */
static void read_dir(struct win_reader *r, struct kb971033 *kb, const char *rest, unsigned sign)
{
	CLEANUP(free) char *dir = windows_path(r->win, rest);
	size_t before = kb->files.n;

	if (!win_is_dir(r, dir))
		return;
	strvec_add(&kb->dirs, dir);
	win_find(r, dir, NULL, WAT_DEPTH, &kb->files);
	if (kb->files.n > before)
		kb->signs |= sign;
}

/*
 * The keys of one task by its id. An id is taken only from a key of the update's own folder, and
 * only where the task it names says the same: a wrong id must not delete another task.
 */
static void read_task_keys(struct win_reader *r, struct kb971033 *kb, const char *id)
{
	static const char *const kinds[] = {"Tasks", "Boot", "Logon", "Plain"};
	CLEANUP(free) char *task = xasprintf(KEY_TASK_CACHE "\\Tasks\\%s", id);
	CLEANUP(free) char *path = win_string(r, WIN_SOFTWARE, task, "Path");

	if (path && !name_has_prefix(path, TASK_FOLDER "\\"))
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		CLEANUP(free) char *key = xasprintf(KEY_TASK_CACHE "\\%s\\%s", kinds[i], id);

		if (win_key(r, WIN_SOFTWARE, key) && !strvec_has(&kb->task_keys, key))
			strvec_add(&kb->task_keys, key);
	}
}

static void read_task_tree(struct win_reader *r, struct kb971033 *kb)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	if (!win_key(r, WIN_SOFTWARE, TREE_KEY))
		return;
	strvec_add(&kb->task_keys, TREE_KEY);
	win_subkeys(r, WIN_SOFTWARE, TREE_KEY, &names);
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(free) char *key = xasprintf(TREE_KEY "\\%s", names.v[i]);
		CLEANUP(free) char *id = win_string(r, WIN_SOFTWARE, key, "Id");
		struct kb971033_task *task = VEC_PUSH(&kb->tasks);

		task->name = xstrdup(names.v[i]);
		if (!id || !win_is_guid(id, true))
			continue;
		read_task_keys(r, kb, id);
		task->id = steal_ptr(&id);
	}
}

/* Tasks whose tree entry is gone but that Task Scheduler would still find by their id. */
static void read_stray_tasks(struct win_reader *r, struct kb971033 *kb)
{
	CLEANUP(strvec) struct strvec ids = STRVEC_INIT;

	win_subkeys(r, WIN_SOFTWARE, KEY_TASK_CACHE "\\Tasks", &ids);
	for (size_t i = 0; i < ids.n && i < WIN_NAMES_MAX; i++) {
		CLEANUP(free) char *key = xasprintf(KEY_TASK_CACHE "\\Tasks\\%s", ids.v[i]);
		CLEANUP(free) char *path = win_string(r, WIN_SOFTWARE, key, "Path");

		if (path && win_is_guid(ids.v[i], true) && name_has_prefix(path, TASK_FOLDER "\\"))
			read_task_keys(r, kb, ids.v[i]);
	}
}

/* What can run on a clone; see struct kb971033. */
static bool judge_installed(struct win_reader *r, const struct kb971033 *kb)
{
	CLEANUP(free) char *program = windows_path(r->win, "/System32/Wat/WatAdminSvc.exe");
	bool startable = false;

	for (size_t i = 0; i < kb->services.n; i++)
		startable |= kb->services.v[i].start != START_DISABLED;
	if (kb->signs & KB_SIGN_CBS_PACKAGE)
		return state_installed(kb->current_state) || (startable && win_is_file(r, program));
	return startable || (kb->signs & (KB_SIGN_SYSTEM32_WAT | KB_SIGN_SYSWOW64_WAT));
}

static void check_pending(struct win_reader *r, const struct kb971033 *kb)
{
	if (!(kb->signs & KB_SIGN_CBS_PACKAGE) || (kb->current_state != CBS_INSTALL_PENDING &&
	    kb->current_state != CBS_UNINSTALL_PENDING))
		return;
	win_pending(r->win, "KB971033 is waiting to be %s",
	    kb->current_state == CBS_INSTALL_PENDING ? "installed" : "uninstalled");
}

void windows_read_kb971033(struct win_reader *r)
{
	struct kb971033 *kb = &r->win->kb971033;

	read_package_key(r, kb);
	read_store(r, kb);
	read_services(r, kb);
	read_dir(r, kb, "/System32/Wat", KB_SIGN_SYSTEM32_WAT);
	read_dir(r, kb, "/SysWOW64/Wat", KB_SIGN_SYSWOW64_WAT);
	read_dir(r, kb, "/System32/Tasks/Microsoft/Windows/Windows Activation Technologies",
	    KB_SIGN_TASK_FILE);
	read_task_tree(r, kb);
	read_stray_tasks(r, kb);
	if (kb->task_keys.n)
		kb->signs |= KB_SIGN_TASK_CACHE;
	kb->installed = judge_installed(r, kb);
	check_pending(r, kb);
}

void kb971033_free(struct kb971033 *kb)
{
	for (size_t i = 0; i < kb->services.n; i++)
		free(kb->services.v[i].control_set);
	for (size_t i = 0; i < kb->tasks.n; i++) {
		free(kb->tasks.v[i].name);
		free(kb->tasks.v[i].id);
	}
	free(kb->services.v);
	free(kb->tasks.v);
	free(kb->package);
	strvec_free(&kb->files);
	strvec_free(&kb->dirs);
	strvec_free(&kb->task_keys);
}
