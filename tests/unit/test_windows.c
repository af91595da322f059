/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The facts of a Windows installation: each found where it is, and not where it is not. */
#include <fcntl.h>

#include "common/fsutil.h"
#include "common/proc.h"
#include "common/text.h"
#include "image/image.h"
#include "image/secdesc.h"
#include "image/windows.h"
#include "tests/fixtures/hivegen.h"
#include "tests/fixtures/phony.h"
#include "tests/unit/unit.h"

#define NT "Microsoft\\Windows NT\\CurrentVersion"
#define CBS "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"
#define SPP NT "\\SoftwareProtectionPlatform"
#define TASK_CACHE NT "\\Schedule\\TaskCache"
#define WAT_TREE TASK_CACHE "\\Tree\\Microsoft\\Windows\\Windows Activation Technologies"
#define PACKAGE "Microsoft-Windows-Security-WindowsActivationTechnologies-Package~31bf3856ad364e35~"

/* A phony Windows on the host and the facts read from it. */
struct fixture {
	char *dir;
	int rc;
	struct windows win;
	struct error err;
};

static void drop(struct fixture *f)
{
	if (f->rc == 1)
		windows_free(&f->win);
	err_clear(&f->err);
	scratch_remove(f->dir);
	free(f->dir);
}

static void make_tree(struct fixture *f, const char *const args[])
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct phony_options o;

	memset(f, 0, sizeof(*f));
	f->dir = scratch_create(NULL, &err);
	phony_init(&o);
	for (size_t i = 0; args[i]; i++)
		assert_ok(phony_set(&o, args[i], &err), err);
	assert_ok(phony_tree(f->dir, &o, &err), err);
	phony_free(&o);
}

/* Read (again) what is in the tree. */
static void look(struct fixture *f)
{
	struct image_options options = {.engine = "tree"};

	if (f->rc == 1)
		windows_free(&f->win);
	err_clear(&f->err);
	struct image *im = image_open(f->dir, &options, &f->err);
	ck_assert_msg(im, "%s", f->err.message);
	f->rc = windows_read(im, 0, &f->win, &f->err);
	image_close(im);
}

static struct fixture make(const char *const args[])
{
	struct fixture f;

	make_tree(&f, args);
	look(&f);
	return f;
}

#define WINDOWS(...) \
	__attribute__((cleanup(drop))) struct fixture f = make((const char *const[]){__VA_ARGS__, NULL}); \
	__attribute__((unused)) const struct windows *win = &f.win; \
	ck_assert_msg(f.rc == 1, "%s", f.err.message ? f.err.message : "no Windows found")

static void put(const struct fixture *f, const char *path, const void *data, size_t n)
{
	CLEANUP(free) char *full = path_join(f->dir, path);
	CLEANUP(free) char *dir = path_dir(full);
	const char *const mkdirs[] = {"mkdir", "-p", dir, NULL};
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(run_tool(mkdirs, NULL, &err), err);
	assert_ok(write_file_atomic(full, data, n, 0644, &err), err);
}

static void put_text(const struct fixture *f, const char *path, const char *text)
{
	put(f, path, text, strlen(text));
}

static void remove_path(const struct fixture *f, const char *path)
{
	CLEANUP(free) char *full = path_join(f->dir, path);
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(remove_tree(full, &err), err);
}

/* Add keys and values to a hive with hivexregedit, which is not ours; "\n[" begins a key. */
static void merge(const struct fixture *f, const char *hive, const char *text)
{
	CLEANUP(free) char *path = xasprintf("%s/Windows/System32/config/%s", f->dir, hive);
	CLEANUP(free) char *reg = path_join(f->dir, "change.reg");
	CLEANUP(error) struct error err = ERROR_INIT;
	const char *const argv[] = {"hivexregedit", "--merge", "--prefix", "HIVE", path, reg, NULL};
	CLEANUP(buf) struct buf b = BUF_INIT;

	buf_adds(&b, "Windows Registry Editor Version 5.00\n\n");
	for (const char *c = text; *c; c++)
		buf_addf(&b, "%s%c", *c == '[' && c != text && c[-1] == '\n' ? "\n" : "", *c);
	assert_ok(write_file_atomic(reg, b.data, b.len, 0644, &err), err);
	assert_ok(run_tool(argv, NULL, &err), err);
	ck_assert_int_eq(unlink(reg), 0);
}

static const struct refusal *find_refusal(const struct windows *win, enum err_code code)
{
	for (size_t i = 0; i < win->refusals.n; i++)
		if (win->refusals.v[i].code == code)
			return &win->refusals.v[i];
	return NULL;
}

