/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which Windows it is, and whether it can be read: identity, hives, sealing. */
#include "tests/unit/windows_fixture.h"

START_TEST(identity)
{
	WINDOWS("language=de-DE,en-US");
	CLEANUP(free) char *what = windows_describe(win);
	CLEANUP(free) char *path = windows_path(win, "/System32/cmd.exe");

	expect_no_refusal(&f);
	ck_assert_str_eq(win->product_name, "Windows 7 Enterprise");
	ck_assert_str_eq(win->edition, "Enterprise");
	ck_assert_str_eq(win->installation_type, "Client");
	ck_assert_str_eq(win->version, "6.1");
	ck_assert_uint_eq(win->build, 7601);
	ck_assert_uint_eq(win->service_pack, 1);
	ck_assert_int_eq(win->arch, ARCH_AMD64);
	ck_assert_str_eq(win->computer_name, "REFERENCE-PC");
	ck_assert_str_eq(win->current_control_set, "ControlSet001");
	ck_assert_uint_eq(win->control_sets.n, 2);
	ck_assert_uint_eq(win->languages.n, 2);
	ck_assert_str_eq(win->languages.v[0], "de-DE");
	ck_assert_str_eq(win->languages.v[1], "en-US");
	ck_assert(windows_is_7(win));
	ck_assert_str_eq(what, "Windows 7 Enterprise (Enterprise, amd64, SP1)");
	ck_assert_str_eq(path, "/Windows/System32/cmd.exe");
}
END_TEST

START_TEST(server_and_rtm)
{
	WINDOWS("edition=ServerStandard", "build=7600", "arch=x86");
	CLEANUP(free) char *what = windows_describe(win);

	expect_no_refusal(&f);
	ck_assert_uint_eq(win->service_pack, 0);
	ck_assert_int_eq(win->arch, ARCH_X86);
	ck_assert_str_eq(win->installation_type, "Server");
	ck_assert_str_eq(what, "Windows Server 2008 R2 Standard (ServerStandard, x86)");
}
END_TEST

START_TEST(lower_case_paths)
{
	WINDOWS("lower-case=yes");

	expect_no_refusal(&f);
	ck_assert_str_eq(win->root, "/windows");
	ck_assert(win->kb971033.signs & KB_SIGN_SYSTEM32_WAT);
	ck_assert(win->spp.tokens);
	ck_assert_int_eq(win->sealed, SEALED_YES);
}
END_TEST

START_TEST(other_directory_name)
{
	WINDOWS("kb971033=absent");
	CLEANUP(free) char *from = path_join(f.dir, "Windows");
	CLEANUP(free) char *to = path_join(f.dir, "WINNT");

	ck_assert_int_eq(rename(from, to), 0);
	look(&f);
	ck_assert_int_eq(f.rc, 1);
	ck_assert_str_eq(f.win.root, "/WINNT");
	expect_no_refusal(&f);
}
END_TEST

START_TEST(architecture_from_a_program)
{
	WINDOWS("arch=x86");

	merge(&f, "SYSTEM", "[HIVE\\ControlSet001\\Control\\Session Manager\\Environment]\n"
	    "\"PROCESSOR_ARCHITECTURE\"=\"odd\"\n");
	look(&f);
	ck_assert_int_eq(win->arch, ARCH_X86);
	remove_path(&f, "Windows/System32/cmd.exe");
	look(&f);
	ck_assert_int_eq(win->arch, ARCH_UNKNOWN);
	expect_refusal(&f, ERR_ARCH, "processor");
	/* a program that is none */
	put_text(&f, "Windows/System32/cmd.exe", "MZ");
	look(&f);
	ck_assert_int_eq(win->arch, ARCH_UNKNOWN);
}
END_TEST

START_TEST(itanium)
{
	WINDOWS("edition=ServerEnterpriseIA64");

	merge(&f, "SYSTEM", "[HIVE\\ControlSet001\\Control\\Session Manager\\Environment]\n"
	    "\"PROCESSOR_ARCHITECTURE\"=\"IA64\"\n");
	look(&f);
	ck_assert_int_eq(win->arch, ARCH_IA64);
	expect_no_refusal(&f);
}
END_TEST

