/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engine "guestfs": the image's file system is parsed inside a virtual machine, away from the
 * host. Starting that machine is dear, so it is started for the first question about a
 * file, once, and on the overlay right away when the image is to be changed.
 */
#include <stdlib.h>

#include "image/guestfs.h"
#include "image/guestfs_internal.h"
#include "image/guestfs_launch.h"

static int gfs_open(struct image *im, struct error *err)
{
	struct gfs *f = xcalloc(1, sizeof(*f));

	im->data = f;
	f->im = im;
	f->write = im->options.write;
	f->disk = disk_open(im, err);
	return f->disk ? 0 : -1;
}

/* End the appliance; what it has not synced is lost. */
static void stop(struct gfs *f)
{
	gfs_stop(f);
	gfs_meta_free(f);
}

static int gfs_begin(struct image *im, struct error *err)
{
	struct gfs *f = im->data;

	f->settled = false;
	if (f->write)
		return gfs_start(f, err);
	/* opened for reading only: the appliance has to see another disk */
	stop(f);
	f->write = true;
	return gfs_start(f, err);
}

/*
 * ntfs-3g ends with the unmount and has written everything; it was the only one to have the device
 * open, and with the last to close it Linux drops what it had cached of it. What is read
 * next comes from the disk.
 */
static int gfs_settle(struct image *im, struct error *err)
{
	struct gfs *f = im->data;

	if (gfs_meta_apply(f, err) != 0)
		return -1;
	f->settled = true;
	for (size_t i = 0; i < f->volumes.n; i++) {
		struct gfs_volume *v = &f->volumes.v[i];

		if (v->mount == GFS_READ_WRITE && gfs_unmount(f, v, err) != 0)
			return -1;
	}
	return 0;
}

static int gfs_commit(struct image *im, struct error *err)
{
	struct gfs *f = im->data;

	if (!f->settled && gfs_settle(im, err) != 0)
		return -1;
	/* the overlay has to be let go before it is committed */
	if (f->g && guestfs_shutdown(f->g) != 0)
		return appliance_err(f->g, err, "the appliance did not end in order");
	stop(f);
	f->write = false;
	return disk_commit(f->disk, err);
}

static void gfs_abort(struct image *im)
{
	struct gfs *f = im->data;

	stop(f);
	disk_abort(f->disk);
}

static void gfs_close(struct image *im)
{
	struct gfs *f = im->data;

	if (!f)
		return;
	stop(f);
	disk_close(f->disk);
	free(f);
	im->data = NULL;
}

const struct image_ops guestfs_ops = {
    .name = "guestfs",
    .caps = IMAGE_CAP_SECURITY | IMAGE_CAP_OVERLAY,
    .handles = disk_handles,
    .is_default = true,
    .open = gfs_open,
    .stat = gfs_stat,
    .list_dir = gfs_list_dir,
    .read = gfs_read,
    .fetch = gfs_fetch,
    .get_sd = gfs_get_sd,
    .begin = gfs_begin,
    .put = gfs_put,
    .remove = gfs_remove,
    .settle = gfs_settle,
    .commit = gfs_commit,
    .abort = gfs_abort,
    .close = gfs_close,
};
