/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules, each a row: they come from the handout of the Dillingen academy for teachers,
 * "Windows 7 Produktaktivierung" (2011; "the handout" in the sentences below), KB4487266 and
 * Microsoft's volume activation guides. w7prep-strategies(7) has the same list for people.
 */
#include "profiles/strategy_lab.h"

#include "common/cleanup.h"
#include "common/text.h"

/* ---- what the rules ask ---- */

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

static bool longer_than_grace(const struct lab *l)
{
	return l->days > l->total;
}

static bool mak_recloned_often(const struct lab *l)
{
	return l->mak && lab_recloned_often(l);
}

static bool mak_many_recloned(const struct lab *l)
{
	return l->mak && lab_recloned_rarely(l) && l->seats >= KMS_MIN_CLIENTS;
}

static bool mak_few_recloned(const struct lab *l)
{
	return l->mak && lab_recloned_rarely(l);
}

static bool mak_never_recloned(const struct lab *l)
{
	return l->mak && lab_never_recloned(l);
}

/* ---- the rules of "strategy = auto" ---- */

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
	{lab_no_volume_edition, GO_ON,
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

	{lab_recloned_within_grace, STRATEGY_NONE,
	    "Re-cloned every {days} days, within the 30 days that Windows runs without "
	    "activation (handout, Initial Grace Period)"},
	{lab_recloned_with_rearms, STRATEGY_NONE,
	    "Re-cloned every {days} days, within the {total} that Windows runs without activation "
	    "when it is rearmed three times (handout, Initial Grace Period)"},
	{kms_possible, STRATEGY_KMS,
	    "KMS all the same: the licence is {licence}, there is no MAK, and no re-cloning "
	    "within {total} days that would do without activation"},
	{longer_than_grace, STRATEGY_SINGLE,
	    "Re-cloned every {days} days, longer than the {total} that Windows runs without "
	    "activation, and no volume key that could be used: each PC by itself (handout, "
	    "Einzelcomputer)"},
	{lab_never_recloned, STRATEGY_SINGLE,
	    "No regular re-cloning (no reclone_days) and no volume key that could be used: each "
	    "PC by itself (handout, Einzelcomputer)"},
};
/* clang-format on */

static void decide_auto(struct lab *l, struct strvec *reasons)
{
	/* the last two rules leave nothing out, so one of them decides */
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rules[i].holds(l))
			continue;
		strvec_take(reasons, lab_fill_in(l, rules[i].reason));
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
	struct lab l = lab_survey(p, image);

	*out = (struct strategy_decision){0};
	if (p->strategy == STRATEGY_AUTO)
		decide_auto(&l, &out->reasons);
	else
		take_as_said(p, &out->reasons);
	out->strategy = l.strategy;
	strategy_advise(&l, &out->advice);
}

void strategy_decision_free(struct strategy_decision *d)
{
	strvec_free(&d->reasons);
	strvec_free(&d->advice);
}
