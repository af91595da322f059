/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is there a product key in what Windows reads at its setup or first boot? Not only the MAK that
 * was placed by w7prep: answer files and SetupComplete.cmd of others have one, too.
 */
#include <string.h>

#include "common/cleanup.h"
#include "hooks/parts.h"

#define KEY_LENGTH 29

/* Without the zero bytes text in UTF-16 is what it would be in ASCII, as far as keys go. */
static void as_ascii(const struct buf *content, struct buf *out)
{
	buf_reserve(out, content->len + 1);
	for (size_t i = 0; i < content->len; i++)
		if (content->data[i])
			out->data[out->len++] = content->data[i];
	out->data[out->len] = '\0';
}

/* XXXXX-XXXXX-…: what firstboot.cmd, too, writes over a key. */
static bool is_placeholder(const char *key)
{
	for (size_t i = 0; i < KEY_LENGTH; i++)
		if (key[i] != key[0] && key[i] != '-')
			return false;
	return true;
}

/* The client keys of KMS are for everybody to see. */
static void blank_public_keys(struct buf *text)
{
	char key[KEY_LENGTH + 1] = "";

	for (size_t i = 0; i + KEY_LENGTH <= text->len; i++) {
		if (text->data[i + 5] != '-')
			continue;
		memcpy(key, text->data + i, KEY_LENGTH);
		if (edition_of_key(key) || is_placeholder(key))
			memset(text->data + i, ' ', KEY_LENGTH);
	}
}

bool holds_key(const struct win_file *f)
{
	struct buf text = BUF_INIT;

	if (f->too_large)
		return true; /* nobody has looked */
	as_ascii(&f->content, &text);
	blank_public_keys(&text);
	bool found = product_key_inside(text.data, text.len);
	buf_wipe_free(&text);
	return found;
}

bool plan_leaves_mak(const struct plan *p)
{
	return strvec_has(&p->placed, MAK_FILE);
}

bool hooks_key_in_image(const struct windows *win)
{
	bool found = win->setup_complete.path && holds_key(&win->setup_complete);

	for (size_t i = 0; i < win->placed.n; i++)
		found = found || holds_key(&win->placed.v[i]);
	for (size_t i = 0; i < win->answer_files.n; i++)
		found = found || holds_key(&win->answer_files.v[i]);
	return found;
}
