/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules, each a row: they come from the handout of the Dillingen academy for teachers,
 * "Windows 7 Produktaktivierung" (2011; "the handout" in the sentences below), KB4487266 and
 * Microsoft's volume activation guides. w7prep-strategies(7) has the same list for people.
 */
#include "profiles/strategy.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "profiles/editions.h"

#define KMS_MIN_CLIENTS 25 /* a KMS host activates Windows 7 from here on … */
#define KMS_MIN_SERVERS 5  /* … and servers from here on */
#define OFTEN_DAYS 120     /* re-cloned within so many: regularly */

/* What the rules look at: profile and image, with what each implies for the other. */
struct lab {
	enum strategy strategy; /* the profile's; then the one decided on */
	const struct profile *profile;
	const char *edition_name; /* of the image; NULL: there is no image */
	bool oem_image;           /* it activates itself on the vendor's PCs */
	bool oem_key;             /* OEM:SLP, with or without the certificate */
	bool volume;              /* its edition, if known, can be volume activated */
	enum lab_licence licence;
	const char *licence_from; /* where that is known from */
	bool mak;                 /* a MAK can be used */
	bool mobile;
	unsigned clients, need, days, seats;
	unsigned left;           /* days left when a rearm is used */
	unsigned total, longest; /* days without activation with that, and with 1 */
};

/* How the licence is known when [lab] does not say: a key in hand, then the image's key. */
static void infer_licence(struct lab *l, const struct strategy_image *image)
{
	const char *channel = image->key_channel ? image->key_channel : "";

	l->licence = l->profile->licence;
	l->licence_from = "the profile says so";
	if (l->licence != LICENCE_UNKNOWN)
		return;
	if (l->profile->kms_host) {
		l->licence = LICENCE_KMS;
		l->licence_from = "the profile names a KMS host";
	} else if (l->profile->mak_key_file) {
		l->licence = LICENCE_MAK;
		l->licence_from = "the profile names a file with a MAK";
	} else if (name_eq(channel, "Volume:MAK")) {
		l->licence = LICENCE_MAK;
		l->licence_from = "the key in the image is one";
	} else if (name_eq(channel, "Retail") || name_eq(channel, "OEM:COA") ||
		   name_eq(channel, "OEM:NONSLP")) {
		l->licence = LICENCE_RETAIL;
		l->licence_from = "the key in the image is one";
	}
}

static struct lab survey(const struct profile *p, const struct strategy_image *image)
{
	struct lab l = {.strategy = p->strategy, .profile = p};

	const struct edition *edition = image->edition ? edition_find(image->edition) : NULL;
	l.edition_name = edition ? edition->name : image->edition;
	l.volume = !image->edition || (edition && edition->client_key);
	l.oem_key = image->key_channel && name_eq(image->key_channel, "OEM:SLP");
	l.oem_image = l.oem_key && image->oem_certificate;
	infer_licence(&l, image);
	l.mak =
	    l.volume && (l.licence == LICENCE_MAK || (l.licence == LICENCE_KMS && p->mak_key_file));
	l.mobile = p->mobile == YES;
	l.seats = p->seats;
	l.clients = p->kms_clients ? p->kms_clients : p->seats;
	l.need = edition && edition->server ? KMS_MIN_SERVERS : KMS_MIN_CLIENTS;
	l.days = p->reclone_days;
	l.left = p->rearm_when_days_left;
	l.total = strategy_days_without_activation(l.left);
	l.longest = strategy_days_without_activation(1);
	return l;
}

unsigned strategy_days_without_activation(unsigned days_left)
{
	return GRACE_DAYS + REARMS * (GRACE_DAYS - days_left);
}

/* How many rearms it takes to run as long as the lab wants. */
static unsigned rearms_needed(const struct lab *l)
{
	unsigned each = GRACE_DAYS - l->left;

	return l->days > GRACE_DAYS ? (l->days - GRACE_DAYS + each - 1) / each : 0;
}

static void add_placeholder(struct buf *b, const struct lab *l, const char *name, size_t n)
{
	const struct {
		const char *name;
		unsigned number;
	} numbers[] = {
	    {"clients", l->clients},
	    {"need", l->need},
	    {"days", l->days},
	    {"seats", l->seats},
	    {"left", l->left},
	    {"total", l->total},
	    {"longest", l->longest},
	    {"rearms", rearms_needed(l)},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strlen(numbers[i].name) == n && strncmp(name, numbers[i].name, n) == 0)
			buf_addf(b, "%u", numbers[i].number);
	if (strncmp(name, "edition", n) == 0)
		buf_adds(b, l->edition_name);
	else if (strncmp(name, "licence", n) == 0)
		buf_addf(b, "%s (%s)", profile_key_find("licence")->choices[l->licence],
		    l->licence_from);
}