static void expect_refusal(const struct fixture *f, enum err_code code, const char *part)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	const struct refusal *r;

	ck_assert_msg(f->rc == 1, "%s", f->err.message ? f->err.message : "no Windows found");
	r = find_refusal(&f->win, code);
	ck_assert_msg(r, "no refusal %s", err_code_name(code));
	ck_assert_msg(name_contains(r->message, part), "%s", r->message);
	ck_assert_msg(r->hint && *r->hint, "%s: no hint", r->message);
	ck_assert_int_lt(windows_refuse(&f->win, &err), 0);
	ck_assert_int_eq(err.code, f->win.refusals.v[0].code);
	ck_assert_ptr_nonnull(err.hint);
}

static void expect_no_refusal(const struct fixture *f)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	ck_assert_msg(f->rc == 1, "%s", f->err.message ? f->err.message : "no Windows found");
	ck_assert_msg(f->win.refusals.n == 0, "%s", f->win.refusals.v[0].message);
	ck_assert_int_eq(windows_refuse(&f->win, &err), 0);
}

static bool has_file(const struct strvec *paths, const char *end)
{
	for (size_t i = 0; i < paths->n; i++)
		if (name_has_suffix(paths->v[i], end))
			return true;
	return false;
}

/* ---- identity ---- */

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

/* ---- KB971033 ---- */

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

/* ---- licensing ---- */

START_TEST(licensing)
{
	WINDOWS("channel=gvlk");
	const struct spp *spp = &win->spp;

	ck_assert(spp->tokens && spp->cache);
	ck_assert_uint_eq(spp->store_files.n, 4);
	ck_assert(has_file(&spp->store_files, "5P-1.C7483456-A289-439d-8115-601632D005A0"));
	ck_assert_uint_eq(spp->xrm_ms, 5);
	ck_assert_str_eq(spp->key_channel, "Volume:GVLK");
	ck_assert_str_eq(spp->activation_id, "ae2ee509-1b34-41c0-acb7-6d4650168915");
	ck_assert_ptr_null(spp->kms_host);
	ck_assert_ptr_null(spp->kms_port);
	ck_assert_uint_eq(spp->kms_keys.n, 0);
	ck_assert(!spp->skip_rearm && !spp->oem_certificate);
	ck_assert_uint_eq(spp->sppuinotify_start, 3);
	ck_assert_uint_eq(spp->sppuinotify_disabled.n, 0);
}
END_TEST

START_TEST(licensing_otherwise)
{
	WINDOWS("channel=oem", "tokens=no", "xrm=no", "kms-host=kms.old.example", "kms-port=1689",
	    "kms-app-host=other.example", "skip-rearm=yes", "sppuinotify-disabled=yes");
	const struct spp *spp = &win->spp;

	ck_assert(!spp->tokens && !spp->cache);
	ck_assert_uint_eq(spp->store_files.n, 0);
	ck_assert_uint_eq(spp->xrm_ms, 0);
	ck_assert_str_eq(spp->key_channel, "OEM:SLP");
	ck_assert(spp->oem_certificate);
	ck_assert_str_eq(spp->kms_host, "kms.old.example");
	ck_assert_str_eq(spp->kms_port, "1689");
	ck_assert_uint_eq(spp->kms_keys.n, 2);
	ck_assert_str_eq(spp->kms_keys.v[0], SPP);
	ck_assert_str_eq(spp->kms_keys.v[1], SPP "\\55c92734-d682-4d71-983e-d6ec3f16059f");
	ck_assert(spp->skip_rearm);
	ck_assert_uint_eq(spp->sppuinotify_start, 4);
	ck_assert_uint_eq(spp->sppuinotify_disabled.n, 2);
}
END_TEST

START_TEST(no_product_key)
{
	WINDOWS("channel=none");

	ck_assert_ptr_null(win->spp.key_channel);
	ck_assert_ptr_null(win->spp.activation_id);
	/* too short, then of another type */
	merge(&f, "SOFTWARE", "[HIVE\\" NT "]\n\"DigitalProductId4\"=hex:f8,04,00,00\n");
	look(&f);
	ck_assert_ptr_null(win->spp.key_channel);
	merge(&f, "SOFTWARE", "[HIVE\\" NT "]\n\"DigitalProductId4\"=\"Volume:GVLK\"\n");
	look(&f);
	ck_assert_ptr_null(win->spp.key_channel);
	expect_no_refusal(&f);
}
END_TEST

