/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scratch NTFS volume: made in memory, because it holds hives. */
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/proc.h"
#include "image/wim.h"

/* Room for the volume's own files and for directories; the memory is not used up front. */
#define OVERHEAD (64ull << 20)

void wim_scratch_free(struct wim_scratch *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s->top);
	*s = WIM_SCRATCH_INIT;
}

/* A directory without a descriptor gives none to those that are made below it. */
bool wim_change_concerns(const struct wim_change *c, bool with_sd)
{
	return !c->remove && (c->has_sd == with_sd || (!with_sd && c->bare_dirs));
}

/* Is there anything for the volume of this kind? And how much room may it need? */
static bool needed(const struct wim *w, size_t vol, bool with_sd, uint64_t *room)
{
	bool any = false;

	*room = OVERHEAD;
	for (size_t i = 0; i < w->changes.n; i++) {
		const struct wim_change *c = &w->changes.v[i];

		if (c->vol != vol)
			continue;
		*room += 2 * (c->size + c->old_size);
		any |= wim_change_concerns(c, with_sd);
	}
	return any;
}

static int format(struct wim_scratch *s, uint64_t room, struct error *err)
{
	s->fd = memfile("w7prep-ntfs", err);
	if (s->fd < 0)
		return -1;
	if (ftruncate(s->fd, (off_t)room) != 0)
		return err_errno(err, "cannot make the scratch volume");
	/* mkntfs is another process */
	s->path = xasprintf("/proc/%d/fd/%d", (int)getpid(), s->fd);
	const char *const argv[] = {"mkntfs", "--force", "--quick", "--quiet", "--sector-size",
	    "512", "--partition-start", "0", "--heads", "0", "--sectors-per-track", "0", s->path,
	    NULL};
	if (run_tool(argv, NULL, err) != 0)
		return err_context(err, "cannot make the scratch volume");
	return 0;
}

/* Put what is replaced there as it is now, by libwim, with all the metadata it has. */
static int extract_old(
    struct image *im, size_t vol, bool with_sd, struct wim_scratch *s, struct error *err)
{
	WIMStruct *pruned = wim_prune(im, vol, with_sd, &s->top, err);

	if (!pruned)
		return -1;
	const wimlib_tchar *paths[] = {strcmp(s->top, "/") == 0 ? "/" : WIM_PRUNED_TOP};
	wim_lib_quiet();
	int code = wimlib_extract_paths(pruned, (int)im->volumes.v[vol].index, s->path, paths, 1,
	    WIMLIB_EXTRACT_FLAG_NTFS | WIMLIB_EXTRACT_FLAG_STRICT_ACLS |
		WIMLIB_EXTRACT_FLAG_STRICT_TIMESTAMPS |
		WIMLIB_EXTRACT_FLAG_NO_PRESERVE_DIR_STRUCTURE);
	wimlib_free(pruned);
	return code ? wim_lib_error(code, err, "cannot extract the files to be replaced") : 0;
}

int wim_scratch_make(
    struct image *im, size_t vol, bool with_sd, struct wim_scratch *s, struct error *err)
{
	uint64_t room;

	if (!needed(im->data, vol, with_sd, &room))
		return 0;
	if (format(s, room, err) != 0 || extract_old(im, vol, with_sd, s, err) != 0 ||
	    wim_scratch_put(im, vol, with_sd, s, err) != 0)
		return -1;
	return 1;
}
