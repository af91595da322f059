/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Advice for any strategy, decided or said: what should also be done or known. */
#include "common/cleanup.h"
#include "common/text.h"
#include "profiles/strategy_lab.h"

static bool grace_would_do(const struct lab *l)
{
	return l->days && l->days <= l->total;
}

/* Longer than Windows runs, but not if the rearms are used later. */
static bool outlasts_grace_a_little(const struct lab *l)
{
	return l->days > l->total && l->days <= l->longest;
}

static bool outlasts_grace(const struct lab *l)
{
	return l->days > l->total && l->days > l->longest;
}

static bool kms_without_host(const struct lab *l)
{
	return !l->profile->kms_host && l->profile->domain;
}

static bool kms_without_host_or_domain(const struct lab *l)
{
	return !l->profile->kms_host && !l->profile->domain;
}

static bool known_too_few(const struct lab *l)
{
	return l->clients && l->clients < l->need;
}

static bool clients_not_said(const struct lab *l)
{
	return !l->clients;
}

static bool is_mobile(const struct lab *l)
{
	return l->mobile;
}

static bool unsealed_allowed(const struct lab *l)
{
	return !l->profile->require_sealed;
}

static bool licence_not_kms(const struct lab *l)
{
	return l->licence != LICENCE_KMS && l->licence != LICENCE_UNKNOWN;
}

static bool licence_not_mak(const struct lab *l)
{
	return !l->mak && l->licence != LICENCE_UNKNOWN && l->licence != LICENCE_MAK;
}

static bool mak_costs_activations(const struct lab *l)
{
	return lab_recloned_often(l) || (lab_recloned_rarely(l) && l->seats >= KMS_MIN_CLIENTS);
}

static bool image_not_oem(const struct lab *l)
{
	return l->edition_name && !l->oem_image;
}

static bool image_not_seen(const struct lab *l)
{
	return !l->edition_name;
}

static bool image_oem(const struct lab *l)
{
	return l->oem_key;
}

static bool kb_stays(const struct lab *l)
{
	return l->profile->kb971033 == KB971033_NO;
}

static bool licence_not_known(const struct lab *l)
{
	return l->licence == LICENCE_UNKNOWN && l->profile->strategy == STRATEGY_AUTO;
}

static bool many_seats(const struct lab *l)
{
	return l->seats >= KMS_MIN_CLIENTS;
}

static bool always(const struct lab *l)
{
	(void)l;
	return true;
}

#define ON(s) (1u << STRATEGY_##s)
#define VOLUME (ON(KMS) | ON(MAK) | ON(MAK_PROXY))

