/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Automatic activation, remote administration and the WMI firewall rules as facts. */
#include <fcntl.h>

#include "common/fsutil.h"
#include "image/hive.h"
#include "image/windows.h"
#include "tests/fixtures/hivegen.h"
#include "tests/unit/unit.h"

#define ACTIVATION "Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform\\Activation"
#define POLICIES "Microsoft\\Windows\\CurrentVersion\\Policies\\System"
#define RULES "services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules"
#define GROUP "EmbedCtxt=@FirewallAPI.dll,-34251|"

/* The builder's hive, open for reading; frees the builder. */
static struct hive *open_built(struct hivegen *g)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	int fd = memfile("hive", &err);

	ck_assert_int_ge(fd, 0);
	assert_ok(hivegen_write_fd(g, fd, NULL, &err), err);
	hivegen_free(g);
	struct hive *h = hive_open(fd, "test hive", false, false, &err);
	ck_assert_msg(h != NULL, "%s", err.message);
	return h;
}

static void read_policy(struct hivegen *software, struct hivegen *system, struct windows *win)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct hive *soft = open_built(software), *sys = open_built(system);

	assert_ok(win_policy_read(soft, sys, win, &err), err);
	hive_close(soft);
	hive_close(sys);
}

START_TEST(nothing_there_is_nothing_found)
{
	struct windows win = {0};

	strvec_add(&win.control_sets, "ControlSet001");
	read_policy(hivegen_new(), hivegen_new(), &win);
	ck_assert_uint_eq(win.policy.manual_activation, 0);
	ck_assert_uint_eq(win.policy.token_filter, 0);
	ck_assert_uint_eq(win.policy.wmi_rules.n, 0);
	windows_free(&win);
}
END_TEST

START_TEST(each_is_found_where_it_is)
{
	struct windows win = {0};
	struct hivegen *software = hivegen_new(), *system = hivegen_new();

	hivegen_set_dword(software, ACTIVATION, "Manual", 1);
	hivegen_set_dword(software, POLICIES, "LocalAccountTokenFilterPolicy", 1);
	hivegen_set_sz(system, "ControlSet001\\" RULES, "WMI-RPCSS-In-TCP",
	    "v2.10|Active=FALSE|Dir=In|" GROUP);
	hivegen_set_sz(system, "ControlSet002\\" RULES, "Renamed", "v2.22|Active=TRUE|" GROUP);
	/* another group, another type, a control set that is not one */
	hivegen_set_sz(system, "ControlSet001\\" RULES, "WMI-Other", "v2.10|EmbedCtxt=mine|");
	hivegen_set_dword(system, "ControlSet001\\" RULES, "WMI-Number", 7);
	hivegen_set_sz(system, "Old\\" RULES, "WMI-RPCSS-In-TCP", "v2.10|" GROUP);
	strvec_add(&win.control_sets, "ControlSet001");
	strvec_add(&win.control_sets, "ControlSet002");
	read_policy(software, system, &win);
	ck_assert_uint_eq(win.policy.manual_activation, 1);
	ck_assert_uint_eq(win.policy.token_filter, 1);
	ck_assert_uint_eq(win.policy.wmi_rules.n, 2);
	ck_assert_str_eq(win.policy.wmi_rules.v[0].control_set, "ControlSet001");
	ck_assert_str_eq(win.policy.wmi_rules.v[0].name, "WMI-RPCSS-In-TCP");
	ck_assert_str_eq(win.policy.wmi_rules.v[1].rule, "v2.22|Active=TRUE|" GROUP);
	windows_free(&win);
}
END_TEST

START_TEST(real_windows_7_has_eight_rules_a_control_set)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *path = real_data("hives/win7sp1-x86-kb971033-SYSTEM.xz");
	struct windows win = {0};

	if (!path)
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct hive *system = hive_open(fd, path, false, false, &err);
	ck_assert_msg(system != NULL, "%s", err.message);
	struct hive *software = open_built(hivegen_new());
	strvec_add(&win.control_sets, "ControlSet001");
	strvec_add(&win.control_sets, "ControlSet002");
	assert_ok(win_policy_read(software, system, &win, &err), err);
	ck_assert_uint_eq(win.policy.wmi_rules.n, 16);
	for (size_t i = 0; i < win.policy.wmi_rules.n; i++)
		ck_assert(strstr(win.policy.wmi_rules.v[i].rule, "|Active=FALSE|"));
	hive_close(software);
	hive_close(system);
	close(fd);
	unlink(path);
	windows_free(&win);
}
END_TEST

SUITE("policy", nothing_there_is_nothing_found, each_is_found_where_it_is,
    real_windows_7_has_eight_rules_a_control_set)
