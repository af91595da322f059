/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KB971033 out of the image before its first boot, for pipelines that cannot wait for Windows to
 * uninstall it. What is to go and whether all of it is understood are facts; here
 * each place becomes a change with its reason.
 */
#include "hooks/kb971033.h"

#include "common/cleanup.h"
#include "image/servicing.h"

static const char *reason_of(enum wat_part part)
{
	static const char *const reasons[WAT_PARTS] = {
	    [WAT_PACKAGE_KEY] = "the package as Windows' servicing has it registered",
	    [WAT_PACKAGE_INDEX] = "the package as Windows' servicing has it registered",
	    [WAT_DETECT] = "the package in the lists of who must be told of changes",
	    [WAT_EVALUATION] = "what servicing has worked out about the package",
	    [WAT_PACKAGE_FILE] = "description and catalog of the package",
	    [WAT_CATALOG] = "description and catalog of the package",
	    [WAT_DEPLOYMENT] = "the package in the component store",
	    [WAT_COMPONENT] = "the package's components in the component store",
	    [WAT_WINNER] = "which version of the package's components is in use",
	    [WAT_PAYLOAD] = "files of the package's components in the component store",
	    [WAT_FILE_MAP] = "to which component the files in the Wat directories belong",
	    [WAT_PROGRAM] = "programs of Windows Activation Technologies",
	    [WAT_SERVICE] = "the validation service",
	    [WAT_EVENT_SOURCE] = "the validation service's source of events",
	    [WAT_TASK] = "the validation task",
	    [WAT_CLASS] = "classes of the programs of Windows Activation Technologies",
	    [WAT_STATE] = "what those programs have stored, with a machine id clones would share",
	};

	return reasons[part];
}

static void plan_place(struct plan *out, const struct wat_place *p)
{
	struct changeset *cs = &out->changes;
	const char *reason = reason_of(p->part);

	if (p->path && p->is_dir)
		changeset_delete_tree(cs, KB971033_HOOK, p->path, "%s", reason);
	else if (p->path)
		changeset_delete_file(cs, KB971033_HOOK, p->path, "%s", reason);
	else if (p->value)
		changeset_delete_value(cs, KB971033_HOOK, p->hive, p->key, p->value, "%s", reason);
	else
		changeset_delete_key(cs, KB971033_HOOK, p->hive, p->key, "%s", reason);
}

static int refuse_unknown(const struct strvec *unknown, struct error *err)
{
	CLEANUP(free)
	char *more = unknown->n > 1 ? xasprintf(" (and %zu more: inspect --servicing lists them)",
					  unknown->n - 1)
				    : xstrdup("");

	err_set(err, ERR_UNKNOWN_SHAPE, "KB971033 cannot be taken out offline: %s%s", unknown->v[0],
	    more);
	return err_hint(err,
	    "set remove = windows in [kb971033]: nothing of the update runs, Windows "
	    "itself uninstalls it at first boot");
}

bool kb971033_offline_applies(const struct plan_context *c)
{
	return c->profile->kb971033 == KB971033_OFFLINE && c->win->servicing &&
	       c->win->servicing->places.n;
}

const char *kb971033_offline_oddity(const struct plan_context *c)
{
	const struct servicing *s = c->win->servicing;

	if (c->profile->kb971033 != KB971033_OFFLINE || !s || s->places.n || !s->unknown.n ||
	    c->win->kb971033.signs)
		return NULL;
	return s->unknown.v[0];
}

int kb971033_offline(const struct plan_context *c, struct plan *out, struct error *err)
{
	const struct servicing *s = c->win->servicing;

	if (!s)
		return err_set(err, ERR_INTERNAL, "the servicing store was not read");
	if (s->unknown.n)
		return refuse_unknown(&s->unknown, err);
	/* part by part, so that a report gives each reason once */
	for (enum wat_part part = 0; part < WAT_PARTS; part++)
		for (size_t i = 0; i < s->places.n; i++)
			if (s->places.v[i].part == part)
				plan_place(out, &s->places.v[i]);
	return 0;
}