/* clang-format off */
static const struct {
	unsigned strategies;
	bool (*holds)(const struct lab *l);
	const char *advice;
} advices[] = {
	{VOLUME, lab_no_volume_edition,
	    "{edition} is not among the editions with volume activation (KB4487266): use a "
	    "Professional or Enterprise image, or strategy = single"},
	{VOLUME, image_oem,
	    "the image has a vendor's OEM:SLP key, which the volume key replaces: with "
	    "strategy = oem nothing needs to be activated on that vendor's PCs"},
	{VOLUME, kb_stays,
	    "KB971033 stays in the image (remove = no), and Microsoft strongly recommends to "
	    "uninstall it from every PC with a volume licence (KB4487266)"},

	{ON(KMS), known_too_few,
	    "the count will not be reached: {clients} of {need} KMS clients, and until then no PC "
	    "is activated (error 0xC004F038); with a MAK use mak or mak-proxy"},
	{ON(KMS), clients_not_said,
	    "say in [lab] kms_clients how many PCs ask the KMS host: it activates none before it "
	    "has seen {need}"},
	{ON(KMS), is_mobile,
	    "each PC has to reach the KMS host at least every 180 days, or it is no longer "
	    "activated; for PCs that are rarely there a MAK is better"},
	{ON(KMS), licence_not_kms,
	    "the licence is {licence}; KMS needs a KMS key, which goes on the KMS host and never on "
	    "a client"},
	{ON(KMS), unsealed_allowed,
	    "clones of an unsealed image share one client ID, and the KMS host counts them as one, "
	    "until each has rearmed Windows once: better seal the image with sysprep /generalize "
	    "(KB929829)"},
	{ON(KMS), kms_without_host,
	    "the clients look for their KMS host in DNS: check with nslookup -type=srv _vlmcs._tcp"},
	{ON(KMS), kms_without_host_or_domain,
	    "without a domain the clients seldom find the KMS host in DNS: name it in kms_host, "
	    "or add the _vlmcs._tcp record to the DNS zone they use"},

	{ON(MAK), mak_costs_activations,
	    "each re-cloning takes one of the MAK's counted activations for every PC: mak-proxy "
	    "uses the stored confirmation IDs again"},
	{ON(MAK) | ON(MAK_PROXY), licence_not_mak,
	    "the licence is {licence}; this strategy needs a MAK"},
	{ON(MAK_PROXY), always,
	    "VAMT has to reach the clones (WMI through their firewall) and keeps the confirmation "
	    "IDs: activate by proxy after each re-cloning, and back its data up"},
	{ON(MAK_PROXY), lab_never_recloned,
	    "for PCs that are not re-cloned regularly strategy = mak is simpler"},
	{ON(MAK_PROXY), lab_recloned_within_grace,
	    "re-cloned every {days} days these PCs may do without activation as well: "
	    "strategy = none"},

	{ON(NONE), lab_recloned_with_rearms,
	    "{days} days are more than the 30 of one grace period: each PC has to use {rearms} of "
	    "the three rearms that Windows allows (slmgr /rearm), each with a restart, and runs "
	    "{total} days with all three; an image that was generalized before may have fewer left "
	    "(slmgr /dlv shows them)"},
	{ON(NONE), outlasts_grace_a_little,
	    "re-cloned too rarely: {days} days are more than the {total} that Windows runs without "
	    "activation when it is rearmed with {left} days left; with rearm_when_days_left = 1 it "
	    "is {longest}"},
	{ON(NONE), outlasts_grace,
	    "re-cloned too rarely: {days} days are more than the {total} that Windows runs without "
	    "activation; after that the desktop turns black and reminders appear"},
	{ON(NONE), lab_never_recloned,
	    "say in [lab] reclone_days how often the PCs are re-cloned: without activation "
	    "Windows runs 30 days, with three rearms {total}"},
	{ON(NONE), unsealed_allowed,
	    "only sysprep /generalize or a rearm begins a new grace period: clones of an unsealed "
	    "image go on with what is left of the image's own"},
	{ON(NONE), always,
	    "a licence for each PC is needed all the same: activation is not licensing"},

	{ON(OEM), image_not_oem,
	    "this image lacks an OEM:SLP key or the vendor's certificate (System32\\oem): it will "
	    "not activate itself"},
	{ON(OEM), image_not_seen,
	    "the image has to be the vendor's, with its OEM:SLP key and certificate, and the PCs "
	    "that vendor's, with the matching SLIC in the BIOS"},

	{ON(SINGLE), many_seats,
	    "{seats} PCs one by one is much work: ask whether the school's contract includes a KMS "
	    "key or a MAK, and say so in [lab] licence"},
	{ON(SINGLE), grace_would_do,
	    "re-cloning every {days} days undoes each PC's activation: strategy = none may do"},
	{ON(SINGLE), always,
	    "activate each PC once, then keep an image of that PC: put back on the same hardware "
	    "it stays activated"},
	{ON(NONE) | ON(SINGLE), licence_not_known,
	    "the profile does not say which key the school has: with licence = kms or mak in [lab] "
	    "this may be decided otherwise"},
};
/* clang-format on */

void strategy_advise(const struct lab *l, struct strvec *advice)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (advices[i].strategies & 1u << l->strategy && advices[i].holds(l))
			strvec_take(advice, lab_fill_in(l, advices[i].advice));
}