/* Put the numbers of the lab where a sentence has {clients}, {need}, {days} and the like. */
static char *fill_in(const struct lab *l, const char *sentence)
{
	struct buf b = BUF_INIT;

	for (const char *p = sentence; *p;) {
		size_t n = strcspn(p, "{");

		buf_add(&b, p, n);
		p += n;
		if (!*p)
			break;
		n = strcspn(++p, "}");
		add_placeholder(&b, l, p, n);
		p += n + 1;
	}
	return buf_steal(&b);
}

/* ---- what the rules ask ------------------------------------------------ */

static bool has_kms_key(const struct lab *l)
{
	return l->volume && l->licence == LICENCE_KMS;
}

static bool vendor_image(const struct lab *l)
{
	return l->oem_image && l->licence != LICENCE_KMS && l->licence != LICENCE_MAK;
}

static bool vendor_image_under_volume_licence(const struct lab *l)
{
	return l->oem_image && (l->licence == LICENCE_KMS || l->licence == LICENCE_MAK);
}

static bool vendor_licence_no_image(const struct lab *l)
{
	return l->licence == LICENCE_OEM && !l->edition_name;
}

static bool vendor_licence_other_image(const struct lab *l)
{
	return l->licence == LICENCE_OEM && l->edition_name && !l->oem_image;
}

static bool no_volume_edition(const struct lab *l)
{
	return !l->volume;
}

static bool retail_keys(const struct lab *l)
{
	return l->licence == LICENCE_RETAIL;
}

static bool enough_clients(const struct lab *l)
{
	return has_kms_key(l) && l->clients >= l->need;
}

static bool enough_stationary_clients(const struct lab *l)
{
	return enough_clients(l) && !l->mobile;
}

static bool unknown_clients(const struct lab *l)
{
	return has_kms_key(l) && !l->clients;
}

static bool unknown_stationary_clients(const struct lab *l)
{
	return unknown_clients(l) && !l->mobile;
}

static bool too_few_clients(const struct lab *l)
{
	return has_kms_key(l) && l->clients && l->clients < l->need;
}

static bool mobile_with_kms_key(const struct lab *l)
{
	return has_kms_key(l) && l->mobile;
}

static bool kms_possible(const struct lab *l)
{
	return enough_clients(l) || unknown_clients(l);
}

static bool recloned_within_grace(const struct lab *l)
{
	return l->days && l->days <= GRACE_DAYS;
}

static bool recloned_with_rearms(const struct lab *l)
{
	return l->days > GRACE_DAYS && l->days <= l->total;
}

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

static bool longer_than_grace(const struct lab *l)
{
	return l->days > l->total;
}

static bool recloned_often(const struct lab *l)
{
	return l->days && l->days <= OFTEN_DAYS;
}

static bool recloned_rarely(const struct lab *l)
{
	return l->days > OFTEN_DAYS;
}

static bool never_recloned(const struct lab *l)
{
	return !l->days;
}

static bool mak_recloned_often(const struct lab *l)
{
	return l->mak && recloned_often(l);
}

static bool mak_many_recloned(const struct lab *l)
{
	return l->mak && recloned_rarely(l) && l->seats >= KMS_MIN_CLIENTS;
}

static bool mak_few_recloned(const struct lab *l)
{
	return l->mak && recloned_rarely(l);
}

static bool mak_never_recloned(const struct lab *l)
{
	return l->mak && never_recloned(l);
}

/* ---- the rules of "strategy = auto" ------------------------------------ */

#define GO_ON STRATEGY_AUTO /* a reason to pass something over; the next rule decides */

