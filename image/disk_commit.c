/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commit of an overlay.
 *
 * Not through "qemu-img commit": that copies whole clusters of the overlay, here only the
 * blocks that differ are written, with the code that undo writes them back with.
 */
#include "image/disk_record.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/nbd.h"
#include "image/seal.h"

/* The overlay by itself: its backing file must not be open while the image is written. */
static struct blockdev *open_overlay(const struct disk_change *c, struct error *err)
{
	const struct nbd_source src = {
	    .path = c->overlay, .format = "qcow2", .standalone = true, .allocation = true};

	return nbd_open(&src, err);
}

static struct blockdev *open_image(const struct disk_change *c, bool writable, struct error *err)
{
	const struct nbd_source src = {.path = c->path, .format = c->format, .writable = writable};

	return nbd_open(&src, err);
}

/* The old content into the record. Sealed by way of memory: it is small, and never a file in clear. */
static int save(const struct disk_change *c, struct blockdev *image, struct disk_record *r,
    struct error *err)
{
	r->sealed = c->seal;
	CLEANUP(free) char *path = path_join(
	    txn_dir(c->txn), r->sealed ? DISK_UNDO_SEALED : DISK_UNDO_DATA);
	CLEANUP(close) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CLEANUP(close) int clear = -1;

	if (fd < 0)
		return err_errno(err, "cannot create %s", path);
	if (r->sealed && (clear = memfile("undo", err)) < 0)
		return -1;
	if (extent_save(image, &r->extents, r->sealed ? clear : fd, path, err) != 0)
		return -1;
	if (r->sealed && seal_fd(clear, fd, err) != 0)
		return err_context(err, "%s", path);
	return fsync(fd) == 0 ? 0 : err_errno(err, "cannot write %s", path);
}

/* Find what the commit is going to change and what it holds before and after. */
static int prepare(
    const struct disk_change *c, struct blockdev *overlay, struct disk_record *r, struct error *err)
{
	struct extent_list allocated = EXTENT_LIST_INIT;
	struct blockdev *image = open_image(c, false, err);
	int rc = image ? 0 : -1;

	if (rc == 0 && image->size != overlay->size)
		rc = err_set(err, ERR_INTERNAL, "%s: the overlay is of another size", c->path);
	if (rc == 0)
		rc = nbd_allocated(overlay, &allocated, err);
	if (rc == 0)
		rc = extent_differences(image, overlay, &allocated, &r->extents, err);
	if (rc == 0 && r->extents.list.n)
		rc = extent_digest(overlay, &r->extents, r->after, err);
	if (rc == 0 && r->extents.list.n && c->txn) {
		rc = save(c, image, r, err);
		if (rc == 0)
			rc = extent_digest(image, &r->extents, r->before, err);
	}
	r->virtual_size = overlay->size;
	extent_list_free(&allocated);
	blockdev_close(image);
	return rc;
}

static int sync_file(const char *path, struct error *err)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return err_errno(err, "cannot write %s to disk", path);
	return 0;
}

static int write_image(const struct disk_change *c, struct blockdev *overlay,
    const struct disk_record *r, struct error *err)
{
	struct blockdev *image = open_image(c, true, err);

	if (!image)
		return -1;
	int rc = extent_copy(overlay, image, &r->extents, err);
	if (rc == 0)
		rc = blockdev_flush(image, err);
	if (nbd_finish(image, rc == 0 ? err : NULL) != 0)
		rc = -1;
	return rc == 0 ? sync_file(c->path, err) : -1;
}

/* Through a new qemu-nbd: nothing that the writing one had in memory is seen. */
static int verify_image(const struct disk_change *c, const struct disk_record *r, struct error *err)
{
	struct blockdev *image = open_image(c, false, err);
	char now[65];

	if (!image)
		return -1;
	int rc = extent_digest(image, &r->extents, now, err);
	blockdev_close(image);
	if (rc == 0 && strcmp(now, r->after) != 0)
		return err_set(
		    err, ERR_VERIFY, "%s: what was written reads back different", c->path);
	return rc;
}

static json_t *record_detail(const struct disk_record *r)
{
	return json_pack("{ss sI so ss ss sb}", "format", r->format, "virtual_size",
	    (json_int_t)r->virtual_size, "extents", extent_to_json(&r->extents), "before",
	    r->before, "after", r->after, "sealed", r->sealed);
}

/* The commit failed with @err: the image is put back at once if that is possible. */
static void roll_back(const struct disk_change *c, const struct disk_record *r, struct error *err)
{
	CLEANUP(error) struct error second = ERROR_INIT;

	if (disk_restore(r, txn_dir(c->txn), &second) == 0) {
		txn_drop(c->txn);
		return;
	}
	err->image_changed = true;
	log_warn("%s: cannot put it back right now: %s", c->path, second.message);
	err_hint(err, "its original content is in %s; when the cause is gone, run: w7prep undo %s",
	    txn_dir(c->txn), c->path);
}

static int carry_out(const struct disk_change *c, struct blockdev *overlay,
    const struct disk_record *r, struct error *err)
{
	struct error local = ERROR_INIT;

	if (c->txn && txn_committing(c->txn, DISK_UNDO_KIND, record_detail(r), err) != 0)
		return -1;
	if (write_image(c, overlay, r, &local) == 0 && verify_image(c, r, &local) == 0 &&
	    (!c->txn || txn_done(c->txn, NULL, &local) == 0))
		return 0;
	if (c->txn)
		roll_back(c, r, &local);
	return err_move(err, &local);
}

int disk_change_run(const struct disk_change *c, struct error *err)
{
	struct disk_record r = {.path = c->path, .format = c->format};
	struct blockdev *overlay = open_overlay(c, err);
	int rc = overlay ? prepare(c, overlay, &r, err) : -1;

	if (rc == 0 && r.extents.list.n)
		rc = carry_out(c, overlay, &r, err);
	else if (rc == 0)
		txn_drop(c->txn);
	log_debug("%s: %zu extents, %llu bytes", c->path, r.extents.list.n,
	    (unsigned long long)extent_total(&r.extents));
	extent_list_free(&r.extents);
	blockdev_close(overlay);
	return rc;
}
