/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the values of a profile say together. Each contradiction names both lines. */
#include <stdarg.h>
#include <string.h>

#include "common/cleanup.h"
#include "profiles/profile_priv.h"

#define STRATEGY(s) (1u << STRATEGY_##s)
#define ALL_BUT_AUTO (~STRATEGY(AUTO))

static const struct profile_source *said(const struct profile *p, const char *key)
{
	return profile_source(p, profile_key_find(key));
}

/* "key = value", and where: for the second half of a message. */
static char *quote(const struct profile *p, const char *key)
{
	CLEANUP(free) char *value = profile_value(p, profile_key_find(key));
	const struct profile_source *at = said(p, key);

	if (!at)
		return xasprintf("%s = %s (the default)", key, value);
	return xasprintf("%s = %s (%s:%u)", key, value, at->file, at->line);
}

/* @key as written at its own line, against @other as written or by default. */
static void contradiction(const struct profile *p, struct complaints *c, const char *key,
    const char *other, const char *why, const char *hint)
{
	CLEANUP(free) char *value = profile_value(p, profile_key_find(key));
	CLEANUP(free) char *second = quote(p, other);
	const struct profile_source *at = said(p, key);

	complain(
	    c, at->file, at->line, hint, "%s = %s contradicts %s: %s", key, value, second, why);
}

static void warn(struct profile *p, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void warn(struct profile *p, const char *key, const char *fmt, ...)
{
	const struct profile_source *at = said(p, key);
	struct buf b = BUF_INIT;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (at)
		buf_addf(&b, "%s:%u: ", at->file, at->line);
	else
		buf_addf(&b, "%s: ", p->path);
	buf_adds(&b, text ? text : "out of memory");
	free(text);
	strvec_take(&p->warnings, buf_steal(&b));
}

/* Keys that say something only under some strategies. */
static const struct {
	const char *key;
	unsigned strategies; /* where it has a meaning; auto may come to any */
	const char *meant_for;
} partial_keys[] = {
    {"kms_host", STRATEGY(AUTO) | STRATEGY(KMS), "kms"},
    {"kms_port", STRATEGY(AUTO) | STRATEGY(KMS), "kms"},
    {"vamt_host", STRATEGY(AUTO) | STRATEGY(MAK_PROXY), "mak-proxy"},
    {"vamt_access", STRATEGY(AUTO) | STRATEGY(MAK_PROXY), "mak-proxy"},
    {"rearm_when_days_left", STRATEGY(AUTO) | STRATEGY(NONE), "none"},
    {"report_share", ~STRATEGY(OEM), "clones that have a first boot to report"},
    {"mak_key_file", STRATEGY(AUTO) | STRATEGY(MAK) | STRATEGY(MAK_PROXY), "mak and mak-proxy"},
};

static void check_partial_keys(struct profile *p)
{
	for (size_t i = 0; i < sizeof(partial_keys) / sizeof(partial_keys[0]); i++) {
		const char *key = partial_keys[i].key;

		if (!said(p, key) || partial_keys[i].strategies & 1u << p->strategy)
			continue;
		CLEANUP(free) char *strategy = quote(p, "strategy");
		warn(p, key, "%s has no effect under %s; it is for %s", key, strategy,
		    partial_keys[i].meant_for);
	}
	if (p->kms_port && !p->kms_host)
		warn(p, "kms_port",
		    "kms_port has no effect without kms_host: a host found in DNS "
		    "comes with its port");
}

static void check_activation(struct profile *p, struct complaints *c)
{
	unsigned strategy = 1u << p->strategy;

	if (p->strategy == STRATEGY_MAK && !p->mak_key_file) {
		const struct profile_source *at = said(p, "strategy");

		complain(c, at->file, at->line,
		    "put the MAK in a file, chmod 600 it, and name it in [activation]",
		    "strategy = mak needs mak_key_file");
	}
	if (said(p, "strip") && p->strip != STRIP_NO &&
	    strategy & (STRATEGY(NONE) | STRATEGY(OEM) | STRATEGY(SINGLE)))
		contradiction(p, c, "strip", "strategy",
		    "there the store has what Windows counts by or is activated with",
		    "strip = no, or leave it out: it is for volume clients");
	if (said(p, "activate_at_first_boot") && p->activate_at_first_boot &&
	    strategy & ALL_BUT_AUTO & ~(STRATEGY(KMS) | STRATEGY(MAK)))
		contradiction(p, c, "activate_at_first_boot", "strategy",
		    "there the first boot activates nothing", "only kms and mak do");
}

static void check_clone(struct profile *p, struct complaints *c)
{
	if (p->first_boot == FIRST_BOOT_SETUP_CMDLINE && p->require_sealed)
		contradiction(p, c, "first_boot", "require_sealed",
		    "a sealed image needs that registry value for its own setup",
		    "first_boot = auto; or require_sealed = no for clones without sysprep");
	if (p->first_boot == FIRST_BOOT_SETUPCOMPLETE && !p->require_sealed) {
		CLEANUP(free) char *unsealed = quote(p, "require_sealed");

		warn(p, "first_boot",
		    "first_boot = setupcomplete starts nothing in an image that "
		    "is not sealed, and %s allows one; auto does both",
		    unsealed);
	}
}

static void check_lab(struct profile *p, struct complaints *c)
{
	if (p->kms_clients && p->seats && p->kms_clients < p->seats)
		contradiction(p, c, "kms_clients", "seats",
		    "it counts every PC that asks the KMS host, these included",
		    "leave kms_clients out when no other PC asks that host");
	if (p->strategy == STRATEGY_AUTO && !p->seats && !p->kms_clients && !p->reclone_days &&
	    p->licence == LICENCE_UNKNOWN && !p->kms_host && !p->mak_key_file)
		warn(p, "strategy",
		    "strategy = auto decides from [lab], which says nothing: "
		    "fill in seats, reclone_days and licence");
}

void profile_check_sense(struct profile *p, struct complaints *c)
{
	check_activation(p, c);
	check_clone(p, c);
	check_lab(p, c);
	if (!c->n)
		check_partial_keys(p);
}
