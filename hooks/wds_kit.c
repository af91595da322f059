/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kit for one WIM: answer files and $OEM$ trees.
 *
 * An image unattend of WDS is used with all its passes but windowsPE, its <servicing> included,
 * which no answer file inside an image can do. $OEM$\$$ is copied over the Windows directory (WAIK,
 * "Distribution shares"). What needs the registry or a deletion only `apply` on the WIM can do; the
 * kit says what that would be.
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "hooks/answer_file.h"
#include "hooks/kb971033.h"
#include "hooks/parts.h"
#include "hooks/wds.h"

/* What wdsutil's command line and a person's eyes can still take. */
#define NAME_MAX_BYTES 512

/* ---- the kit ---- */

void wds_kit_put(struct wds_kit *kit, const char *path, struct buf *content)
{
	struct wds_file *f = VEC_PUSH(&kit->files);

	f->path = xstrdup(path);
	f->content = *content;
	*content = BUF_INIT;
}

void wds_kit_free(struct wds_kit *kit)
{
	for (size_t i = 0; i < kit->images.n; i++) {
		struct wds_image *im = &kit->images.v[i];

		free(im->name);
		free(im->edition);
		strvec_free(&im->scripts);
		strvec_free(&im->needs_apply);
		strvec_free(&im->notes);
	}
	for (size_t i = 0; i < kit->files.n; i++) {
		free(kit->files.v[i].path);
		buf_wipe_free(&kit->files.v[i].content);
	}
	free(kit->images.v);
	free(kit->files.v);
	free(kit->wim);
	*kit = (struct wds_kit){0};
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

int wds_kit_begin(struct wds_kit *out, const char *path, struct error *err)
{
	const char *base = path_base(path);

	*out = (struct wds_kit){0};
	if (has_control(base) || strpbrk(base, "<>:\"/\\|?*") || !utf8_valid(base, strlen(base)) ||
	    strlen(base) > 200) {
		err_set(err, ERR_USAGE, "%s: Windows cannot have a file of that name", path);
		return err_hint(err, "rename it: the commands for the server name it");
	}
	out->wim = xstrdup(base);
	return 0;
}

/* ---- answer file ---- */

static const char skeleton[] = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
			       "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\r\n"
			       "</unattend>\r\n";
static const char skeleton_specialize[] =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
    "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\r\n"
    "    <settings pass=\"specialize\">\r\n"
    "    </settings>\r\n"
    "</unattend>\r\n";

/* What the strategy has to say in the specialize pass; NULL: nothing. */
struct wanted {
	const char *key, *skip_auto_activation;
	bool remove_kb971033;
};

static struct wanted what_is_wanted(
    const struct plan *scripts, const struct edition *edition, const struct kb971033 *kb)
{
	enum strategy s = scripts->decision.strategy;
	struct wanted w = {0};

	if (s == STRATEGY_KMS && edition)
		w.key = edition->client_key;
	if (s == STRATEGY_NONE || s == STRATEGY_MAK_PROXY)
		w.skip_auto_activation = "true";
	for (size_t i = 0; kb->installed && kb->package && i < scripts->changes.list.n; i++)
		if (strcmp(scripts->changes.list.v[i].hook, KB971033_HOOK) == 0)
			w.remove_kb971033 = true;
	return w;
}

/* Everyone who deploys can read an image unattend: no MAK may be in one, whoever wrote it there. */
static int refuse_key(const struct unattend *u, const struct edition *edition, struct error *err)
{
	const enum unattend_item items[] = {UNATTEND_PRODUCT_KEY, UNATTEND_SETUP_KEY};
	const char *value;

	for (size_t i = 0; i < 2; i++) {
		for (size_t nth = 0; (value = unattend_value(u, items[i], ARCH_UNKNOWN, nth, NULL));
		     nth++) {
			if (answer_key_of(value, edition) != ANSWER_KEY_OTHER)
				continue;
			err_set(err, ERR_USAGE,
			    "the answer file holds a product key that is not the public one of a "
			    "KMS client");
			return err_hint(err,
			    "take it out: every PC that deploys can read the file; strategy mak "
			    "has it installed from mak_key_file, by w7prep apply on the WIM");
		}
	}
	return 0;
}

static int edit_unattend(struct unattend *u, const struct wanted *w, const struct windows *win,
    const struct edition *edition, struct error *err)
{
	const struct {
		enum unattend_item item;
		const char *value;
	} settings[] = {
	    {UNATTEND_PRODUCT_KEY, w->key},
	    {UNATTEND_SKIP_AUTO_ACTIVATION, w->skip_auto_activation},
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (settings[i].value &&
		    unattend_set(u, settings[i].item, win->arch, settings[i].value, err) < 0)
			return -1;
	if (w->remove_kb971033) {
		CLEANUP(free) char *package = kb971033_package(win);

		if (unattend_add_package_removal(u, package, err) < 0)
			return -1;
	}
	return refuse_key(u, edition, err);
}

static int add_unattend(struct wds_kit *kit, struct wds_image *im, const struct wds_source *src,
    const struct plan *scripts, struct error *err)
{
	const struct edition *edition = src->win->edition ? edition_find(src->win->edition) : NULL;
	struct wanted w = what_is_wanted(scripts, edition, &src->win->kb971033);
	bool settings = w.key || w.skip_auto_activation;
	CLEANUP(buf) struct buf fresh = BUF_INIT;
	struct buf out = BUF_INIT;
	struct unattend u;

	if (!src->unattend && !settings && !w.remove_kb971033)
		return 0;
	buf_adds(&fresh, settings ? skeleton_specialize : skeleton);
	if (unattend_read(src->unattend ? src->unattend : &fresh, &u, err) < 0)
		return -1;
	int rc = edit_unattend(&u, &w, src->win, edition, err);
	if (rc == 0) {
		CLEANUP(free) char *path = xasprintf("image%u/ImageUnattend.xml", im->index);

		unattend_write(&u, &out);
		wds_kit_put(kit, path, &out);
		im->unattend = true;
		if (w.remove_kb971033 && unattend_servicing_needs_pass(&u))
			strvec_add(&im->notes,
			    "ImageUnattend.xml removes KB971033 where WDS uses it or setup is "
			    "given it "
			    "with /unattend; Setup passes over that in a file it finds by itself "
			    "(KB939289)");
	}
	unattend_free(&u);
	return rc;
}

/* ---- $OEM$ ---- */

/* "…/Setup/Scripts/w7prep/store.cmd" -> "w7prep/store.cmd"; NULL: not among the scripts. */
static const char *below_scripts(const struct windows *win, const char *path)
{
	CLEANUP(free) char *scripts = windows_path(win, SCRIPTS_DIR "/");

	return name_has_prefix(path, scripts) ? path + strlen(scripts) : NULL;
}

static bool is_script(const struct windows *win, const struct change *c)
{
	return c->op == CHANGE_WRITE_FILE && !c->secret && below_scripts(win, c->path);
}

static void add_scripts(
    struct wds_kit *kit, struct wds_image *im, const struct windows *win, const struct plan *plan)
{
	for (size_t i = 0; i < plan->changes.list.n; i++) {
		const struct change *c = &plan->changes.list.v[i];

		if (!is_script(win, c))
			continue;
		const char *name = below_scripts(win, c->path);
		CLEANUP(free)
		char *path = xasprintf("image%u/$OEM$/$$/Setup/Scripts/%s", im->index, name);
		struct buf content = BUF_INIT;

		buf_add(&content, c->content.data, c->content.len);
		wds_kit_put(kit, path, &content);
		strvec_add(&im->scripts, name);
	}
}

/*
 * The scripts that the profile wants, whether the image has them already or not: planned for the
 * same facts without them. The licence store goes at first boot where nobody took it out before.
 */
static int plan_scripts(const struct wds_source *src, struct plan *out, struct error *err)
{
	struct windows win = *src->win;
	struct profile profile = *src->profile;
	CLEANUP(buf) struct buf body = BUF_INIT;

	memset(&win.placed, 0, sizeof(win.placed));
	if (win.setup_complete.path && setup_complete_unchain(&win.setup_complete.content, &body)) {
		win.setup_complete.content = body;
		if (body.len == 0)
			win.setup_complete = (struct win_file){0};
	}
	if (profile.strip == STRIP_IMAGE && win.spp.store_files.n)
		profile.strip = STRIP_FIRST_BOOT;
	return hooks_plan(&win, &profile, out, err);
}

/* ---- one image ---- */

static int check_name(const struct wds_source *src, struct error *err)
{
	const char *name = src->name ? src->name : "";

	if (*name && strlen(name) <= NAME_MAX_BYTES && !has_control(name) &&
	    utf8_valid(name, strlen(name)))
		return 0;
	err_set(err, ERR_UNKNOWN_SHAPE, "image %u has %s, by which wdsutil could be told of it",
	    src->index, *name ? "no name fit for a command line" : "no name");
	return err_hint(err, "give it one: wimlib-imagex info FILE.wim %u 'NAME'", src->index);
}

static int check_sealed(const struct windows *win, struct error *err)
{
	if (win->sealed == SEALED_YES)
		return 0;
	err_set(err, ERR_UNSEALED,
	    "the image is not sealed (sysprep /generalize), as images of WDS "
	    "and MDT have to be");
	return err_hint(err, "run sysprep /generalize /oobe /shutdown and capture again");
}

static void note_the_rest(struct wds_image *im, const struct wds_source *src)
{
	const struct changeset *cs = &src->plan->changes;

	for (size_t i = 0; i < cs->list.n; i++) {
		if (is_script(src->win, &cs->list.v[i]))
			continue;
		CLEANUP(free) char *target = change_target(&cs->list.v[i]);
		strvec_addf(&im->needs_apply, "%s: %s", target, cs->list.v[i].reason);
	}
	for (size_t i = 0; i < src->plan->notes.n; i++)
		strvec_add(&im->notes, src->plan->notes.v[i]);
	if (im->strategy == STRATEGY_MAK)
		strvec_add(&im->notes,
		    "the MAK is not in this kit, which every PC of the lab can read: "
		    "w7prep apply puts it into the WIM, whose readers you choose");
}

int wds_kit_add(struct wds_kit *kit, const struct wds_source *src, struct error *err)
{
	struct plan plan = {0};

	if (check_name(src, err) < 0 || check_sealed(src->win, err) < 0)
		return -1;
	int rc = plan_scripts(src, &plan, err);
	if (rc == 0) {
		struct wds_image *im = VEC_PUSH(&kit->images);

		im->index = src->index;
		im->name = xstrdup(src->name);
		im->edition = windows_describe(src->win);
		im->strategy = plan.decision.strategy;
		kit->merged = kit->merged || src->unattend;
		add_scripts(kit, im, src->win, &plan);
		note_the_rest(im, src);
		rc = add_unattend(kit, im, src, &plan, err);
	}
	plan_free(&plan);
	return rc;
}
