/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/kms_dns.h"

#include <stdlib.h>
#include <string.h>

/* As long as a KMS host asks for when it registers itself. */
#define TTL 3600
#define PRIORITY 0
#define WEIGHT 0

/* SRV records point at names; in a profile an address is digits and dots, or in brackets. */
static bool is_address(const char *host)
{
	return host[0] == '[' || !host[strspn(host, "0123456789.")];
}

static void write_forms(struct kms_dns *d)
{
	d->bind = xasprintf("%s.%s. %d IN SRV %d %d %u %s.", KMS_SERVICE, d->zone, TTL, PRIORITY,
	    WEIGHT, d->port, d->target);
	d->dnsmasq = xasprintf("srv-host=%s.%s,%s,%u,%d,%d", KMS_SERVICE, d->zone, d->target,
	    d->port, PRIORITY, WEIGHT);
	d->windows = xasprintf("dnscmd /RecordAdd %s %s %d SRV %d %d %u %s.", d->zone, KMS_SERVICE,
	    TTL, PRIORITY, WEIGHT, d->port, d->target);
}

bool kms_dns(const struct profile *p, struct kms_dns *out, const char **why)
{
	const char *dot = p->kms_host ? strchr(p->kms_host, '.') : NULL;

	*out = (struct kms_dns){0};
	*why = NULL;
	if (!p->kms_host)
		*why = "the profile names no kms_host";
	else if (is_address(p->kms_host))
		*why = "a record needs the KMS host's name, and kms_host is an address";
	else if (!dot && !p->domain)
		*why = "say in [lab] domain in which DNS zone the clients look";
	if (*why)
		return false;
	out->zone = xstrdup(p->domain ? p->domain : dot + 1);
	out->target = dot ? xstrdup(p->kms_host) : xasprintf("%s.%s", p->kms_host, p->domain);
	out->port = p->kms_port ? p->kms_port : KMS_PORT;
	write_forms(out);
	return true;
}

void kms_dns_free(struct kms_dns *d)
{
	free(d->zone);
	free(d->target);
	free(d->bind);
	free(d->dnsmasq);
	free(d->windows);
	*d = (struct kms_dns){0};
}
