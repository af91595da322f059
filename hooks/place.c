/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of ours in \Windows\Setup\Scripts\w7prep. */
#include <assert.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "hooks/parts.h"
#include "hooks/scripts.h"

const struct win_file *placed_find(const struct windows *win, const char *name)
{
	for (size_t i = 0; i < win->placed.n; i++)
		if (name_eq(path_base(win->placed.v[i].path), name))
			return &win->placed.v[i];
	return NULL;
}

/* An engine that cannot read descriptors leaves the content to decide. */
static bool is_as_wanted(const struct win_file *f, const struct buf *content, enum secdesc_kind sd)
{
	if (f->too_large || !buf_equal(&f->content, content))
		return false;
	return !f->has_sd || (sd == SECDESC_SECRET ? f->safe_secret : f->safe_script);
}

void place_file(const struct plan_context *c, struct plan *out, const char *hook, const char *name,
    const struct buf *content, enum secdesc_kind sd, const char *reason)
{
	const struct win_file *there = placed_find(c->win, name);

	strvec_add(&out->placed, name);
	if (there && is_as_wanted(there, content, sd))
		return;
	CLEANUP(free) char *below = xasprintf(PLACED_DIR "/%s", name);
	CLEANUP(free) char *path = there ? xstrdup(there->path) : windows_path(c->win, below);
	struct change *change =
	    changeset_write_file(&out->changes, hook, path, content, sd, "%s", reason);
	change->secret = sd == SECDESC_SECRET;
}

static const struct script *find_script(const char *name)
{
	const struct script *s = scripts;

	while (s->name && strcmp(s->name, name) != 0)
		s++;
	assert(s->name);
	return s;
}

void place_script(const struct plan_context *c, struct plan *out, const char *hook,
    const char *name, const char *reason)
{
	const struct script *s = find_script(name);
	CLEANUP(buf) struct buf content = BUF_INIT;

	buf_add(&content, s->data, s->size);
	place_file(c, out, hook, name, &content, SECDESC_SCRIPT, reason);
}

void place_settings(const struct plan_context *c, struct plan *out, const char *hook,
    const char *name, const struct setting *settings, const char *reason)
{
	CLEANUP(buf) struct buf content = BUF_INIT;

	for (const struct setting *s = settings; s->name; s++) {
		assert(!strpbrk(s->value, "%\"^&|<>!\r\n"));
		buf_addf(&content, "@set \"%s=%s\"\r\n", s->name, s->value);
	}
	place_file(c, out, hook, name, &content, SECDESC_SCRIPT, reason);
}

void note_key_leaves(struct plan *out, const char *path)
{
	strvec_addf(&out->notes,
	    "the image file held the product key of %s: a WIM keeps it in superseded data until it "
	    "is rebuilt (apply --rebuild), a mounted volume in unused clusters until they are "
	    "overwritten; what undo needs is sealed",
	    path);
}
