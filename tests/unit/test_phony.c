/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The phony Windows 7: does it hold what its options say? Looked at with hivex's tools. */
#include <fcntl.h>

#include "common/fsutil.h"
#include "common/proc.h"
#include "tests/fixtures/phony.h"
#include "tests/unit/unit.h"

struct tree {
	char *dir;
};

/* A tree with options up to a NULL; NULL as the only one for the defaults. */
static struct tree make(const char *const args[])
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct phony_options o;
	struct tree t = {scratch_create(NULL, &err)};

	phony_init(&o);
	for (size_t i = 0; args && args[i]; i++)
		assert_ok(phony_set(&o, args[i], &err), err);
	assert_ok(phony_tree(t.dir, &o, &err), err);
	phony_free(&o);
	return t;
}
#define TREE(...) __attribute__((cleanup(drop))) struct tree t = \
	make((const char *const[]){__VA_ARGS__, NULL})

static void drop(struct tree *t)
{
	scratch_remove(t->dir);
	free(t->dir);
}

static bool exists(const struct tree *t, const char *path)
{
	CLEANUP(free) char *full = path_join(t->dir, path);

	return access(full, F_OK) == 0;
}

/* A value as hivexget prints it, "" when it is not there. */
static char *get(const struct tree *t, const char *hive, const char *key, const char *name)
{
	CLEANUP(free) char *path = xasprintf("%s/Windows/System32/config/%s", t->dir, hive);
	const char *const argv[] = {"hivexget", path, key, name, NULL};
	struct buf out = BUF_INIT;

	if (run_tool(argv, &out, NULL) < 0)
		buf_reset(&out);
	buf_add(&out, "", 0);
	char *s = buf_steal(&out);
	s[strcspn(s, "\n")] = '\0';
	return s;
}

#define assert_value(t, hive, key, name, want) \
	do { \
		CLEANUP(free) char *got_ = get(t, hive, key, name); \
		ck_assert_msg(strcmp(got_, want) == 0, "%s!%s: \"%s\"", key, name, got_); \
	} while (0)

#define NT "\\Microsoft\\Windows NT\\CurrentVersion"
#define CBS "\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"
#define PACKAGE "Microsoft-Windows-Security-WindowsActivationTechnologies-Package~" \
	"31bf3856ad364e35~%s~~7.1.7600.16395"

START_TEST(defaults)
{
	TREE("tokens=yes");
	CLEANUP(free) char *mum = xasprintf("Windows/servicing/Packages/" PACKAGE ".mum", "amd64");
	CLEANUP(free) char *key = xasprintf(CBS "\\Packages\\" PACKAGE, "amd64");

	assert_value(&t, "SOFTWARE", NT, "ProductName", "Windows 7 Enterprise");
	assert_value(&t, "SOFTWARE", NT, "CSDVersion", "Service Pack 1");
	assert_value(&t, "SOFTWARE", key, "CurrentState", "112");
	assert_value(&t, "SYSTEM", "\\Select", "Current", "1");
	assert_value(&t, "SYSTEM", "\\ControlSet002\\services\\WatAdminSvc", "Start", "3");
	assert_value(&t, "SYSTEM", "\\Setup", "CmdLine", "oobe\\windeploy.exe");
	ck_assert(exists(&t, mum));
	ck_assert(exists(&t, "Windows/SysWOW64/Wat/npWatWeb.dll"));
	ck_assert(!exists(&t, "hiberfil.sys"));
}
END_TEST

