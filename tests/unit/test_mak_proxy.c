/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What VAMT needs to reach a clone, and no more than that. */
#include "tests/unit/hook_plans.h"

#define RULE_TAIL                                                                                  \
	"App=%SystemRoot%\\system32\\svchost.exe|Svc=winmgmt|EmbedCtxt=@FirewallAPI.dll,-34251|"

static void add_rule(struct windows *win, const char *set_name, const char *name, const char *rule)
{
	struct win_firewall_rule *r = VEC_PUSH(&win->policy.wmi_rules);

	r->control_set = xstrdup(set_name);
	r->name = xstrdup(name);
	r->rule = xstrdup(rule);
}

/* As in a real Windows 7 (v2.10), and one of another version. */
static struct windows *with_rules(void)
{
	struct windows *win = facts();

	add_rule(win, "ControlSet001", "WMI-WINMGMT-In-TCP-NoScope",
	    "v2.10|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Domain|" RULE_TAIL);
	add_rule(win, "ControlSet001", "WMI-WINMGMT-In-TCP",
	    "v2.10|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Private|Profile=Public|"
	    "RA4=LocalSubnet|RA6=LocalSubnet|" RULE_TAIL);
	add_rule(win, "ControlSet002", "WMI-WINMGMT-In-TCP-NoScope",
	    "v2.22|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Domain|" RULE_TAIL);
	add_rule(win, "ControlSet001", "WMI-WINMGMT-Out-TCP-NoScope",
	    "v2.10|Action=Allow|Active=FALSE|Dir=Out|Protocol=6|Profile=Domain|" RULE_TAIL);
	return win;
}

static const char *rule(const struct windows *win, size_t i)
{
	return win->policy.wmi_rules.v[i].rule;
}

START_TEST(mak_proxy_opens_the_domain_rules)
{
	struct windows *win = with_rules();
	struct profile profile = profile_of(STRATEGY_MAK_PROXY);

	profile.vamt_access = VAMT_ACCESS_DOMAIN;
	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(win->policy.manual_activation, 1);
	ck_assert_uint_eq(win->policy.token_filter, 0);
	ck_assert_str_eq(rule(win, 0),
	    "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|" RULE_TAIL);
	ck_assert_str_eq(rule(win, 2),
	    "v2.22|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|" RULE_TAIL);
	ck_assert(strstr(rule(win, 1), "Active=FALSE") && strstr(rule(win, 3), "Active=FALSE"));
	ck_assert(win->spp.tokens);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(mak_proxy_limits_the_rules_to_vamt)
{
	struct windows *win = with_rules();
	struct profile profile = profile_of(STRATEGY_MAK_PROXY);

	profile.vamt_access = VAMT_ACCESS_WORKGROUP;
	profile.vamt_host = (char *)(uintptr_t) "192.0.2.10";
	struct plan p = converge(win, &profile);
	ck_assert_str_eq(rule(win, 1), "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile="
				       "Private|Profile=Public|" RULE_TAIL "RA4=192.0.2.10|");
	ck_assert(strstr(rule(win, 0), "Active=FALSE"));
	ck_assert_uint_eq(win->policy.token_filter, 1);
	assert_has_note(&p, "weakens UAC");
	plan_free(&p);

	profile.vamt_host = (char *)(uintptr_t) "[2001:db8::1]";
	p = converge(win, &profile);
	ck_assert(strstr(rule(win, 1), "|RA6=2001:db8::1|") && !strstr(rule(win, 1), "RA4"));
	plan_free(&p);

	profile.vamt_host = (char *)(uintptr_t) "vamt.example";
	p = converge(win, &profile);
	assert_has_note(&p, "not limited to vamt.example");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(mak_proxy_opens_nothing_unasked)
{
	struct windows *win = with_rules();
	struct profile profile = profile_of(STRATEGY_MAK_PROXY);
	struct plan p = converge(win, &profile);

	for (size_t i = 0; i < win->policy.wmi_rules.n; i++)
		ck_assert(strstr(rule(win, i), "Active=FALSE"));
	ck_assert_uint_eq(win->policy.token_filter, 0);
	ck_assert_uint_eq(win->placed.n, 0);
	assert_has_note(&p, "vamt_access");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(mak_proxy_installs_a_key_it_is_given)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_MAK_PROXY);
	CLEANUP(free) char *path = mak_file();

	profile.mak_key_file = path;
	struct plan p = converge(win, &profile);
	ck_assert(strvec_has(&p.placed, "mak.key"));
	ck_assert(name_contains(written(&p, PLACED "settings.cmd"), "W7_ACTIVATE=0"));
	plan_free(&p);
	unlink(path);
	drop(win);
}
END_TEST

SUITE("mak_proxy", mak_proxy_opens_the_domain_rules, mak_proxy_limits_the_rules_to_vamt,
    mak_proxy_opens_nothing_unasked, mak_proxy_installs_a_key_it_is_given)
