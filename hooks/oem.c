/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A vendor's installation activates itself from the SLIC table of the vendor's PCs, an OEM:SLP key
 * and a certificate. This hook looks for the last two and never plans a change.
 */
#include "common/text.h"
#include "hooks/parts.h"

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	const struct spp *spp = &c->win->spp;
	bool key = spp->key_channel && name_eq(spp->key_channel, "OEM:SLP");

	(void)err;
	if (key && spp->oem_certificate)
		strvec_add(&out->notes,
		    "OEM:SLP key and certificate are there: clones activate themselves on PCs of "
		    "that vendor");
	else
		strvec_addf(&out->notes,
		    "vendor activation is not complete in this image: %s%s%s not found",
		    key ? "" : "OEM:SLP key", key || spp->oem_certificate ? "" : " and ",
		    spp->oem_certificate ? "" : "certificate (System32\\oem\\*.xrm-ms)");
	return 0;
}

static bool applies(const struct plan_context *c)
{
	return c->strategy == STRATEGY_OEM;
}

const struct hook hook_oem = {
    .name = "oem",
    .summary = "looks for what a vendor's activation needs, changes nothing",
    .applies = applies,
    .plan = plan,
};
