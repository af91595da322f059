/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MAK proxy activation: VAMT comes to the clone through WMI. Its requirements (VAMT's
 * documentation, "Configure client computers"): the firewall's own rules for WMI, and in
 * a workgroup LocalAccountTokenFilterPolicy. Both let others in, so both only when the profile
 * says vamt_access.
 *
 * The rules are Windows' own, differ in their version prefix from one Windows to the next and
 * may have been edited: only what has to change in them is changed.
 */
#include <arpa/inet.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "hooks/parts.h"

#define NAME "mak_proxy"
#define POLICIES_KEY "Microsoft\\Windows\\CurrentVersion\\Policies\\System"
#define FIREWALL_RULES "services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules"

/* The rules of a domain's network are named so; the others are for private and public ones. */
#define DOMAIN_SUFFIX "-NoScope"

/* "RA4" or "RA6" when the profile names VAMT's host by address, else NULL. */
static const char *address_field(const char *host)
{
	unsigned char address[16];

	if (!host)
		return NULL;
	if (inet_pton(AF_INET, host, address) == 1)
		return "RA4";
	return inet_pton(AF_INET6, host, address) == 1 ? "RA6" : NULL;
}

/* Profiles write an IPv6 address in brackets. */
static char *bare_host(const char *host)
{
	size_t n = host ? strlen(host) : 0;

	if (n > 2 && host[0] == '[' && host[n - 1] == ']')
		return xstrndup(host + 1, n - 2);
	return host ? xstrdup(host) : NULL;
}

static bool is_field(const char *field, size_t n, const char *name)
{
	size_t len = strlen(name);

	return n > len && field[len] == '=' && strncasecmp(field, name, len) == 0;
}

/*
 * "v2.10|Action=Allow|Active=FALSE|…|": switched on and, when @field is given, open to
 * @host alone instead of whom it names.
 */
static char *open_rule(const char *rule, const char *field, const char *host)
{
	struct buf out = BUF_INIT;

	for (const char *p = rule; *p;) {
		size_t n = strcspn(p, "|"), whole = p[n] ? n + 1 : n;
		bool scope = is_field(p, n, "RA4") || is_field(p, n, "RA6");

		if (is_field(p, n, "Active"))
			buf_addf(&out, "Active=TRUE%s", p[n] ? "|" : "");
		else if (!scope || !field)
			buf_add(&out, p, whole);
		p += whole;
	}
	if (field)
		buf_addf(&out, "%s%s=%s|", out.len && out.data[out.len - 1] != '|' ? "|" : "",
		    field, host);
	return buf_steal(&out);
}

static bool is_wanted(const struct win_firewall_rule *r, enum vamt_access access)
{
	bool domain = name_has_suffix(r->name, DOMAIN_SUFFIX);

	return name_contains(r->rule, "|Dir=In|") && domain == (access == VAMT_ACCESS_DOMAIN);
}

static size_t open_rules(const struct plan_context *c, struct plan *out)
{
	CLEANUP(free) char *host = bare_host(c->profile->vamt_host);
	const char *field = address_field(host);
	const struct win_policy *policy = &c->win->policy;
	size_t found = 0;

	for (size_t i = 0; i < policy->wmi_rules.n; i++) {
		const struct win_firewall_rule *r = &policy->wmi_rules.v[i];

		if (!is_wanted(r, c->profile->vamt_access))
			continue;
		found++;
		CLEANUP(free) char *opened = open_rule(r->rule, field, host);
		if (strcmp(opened, r->rule) == 0)
			continue;
		CLEANUP(free) char *key = xasprintf("%s\\" FIREWALL_RULES, r->control_set);
		changeset_set_value(&out->changes, NAME, CHANGE_SYSTEM, key, r->name,
		    hive_sz(opened), "lets VAMT%s%s reach the clone through WMI",
		    field ? " on " : "", field ? host : "");
	}
	if (host && !field)
		strvec_addf(&out->notes,
		    "the firewall rules are not limited to %s: they take addresses, not names",
		    host);
	return found;
}

static void allow_local_admins(const struct plan_context *c, struct plan *out)
{
	if (c->win->policy.token_filter != 1)
		changeset_set_value(&out->changes, NAME, CHANGE_SOFTWARE, POLICIES_KEY,
		    "LocalAccountTokenFilterPolicy", hive_dword(1),
		    "in a workgroup VAMT logs on with a local account, which UAC would strip of "
		    "its rights");
	strvec_add(&out->notes,
	    "LocalAccountTokenFilterPolicy weakens UAC for remote logons: set it back when VAMT "
	    "is no longer used");
}

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	(void)err;
	if (c->profile->vamt_access == VAMT_ACCESS_NO) {
		strvec_add(&out->notes, "VAMT reaches the clones only where WMI is let through: "
					"group policy, or vamt_access "
					"in [activation]");
		return 0;
	}
	if (open_rules(c, out) == 0)
		strvec_add(&out->notes, "the image has no firewall rules of the group Windows "
					"Management Instrumentation: "
					"let WMI through by group policy");
	if (c->profile->vamt_access == VAMT_ACCESS_WORKGROUP)
		allow_local_admins(c, out);
	return 0;
}

static bool applies(const struct plan_context *c)
{
	return c->strategy == STRATEGY_MAK_PROXY;
}

const struct hook hook_mak_proxy = {
    .name = NAME,
    .summary = "lets VAMT reach the clones for proxy activation",
    .applies = applies,
    .plan = plan,
};
