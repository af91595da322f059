/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Confirmation IDs of one PC, placed when its disk is deployed: what activation by proxy
 * once got from Microsoft is good for the same hardware and key after every cloning. First boot
 * compares installation IDs and deposits only what belongs to this one, so that the IDs of
 * another PC, or of this one before its board was changed, do nothing.
 */
#include "common/cleanup.h"
#include "common/text.h"
#include "hooks/parts.h"

#define NAME "confirmation_id"
#define FILE_NAME "cid.txt"

/* Keys and boards that one PC had: the newest are the likely ones. */
#define ROWS_MAX 16

/* One pair a line. */
static void write_rows(const struct cid_rows *rows, struct buf *out)
{
	for (size_t i = 0; i < rows->list.n && i < ROWS_MAX; i++)
		buf_addf(out, "%s %s\r\n", rows->list.v[i].iid, rows->list.v[i].cid);
}

/* An installation ID depends on the key: with a KMS client key none that is stored comes up. */
static void look_at_key(const struct plan_context *c, struct plan *out)
{
	const char *channel = c->win->spp.key_channel;

	if (!c->mak && channel && name_eq(channel, "Volume:GVLK"))
		strvec_add(&out->notes,
		    "the image has a KMS client key and the profile names no mak_key_file: unless "
		    "the "
		    "clone gets the MAK before its first boot, no stored confirmation ID fits");
}

static void place_rows(const struct plan_context *c, struct plan *out)
{
	const struct cid_rows *rows = &c->request->confirmations;
	CLEANUP(buf) struct buf content = BUF_INIT;

	write_rows(rows, &content);
	place_file(c, out, NAME, FILE_NAME, &content, SECDESC_SECRET,
	    "confirmation IDs of this PC: deposited at first boot when its installation ID is "
	    "theirs");
	strvec_addf(&out->notes,
	    "%s: %zu stored confirmation ID%s; if none is for its hardware and key, the first boot "
	    "changes nothing and says so in activation.log",
	    c->request->pc, rows->list.n, rows->list.n == 1 ? "" : "s");
	look_at_key(c, out);
}

/*
 * A PC without a row is a new one: an ordinary case, VAMT is to activate it. A file that is
 * there belongs to another PC then, and goes with the strays. Where no PC was named it stays:
 * verify need not know which PC this is.
 */
static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	(void)err;
	if (c->strategy != STRATEGY_MAK_PROXY) {
		strvec_addf(&out->notes,
		    "%s: confirmation IDs are for the strategy mak-proxy only: none is placed "
		    "under %s",
		    c->request->pc, strategy_name(c->strategy));
	} else if (c->request->confirmations.list.n) {
		place_rows(c, out);
	} else if (c->request->confirmation) {
		strvec_addf(&out->notes,
		    "%s: no confirmation ID is stored for it; activate it by proxy once and import "
		    "the "
		    "list",
		    c->request->pc);
	} else if (placed_find(c->win, FILE_NAME)) {
		strvec_add(&out->placed, FILE_NAME);
		strvec_add(&out->notes, "the image holds the confirmation IDs of one PC: left "
					"alone (--computer or --mac "
					"replaces them)");
	}
	return 0;
}

static bool applies(const struct plan_context *c)
{
	return c->strategy == STRATEGY_MAK_PROXY || c->request->confirmation;
}

const struct hook hook_confirmation_id = {
    .name = NAME,
    .summary = "gives a re-cloned PC the confirmation ID it had",
    .applies = applies,
    .plan = plan,
};