START_TEST(no_windows)
{
	__attribute__((cleanup(drop))) struct fixture f = {0};
	CLEANUP(error) struct error err = ERROR_INIT;

	f.dir = scratch_create(NULL, &err);
	assert_ok(phony_data_tree(f.dir, &err), err);
	put_text(&f, "Users/Public/desktop.ini", "");
	look(&f);
	ck_assert_int_eq(f.rc, 0);
	/* Windows by name only */
	put_text(&f, "Windows/win.ini", "");
	put_text(&f, "Windows/System32/config/SAM", "");
	look(&f);
	ck_assert_int_eq(f.rc, 0);
}
END_TEST

START_TEST(encrypted_volume_holds_no_windows)
{
	WINDOWS("kb971033=absent");
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_options options = {.engine = "tree"};
	struct windows other;
	struct image *im = image_open(f.dir, &options, &err);

	im->volumes.v[0].bitlocker = true;
	ck_assert_int_eq(windows_read(im, 0, &other, &err), 0);
	im->volumes.v[0].bitlocker = false;
	im->volumes.v[0].dirty = true;
	ck_assert_int_eq(windows_read(im, 0, &other, &err), 1);
	ck_assert_ptr_nonnull(find_refusal(&other, ERR_VOLUME_DIRTY));
	windows_free(&other);
	image_close(im);
}
END_TEST

/* ---- the wrong kind ---- */

START_TEST(other_versions)
{
	static const struct {
		const char *version, *product, *part;
	} others[] = {
	    {"version=6.0", "product-name=Windows Vista (TM) Business", "Windows Vista (TM) Business"},
	    {"version=6.3", "product-name=Windows 10 Pro", "Windows 10 Pro"},
	    {"version=5.1", "product-name=Microsoft Windows XP", "version 5.1"},
	    {"version=6.10", "product-name=Windows 7 Enterprise", "version 6.10"},
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		WINDOWS(others[i].version, others[i].product);

		ck_assert(!windows_is_7(win));
		expect_refusal(&f, ERR_NOT_WINDOWS_7, others[i].part);
		ck_assert_int_eq(win->refusals.v[0].code, ERR_NOT_WINDOWS_7);
	}
}
END_TEST

START_TEST(no_version)
{
	WINDOWS("kb971033=absent");

	merge(&f, "SOFTWARE", "[HIVE\\" NT "]\n\"CurrentVersion\"=dword:00000006\n");
	look(&f);
	expect_refusal(&f, ERR_NOT_WINDOWS_7, "does not say");
	ck_assert_ptr_null(win->version);
}
END_TEST

START_TEST(windows_pe)
{
	WINDOWS("edition=WindowsPE", "product-name=Windows 7 Ultimate");

	ck_assert(!windows_is_7(win));
	expect_refusal(&f, ERR_NOT_WINDOWS_7, "Windows PE");
}
END_TEST

START_TEST(real_xp_hive)
{
	CLEANUP(free) char *hive = real_data("hives/winxp-x86-SYSTEM.xz");

	if (!hive)
		return;
	CLEANUP(free) char *arg = xasprintf("system-hive=%s", hive);
	WINDOWS(arg);

	expect_refusal(&f, ERR_NOT_WINDOWS_7, "Windows XP");
	ck_assert_str_eq(win->computer_name, "IECOMPATVHD");
	ck_assert_uint_eq(win->languages.n, 0);
	ck_assert_int_eq(win->arch, ARCH_X86);
	unlink(hive);
}
END_TEST

/* A SYSTEM hive of another Windows, told by the services that it has. */
START_TEST(mixed_hives)
{
	static const struct {
		const char *service, *part;
	} others[] = {{"BrokerInfrastructure", "Windows 8 or later"}, {"slsvc", "Windows Vista"},
	    {"wzcsvc", "Windows XP"}};
	WINDOWS("kb971033=absent");

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		CLEANUP(free) char *add = xasprintf("[HIVE\\ControlSet001\\services\\%s]\n",
		    others[i].service);
		CLEANUP(free) char *away = xasprintf("[-HIVE\\ControlSet001\\services\\%s]\n",
		    others[i].service);

		/* a service of that name on a Windows 7 means nothing */
		merge(&f, "SYSTEM", add);
		look(&f);
		expect_no_refusal(&f);
		CLEANUP(free) char *path = xasprintf("%s/Windows/System32/config/SYSTEM", f.dir);
		CLEANUP(buf) struct buf whole = BUF_INIT;
		ck_assert_int_eq(read_whole_file(path, 64 << 20, &whole, NULL), 0);
		merge(&f, "SYSTEM", "[-HIVE\\ControlSet001\\services\\sppuinotify]\n");
		look(&f);
		expect_refusal(&f, ERR_NOT_WINDOWS_7, others[i].part);
		ck_assert_int_eq(write_file_atomic(path, whole.data, whole.len, 0644, NULL), 0);
		merge(&f, "SYSTEM", away);
	}
	merge(&f, "SYSTEM", "[-HIVE\\ControlSet001\\services\\sppuinotify]\n");
	look(&f);
	expect_no_refusal(&f);
}
END_TEST

