/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KMS: the client setup key of exactly this edition, installed at first boot where the
 * image does not hold it, and the KMS host the profile names instead of one the image was
 * built with (a stale one is the classic 0xC004F074).
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "hooks/parts.h"

#define NAME "client_key"
#define HOST "KeyManagementServiceName"
#define PORT "KeyManagementServicePort"

/*
 * The key lives in tokens.dat; what DigitalProductId4 says counts only as long as that is
 * there and stays. Stripped before or by this plan: the same answer.
 */
static bool has_client_key(const struct plan_context *c)
{
	const struct spp *spp = &c->win->spp;

	return spp->tokens && spp_store_mode(c) == STRIP_NO && spp->key_channel &&
	       name_eq(spp->key_channel, "Volume:GVLK") && spp->activation_id &&
	       name_eq(spp->activation_id, c->edition->activation_id);
}

static void plan_value(struct plan *out, const char *value, const char *have, const char *want)
{
	if (want && (!have || strcmp(have, want) != 0))
		changeset_set_value(&out->changes, NAME, CHANGE_SOFTWARE, SPP_KEY, value,
		    hive_sz(want), "the KMS host of the profile");
	else if (!want && have)
		changeset_delete_value(&out->changes, NAME, CHANGE_SOFTWARE, SPP_KEY, value,
		    "left in the image, the profile does not name it: clients ask DNS "
		    "(_vlmcs._tcp)");
}

static void plan_host(const struct plan_context *c, struct plan *out)
{
	const struct spp *spp = &c->win->spp;
	CLEANUP(free)
	char *port = c->profile->kms_port ? xasprintf("%u", c->profile->kms_port) : NULL;

	plan_value(out, HOST, spp->kms_host, c->profile->kms_host);
	plan_value(out, PORT, spp->kms_port, port);
	/* Per-application keys override the main one. */
	for (size_t i = 0; i < spp->kms_keys.n; i++) {
		if (name_eq(spp->kms_keys.v[i], SPP_KEY))
			continue;
		changeset_delete_value(&out->changes, NAME, CHANGE_SOFTWARE, spp->kms_keys.v[i],
		    HOST, "would override the KMS host of the profile");
		changeset_delete_value(&out->changes, NAME, CHANGE_SOFTWARE, spp->kms_keys.v[i],
		    PORT, "would override the KMS port of the profile");
	}
}

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	(void)err;
	plan_host(c, out);
	if (!has_client_key(c)) {
		CLEANUP(free)
		char *reason = xasprintf(
		    "the client setup key of %s, installed at first boot", c->edition->name);
		const struct setting settings[] = {{"W7_KEY", c->edition->client_key}, {0}};
		place_settings(c, out, NAME, "key.cmd", settings, reason);
	}
	return 0;
}

static bool applies(const struct plan_context *c)
{
	return c->strategy == STRATEGY_KMS;
}

const struct hook hook_client_key = {
    .name = NAME,
    .summary = "KMS client setup key of the edition, KMS host and port",
    .applies = applies,
    .plan = plan,
};
