/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the administrator of a Windows Deployment Services server, or of an MDT share, needs beside
 * a prepared WIM: the answer file and the $OEM$ tree of each image, a .cmd with the wdsutil
 * commands, and what to set in MDT. See w7prep-wds(7), which names the sources.
 *
 * A kit lies on shares that every PC of a lab can read: no MAK is ever in one.
 */
#ifndef W7PREP_HOOKS_WDS_H
#define W7PREP_HOOKS_WDS_H

#include "hooks/hook.h"

#define WDS_KIT_CMD "w7prep-wds.cmd"

struct wds_file {
	char *path; /* below the kit, with slashes */
	struct buf content;
};

/* One image of the WIM, in the kit's directory imageN. */
struct wds_image {
	unsigned index;
	char *name;		/* by which WDS and wdsutil know it */
	char *edition;		/* for a person */
	enum strategy strategy;
	bool unattend;		/* there is an ImageUnattend.xml */
	struct strvec scripts;	/* names in $OEM$\$$\Setup\Scripts */
	struct strvec needs_apply; /* "target: reason": only `w7prep apply` on the WIM does that */
	struct strvec notes;
};

struct wds_kit {
	char *wim;		/* file name of the image, as it is to be called on the server */
	bool merged;		/* the answer files continue the administrator's own */
	VEC(struct wds_image) images;
	VEC(struct wds_file) files;
};

/*
 * Begin a kit for the WIM @path. ERR_USAGE when Windows could not have a file of that name. @out
 * is the caller's to wds_kit_free() in every case.
 */
int wds_kit_begin(struct wds_kit *out, const char *path, struct error *err);

/* One image: its facts, the plan that `apply` would carry out, its name in the WIM. */
struct wds_source {
	unsigned index;
	const char *name;
	const struct windows *win;
	const struct profile *profile;
	const struct plan *plan;
	const struct buf *unattend; /* the administrator's own answer file, continued; or NULL */
};

/*
 * Add an image's answer file and scripts. ERR_UNSEALED: WDS deploys sealed images only;
 * ERR_UNKNOWN_SHAPE: a name that wdsutil cannot be given, an answer file that cannot be continued;
 * ERR_USAGE: that file has a product key in it which is nobody's to publish; and whatever
 * hooks_plan() refuses.
 */
int wds_kit_add(struct wds_kit *kit, const struct wds_source *src, struct error *err);

/* The .cmd, CustomSettings.ini and README.txt, when all images are in. */
void wds_kit_finish(struct wds_kit *kit, const char *profile_name);
void wds_kit_free(struct wds_kit *kit);

/* A file of the kit; @content is taken over and left empty. */
void wds_kit_put(struct wds_kit *kit, const char *path, struct buf *content);

/* @s as one argument of a program in a .cmd, quotes included, added to @out. */
void wds_quote(struct buf *out, const char *s);

/* The .cmd. */
void wds_cmd(const struct wds_kit *kit, struct buf *out);

#endif
