/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Facts: automatic activation, remote administration, the WMI rules of the firewall. */
#include "common/cleanup.h"
#include "common/text.h"
#include "image/hive.h"
#include "image/windows.h"

#define ACTIVATION_KEY                                                                             \
	"Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform\\Activation"
#define POLICIES_KEY "Microsoft\\Windows\\CurrentVersion\\Policies\\System"
#define FIREWALL_RULES "services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules"

/* The group's name is a resource of FirewallAPI.dll, so it is the same in every language. */
#define WMI_GROUP "|EmbedCtxt=@FirewallAPI.dll,-34251|"

/* A real control set has some hundred rules. */
#define MAX_RULES 20000

static int read_rule(struct hive *system, const char *key, const char *set, const char *name,
    struct win_policy *policy, struct error *err)
{
	CLEANUP(free) char *rule = NULL;
	int rc = hive_get_string(system, key, name, &rule, err);

	if (rc <= 0)
		return rc;
	if (!name_contains(rule, WMI_GROUP))
		return 0;
	struct win_firewall_rule *r = VEC_PUSH(&policy->wmi_rules);
	r->control_set = xstrdup(set);
	r->name = xstrdup(name);
	r->rule = steal_ptr(&rule);
	return 0;
}

static int read_rules(
    struct hive *system, const char *set, struct win_policy *policy, struct error *err)
{
	CLEANUP(free) char *key = xasprintf("%s\\" FIREWALL_RULES, set);
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	int rc = hive_values(system, key, &names, err);

	if (rc <= 0)
		return rc;
	if (names.n > MAX_RULES)
		return err_set(err, ERR_LIMIT, "SYSTEM\\%s holds %zu firewall rules", key, names.n);
	for (size_t i = 0; i < names.n; i++)
		if (read_rule(system, key, set, names.v[i], policy, err) < 0)
			return -1;
	return 0;
}

int win_policy_read(
    struct hive *software, struct hive *system, struct windows *win, struct error *err)
{
	struct win_policy *policy = &win->policy;

	if (hive_get_dword(software, ACTIVATION_KEY, "Manual", &policy->manual_activation, err) <
		0 ||
	    hive_get_dword(software, POLICIES_KEY, "LocalAccountTokenFilterPolicy",
		&policy->token_filter, err) < 0)
		return -1;
	for (size_t i = 0; i < win->control_sets.n; i++)
		if (read_rules(system, win->control_sets.v[i], policy, err) < 0)
			return -1;
	return 0;
}

void win_policy_free(struct win_policy *policy)
{
	for (size_t i = 0; i < policy->wmi_rules.n; i++) {
		free(policy->wmi_rules.v[i].control_set);
		free(policy->wmi_rules.v[i].name);
		free(policy->wmi_rules.v[i].rule);
	}
	free(policy->wmi_rules.v);
	*policy = (struct win_policy){0};
}
