/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

/* The second row stands for numbers that are not in the table. */
static const struct {
	enum err_code code;
	const char *name;
	enum exit_status status;
	const char *hint;	/* what to do where nobody said something more fitting */
} codes[] = {
	{ERR_NONE, "none", EXIT_DONE, NULL},
	{ERR_INTERNAL, "internal", EXIT_INTERNAL,
	    "this is a fault of w7prep: please report it, with the output of the same command and -v"},
	{ERR_USAGE, "usage", EXIT_USAGE, NULL},
	{ERR_NO_SUCH_FILE, "no-such-file", EXIT_USAGE, NULL},
	{ERR_EXISTS, "exists", EXIT_USAGE, NULL},
	{ERR_PROFILE, "profile", EXIT_PROFILE, NULL},
	{ERR_LAB_DATA, "lab-data", EXIT_PROFILE, NULL},
	{ERR_NOT_AN_IMAGE, "not-an-image", EXIT_UNSUPPORTED,
	    "w7prep reads WIM, VHD, VHDX, VMDK, QCOW2 and raw disk images"},
	{ERR_FORMAT, "format", EXIT_UNSUPPORTED,
	    "convert it: wimlib-imagex export for a WIM, qemu-img convert for a disk"},
	{ERR_NO_WINDOWS, "no-windows", EXIT_UNSUPPORTED, NULL},
	{ERR_NOT_WINDOWS_7, "not-windows-7", EXIT_UNSUPPORTED, NULL},
	{ERR_EDITION, "edition", EXIT_UNSUPPORTED, NULL},
	{ERR_DIFFERENCING, "differencing", EXIT_UNSUPPORTED, NULL},
	{ERR_BACKING_FILE, "backing-file", EXIT_UNSUPPORTED, NULL},
	{ERR_SPLIT_WIM, "split-wim", EXIT_UNSUPPORTED, NULL},
	{ERR_SOLID_WIM, "solid-wim", EXIT_UNSUPPORTED, NULL},
	{ERR_METADATA_ONLY_WIM, "metadata-only-wim", EXIT_UNSUPPORTED, NULL},
	{ERR_BITLOCKER, "bitlocker", EXIT_UNSUPPORTED, NULL},
	{ERR_NO_SUCH_INDEX, "no-such-index", EXIT_UNSUPPORTED, NULL},
	{ERR_ARCH, "architecture", EXIT_UNSUPPORTED, NULL},
	{ERR_DAMAGED, "damaged", EXIT_UNSUPPORTED,
	    "copy or capture the image again; wimlib-imagex verify or qemu-img check tell more"},
	{ERR_LIMIT, "limit", EXIT_UNSUPPORTED,
	    "no sound Windows 7 image has such a thing: capture it again"},
	{ERR_HIVE_DIRTY, "hive-dirty", EXIT_UNSAFE, NULL},
	{ERR_HIBERNATED, "hibernated", EXIT_UNSAFE, NULL},
	{ERR_VOLUME_DIRTY, "volume-dirty", EXIT_UNSAFE, NULL},
	{ERR_PENDING, "pending-servicing", EXIT_UNSAFE, NULL},
	{ERR_UNSEALED, "unsealed", EXIT_UNSAFE, NULL},
	{ERR_LOCKED, "locked", EXIT_UNSAFE,
	    "close what has it open (a virtual machine, a mount, another run), then try again"},
	{ERR_BIG_VALUE, "big-value", EXIT_UNSAFE, NULL},
	{ERR_INTERRUPTED, "interrupted-apply", EXIT_UNSAFE, NULL},
	{ERR_CHANGED_SINCE, "changed-since", EXIT_UNSAFE,
	    "undo would overwrite what was changed since; restore the image from a copy instead"},
	{ERR_NO_UNDO, "no-undo-record", EXIT_UNSAFE, NULL},
	{ERR_STORE_INCOMPLETE, "licence-files-missing", EXIT_UNSAFE, NULL},
	{ERR_UNKNOWN_SHAPE, "unknown-shape", EXIT_UNSAFE,
	    "this part of the image is not as Windows leaves it: have a look before changing anything"},
	{ERR_IO, "io", EXIT_FAILED_UNCHANGED, NULL},
	{ERR_NO_SPACE, "no-space", EXIT_FAILED_UNCHANGED,
	    "free some space, or name another directory in TMPDIR"},
	{ERR_ENGINE, "engine", EXIT_FAILED_UNCHANGED, NULL},
	{ERR_NO_MEMORY, "no-memory", EXIT_FAILED_UNCHANGED, NULL},
	{ERR_INTERRUPT, "interrupted", EXIT_FAILED_UNCHANGED,
	    "run the same command again"},
	{ERR_VERIFY, "verify", EXIT_VERIFY,
	    "nothing was kept; please report this, with the output of the same command and -v"},
};

