/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk image as a block device: qemu-nbd reads the container, libnbd talks to it. */
#ifndef W7PREP_IMAGE_NBD_H
#define W7PREP_IMAGE_NBD_H

#include <stdbool.h>

#include "common/error.h"
#include "image/blockdev.h"
#include "image/extent.h"

struct nbd_source {
	const char *path;	/* absolute */
	const char *format;	/* qemu's name; never left to qemu to find out */
	bool writable;
	bool temporary;		/* lost after a crash anyway: never synced to disk */
	bool standalone;	/* qcow2: as if it had no backing file */
	bool allocation;	/* nbd_allocated() will be asked */
	bool shared;		/* others may connect, too: nbd_socket() */
};

/*
 * Start a qemu-nbd of our own on a socket that no other user can reach, and connect. Not a
 * line of it reaches the terminal, and Ctrl-C does not reach it. It ends by itself when the
 * device is closed or the calling thread dies. ERR_LOCKED when another program has the image open.
 */
struct blockdev *nbd_open(const struct nbd_source *src, struct error *err);

/* Like blockdev_close, but tells whether qemu-nbd wrote everything out. */
int nbd_finish(struct blockdev *d, struct error *err);

/*
 * Path of the Unix socket, in a directory of ours with mode 0700, where a @shared device takes
 * more clients until it is closed; NULL for others. What one client has written and
 * flushed, the others read.
 */
const char *nbd_socket(const struct blockdev *d);

/*
 * Ranges that the top file of @d itself holds (and not a backing file), in order. Zeroed
 * and discarded clusters of a qcow2 overlay count: they hide the backing file.
 */
int nbd_allocated(struct blockdev *d, struct extent_list *out, struct error *err);

/* Turn what qemu-nbd or qemu-img said into an error about @path. Returns -1. */
int nbd_qemu_error(const char *path, const char *said, struct error *err);

#endif