START_TEST(real_windows_7_hive)
{
	CLEANUP(free) char *hive = real_data("hives/win7sp1-x86-kb971033-SYSTEM.xz");

	if (!hive)
		return;
	CLEANUP(free) char *arg = xasprintf("system-hive=%s", hive);
	WINDOWS(arg, "arch=x86", "sealed=no");

	expect_no_refusal(&f);
	ck_assert_str_eq(win->computer_name, "WKS-WIN732BITA");
	ck_assert_int_eq(win->arch, ARCH_X86);
	ck_assert_uint_eq(win->control_sets.n, 2);
	ck_assert_str_eq(win->languages.v[0], "en-US");
	ck_assert_uint_eq(win->kb971033.services.n, 2);
	ck_assert_uint_eq(win->kb971033.services.v[0].start, 3);
	ck_assert_uint_eq(win->spp.sppuinotify_start, 3);
	ck_assert_int_eq(win->sealed, SEALED_NO);
	ck_assert(!win->setup_in_progress && !win->pending_servicing);
	ck_assert_uint_eq(win->setup_type, 0);
	unlink(hive);
}
END_TEST

/* ---- hives ---- */

START_TEST(dirty_hives)
{
	static const char *const names[] = {"SYSTEM", "SOFTWARE"};

	for (size_t i = 0; i < 2; i++) {
		CLEANUP(free) char *arg = xasprintf("dirty-hive=%s", names[i]);
		WINDOWS(arg);

		expect_refusal(&f, ERR_HIVE_DIRTY, names[i]);
		ck_assert_uint_eq(win->dirty_hives.n, 1);
		/* and it can still be looked at */
		ck_assert_str_eq(win->edition, "Enterprise");
		ck_assert_str_eq(win->computer_name, "REFERENCE-PC");
	}
	/* hives that are neither read nor edited are Windows' business: it replays their logs */
	WINDOWS("dirty-hive=SAM");
	expect_no_refusal(&f);
}
END_TEST

START_TEST(real_dirty_hive)
{
	CLEANUP(free) char *hive = real_data("hives/win81-x64-dirty-SYSTEM.xz");

	if (!hive)
		return;
	CLEANUP(free) char *arg = xasprintf("system-hive=%s", hive);
	WINDOWS(arg);

	expect_refusal(&f, ERR_HIVE_DIRTY, "SYSTEM");
	ck_assert_int_eq(win->refusals.v[0].code, ERR_HIVE_DIRTY);
	unlink(hive);
}
END_TEST

START_TEST(damaged_hives)
{
	static const char *const names[] = {"SYSTEM", "SOFTWARE"};
	static const char *const kinds[] = {"broken-hive", "missing-hive"};

	for (size_t i = 0; i < 4; i++) {
		CLEANUP(free) char *arg = xasprintf("%s=%s", kinds[i / 2], names[i % 2]);
		WINDOWS(arg);

		expect_refusal(&f, ERR_DAMAGED, names[i % 2]);
		ck_assert_ptr_null(find_refusal(win, ERR_NOT_WINDOWS_7));
		ck_assert_ptr_null(find_refusal(win, ERR_ARCH));
	}
}
END_TEST

START_TEST(no_current_control_set)
{
	WINDOWS("kb971033=absent");

	merge(&f, "SYSTEM", "[HIVE\\Select]\n\"Current\"=dword:00000007\n");
	look(&f);
	expect_refusal(&f, ERR_DAMAGED, "ControlSet007");
	merge(&f, "SYSTEM", "[HIVE\\Select]\n\"Current\"=dword:80000001\n");
	look(&f);
	expect_refusal(&f, ERR_DAMAGED, "Select");
	ck_assert_ptr_null(win->current_control_set);
	/* facts as far as they go */
	ck_assert_str_eq(win->computer_name, "REFERENCE-PC");
}
END_TEST