/* clang-format off */
static const struct rule {
	bool (*holds)(const struct lab *l);
	enum strategy strategy;
	const char *reason;
} rules[] = {
	{vendor_image, STRATEGY_OEM,
	    "The image has a vendor's OEM:SLP key and certificate: it activates itself on that "
	    "vendor's PCs (handout, OEM Pre-Activation)"},
	{vendor_image_under_volume_licence, GO_ON,
	    "The image has a vendor's OEM:SLP key, but the licence is {licence}: the volume key "
	    "takes its place"},
	{vendor_licence_no_image, STRATEGY_OEM,
	    "The licence is {licence}; a vendor's image activates itself on that vendor's PCs "
	    "(handout, OEM Pre-Activation)"},
	{vendor_licence_other_image, GO_ON,
	    "The licence is {licence}, but this image lacks an OEM:SLP key or the vendor's "
	    "certificate, so it cannot activate itself (handout, OEM Pre-Activation)"},
	{no_volume_edition, GO_ON,
	    "{edition} is not among the editions with volume activation, so neither KMS nor a MAK "
	    "can be used (KB4487266)"},
	{retail_keys, GO_ON,
	    "The licence is {licence}; such keys are for single PCs, not for KMS or a MAK"},

	{enough_stationary_clients, STRATEGY_KMS,
	    "The licence is {licence}, and {clients} KMS clients reach the {need} that a KMS host "
	    "waits for; it does not count activations, so re-cloning costs none (handout, KMS)"},
	{unknown_stationary_clients, STRATEGY_KMS,
	    "The licence is {licence}; the profile does not say how many KMS clients there are, "
	    "and KMS is right from {need} on (handout, KMS)"},
	{mobile_with_kms_key, GO_ON,
	    "These PCs are rarely on the school's network, and KMS has to be renewed there at "
	    "least every 180 days: that speaks against KMS (handout, KMS)"},
	{too_few_clients, GO_ON,
	    "{clients} KMS clients do not reach the {need} that a KMS host waits for before it "
	    "activates anybody: no KMS (handout, KMS)"},

	{mak_recloned_often, STRATEGY_MAK_PROXY,
	    "Re-cloned every {days} days with a MAK, which counts each activation: by proxy the "
	    "stored confirmation IDs are used again and cost nothing (handout, MAK Proxy)"},
	{mak_many_recloned, STRATEGY_MAK_PROXY,
	    "Re-cloning {seats} PCs every {days} days would take {seats} of the MAK's counted "
	    "activations each time: by proxy it takes none (handout, MAK Proxy)"},
	{mak_few_recloned, STRATEGY_MAK,
	    "Few PCs that are re-cloned only every {days} days: the MAK's counted activations "
	    "suffice (handout, MAK)"},
	{mak_never_recloned, STRATEGY_MAK,
	    "No regular re-cloning (no reclone_days): each PC takes one of the MAK's counted "
	    "activations, once (handout, MAK)"},

	{recloned_within_grace, STRATEGY_NONE,
	    "Re-cloned every {days} days, within the 30 days that Windows runs without "
	    "activation (handout, Initial Grace Period)"},
	{recloned_with_rearms, STRATEGY_NONE,
	    "Re-cloned every {days} days, within the {total} that Windows runs without activation "
	    "when it is rearmed three times (handout, Initial Grace Period)"},
	{kms_possible, STRATEGY_KMS,
	    "KMS all the same: the licence is {licence}, there is no MAK, and no re-cloning "
	    "within {total} days that would do without activation"},
	{longer_than_grace, STRATEGY_SINGLE,
	    "Re-cloned every {days} days, longer than the {total} that Windows runs without "
	    "activation, and no volume key that could be used: each PC by itself (handout, "
	    "Einzelcomputer)"},
	{never_recloned, STRATEGY_SINGLE,
	    "No regular re-cloning (no reclone_days) and no volume key that could be used: each "
	    "PC by itself (handout, Einzelcomputer)"},
};
/* clang-format on */

/* ---- advice for any strategy, decided or said -------------------------- */

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
	return recloned_often(l) || (recloned_rarely(l) && l->seats >= KMS_MIN_CLIENTS);
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
	{VOLUME, no_volume_edition,
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
	{ON(MAK_PROXY), never_recloned,
	    "for PCs that are not re-cloned regularly strategy = mak is simpler"},
	{ON(MAK_PROXY), recloned_within_grace,
	    "re-cloned every {days} days these PCs may do without activation as well: "
	    "strategy = none"},

	{ON(NONE), recloned_with_rearms,
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
	{ON(NONE), never_recloned,
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

static void decide_auto(struct lab *l, struct strvec *reasons)
{
	/* the last two rules leave nothing out, so one of them decides */
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rules[i].holds(l))
			continue;
		strvec_take(reasons, fill_in(l, rules[i].reason));
		l->strategy = rules[i].strategy;
		if (l->strategy != GO_ON)
			return;
	}
}

static void take_as_said(const struct profile *p, struct strvec *reasons)
{
	const struct profile_source *at =
	    p->sources ? profile_source(p, profile_key_find("strategy")) : NULL;

	if (at)
		strvec_addf(reasons, "The profile says strategy = %s (%s:%u)",
		    strategy_name(p->strategy), at->file, at->line);
	else
		strvec_addf(reasons, "The profile says strategy = %s", strategy_name(p->strategy));
}

void strategy_decide(
    const struct profile *p, const struct strategy_image *image, struct strategy_decision *out)
{
	struct lab l = survey(p, image);

	*out = (struct strategy_decision){0};
	if (p->strategy == STRATEGY_AUTO)
		decide_auto(&l, &out->reasons);
	else
		take_as_said(p, &out->reasons);
	out->strategy = l.strategy;
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (advices[i].strategies & 1u << l.strategy && advices[i].holds(&l))
			strvec_take(&out->advice, fill_in(&l, advices[i].advice));
}

void strategy_decision_free(struct strategy_decision *d)
{
	strvec_free(&d->reasons);
	strvec_free(&d->advice);
}
