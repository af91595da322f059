/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record's text; tests/cli/profile.sh has the name servers' own programs read it. */
#include "profiles/kms_dns.h"
#include "tests/unit/unit.h"

static struct profile named(const char *host, unsigned port, const char *domain)
{
	return (struct profile){
	    .kms_host = (char *)host, .kms_port = port, .domain = (char *)domain};
}

static void expect(struct profile p, const char *bind, const char *dnsmasq, const char *windows)
{
	struct kms_dns d;
	const char *why;

	ck_assert_msg(kms_dns(&p, &d, &why), "%s", why);
	ck_assert_str_eq(d.bind, bind);
	ck_assert_str_eq(d.dnsmasq, dnsmasq);
	ck_assert_str_eq(d.windows, windows);
	kms_dns_free(&d);
}

START_TEST(host_in_the_domain)
{
	expect(named("kms.school.example", 0, "school.example"),
	    "_vlmcs._tcp.school.example. 3600 IN SRV 0 0 1688 kms.school.example.",
	    "srv-host=_vlmcs._tcp.school.example,kms.school.example,1688,0,0",
	    "dnscmd /RecordAdd school.example _vlmcs._tcp 3600 SRV 0 0 1688 kms.school.example.");
}
END_TEST

START_TEST(host_elsewhere_on_another_port)
{
	expect(named("kms.town.example", 1700, "school.example"),
	    "_vlmcs._tcp.school.example. 3600 IN SRV 0 0 1700 kms.town.example.",
	    "srv-host=_vlmcs._tcp.school.example,kms.town.example,1700,0,0",
	    "dnscmd /RecordAdd school.example _vlmcs._tcp 3600 SRV 0 0 1700 kms.town.example.");
}
END_TEST

START_TEST(short_host)
{
	expect(named("kms", 0, "school.example"),
	    "_vlmcs._tcp.school.example. 3600 IN SRV 0 0 1688 kms.school.example.",
	    "srv-host=_vlmcs._tcp.school.example,kms.school.example,1688,0,0",
	    "dnscmd /RecordAdd school.example _vlmcs._tcp 3600 SRV 0 0 1688 kms.school.example.");
}
END_TEST

START_TEST(no_domain_said)
{
	expect(named("kms.school.example", 0, NULL),
	    "_vlmcs._tcp.school.example. 3600 IN SRV 0 0 1688 kms.school.example.",
	    "srv-host=_vlmcs._tcp.school.example,kms.school.example,1688,0,0",
	    "dnscmd /RecordAdd school.example _vlmcs._tcp 3600 SRV 0 0 1688 kms.school.example.");
}
END_TEST

START_TEST(no_record)
{
	static const struct {
		const char *host, *domain, *why;
	} cases[] = {
	    {NULL, "school.example", "no kms_host"},
	    {"10.0.0.1", "school.example", "is an address"},
	    {"[2001:db8::1]", "school.example", "is an address"},
	    {"kms", NULL, "[lab] domain"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct profile p = named(cases[i].host, 0, cases[i].domain);
		struct kms_dns d;
		const char *why = NULL;

		ck_assert(!kms_dns(&p, &d, &why));
		ck_assert_msg(why && strstr(why, cases[i].why), "%zu: %s", i, why);
		kms_dns_free(&d);
	}
}
END_TEST

SUITE("kms_dns", host_in_the_domain, host_elsewhere_on_another_port, short_host, no_domain_said,
    no_record)
