/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each sign of KB971033, found by itself. */
#include "tests/unit/windows_fixture.h"

START_TEST(kb971033_installed)
{
	WINDOWS("kb971033=installed");
	const struct kb971033 *kb = &win->kb971033;

	ck_assert(kb->installed);
	ck_assert_uint_eq(kb->signs, 0xff);
	ck_assert_str_eq(kb->package, PACKAGE "amd64~~7.1.7600.16395");
	ck_assert_uint_eq(kb->current_state, 0x70);
	ck_assert_uint_eq(kb->services.n, 2);
	ck_assert_str_eq(kb->services.v[1].control_set, "ControlSet002");
	ck_assert_uint_eq(kb->services.v[1].start, 3);
	ck_assert_uint_eq(kb->tasks.n, 2);
	ck_assert_str_eq(kb->tasks.v[0].name, "ValidationTask");
	ck_assert_ptr_nonnull(kb->tasks.v[0].id);
	/* four and two programs, two tasks; three directories */
	ck_assert_uint_eq(kb->files.n, 8);
	ck_assert(has_file(&kb->files, "/System32/Wat/WatAdminSvc.exe"));
	ck_assert(has_file(&kb->files, "/SysWOW64/Wat/npWatWeb.dll"));
	ck_assert(has_file(&kb->files, "/Windows Activation Technologies/ValidationTaskDeadline"));
	ck_assert_uint_eq(kb->dirs.n, 3);
	/* the tree, and for each task its own key and the list it is in */
	ck_assert_uint_eq(kb->task_keys.n, 5);
	for (size_t i = 0; i < kb->task_keys.n; i++)
		ck_assert(name_has_prefix(kb->task_keys.v[i], TASK_CACHE "\\"));
	ck_assert(strvec_has(&kb->task_keys, WAT_TREE));
}
END_TEST

START_TEST(kb971033_on_x86)
{
	WINDOWS("kb971033=installed", "arch=x86");
	const struct kb971033 *kb = &win->kb971033;

	ck_assert_uint_eq(kb->signs, 0xff & ~(unsigned)KB_SIGN_SYSWOW64_WAT);
	ck_assert_str_eq(kb->package, PACKAGE "x86~~7.1.7600.16395");
}
END_TEST

START_TEST(kb971033_absent)
{
	WINDOWS("kb971033=absent");
	const struct kb971033 *kb = &win->kb971033;

	ck_assert(!kb->installed);
	ck_assert_uint_eq(kb->signs, 0);
	ck_assert_ptr_null(kb->package);
	ck_assert_uint_eq(
	    kb->files.n + kb->dirs.n + kb->task_keys.n + kb->services.n + kb->tasks.n, 0);
}
END_TEST

START_TEST(kb971033_staged)
{
	WINDOWS("kb971033=staged");
	const struct kb971033 *kb = &win->kb971033;

	ck_assert(!kb->installed);
	ck_assert_uint_eq(kb->signs, KB_SIGN_CBS_PACKAGE | KB_SIGN_MUM | KB_SIGN_MANIFEST);
	ck_assert_uint_eq(kb->current_state, 0x40);
	/* a service that is left and can start makes it run after all */
	merge(&f, "SYSTEM", "[HIVE\\ControlSet001\\services\\WatAdminSvc]\n\"Start\"=dword:00000003\n");
	look(&f);
	ck_assert(!kb->installed);
	put_text(&f, "Windows/System32/Wat/WatAdminSvc.exe", "MZ");
	look(&f);
	ck_assert(kb->installed);
	merge(&f, "SYSTEM", "[HIVE\\ControlSet001\\services\\WatAdminSvc]\n\"Start\"=dword:00000004\n");
	look(&f);
	ck_assert(!kb->installed);
}
END_TEST

START_TEST(kb971033_without_package)
{
	WINDOWS("kb971033=no-cbs");
	const struct kb971033 *kb = &win->kb971033;

	ck_assert(kb->installed);
	ck_assert_uint_eq(kb->signs & (KB_SIGN_CBS_PACKAGE | KB_SIGN_MUM), 0);
	ck_assert_ptr_null(kb->package);
}
END_TEST

START_TEST(kb971033_states)
{
	static const struct {
		const char *state;
		bool installed, pending;
	} states[] = {{"00000000", false, false}, {"00000005", false, true},
	    {"00000020", false, false}, {"00000040", false, false}, {"00000050", false, false},
	    {"00000060", false, true}, {"00000065", true, false}, {"00000070", true, false},
	    {"00000080", true, false}, {"ffffff90", true, false}};
	WINDOWS("kb971033=staged");

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		CLEANUP(free) char *text = xasprintf("[HIVE\\" CBS "\\Packages\\" PACKAGE
		    "amd64~~7.1.7600.16395]\n\"CurrentState\"=dword:%s\n", states[i].state);

		merge(&f, "SOFTWARE", text);
		look(&f);
		ck_assert_msg(win->kb971033.installed == states[i].installed, "%s", states[i].state);
		ck_assert_msg(win->pending_servicing == states[i].pending, "%s", states[i].state);
	}
}
END_TEST