START_TEST(odd_product_key)
{
	WINDOWS("activation-id=not a GUID, but something long");

	ck_assert_str_eq(win->spp.key_channel, "Volume:GVLK");
	ck_assert_ptr_null(win->spp.activation_id);
}
END_TEST

START_TEST(activation_id_is_lower_case)
{
	WINDOWS("activation-id=AE2EE509-1B34-41C0-ACB7-6D4650168915");

	ck_assert_str_eq(win->spp.activation_id, "ae2ee509-1b34-41c0-acb7-6d4650168915");
}
END_TEST

START_TEST(kms_host_of_one_product)
{
	WINDOWS("kb971033=absent");

	merge(&f, "SOFTWARE", "[HIVE\\" SPP "\\55c92734-d682-4d71-983e-d6ec3f16059f"
	    "\\ae2ee509-1b34-41c0-acb7-6d4650168915]\n\"KeyManagementServicePort\"=\"1700\"\n"
	    "[HIVE\\" SPP "\\Plugins]\n\"KeyManagementServiceName\"=\"none.example\"\n");
	look(&f);
	ck_assert_uint_eq(win->spp.kms_keys.n, 1);
	ck_assert(name_has_suffix(win->spp.kms_keys.v[0], "6d4650168915"));
	ck_assert_ptr_null(win->spp.kms_host);
}
END_TEST

/* ---- what Windows is in the middle of ---- */

START_TEST(pending_servicing)
{
	static const struct {
		const char *arg, *part;
	} kinds[] = {{"pending=reboot-pending", "RebootPending"},
	    {"pending=reboot-in-progress", "RebootInProgress"},
	    {"pending=packages-pending", "PackagesPending"},
	    {"pending=sessions-pending", "SessionsPending"}, {"pending=pending-xml", "pending.xml"},
	    {"pending=setup-execute", "SetupExecute"},
	    {"pending=reboot-pending,setup-execute", "RebootPending, SetupExecute"}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		WINDOWS(kinds[i].arg);

		ck_assert(win->pending_servicing);
		ck_assert_msg(name_contains(win->pending_reason, kinds[i].part), "%s",
		    win->pending_reason);
		expect_refusal(&f, ERR_PENDING, kinds[i].part);
	}
}
END_TEST

START_TEST(hibernated)
{
	static const struct {
		const char *arg;
		bool want;
	} kinds[] = {{"hiberfil=hibr", true}, {"hiberfil=wake", false}, {"hiberfil=zero", false},
	    {"hiberfil=none", false}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		WINDOWS(kinds[i].arg);

		ck_assert_msg(win->hibernated == kinds[i].want, "%s", kinds[i].arg);
		if (kinds[i].want)
			expect_refusal(&f, ERR_HIBERNATED, "hibernated");
		else
			expect_no_refusal(&f);
	}
	WINDOWS("kb971033=absent");
	put_text(&f, "hiberfil.sys", "HIBR");
	look(&f);
	ck_assert(win->hibernated);
	put_text(&f, "hiberfil.sys", "hi");
	look(&f);
	ck_assert(!win->hibernated);
}
END_TEST

START_TEST(several_refusals_kind_first)
{
	WINDOWS("version=6.3", "hiberfil=hibr", "dirty-hive=SYSTEM", "pending=reboot-pending");

	ck_assert_uint_eq(win->refusals.n, 4);
	ck_assert_int_eq(win->refusals.v[0].code, ERR_NOT_WINDOWS_7);
	for (size_t i = 1; i < win->refusals.n; i++)
		ck_assert_int_lt(win->refusals.v[i - 1].code, win->refusals.v[i].code);
}
END_TEST

/* ---- what it reads at the next boot ---- */

START_TEST(setup_complete)
{
	WINDOWS("setup-complete=crlf");

	ck_assert_str_eq(win->setup_complete.path, "/Windows/Setup/Scripts/SetupComplete.cmd");
	ck_assert(name_has_prefix(win->setup_complete.content.data, "@echo off\r\n"));
	ck_assert(!win->setup_complete.has_sd && !win->setup_complete.too_large);
	ck_assert_uint_eq(win->placed.n, 0);
	put_text(&f, "Windows/Setup/Scripts/w7prep/firstboot.cmd", "@echo off");
	put_text(&f, "Windows/Setup/Scripts/w7prep/deeper/x", "");
	look(&f);
	ck_assert_uint_eq(win->placed.n, 1);
	ck_assert_str_eq(win->placed.v[0].path, "/Windows/Setup/Scripts/w7prep/firstboot.cmd");
	ck_assert_str_eq(win->placed.v[0].content.data, "@echo off");
	remove_path(&f, "Windows/Setup");
	look(&f);
	ck_assert_ptr_null(win->setup_complete.path);
}
END_TEST

