/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/proc.h"
#include "image/disk_record.h"
#include "image/nbd.h"
#include "image/ntfs_boot.h"
#include "image/partition.h"

struct disk {
	struct image *im;
	char *path;           /* the image: absolute, links resolved */
	struct blockdev *dev; /* attachment */
	char *overlay;
	char *scratch; /* directory of the overlay where there is no transaction */
};

const char *disk_path(const struct disk *d)
{
	return d->path;
}

const char *disk_overlay(const struct disk *d)
{
	return d->overlay;
}

int disk_detach(struct disk *d, struct error *err)
{
	struct blockdev *dev = steal_ptr(&d->dev);

	if (!dev)
		return 0;
	int rc = blockdev_flush(dev, err);
	/* the first failure is the one that explains */
	return nbd_finish(dev, rc == 0 ? err : NULL) != 0 ? -1 : rc;
}

static struct blockdev *attach(struct disk *d, bool writable, bool shared, struct error *err)
{
	struct nbd_source src = {
	    .path = d->overlay ? d->overlay : d->path,
	    .format = d->overlay ? "qcow2" : disk_qemu_format(d->im->format),
	    .writable = writable,
	    .temporary = d->overlay != NULL,
	    .shared = shared,
	};

	if (d->dev && writable == (d->dev->write != NULL) && (!shared || nbd_socket(d->dev)))
		return d->dev;
	if (disk_detach(d, err) != 0)
		return NULL;
	if (writable && !d->overlay) {
		err_set(err, ERR_INTERNAL, "%s: no overlay to write to", d->path);
		return NULL;
	}
	d->dev = nbd_open(&src, err);
	return d->dev;
}

struct blockdev *disk_attach(struct disk *d, bool writable, struct error *err)
{
	return attach(d, writable, false, err);
}

struct blockdev *disk_attach_shared(
    struct disk *d, bool writable, const char **socket, struct error *err)
{
	struct blockdev *dev = attach(d, writable, true, err);

	if (dev)
		*socket = nbd_socket(dev);
	return dev;
}

static int scan_volume(struct blockdev *dev, struct image_volume *v, struct error *err)
{
	struct ntfs_state state = {0};
	enum volume_kind kind = VOLUME_OTHER;
	int rc = ntfs_state_read(dev, v->offset, v->size, &kind, &state, err);

	v->bitlocker = kind == VOLUME_BITLOCKER;
	v->ntfs = rc == 1;
	v->dirty = rc == 1 && (state.dirty || !state.log_clean);
	v->name = xstrdup(state.label);
	if (rc >= 0 || err->code != ERR_DAMAGED)
		return rc < 0 ? -1 : 0;
	/* one broken volume does not make the others unreadable */
	log_warn("volume %u: %s", v->index, err->message);
	err_clear(err);
	return 0;
}

int disk_scan(struct blockdev *dev, struct image *im, struct error *err)
{
	struct partition_list l = PARTITION_LIST_INIT;
	struct error local = ERROR_INIT;
	int rc = partition_read(dev, &l, &local);

	if (rc == 0 && l.table == TABLE_NONE)
		*VEC_PUSH(&l.list) = (struct partition){.size = dev->size};
	for (size_t i = 0; rc == 0 && i < l.list.n; i++) {
		struct image_volume *v = VEC_PUSH(&im->volumes);

		v->index = l.list.v[i].number;
		v->offset = l.list.v[i].offset;
		v->size = l.list.v[i].size;
		rc = scan_volume(dev, v, &local);
	}
	partition_list_free(&l);
	return rc == 0 ? 0 : err_move(err, &local);
}

/* Say now that the commit could not work, not after everything was done for it. */
static int check_writable(const char *path, struct error *err)
{
	CLEANUP(close) int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return 0;
	err_errno(err, "cannot write to %s", path);
	return err_hint(err, "make the file writable for you, or write to another one with -o OUT");
}

struct disk *disk_open(struct image *im, struct error *err)
{
	struct disk *d = xcalloc(1, sizeof(*d));

	d->im = im;
	d->path = realpath(im->path, NULL);
	if (!d->path)
		err_errno(err, "cannot find %s", im->path);
	else if ((!im->options.write || check_writable(d->path, err) == 0) &&
		 disk_attach(d, false, err) && disk_scan(d->dev, im, err) == 0)
		return d;
	disk_close(d);
	return NULL;
}

static const char *overlay_dir(struct disk *d, struct error *err)
{
	if (d->im->txn)
		return txn_dir(d->im->txn) ? txn_dir(d->im->txn) : txn_begin(d->im->txn, err);
	d->scratch = scratch_create(NULL, err);
	return d->scratch;
}

int disk_begin(struct disk *d, struct error *err)
{
	const char *dir = disk_detach(d, err) == 0 ? overlay_dir(d, err) : NULL;

	if (!dir)
		return -1;
	/* an absolute name, so that qemu cannot take a ':' in it for a protocol */
	CLEANUP(free) char *real = realpath(dir, NULL);
	if (!real)
		return err_errno(err, "cannot find %s", dir);
	CLEANUP(free) char *overlay = path_join(real, "overlay.qcow2");
	const char *const argv[] = {"qemu-img", "create", "-q", "-f", "qcow2", "-F",
	    disk_qemu_format(d->im->format), "-b", d->path, overlay, NULL};
	if (run_tool(argv, NULL, err) != 0)
		return err_context(err, "cannot make an overlay for %s", d->path);
	if (chmod(overlay, 0600) != 0)
		return err_errno(err, "cannot protect %s", overlay);
	d->overlay = steal_ptr(&overlay);
	return 0;
}

static void drop_overlay(struct disk *d)
{
	if (d->overlay)
		unlink(d->overlay);
	scratch_remove(d->scratch);
	free(d->overlay);
	free(d->scratch);
	d->overlay = d->scratch = NULL;
}

void disk_abort(struct disk *d)
{
	bool begun = d->overlay != NULL;

	disk_detach(d, NULL);
	drop_overlay(d);
	if (begun)
		txn_drop(d->im->txn);
}

int disk_commit(struct disk *d, struct error *err)
{
	struct disk_change change = {
	    .path = d->path,
	    .format = disk_qemu_format(d->im->format),
	    .overlay = d->overlay,
	    .txn = d->im->txn,
	    .seal = d->im->seal_undo,
	};

	if (!d->overlay)
		return err_set(err, ERR_INTERNAL, "%s: nothing was begun", d->path);
	if (disk_detach(d, err) != 0 || disk_change_run(&change, err) != 0)
		return -1;
	drop_overlay(d);
	return 0;
}

void disk_close(struct disk *d)
{
	if (!d)
		return;
	disk_abort(d);
	free(d->path);
	free(d);
}
