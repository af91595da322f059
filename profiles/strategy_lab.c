/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/strategy_lab.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "profiles/editions.h"

#define OFTEN_DAYS 120 /* re-cloned within so many: regularly */

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

struct lab lab_survey(const struct profile *p, const struct strategy_image *image)
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

char *lab_fill_in(const struct lab *l, const char *sentence)
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

/* ---- what rules and advice ask ---- */

bool lab_no_volume_edition(const struct lab *l)
{
	return !l->volume;
}

bool lab_recloned_within_grace(const struct lab *l)
{
	return l->days && l->days <= GRACE_DAYS;
}

bool lab_recloned_with_rearms(const struct lab *l)
{
	return l->days > GRACE_DAYS && l->days <= l->total;
}

bool lab_recloned_often(const struct lab *l)
{
	return l->days && l->days <= OFTEN_DAYS;
}

bool lab_recloned_rarely(const struct lab *l)
{
	return l->days > OFTEN_DAYS;
}

bool lab_never_recloned(const struct lab *l)
{
	return !l->days;
}
