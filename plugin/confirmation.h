/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --store, --computer and --mac: which confirmation IDs a command is about. */
#ifndef W7PREP_PLUGIN_CONFIRMATION_H
#define W7PREP_PLUGIN_CONFIRMATION_H

#include "hooks/hook.h"
#include "plugin/options.h"
#include "profiles/cid_store.h"

/* The store that --store names, or the default one; NULL on error. */
struct cid_store *confirmation_store(
    const struct cli *cli, enum cid_store_mode mode, struct error *err);

/*
 * Rows of the PC that --computer and --mac name, of all when neither is given. Newest first.
 * ERR_USAGE where they cannot be a name or an address.
 */
int confirmation_rows(const struct cli *cli, struct cid_rows *out, struct error *err);

/*
 * What they ask of a plan; nothing when no PC is named. No store where the default one would be is
 * the same as an empty one: a lab may not have any confirmation ID yet. plan_request_free() in
 * every case.
 */
int confirmation_request(const struct cli *cli, struct plan_request *out, struct error *err);

#endif
