/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DNS record by which KMS clients find their host: _vlmcs._tcp, an SRV record (RFC 2782). */
#ifndef W7PREP_PROFILES_KMS_DNS_H
#define W7PREP_PROFILES_KMS_DNS_H

#include <stdbool.h>

#include "profiles/profile.h"

#define KMS_SERVICE "_vlmcs._tcp"
#define KMS_PORT 1688u

struct kms_dns {
	char *zone;		/* of the clients; "school.example" */
	char *target;		/* the KMS host's full name */
	unsigned port;
	char *bind;		/* a line for the zone file */
	char *dnsmasq;		/* a line for dnsmasq.conf */
	char *windows;		/* a command for a Windows DNS server (dnscmd) */
};

/*
 * The record for the host that the profile names. False, with the reason in *why (static),
 * when none can be written: no host, a host named by its address, a domain that nobody names.
 * The zone is [lab] domain, else the part of the host's name after the first dot.
 */
bool kms_dns(const struct profile *p, struct kms_dns *out, const char **why);
void kms_dns_free(struct kms_dns *d);

#endif
