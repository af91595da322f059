/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The MAK, in a file that only SYSTEM and Administrators can read. firstboot.cmd hands
 * the file to WMI, so that the key is in no command line, and then overwrites and deletes it.
 */
#include "common/cleanup.h"
#include "hooks/parts.h"

#define NAME "mak"

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	struct buf content = BUF_INIT;

	(void)err;
	buf_reserve(&content, c->mak->len + 3); /* no copy of the key stays in the heap */
	buf_add(&content, c->mak->data, c->mak->len);
	buf_adds(&content, "\r\n");
	place_file(c, out, NAME, "mak.key", &content, SECDESC_SECRET,
	    "the MAK: installed, then overwritten and deleted at first boot");
	buf_wipe_free(&content);
	strvec_add(&out->notes,
	    "the image now holds a MAK: whoever can read the image file can read it; a WIM keeps "
	    "it in superseded data until it is rebuilt (--rebuild)");
	return 0;
}

static bool applies(const struct plan_context *c)
{
	return c->mak != NULL;
}

const struct hook hook_mak = {
    .name = NAME,
    .summary = "installs the MAK at first boot and wipes it from the disk",
    .applies = applies,
    .plan = plan,
};
