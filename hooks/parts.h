/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the hooks share: their rows for the table, and the one way to place a file in
 * \Windows\Setup\Scripts\w7prep.
 *
 * Every hook owns the files it places there, so that a report says which hook wants
 * them. firstboot.cmd (the same in every image) reads the small NAME.cmd settings beside it, so
 * what a clone does is decided at build time and is one `set` a line.
 */
#ifndef W7PREP_HOOKS_PARTS_H
#define W7PREP_HOOKS_PARTS_H

#include "hooks/hook.h"

extern const struct hook hook_kb971033, hook_spp_store, hook_client_key, hook_client_id,
    hook_auto_activation, hook_mak, hook_mak_proxy, hook_confirmation_id, hook_rearm, hook_oem,
    hook_answer_file, hook_first_boot;

/* Below the Windows directory. */
#define SCRIPTS_DIR "/Setup/Scripts"
#define PLACED_DIR SCRIPTS_DIR "/w7prep"

#define SPP_KEY "Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"

/* The file @name as found in PLACED_DIR, NULL when it is not there. */
const struct win_file *placed_find(const struct windows *win, const char *name);

/*
 * Want @content as @name in PLACED_DIR. Adds a change unless it is there already, with a
 * descriptor that is as closed as @sd. SECDESC_SECRET also keeps the content out of reports.
 */
void place_file(const struct plan_context *c, struct plan *out, const char *hook,
    const char *name, const struct buf *content, enum secdesc_kind sd, const char *reason);

/* The same with the embedded script of that name. */
void place_script(const struct plan_context *c, struct plan *out, const char *hook,
    const char *name, const char *reason);

/* One line of a settings file. The value holds no character that means something to cmd.exe. */
struct setting {
	const char *name, *value;
};

/* The same with a settings file; @settings ends with a row without a name. */
void place_settings(const struct plan_context *c, struct plan *out, const char *hook,
    const char *name, const struct setting *settings, const char *reason);

/* CBS identity of the package KB971033: the image's own, or that of its architecture. Caller frees. */
char *kb971033_package(const struct windows *win);

/* The file holding the MAK. */
#define MAK_FILE "mak.key"

/* @f holds a product key that is not public; one too large to be read is taken for it. */
bool holds_key(const struct win_file *f);

/* Note that a product key in @path is replaced or deleted, which is not the end of it. */
void note_key_leaves(struct plan *out, const char *path);

/* How the licence store is treated: STRIP_NO under a strategy that must not touch it. */
enum strip_mode spp_store_mode(const struct plan_context *c);

/* The strategy activates against Microsoft or a KMS host with a volume key. */
bool strategy_is_volume(enum strategy s);

/* The edition has volume activation. */
bool edition_is_volume(const struct plan_context *c);

/*
 * SetupComplete.cmd with our line in it, the rest byte for byte. @old may be NULL (no such
 * file). ERR_UNKNOWN_SHAPE when cmd.exe could not run the file (UTF-16).
 */
int setup_complete_chain(const struct buf *old, struct buf *out, struct error *err);
/* @old without our line; false when it has none. */
bool setup_complete_unchain(const struct buf *old, struct buf *out);

#endif
