/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answer files of Windows Setup (Unattend.xml): what decides about activation in them, and
 * changes to it that leave every byte of the rest as it is.
 *
 * Components and passes of the settings: Microsoft's Unattended Windows Setup Reference for
 * Windows 7. A pass that Windows has stamped wasPassProcessed is over: its settings count
 * as not there. Components of another architecture than the image's are ignored by Windows.
 */
#ifndef W7PREP_IMAGE_UNATTEND_H
#define W7PREP_IMAGE_UNATTEND_H

#include "image/windows.h"
#include "image/xml_map.h"
#include "image/xml_text.h"

enum unattend_pass {
	UNATTEND_WINDOWS_PE,
	UNATTEND_OFFLINE_SERVICING,
	UNATTEND_GENERALIZE,
	UNATTEND_SPECIALIZE,
	UNATTEND_AUDIT_SYSTEM,
	UNATTEND_AUDIT_USER,
	UNATTEND_OOBE_SYSTEM,
	UNATTEND_PASSES,
};
const char *unattend_pass_name(enum unattend_pass pass);	/* "windowsPE", "specialize" … */

enum unattend_item {
	UNATTEND_PRODUCT_KEY,	/* Shell-Setup ProductKey, specialize: Setup fails when it is wrong */
	UNATTEND_SETUP_KEY,	/* Setup UserData\ProductKey\Key, windowsPE */
	UNATTEND_SKIP_REARM,	/* Security-SPP SkipRearm, generalize */
	UNATTEND_SKIP_AUTO_ACTIVATION,	/* Security-SPP-UX SkipAutoActivation, specialize */
	UNATTEND_ITEMS,
};
enum unattend_pass unattend_item_pass(enum unattend_item item);

struct unattend {
	struct xml_text text;
	struct xml_map map;
};

/*
 * Read the answer file @file. ERR_DAMAGED: not well-formed, ERR_UNKNOWN_SHAPE: XML of another
 * kind, with a document type or in an encoding that we do not carry through, ERR_LIMIT. The
 * message is without the file's name, with the line where there is one. @out is the caller's
 * to unattend_free() after success.
 */
int unattend_read(const struct buf *file, struct unattend *out, struct error *err);
/* Overwrites what it held: answer files have keys and passwords in them. */
void unattend_free(struct unattend *u);

/* There are settings for @pass, and Windows has not processed them. */
bool unattend_has_pass(const struct unattend *u, enum unattend_pass pass);
bool unattend_pass_processed(const struct unattend *u, enum unattend_pass pass);

/*
 * The @nth (from 0) value of @item for @arch (ARCH_UNKNOWN: any); NULL: no more. A product key is
 * a secret: compare it, never print or keep it. *line (may be NULL) gets its line.
 */
const char *unattend_value(const struct unattend *u, enum unattend_item item, enum win_arch arch,
    size_t nth, unsigned *line);

/* A boolean setting that is on, as Setup reads it: "true" or "1". */
bool unattend_is_true(const char *value);

/*
 * Give every @item for @arch that value (ASCII without markup); where there is none, add it to the
 * first settings of its pass, with its component if need be (only for items directly
 * below their component). Returns 1 when something changed, 0 when not, -1 with
 * ERR_UNKNOWN_SHAPE when the pass is not there or the value has elements in it; @u may hold a
 * part of the change then.
 */
int unattend_set(struct unattend *u, enum unattend_item item, enum win_arch arch,
    const char *value, struct error *err);

/* Take every @item for @arch out, with the line when it is alone on one. 1, 0 or -1 as above. */
int unattend_remove(
    struct unattend *u, enum unattend_item item, enum win_arch arch, struct error *err);

/*
 * <servicing>: is the package (a CBS identity, "Name~token~arch~language~version") to be
 * removed? Name and architecture are compared, without case.
 */
bool unattend_removes_package(const struct unattend *u, const char *identity);

/*
 * Have Setup, WDS or `dism /Apply-Unattend` remove the package. No effect in an answer
 * file inside an image: specialize and oobeSystem do not look at <servicing>. Returns 1, 0 when that
 * is there already, -1 with ERR_UNKNOWN_SHAPE when the file does something else with that
 * package, ERR_INTERNAL when @identity is none.
 */
int unattend_add_package_removal(struct unattend *u, const char *identity, struct error *err);

/*
 * Setup passes over <servicing> in an answer file it has found by itself unless there is
 * a windowsPE or offlineServicing pass in it too (KB939289); one named with /unattend, or used
 * by WDS, is not affected.
 */
bool unattend_servicing_needs_pass(const struct unattend *u);

/* The file as it is now, in the encoding it came in, added to @out. */
void unattend_write(const struct unattend *u, struct buf *out);

#endif
