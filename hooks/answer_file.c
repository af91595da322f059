/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answer files that would undo what the strategy does, or make Setup fail.
 *
 * What an answer file says, Setup does in the specialize pass, after this program and before
 * firstboot.cmd: a wrong product key there stops Setup on every PC (ff715815), a MAK costs an
 * activation on each, SkipAutoActivation overrides the image's own setting. SkipRearm works when
 * the image is sealed again (ff716063).
 *
 * Only the file that Windows will use is mended, and never its cached copy in Panther. A
 * <servicing> that removes KB971033 would be of no use in here, as no pass that runs from the image
 * looks at it: that is for answer files of WDS and Setup.
 */
#include "hooks/answer_file.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "hooks/parts.h"

#define NAME "answer_file"

/* One file under the hands of the rules below. */
struct mend {
	const struct plan_context *c;
	struct unattend xml;
	bool specialize, generalize; /* look at settings of that pass */
	bool add;                    /* also add settings: to the file in use only */
	const char *keep;            /* why the file stays all the same; NULL: it does not */
	bool secret_gone;            /* a key went that is not public */
	struct strvec reasons;
};

static void mend_free(struct mend *m)
{
	unattend_free(&m->xml);
	strvec_free(&m->reasons);
}

/* ---- rules ---- */

/* Why the product key cannot stay, or NULL. */
static const char *key_problem(const struct plan_context *c, enum answer_key key)
{
	bool spends = c->strategy == STRATEGY_KMS || c->strategy == STRATEGY_NONE;

	switch (key) {
	case ANSWER_KEY_OTHER_EDITION:
		return "product key of another edition, with which Setup fails on every PC";
	case ANSWER_KEY_INVALID:
		return "something that is no product key, with which Setup fails on every PC";
	case ANSWER_KEY_OTHER:
		if (c->mak)
			return "product key that would stay on every clone's disk; the MAK comes "
			       "from mak_key_file";
		if (spends && edition_is_volume(c))
			return "product key that is not the KMS client's: a MAK would lose an "
			       "activation with each clone";
		return NULL;
	default:
		return NULL;
	}
}

/*
 * Under kms the right key takes the place of a wrong one, so that Setup itself makes the clone a
 * KMS client. Elsewhere the image keeps the key that it has.
 */
static int mend_key(struct mend *m, struct error *err)
{
	const struct plan_context *c = m->c;
	const char *problem = NULL, *value;
	enum answer_key key = ANSWER_KEY_NONE;

	for (size_t nth = 0; !problem; nth++) {
		value = unattend_value(&m->xml, UNATTEND_PRODUCT_KEY, c->win->arch, nth, NULL);
		if (!value)
			return 0;
		key = answer_key_of(value, c->edition);
		problem = key_problem(c, key);
	}
	m->secret_gone = key == ANSWER_KEY_OTHER;
	bool replace = c->strategy == STRATEGY_KMS;
	strvec_addf(&m->reasons, "%s%s", problem,
	    m->keep   ? ""
	    : replace ? "; replaced by this edition's client setup key"
		      : "; taken out");
	if (replace)
		return unattend_set(
		    &m->xml, UNATTEND_PRODUCT_KEY, c->win->arch, c->edition->client_key, err);
	return unattend_remove(&m->xml, UNATTEND_PRODUCT_KEY, c->win->arch, err);
}

/* Some value of @item is (not) true. */
static bool any_is(const struct mend *m, enum unattend_item item, bool wanted)
{
	const char *value;

	for (size_t nth = 0; (value = unattend_value(&m->xml, item, m->c->win->arch, nth, NULL));
	     nth++)
		if (unattend_is_true(value) == wanted)
			return true;
	return false;
}

static int mend_auto_activation(struct mend *m, struct error *err)
{
	const enum unattend_item item = UNATTEND_SKIP_AUTO_ACTIVATION;
	enum strategy s = m->c->strategy;
	bool off = s == STRATEGY_NONE || s == STRATEGY_MAK_PROXY;
	bool on = s == STRATEGY_KMS || (s == STRATEGY_MAK && m->c->profile->activate_at_first_boot);
	bool absent = !any_is(m, item, true) && !any_is(m, item, false);

	if (off && (any_is(m, item, false) || (absent && m->add))) {
		strvec_add(
		    &m->reasons, "SkipAutoActivation: clones must not activate by themselves");
		return unattend_set(&m->xml, item, m->c->win->arch, "true", err);
	}
	if (on && any_is(m, item, true)) {
		strvec_add(&m->reasons, "SkipAutoActivation: it would switch off the automatic "
					"activation that this strategy needs");
		return unattend_set(&m->xml, item, m->c->win->arch, "false", err);
	}
	return 0;
}

static int mend_rearm(struct mend *m, struct error *err)
{
	bool none = m->c->strategy == STRATEGY_NONE;

	if ((!none && !strategy_is_volume(m->c->strategy)) || !any_is(m, UNATTEND_SKIP_REARM, true))
		return 0;
	strvec_add(&m->reasons, none
	    ? "SkipRearm: sealed again with it, clones would begin no grace period of their own"
	    : "SkipRearm: sealed again with it, all clones would share one client ID");
	return unattend_set(&m->xml, UNATTEND_SKIP_REARM, m->c->win->arch, "0", err);
}

