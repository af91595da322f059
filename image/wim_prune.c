/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replacing a file's content and nothing else. libwim can only add a file anew, so its
 * metadata has to come with it; and some of that (named streams, extended attributes, object
 * IDs) libwim shows to nobody but its own extraction to an NTFS volume, which extracts a
 * whole directory tree. So: open the WIM once more, drop from that handle's image whatever
 * is not replaced, and let the library extract the rest with all it knows.
 */
#include <string.h>

#include "common/cleanup.h"
#include "image/wim.h"

struct prune {
	const struct image *im;
	size_t vol;
	WIMStruct *handle;
	int image;
	struct strvec keep; /* files and directories to keep, as spelled in the image */
	VEC(struct wimlib_update_command) commands;
	struct strvec paths;  /* that the commands point to */
	struct strvec dirs;   /* still to be looked through */
	VEC(uint64_t) groups; /* hard links of which one is replaced */
};

static void prune_free(struct prune *p)
{
	strvec_free(&p->keep);
	strvec_free(&p->paths);
	strvec_free(&p->dirs);
	free(p->commands.v);
	free(p->groups.v);
}

static void cleanup_prune(struct prune *p)
{
	prune_free(p);
}

static bool leads_to(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static int sort_out(const struct wimlib_dir_entry *d, void *opaque)
{
	struct prune *p = opaque;
	bool keep = false, enter = false;

	for (size_t i = 0; i < p->keep.n; i++) {
		keep |= strcmp(d->full_path, p->keep.v[i]) == 0;
		enter |= leads_to(d->full_path, p->keep.v[i]);
	}
	if (d->attributes & WIMLIB_FILE_ATTRIBUTE_DIRECTORY && (keep || enter)) {
		strvec_add(&p->dirs, d->full_path);
	} else if (!keep) {
		struct wimlib_update_command *c = VEC_PUSH(&p->commands);

		c->op = WIMLIB_UPDATE_OP_DELETE;
		c->delete_.delete_flags = WIMLIB_DELETE_FLAG_FORCE | WIMLIB_DELETE_FLAG_RECURSIVE;
		strvec_add(&p->paths, d->full_path);
	}
	return 0;
}

static int drop_the_rest(struct prune *p, struct error *err)
{
	strvec_add(&p->dirs, "/");
	while (p->dirs.n) {
		CLEANUP(free) char *dir = p->dirs.v[--p->dirs.n];
		int code = wimlib_iterate_dir_tree(
		    p->handle, p->image, dir, WIMLIB_ITERATE_DIR_TREE_FLAG_CHILDREN, sort_out, p);

		if (code)
			return wim_lib_error(code, err, "%s", dir);
	}
	for (size_t i = 0; i < p->commands.n; i++)
		p->commands.v[i].delete_.wim_path = p->paths.v[i];
	int code = wimlib_update_image(p->handle, p->image, p->commands.v, p->commands.n, 0);
	return code ? wim_lib_error(code, err, "cannot prepare the replaced files") : 0;
}

static int note_group(const struct wimlib_dir_entry *d, void *opaque)
{
	struct prune *p = opaque;

	if (d->num_links > 1 && d->hard_link_group_id)
		*VEC_PUSH(&p->groups) = d->hard_link_group_id;
	return 0;
}

static int note_link(const struct wimlib_dir_entry *d, void *opaque)
{
	struct prune *p = opaque;

	for (size_t i = 0; d->num_links > 1 && i < p->groups.n; i++)
		if (d->hard_link_group_id == p->groups.v[i] &&
		    !wim_is_removed(p->im, p->vol, d->full_path))
			strvec_add(&p->keep, d->full_path);
	return 0;
}

/* All names of a replaced file get the new content, as on a disk. */
static int keep_hard_links(struct prune *p, struct error *err)
{
	size_t n = p->keep.n;

	for (size_t i = 0; i < n; i++) {
		int code =
		    wimlib_iterate_dir_tree(p->handle, p->image, p->keep.v[i], 0, note_group, p);

		if (code)
			return wim_lib_error(code, err, "%s", p->keep.v[i]);
	}
	if (!p->groups.n)
		return 0;
	int code = wimlib_iterate_dir_tree(
	    p->handle, p->image, "/", WIMLIB_ITERATE_DIR_TREE_FLAG_RECURSIVE, note_link, p);
	return code ? wim_lib_error(code, err, "cannot find hard links") : 0;
}

/*
 * The top-level directory that everything kept is in; "/" when there is none. Adding to the
 * root is avoided: libwim would then write names and versions of Windows into the XML.
 */
static char *common_top(const struct strvec *keep)
{
	const char *first = keep->v[0];
	size_t n = 1 + strcspn(first + 1, "/");

	for (size_t i = 0; i < keep->n; i++)
		if (n == 1 || strncmp(keep->v[i], first, n) != 0 ||
		    (keep->v[i][n] != '/' && keep->v[i][n] != '\0'))
			return xstrdup("/");
	return xstrndup(first, n);
}

/*
 * The top directory becomes the root of a volume, which cannot have an 8.3 name, and libwim
 * fails over that. Renaming drops it.
 */
static int make_top_nameless(struct prune *p, const char *top, struct error *err)
{
	int code = wimlib_rename_path(p->handle, p->image, top, WIM_PRUNED_TOP);

	return code ? wim_lib_error(code, err, "%s", top) : 0;
}

WIMStruct *wim_prune(struct image *im, size_t vol, bool with_sd, char **top, struct error *err)
{
	struct wim *w = im->data;
	CLEANUP(prune)
	struct prune p = {.im = im, .vol = vol, .image = (int)im->volumes.v[vol].index};

	for (size_t i = 0; i < w->changes.n; i++) {
		const struct wim_change *c = &w->changes.v[i];

		if (c->vol != vol || c->remove)
			continue;
		strvec_add(&p.keep, c->dir);
		if (c->existed && c->has_sd == with_sd)
			strvec_add(&p.keep, c->path);
	}
	p.handle = wim_open_handle(im->path, 0, err);
	if (!p.handle)
		return NULL;
	if (keep_hard_links(&p, err) == 0 && drop_the_rest(&p, err) == 0) {
		*top = common_top(&p.keep);
		if (strcmp(*top, "/") == 0 || make_top_nameless(&p, *top, err) == 0)
			return p.handle;
		free(*top);
		*top = NULL;
	}
	wimlib_free(p.handle);
	return NULL;
}