void err_clear(struct error *err)
{
	if (!err)
		return;
	free(err->message);
	free(err->hint);
	*err = ERROR_INIT;
}

int err_vset(struct error *err, enum err_code code, const char *fmt, va_list ap)
{
	char *msg = NULL;

	if (!err)
		return -1;
	if (vasprintf(&msg, fmt, ap) < 0)
		msg = NULL;
	text_one_line(msg);
	bool changed = err->image_changed;
	err_clear(err);
	err->code = code;
	err->message = msg;
	err->image_changed = changed;
	return -1;
}

int err_set(struct error *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(err, code, fmt, ap);
	va_end(ap);
	return -1;
}

int err_errno(struct error *err, const char *fmt, ...)
{
	int saved = errno;
	enum err_code code = ERR_IO;
	va_list ap;

	if (saved == ENOSPC || saved == EDQUOT)
		code = ERR_NO_SPACE;
	else if (saved == ENOMEM)
		code = ERR_NO_MEMORY;
	va_start(ap, fmt);
	err_vset(err, code, fmt, ap);
	va_end(ap);
	if (err && err->message) {
		char *msg;

		if (asprintf(&msg, "%s: %s", err->message, strerror(saved)) >= 0) {
			free(err->message);
			err->message = msg;
		}
	}
	errno = saved;
	return -1;
}

int err_context(struct error *err, const char *fmt, ...)
{
	va_list ap;
	char *where = NULL, *msg;

	if (!err || err->code == ERR_NONE)
		return -1;
	va_start(ap, fmt);
	if (vasprintf(&where, fmt, ap) < 0)
		where = NULL;
	va_end(ap);
	if (!where)
		return -1;
	text_one_line(where);
	if (asprintf(&msg, "%s: %s", where, err->message ? err->message : "out of memory") >= 0) {
		free(err->message);
		err->message = msg;
	}
	free(where);
	return -1;
}

int err_hint(struct error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	free(err->hint);
	va_start(ap, fmt);
	if (vasprintf(&err->hint, fmt, ap) < 0)
		err->hint = NULL;
	va_end(ap);
	text_one_line(err->hint);
	return -1;
}

int err_move(struct error *to, struct error *from)
{
	if (to) {
		bool changed = to->image_changed || from->image_changed;

		err_clear(to);
		*to = *from;
		to->image_changed = changed;
	} else {
		err_clear(from);
	}
	*from = ERROR_INIT;
	return -1;
}

static size_t row_of(enum err_code code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return i;
	return 1;
}

const char *err_code_name(enum err_code code)
{
	return codes[row_of(code)].name;
}

enum exit_status err_code_status(enum err_code code)
{
	return codes[row_of(code)].status;
}

const char *err_hint_text(const struct error *err)
{
	return err->hint ? err->hint : codes[row_of(err->code)].hint;
}

enum exit_status err_status(const struct error *err)
{
	/* whatever the reason was: what a pipeline must know first is that the image may differ */
	if (err->code != ERR_NONE && err->image_changed)
		return EXIT_FAILED_CHANGED;
	return err_code_status(err->code);
}