START_TEST(kb971033_spelled_otherwise)
{
	WINDOWS("kb971033=absent");

	/* as Microsoft's article spells it, and another that is not it */
	put_text(&f, "Windows/servicing/Packages/microsoft-windows-security-windowsactivation"
	    "technologies-package~31bf3856ad364e35~amd64~~7.1.7600.16395.mum", "");
	put_text(&f, "Windows/servicing/Packages/Package_for_KB971033~31bf3856ad364e35~amd64~~6.1.mum",
	    "");
	look(&f);
	ck_assert_uint_eq(win->kb971033.signs, KB_SIGN_MUM);
	ck_assert(name_has_suffix(win->kb971033.package, "16395"));
	ck_assert(!win->kb971033.installed);
}
END_TEST

START_TEST(every_file_is_listed)
{
	WINDOWS("kb971033=installed", "arch=x86");
	const struct kb971033 *kb = &win->kb971033;

	put_text(&f, "Windows/System32/Wat/new/deep.dll", "");
	put_text(&f, "Windows/System32/Tasks/Microsoft/Windows/Windows Activation Technologies/Other",
	    "");
	look(&f);
	ck_assert(has_file(&kb->files, "/Wat/new/deep.dll"));
	ck_assert(has_file(&kb->files, "/Windows Activation Technologies/Other"));
	/* what was listed is all there is: without it nothing is found */
	while (kb->dirs.n) {
		remove_path(&f, kb->dirs.v[0] + 1);
		look(&f);
	}
	ck_assert_uint_eq(kb->files.n, 0);
	ck_assert_uint_eq(
	    kb->signs & (KB_SIGN_SYSTEM32_WAT | KB_SIGN_SYSWOW64_WAT | KB_SIGN_TASK_FILE), 0);
	ck_assert_uint_ne(kb->signs & KB_SIGN_SERVICE, 0);
}
END_TEST

START_TEST(a_wrong_task_id_deletes_nothing)
{
	WINDOWS("kb971033=absent");
	const struct kb971033 *kb = &win->kb971033;

	/* ids that name another task, everything, or something outside */
	merge(&f, "SOFTWARE",
	    "[HIVE\\" TASK_CACHE "\\Tasks\\{11111111-2222-3333-4444-555555555555}]\n"
	    "\"Path\"=\"\\\\Microsoft\\\\Windows\\\\Defrag\\\\ScheduledDefrag\"\n"
	    "[HIVE\\" WAT_TREE "]\n[HIVE\\" WAT_TREE "\\ValidationTask]\n"
	    "\"Id\"=\"{11111111-2222-3333-4444-555555555555}\"\n"
	    "[HIVE\\" WAT_TREE "\\Empty]\n\"Id\"=\"\"\n"
	    "[HIVE\\" WAT_TREE "\\Outside]\n\"Id\"=\"..\\\\..\\\\Windows\"\n"
	    "[HIVE\\" WAT_TREE "\\NoId]\n\"Index\"=dword:00000001\n");
	look(&f);
	ck_assert_uint_eq(kb->tasks.n, 4);
	ck_assert_uint_eq(kb->task_keys.n, 1);
	ck_assert_str_eq(kb->task_keys.v[0], WAT_TREE);
}
END_TEST

START_TEST(a_task_without_its_tree_entry)
{
	WINDOWS("kb971033=absent");
	const struct kb971033 *kb = &win->kb971033;

	merge(&f, "SOFTWARE",
	    "[HIVE\\" TASK_CACHE "\\Tasks\\{11111111-2222-3333-4444-555555555555}]\n"
	    "\"Path\"=\"\\\\Microsoft\\\\Windows\\\\Windows Activation Technologies\\\\ValidationTask\"\n"
	    "[HIVE\\" TASK_CACHE "\\Boot]\n"
	    "[HIVE\\" TASK_CACHE "\\Boot\\{11111111-2222-3333-4444-555555555555}]\n");
	look(&f);
	ck_assert_uint_eq(kb->tasks.n, 0);
	ck_assert_uint_eq(kb->task_keys.n, 2);
	ck_assert_uint_eq(kb->signs, KB_SIGN_TASK_CACHE);
}
END_TEST

START_TEST(sign_names)
{
	ck_assert_str_eq(kb971033_sign_name(KB_SIGN_CBS_PACKAGE), "cbs-package");
	ck_assert_str_eq(kb971033_sign_name(KB_SIGN_TASK_CACHE), "task-cache");
	ck_assert_ptr_null(kb971033_sign_name((enum kb971033_sign)(1 << 8)));
}
END_TEST

SUITE("windows_kb971033", kb971033_installed, kb971033_on_x86, kb971033_absent, kb971033_staged,
    kb971033_without_package, kb971033_states, kb971033_spelled_otherwise, every_file_is_listed,
    a_wrong_task_id_deletes_nothing, a_task_without_its_tree_entry, sign_names)
