/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starting the libguestfs appliance: with KVM where KVM works, emulated where it does not,
 * never for longer than a limit, and ended at once when the user wants to stop.
 *
 * What the user says in LIBGUESTFS_BACKEND and LIBGUESTFS_BACKEND_SETTINGS is obeyed: then
 * there is one attempt, as asked. W7PREP_APPLIANCE_TIMEOUT (seconds) replaces the limits.
 */
#ifndef W7PREP_IMAGE_GUESTFS_LAUNCH_H
#define W7PREP_IMAGE_GUESTFS_LAUNCH_H

#include <guestfs.h>

#include "common/error.h"

/*
 * Add the drives to a handle that was just made; called again when a second attempt is
 * needed. -1 when libguestfs refuses (its last error says why).
 */
typedef int (*appliance_add_drives)(guestfs_h *g, void *opaque);

/*
 * A running appliance without network, which the caller ends with guestfs_close(). The
 * handle never prints: ask guestfs_last_error, or use appliance_err(). NULL on error:
 * ERR_INTERRUPT when the user wanted to stop, ERR_ENGINE with what to do about it.
 */
guestfs_h *appliance_start(appliance_add_drives add, void *opaque, struct error *err);

/*
 * Fill @err with ERR_ENGINE, @what (printf-like) and the first line of libguestfs's last error;
 * ERR_INTERRUPT when the user wanted to stop. Returns -1.
 */
int appliance_err(guestfs_h *g, struct error *err, const char *what, ...)
	__attribute__((format(printf, 3, 4), cold));

#endif
