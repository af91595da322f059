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
	const struct win_file *there = placed_find(c->win, MAK_FILE);
	struct buf content = BUF_INIT;

	(void)err;
	buf_reserve(&content, c->mak->len + 3); /* no copy of the key stays in the heap */
	buf_add(&content, c->mak->data, c->mak->len);
	buf_adds(&content, "\r\n");
	if (there && !buf_equal(&there->content, &content))
		note_key_leaves(out, MAK_FILE);
	place_file(c, out, NAME, MAK_FILE, &content, SECDESC_SECRET,
	    "the MAK: installed, then overwritten and deleted at first boot");
	buf_wipe_free(&content);
	strvec_add(&out->notes,
	    "the image then holds a MAK: whoever can read the image file can read it, so keep it "
	    "as you keep the key");
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