static int mend_all(struct mend *m, struct error *err)
{
	if (m->specialize && (mend_key(m, err) < 0 || mend_auto_activation(m, err) < 0))
		return -1;
	return m->generalize ? mend_rearm(m, err) : 0;
}

/* ---- what becomes of it ---- */

static char *joined(const struct strvec *list)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < list->n; i++)
		buf_addf(&b, "%s%s", i ? "; " : "", list->v[i]);
	return buf_steal(&b);
}

static void note_unreadable(const struct answer_file *f, struct plan *out)
{
	CLEANUP(free) char *path = answer_file_path(f);

	strvec_addf(
	    &out->notes, "%s: %s; left alone, Setup may stop at it", path, f->error.message);
}

/* Everybody who has an account on a clone can read a key that is in such a file. */
static void note_key(const struct plan_context *c, const struct answer_file *f,
    const struct unattend *u, struct plan *out)
{
	const char *setup = unattend_value(u, UNATTEND_SETUP_KEY, ARCH_UNKNOWN, 0, NULL);
	const char *key = unattend_value(u, UNATTEND_PRODUCT_KEY, c->win->arch, 0, NULL);

	if (!f->file->has_sd || f->file->safe_secret ||
	    (answer_key_of(setup, c->edition) != ANSWER_KEY_OTHER &&
		answer_key_of(key, c->edition) != ANSWER_KEY_OTHER))
		return;
	CLEANUP(free) char *path = answer_file_path(f);
	strvec_addf(&out->notes,
	    "%s holds a product key, and users of a clone can read the file: take the key out, or "
	    "the permission of Users",
	    path);
}

static const char *reason_to_keep(
    const struct plan_context *c, const struct answer_file *f, bool used)
{
	if (!used && c->win->sealed != SEALED_YES)
		return "no setup pass reads it on a clone of an unsealed image";
	if (!used)
		return "not the file that Windows uses";
	if (c->strategy == STRATEGY_OEM || c->strategy == STRATEGY_SINGLE)
		return "left alone under this strategy, correct it by hand";
	if (f->cached)
		return "Windows' cached copy, which is not edited: put a correct answer file into "
		       "\\Windows\\Panther\\Unattend, where Windows looks first, or seal again "
		       "with one";
	return NULL;
}

static void settle(const struct mend *m, const struct answer_file *f, struct plan *out)
{
	CLEANUP(free) char *path = answer_file_path(f);
	CLEANUP(free) char *reasons = joined(&m->reasons);
	struct buf content = BUF_INIT;

	if (m->keep) {
		strvec_addf(&out->notes, "%s: %s (%s)", path, reasons, m->keep);
		return;
	}
	unattend_write(&m->xml, &content);
	struct change *change = changeset_write_file(
	    &out->changes, NAME, f->file->path, &content, SECDESC_SECRET, "%s", reasons);
	change->keep_metadata = true;
	change->secret = true; /* passwords are in such files too */
	buf_wipe_free(&content);
	if (m->secret_gone)
		note_key_leaves(out, path);
}

static void plan_file(const struct plan_context *c, const struct answer_files *all,
    const struct answer_file *f, struct plan *out)
{
	/* no setup pass runs on a clone of an unsealed image; sysprep may still come */
	bool specialize =
	    c->win->sealed == SEALED_YES && answer_file_for(all, UNATTEND_SPECIALIZE) == f;
	bool generalize = answer_file_for(all, UNATTEND_GENERALIZE) == f;
	bool used = specialize || generalize;
	struct mend m = {
	    .c = c,
	    .specialize = used ? specialize : unattend_has_pass(&f->xml, UNATTEND_SPECIALIZE),
	    .generalize = used ? generalize : unattend_has_pass(&f->xml, UNATTEND_GENERALIZE),
	    .add = specialize && !f->cached,
	    .keep = reason_to_keep(c, f, used),
	};
	CLEANUP(error) struct error e = ERROR_INIT;

	if (unattend_read(&f->file->content, &m.xml, &e) < 0 || mend_all(&m, &e) < 0) {
		CLEANUP(free) char *path = answer_file_path(f);

		strvec_addf(&out->notes, "%s: %s; left alone", path, e.message);
		note_key(c, f, &f->xml, out);
	} else {
		if (m.reasons.n)
			settle(&m, f, out);
		note_key(c, f, m.keep ? &f->xml : &m.xml, out);
	}
	mend_free(&m);
}

static int plan(const struct plan_context *c, struct plan *out, struct error *err)
{
	struct answer_files all;

	(void)err;
	answer_files_read(c->win, &all);
	for (size_t i = 0; i < all.list.n; i++) {
		if (all.list.v[i].readable)
			plan_file(c, &all, &all.list.v[i], out);
		else
			note_unreadable(&all.list.v[i], out);
	}
	answer_files_free(&all);
	return 0;
}

static bool applies(const struct plan_context *c)
{
	return c->win->answer_files.n > 0;
}

const struct hook hook_answer_file = {
    .name = NAME,
    .summary = "mends answer files that would work against the strategy",
    .applies = applies,
    .plan = plan,
};