START_TEST(a_huge_script_is_not_read)
{
	WINDOWS("setup-complete=crlf");
	CLEANUP(free) char *path = path_join(f.dir, "Windows/Setup/Scripts/SetupComplete.cmd");

	ck_assert_int_eq(truncate(path, (1 << 20) + 1), 0);
	look(&f);
	ck_assert(win->setup_complete.too_large);
	ck_assert_uint_eq(win->setup_complete.content.len, 0);
	ck_assert_int_eq(truncate(path, 1 << 20), 0);
	look(&f);
	ck_assert(!win->setup_complete.too_large);
	ck_assert_uint_eq(win->setup_complete.content.len, 1 << 20);
}
END_TEST

START_TEST(answer_files_in_order)
{
	static const char *const order[] = {"/lab/answers.xml", "/Windows/Panther/Unattend/Unattend.xml",
	    "/Windows/Panther/Unattend/Autounattend.xml", "/Windows/Panther/unattend.xml",
	    "/Windows/Panther/autounattend.xml", "/Windows/System32/Sysprep/Unattend.xml",
	    "/Unattend.xml", "/Autounattend.xml"};
	WINDOWS("kb971033=absent");

	ck_assert_uint_eq(win->answer_files.n, 0);
	for (size_t i = sizeof(order) / sizeof(order[0]); i-- > 0;)
		put_text(&f, order[i] + 1, order[i]);
	merge(&f, "SYSTEM", "[HIVE\\Setup]\n\"UnattendFile\"=\"D:\\\\lab\\\\answers.xml\"\n");
	look(&f);
	ck_assert_uint_eq(win->answer_files.n, sizeof(order) / sizeof(order[0]));
	for (size_t i = 0; i < win->answer_files.n; i++) {
		ck_assert_str_eq(win->answer_files.v[i].path, order[i]);
		ck_assert_str_eq(win->answer_files.v[i].content.data, order[i]);
	}
}
END_TEST

START_TEST(answer_file_named_in_the_registry)
{
	static const struct {
		const char *value, *want;
	} names[] = {
	    {"%WINDIR%\\\\Panther\\\\unattend.xml", "/Windows/Panther/unattend.xml"},
	    {"%SystemDrive%\\\\x.xml", "/x.xml"},
	    {"C:\\\\WINDOWS\\\\PANTHER\\\\UNATTEND.XML", "/WINDOWS/PANTHER/UNATTEND.XML"},
	    {"\\\\\\\\server\\\\share\\\\unattend.xml", NULL},
	    {"C:\\\\Windows\\\\..\\\\..\\\\x.xml", NULL},
	    {"x.xml", NULL},
	    {"C:", NULL},
	};
	WINDOWS("kb971033=absent");

	put_text(&f, "x.xml", "");
	put_text(&f, "Windows/Panther/unattend.xml", "");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CLEANUP(free) char *text =
		    xasprintf("[HIVE\\Setup]\n\"UnattendFile\"=\"%s\"\n", names[i].value);

		merge(&f, "SYSTEM", text);
		look(&f);
		ck_assert_uint_ge(win->answer_files.n, 1);
		const char *first = win->answer_files.v[0].path;
		ck_assert_str_eq(first, names[i].want ? names[i].want : "/Windows/Panther/unattend.xml");
		/* found twice under two spellings is one file */
		ck_assert_uint_le(win->answer_files.n, 2);
	}
	expect_no_refusal(&f);
}
END_TEST

/* ---- hostile images ---- */

START_TEST(mutated_hives)
{
	static const char *const names[] = {"SYSTEM", "SOFTWARE"};
	WINDOWS("setup-complete=crlf");
	CLEANUP(error) struct error err = ERROR_INIT;
	uint32_t seed = 20090714;

	for (size_t h = 0; h < 2; h++) {
		CLEANUP(free) char *path =
		    xasprintf("%s/Windows/System32/config/%s", f.dir, names[h]);
		CLEANUP(buf) struct buf good = BUF_INIT;

		assert_ok(read_whole_file(path, 64 << 20, &good, &err), err);
		for (int round = 0; round < 150; round++) {
			CLEANUP(free) char *bad = xmemdup(good.data, good.len);
			size_t n = good.len;

			for (int i = 0; i < 40; i++) {
				seed = seed * 1664525u + 1013904223u;
				size_t at = round % 2 ? seed % n : seed % (n < 65536 ? n : 65536);
				bad[at] = (char)(seed >> 24);
			}
			if (round % 10 == 9)
				n = seed % n;
			CLEANUP(close) int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
			assert_ok(write_all(fd, bad, n, &err), err);
			look(&f);	/* any answer is good, a crash is not */
			ck_assert(f.rc == 1);
		}
		assert_ok(write_file_atomic(path, good.data, good.len, 0644, &err), err);
	}
	look(&f);
	expect_no_refusal(&f);
}
END_TEST