START_TEST(another_kind_of_windows)
{
	TREE("edition=HomePremium", "arch=x86", "build=7600", "kb971033=absent", "channel=oem",
	    "sealed=no", "tokens=no", "xrm=no", "computer_name=PC-17", "setup-complete=utf16",
	    "hiberfil=hibr");

	assert_value(&t, "SOFTWARE", NT, "ProductName", "Windows 7 Home Premium");
	assert_value(&t, "SOFTWARE", NT, "CSDVersion", "");
	assert_value(&t, "SOFTWARE", "\\Microsoft\\Windows\\CurrentVersion\\Setup\\State",
	    "ImageState", "IMAGE_STATE_COMPLETE");
	assert_value(&t, "SYSTEM", "\\ControlSet001\\Control\\Session Manager\\Environment",
	    "PROCESSOR_ARCHITECTURE", "x86");
	assert_value(&t, "SYSTEM", "\\ControlSet001\\Control\\ComputerName\\ComputerName",
	    "ComputerName", "PC-17");
	ck_assert(exists(&t, "Windows/System32/oem/OEMCERT.xrm-ms"));
	ck_assert(!exists(&t, "Windows/System32/spp"));
	ck_assert(!exists(&t, "Windows/System32/Wat"));
	ck_assert(!exists(&t, "Windows/ServiceProfiles"));
	ck_assert(!exists(&t, "Windows/SysWOW64"));
	ck_assert(exists(&t, "Windows/Setup/Scripts/SetupComplete.cmd"));
	ck_assert(exists(&t, "hiberfil.sys"));
}
END_TEST

START_TEST(leftovers_and_obstacles)
{
	TREE("kms-host=old-kms", "kms-port=1689", "skip-rearm=yes", "sppuinotify-disabled=yes",
	    "pending=reboot-pending,setup-execute,pending-xml", "kb971033=staged");
	CLEANUP(free) char *key = xasprintf(CBS "\\Packages\\" PACKAGE, "amd64");

	ck_assert(exists(&t, "Windows/winsxs/pending.xml"));
	ck_assert(!exists(&t, "Windows/System32/Wat"));
	assert_value(&t, "SOFTWARE", key, "CurrentState", "64");
	assert_value(&t, "SOFTWARE", NT "\\SoftwareProtectionPlatform", "KeyManagementServiceName",
	    "old-kms");
	assert_value(&t, "SOFTWARE", NT "\\SoftwareProtectionPlatform", "KeyManagementServicePort",
	    "1689");
	assert_value(&t, "SOFTWARE", NT "\\SoftwareProtectionPlatform", "SkipRearm", "1");
	assert_value(&t, "SYSTEM", "\\ControlSet001\\services\\sppuinotify", "Start", "4");
	assert_value(&t, "SYSTEM", "\\ControlSet001\\services\\TrustedInstaller", "Start", "2");
}
END_TEST

START_TEST(paths_in_lower_case)
{
	TREE("lower-case=yes");

	ck_assert(exists(&t, "windows/system32/config/software"));
	ck_assert(exists(&t, "windows/syswow64/wat/watweb.dll"));
	ck_assert(!exists(&t, "Windows"));
}
END_TEST

START_TEST(hives_that_must_be_refused)
{
	TREE("dirty-hive=SYSTEM", "broken-hive=SOFTWARE", "missing-hive=SAM",
	    "big-value=DEFAULT\\Environment");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf b = BUF_INIT;
	CLEANUP(free) char *path = xasprintf("%s/Windows/System32/config/SYSTEM", t.dir);

	assert_ok(read_whole_file(path, 64 << 20, &b, &err), err);
	ck_assert_int_eq(b.data[4], 118);
	ck_assert_int_eq(b.data[8], 117);
	assert_value(&t, "SOFTWARE", NT, "ProductName", "");
	ck_assert(!exists(&t, "Windows/System32/config/SAM"));
	CLEANUP(free) char *big = get(&t, "DEFAULT", "\\Environment", "PhonyBigValue");
	ck_assert_uint_gt(strlen(big), 0);
}
END_TEST

START_TEST(bad_options_are_refused)
{
	static const char *const bad[] = {"editon=x", "arch=ia64", "tokens=maybe", "build=seven",
	    "sealed", "pending=reboot-pending,nonsense"};
	CLEANUP(error) struct error err = ERROR_INIT;
	struct phony_options o;

	phony_init(&o);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(phony_set(&o, bad[i], &err), err, ERR_USAGE);
	ck_assert_str_eq(o.arch, "amd64");
	phony_free(&o);
}
END_TEST

SUITE("phony", defaults, another_kind_of_windows, leftovers_and_obstacles,
    paths_in_lower_case, hives_that_must_be_refused, bad_options_are_refused)