/* ---- sealed or not ---- */

START_TEST(sealed_or_not)
{
	static const struct {
		const char *arg;
		enum win_sealed want;
	} kinds[] = {{"sealed=yes", SEALED_YES}, {"sealed=no", SEALED_NO},
	    {"sealed=audit", SEALED_YES}, {"sealed=broken", SEALED_BROKEN},
	    {"sealed=died", SEALED_BROKEN}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		WINDOWS(kinds[i].arg);

		ck_assert_msg(win->sealed == kinds[i].want, "%s: %s", kinds[i].arg,
		    win_sealed_name(win->sealed));
		expect_no_refusal(&f);
	}
}
END_TEST

START_TEST(sealed_in_every_place)
{
	WINDOWS("sealed=yes");

	ck_assert_str_eq(win->image_state, "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE");
	ck_assert_str_eq(win->image_state_ini, "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE");
	ck_assert_str_eq(win->setup_cmdline, "oobe\\windeploy.exe");
	ck_assert(win->setup_in_progress);
	ck_assert_uint_eq(win->setup_type, 2);
	/* without any one of them it is no longer sure */
	merge(&f, "SYSTEM", "[HIVE\\Setup]\n\"SystemSetupInProgress\"=dword:00000000\n");
	look(&f);
	ck_assert_int_eq(win->sealed, SEALED_BROKEN);
	merge(&f, "SYSTEM", "[HIVE\\Setup]\n\"SystemSetupInProgress\"=dword:00000001\n"
	    "\"CmdLine\"=\"\"\n");
	look(&f);
	ck_assert_int_eq(win->sealed, SEALED_BROKEN);
	merge(&f, "SYSTEM", "[HIVE\\Setup]\n\"CmdLine\"=\"OOBE\\\\WinDeploy.EXE\"\n");
	look(&f);
	ck_assert_int_eq(win->sealed, SEALED_YES);
	remove_path(&f, "Windows/Setup/State/State.ini");
	look(&f);
	ck_assert_int_eq(win->sealed, SEALED_BROKEN);
	ck_assert_ptr_null(win->image_state_ini);
	/* the file as Windows writes it, without a byte order mark */
	put_text(&f, "Windows/Setup/State/State.ini",
	    "[State]\r\nImageState=IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE\r\n");
	look(&f);
	ck_assert_int_eq(win->sealed, SEALED_YES);
	put_text(&f, "Windows/Setup/State/State.ini",
	    "; x\n[Other]\nImageState=IMAGE_STATE_COMPLETE\n[STATE]\nImageStateX=1\n"
	    " imagestate = IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE \n");
	look(&f);
	ck_assert_int_eq(win->sealed, SEALED_YES);
}
END_TEST

START_TEST(sysprep_without_generalize)
{
	WINDOWS("sealed=no");
	static const char state[] = "IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE";

	merge(&f, "SOFTWARE", "[HIVE\\Microsoft\\Windows\\CurrentVersion\\Setup\\State]\n"
	    "\"ImageState\"=\"IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE\"\n");
	put_text(&f, "Windows/Setup/State/State.ini",
	    "[State]\r\nImageState=IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE\r\n");
	look(&f);
	ck_assert_str_eq(win->image_state, state);
	ck_assert_int_eq(win->sealed, SEALED_NO);
}
END_TEST

START_TEST(generalization_state_proves_nothing)
{
	WINDOWS("sealed=no");

	/* 7 is what Microsoft's own generalize left in every installation */
	ck_assert_int_eq(win->sealed, SEALED_NO);
	merge(&f, "SYSTEM", "[HIVE\\Setup\\Status\\SysprepStatus]\n"
	    "\"GeneralizationState\"=dword:00000003\n");
	look(&f);
	ck_assert_int_eq(win->sealed, SEALED_BROKEN);
}
END_TEST

SUITE("windows", identity, server_and_rtm, lower_case_paths, other_directory_name,
    architecture_from_a_program, itanium, no_windows, encrypted_volume_holds_no_windows,
    other_versions, no_version, windows_pe, real_xp_hive, mixed_hives, real_windows_7_hive,
    dirty_hives, real_dirty_hive, damaged_hives, no_current_control_set, sealed_or_not,
    sealed_in_every_place, sysprep_without_generalize, generalization_state_proves_nothing)