START_TEST(mutated_files)
{
	static const char *const paths[] = {"Windows/Setup/State/State.ini", "Windows/System32/cmd.exe",
	    "hiberfil.sys"};
	WINDOWS("arch=x86");
	CLEANUP(error) struct error err = ERROR_INIT;
	uint32_t seed = 7601;

	/* so that the program is asked for the processor */
	merge(&f, "SYSTEM", "[HIVE\\ControlSet001\\Control\\Session Manager\\Environment]\n"
	    "\"PROCESSOR_ARCHITECTURE\"=dword:00000000\n");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		CLEANUP(free) char *path = path_join(f.dir, paths[i]);
		char junk[600] = "MZ";

		for (int round = 0; round < 100; round++) {
			size_t n = round * 6u;

			for (size_t k = round % 2 ? 2 : 0x3c; k < n; k++) {
				seed = seed * 1664525u + 1013904223u;
				junk[k] = (char)(seed >> (round % 4 ? 24 : 30));
			}
			CLEANUP(close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
			assert_ok(write_all(fd, junk, n, &err), err);
			look(&f);
			ck_assert_int_eq(f.rc, 1);
		}
	}
}
END_TEST

START_TEST(looped_hives)
{
	static const char *const names[] = {"SYSTEM", "SOFTWARE"};

	for (size_t i = 0; i < 2; i++) {
		CLEANUP(free) char *arg = xasprintf("looped-hive=%s", names[i]);
		WINDOWS(arg);

			ck_assert_int_eq(f.rc, 1);
	}
}
END_TEST

START_TEST(directories_where_files_should_be)
{
	static const char *const paths[] = {"Windows/Setup/State/State.ini",
	    "Windows/Setup/Scripts/SetupComplete.cmd", "Windows/Panther/unattend.xml",
	    "Windows/System32/cmd.exe", "hiberfil.sys", "Windows/winsxs/pending.xml"};
	WINDOWS("setup-complete=crlf");

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		CLEANUP(free) char *inside = path_join(paths[i], "x");

		remove_path(&f, paths[i]);
		put_text(&f, inside, "");
	}
	look(&f);
	expect_no_refusal(&f);
	ck_assert_ptr_null(win->setup_complete.path);
	ck_assert_uint_eq(win->answer_files.n, 0);
	ck_assert(!win->pending_servicing && !win->hibernated);
}
END_TEST

START_TEST(strings_of_an_image_are_one_line)
{
	WINDOWS("version=6.3", "product-name=Evil\nrefusal: none\x1b[2J");

	ck_assert_ptr_null(strchr(win->refusals.v[0].message, '\n'));
	ck_assert_ptr_null(strchr(win->refusals.v[0].message, '\x1b'));
}
END_TEST

SUITE("windows", identity, server_and_rtm, lower_case_paths, other_directory_name,
    architecture_from_a_program, itanium, no_windows, encrypted_volume_holds_no_windows,
    other_versions, no_version, windows_pe, real_xp_hive, mixed_hives, real_windows_7_hive, dirty_hives,
    real_dirty_hive, damaged_hives, no_current_control_set, sealed_or_not, sealed_in_every_place,
    sysprep_without_generalize, generalization_state_proves_nothing, kb971033_installed,
    kb971033_on_x86, kb971033_absent, kb971033_staged, kb971033_without_package, kb971033_states,
    kb971033_spelled_otherwise, every_file_is_listed, a_wrong_task_id_deletes_nothing,
    a_task_without_its_tree_entry, sign_names, licensing, licensing_otherwise, no_product_key,
    odd_product_key, activation_id_is_lower_case, kms_host_of_one_product, pending_servicing,
    hibernated, several_refusals_kind_first, setup_complete, a_huge_script_is_not_read,
    answer_files_in_order, answer_file_named_in_the_registry, mutated_hives, mutated_files, looped_hives,
    directories_where_files_should_be, strings_of_an_image_are_one_line)
