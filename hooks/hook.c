/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hooks/hook.h"

#include "common/cleanup.h"
#include "hooks/parts.h"

/* first_boot is last: it wants its script when a hook before it placed something. */
const struct hook *const hooks[] = {
    &hook_kb971033,
    &hook_spp_store,
    &hook_client_key,
    &hook_client_id,
    &hook_auto_activation,
    &hook_mak,
    &hook_mak_proxy,
    &hook_confirmation_id,
    &hook_rearm,
    &hook_oem,
    &hook_answer_file,
    &hook_first_boot,
    NULL,
};

bool strategy_is_volume(enum strategy s)
{
	return s == STRATEGY_KMS || s == STRATEGY_MAK || s == STRATEGY_MAK_PROXY;
}

bool edition_is_volume(const struct plan_context *c)
{
	return c->edition && c->edition->client_key;
}

static int refuse_edition(const struct plan_context *c, struct error *err)
{
	if (!strategy_is_volume(c->strategy) || edition_is_volume(c))
		return 0;
	CLEANUP(free) char *what = windows_describe(c->win);
	err_set(err, ERR_EDITION, "%s has no volume activation, which strategy %s needs", what,
	    strategy_name(c->strategy));
	return err_hint(err,
	    "build the image from Professional or Enterprise media, or use strategy "
	    "oem, single or none for this one");
}

/*
 * One PC that is imaged for itself (single) and a vendor's image (oem) are used as they
 * are; everywhere else clones of an unsealed image would share what tells them apart.
 */
static bool clones_need_sealing(enum strategy s)
{
	return strategy_is_volume(s) || s == STRATEGY_NONE;
}

/* Between two states nobody knows what Windows will do next, whatever the strategy. */
static int refuse_half_sealed(const struct windows *win, struct error *err)
{
	if (win->sealed != SEALED_BROKEN)
		return 0;
	err_set(err, ERR_UNSEALED,
	    "the image is neither sealed nor finished: the registry says %s, State.ini says %s",
	    win->image_state ? win->image_state : "nothing",
	    win->image_state_ini ? win->image_state_ini : "nothing");
	return err_hint(err, "sysprep /generalize stopped half-way: seal the reference PC again and "
			     "capture it after sysprep has shut it down");
}

static int refuse_unsealed(const struct plan_context *c, struct plan *out, struct error *err)
{
	const struct windows *win = c->win;

	if (win->sealed == SEALED_YES || !clones_need_sealing(c->strategy))
		return 0;
	if (refuse_half_sealed(win, err) < 0)
		return -1;
	if (c->profile->require_sealed) {
		err_set(err, ERR_UNSEALED,
		    "the image is not sealed (sysprep /generalize): its clones would share one "
		    "client ID");
		return err_hint(err, "run sysprep /generalize /oobe /shutdown and capture again, "
				     "or set require_sealed = no "
				     "in [clone] of the profile");
	}
	strvec_add(&out->notes, "the image is not sealed, its clones share computer name and SID; "
				"the profile allows that (require_sealed = no)");
	return 0;
}

static int read_mak(struct plan_context *c, struct buf *mak, struct error *err)
{
	if (c->strategy != STRATEGY_MAK &&
	    !(c->strategy == STRATEGY_MAK_PROXY && c->profile->mak_key_file))
		return 0;
	if (profile_read_mak(c->profile, mak, err) < 0)
		return -1;
	c->mak = mak;
	return 0;
}

static int run_hooks(const struct plan_context *c, struct plan *out, struct error *err)
{
	for (size_t i = 0; hooks[i]; i++) {
		if (hooks[i]->applies && !hooks[i]->applies(c))
			continue;
		if (hooks[i]->plan(c, out, err) < 0)
			return -1;
	}
	return 0;
}

int hooks_plan(
    const struct windows *win, const struct profile *profile, struct plan *out, struct error *err)
{
	return hooks_plan_for(win, profile, &(struct plan_request){0}, out, err);
}

int hooks_plan_for(const struct windows *win, const struct profile *profile,
    const struct plan_request *request, struct plan *out, struct error *err)
{
	struct buf mak = BUF_INIT;
	const struct strategy_image image = {
	    .edition = win->edition,
	    .key_channel = win->spp.key_channel,
	    .oem_certificate = win->spp.oem_certificate,
	};
	struct plan_context c = {.win = win, .profile = profile, .request = request};

	*out = (struct plan){0};
	if (windows_refuse(win, err) < 0)
		return -1;
	strategy_decide(profile, &image, &out->decision);
	c.strategy = out->decision.strategy;
	c.edition = win->edition ? edition_find(win->edition) : NULL;
	if (refuse_edition(&c, err) < 0 || refuse_unsealed(&c, out, err) < 0)
		return -1;
	int rc = read_mak(&c, &mak, err);
	if (rc == 0)
		rc = run_hooks(&c, out, err);
	if (rc == 0 && out->changes.list.n)
		rc = refuse_half_sealed(win, err);
	buf_wipe_free(&mak);
	return rc;
}

void plan_request_free(struct plan_request *request)
{
	cid_rows_free(&request->confirmations);
	free(request->pc);
	*request = (struct plan_request){0};
}

void plan_free(struct plan *p)
{
	strategy_decision_free(&p->decision);
	changeset_free(&p->changes);
	strvec_free(&p->notes);
	strvec_free(&p->placed);
}
