/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of the kit is for people, and for MDT. */
#include <string.h>

#include "common/cleanup.h"
#include "hooks/wds.h"

static const char mdt_head[] = "; Made by w7prep wds kit: lines for Control\\CustomSettings.ini of "
			       "an MDT deployment share.\r\n"
			       "; Take them over by hand into the sections that you have.\r\n"
			       "[Settings]\r\n"
			       "Priority=Default\r\n"
			       "\r\n"
			       "[Default]\r\n"
			       "; the wizard must not ask for a key, and must not be given one\r\n"
			       "SkipProductKey=YES\r\n";

/* MDT's own reference (properties.md): ProductKey, OverrideProductKey, ZTILicensing.wsf. */
static const char *mdt_strategy(enum strategy s)
{
	switch (s) {
	case STRATEGY_KMS:
		return "; KMS: leave ProductKey and OverrideProductKey out. The image has, or its "
		       "answer file names, the\r\n"
		       "; client setup key; OverrideProductKey would switch the PCs to a MAK "
		       "(ZTILicensing.wsf).\r\n";
	case STRATEGY_MAK:
		return "; MAK: OverrideProductKey would do it, but anyone who can read the "
		       "deployment share could read the key.\r\n"
		       "; w7prep apply has it installed from a file that only SYSTEM and "
		       "Administrators can read: leave\r\n"
		       "; ProductKey and OverrideProductKey out.\r\n";
	case STRATEGY_MAK_PROXY:
		return "; MAK by VAMT: leave ProductKey and OverrideProductKey out. With a key MDT "
		       "would activate each PC\r\n"
		       "; against Microsoft, and each time would count.\r\n";
	default:
		return "; Leave ProductKey and OverrideProductKey out.\r\n";
	}
}

static void custom_settings(const struct wds_kit *kit, struct buf *out)
{
	buf_adds(out, mdt_head);
	for (size_t i = 0; i < kit->images.n; i++) {
		bool said = false;

		for (size_t k = 0; k < i; k++)
			said = said || kit->images.v[k].strategy == kit->images.v[i].strategy;
		if (!said)
			buf_adds(out, mdt_strategy(kit->images.v[i].strategy));
	}
	buf_adds(out,
	    "; FinishAction and SkipFinalSummary are yours. Do not put a SetupComplete.cmd of "
	    "your own into the image\r\n"
	    "; after w7prep: MDT uses that file itself, and w7prep chains what is there.\r\n");
}

static void list(struct buf *out, const char *title, const struct strvec *lines)
{
	if (lines->n)
		buf_addf(out, "  %s\r\n", title);
	for (size_t i = 0; i < lines->n; i++)
		buf_addf(out, "    - %s\r\n", lines->v[i]);
}

static void readme_image(const struct wds_image *im, struct buf *out)
{
	buf_addf(out, "\r\nimage%u: %s\r\n  %s, strategy %s\r\n", im->index, im->name, im->edition,
	    strategy_name(im->strategy));
	if (im->unattend)
		buf_addf(out, "  answer file: image%u\\ImageUnattend.xml\r\n", im->index);
	list(out, "scripts, in $OEM$\\$$\\Setup\\Scripts:", &im->scripts);
	list(out, "what step 2 does in the WIM itself, and this kit cannot:", &im->needs_apply);
	list(out, "notes:", &im->notes);
}

static void readme(const struct wds_kit *kit, const char *profile, struct buf *out)
{
	buf_adds(out, "\xef\xbb\xbf"); /* so that Notepad takes it for UTF-8 */
	buf_addf(out,
	    "Kit of w7prep for %s, profile %s. The manual is w7prep-wds(7).\r\n"
	    "\r\n"
	    "1. On the WDS server, in this folder:  " WDS_KIT_CMD " export GROUP\r\n"
	    "   (an image inside WDS cannot be edited: its data is in Res.RWM)\r\n"
	    "2. On Linux:  w7prep apply -p %s %s\r\n"
	    "3. On the WDS server:  " WDS_KIT_CMD " replace GROUP\r\n"
	    "   replaces the images and gives them their answer files. An answer file that an "
	    "image\r\n"
	    "   has already is kept, and wdsutil then fails: make the kit with "
	    "--unattend=THAT-FILE, "
	    "which\r\n"
	    "   continues it, or say \"replace GROUP overwrite\".\r\n"
	    "\r\n"
	    "The scripts of $OEM$ are those that step 2 places in the image. They are for images "
	    "that you "
	    "do\r\n"
	    "not want to edit: copy image N's $OEM$ to the folder of its name beside its .wim in "
	    "RemoteInstall,\r\n"
	    "or into the MDT operating system's folder. Then see on one PC that they have arrived "
	    "in\r\n"
	    "C:\\Windows\\Setup\\Scripts.\r\n",
	    kit->wim, profile, profile, kit->wim);
	for (size_t i = 0; i < kit->images.n; i++)
		readme_image(&kit->images.v[i], out);
}

void wds_kit_finish(struct wds_kit *kit, const char *profile_name)
{
	struct buf out = BUF_INIT;

	wds_cmd(kit, &out);
	wds_kit_put(kit, WDS_KIT_CMD, &out);
	custom_settings(kit, &out);
	wds_kit_put(kit, "CustomSettings.ini", &out);
	readme(kit, profile_name, &out);
	wds_kit_put(kit, "README.txt", &out);
}
