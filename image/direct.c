/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engine "direct": disk images through qemu-nbd, NTFS in this process. Fast (a few milliseconds
 * to the first file, no appliance), and therefore opt-in: a malicious file system meets
 * libntfs-3g here and not behind the wall of a virtual machine.
 */
#include "image/direct.h"

#include "common/cleanup.h"
#include "image/disk.h"
#include "image/ntfs.h"

struct direct {
	struct disk *disk;
	struct ntfsvol **mounted; /* one for each volume, NULL: not yet */
	bool writing;             /* between begin and settle */
};

static int direct_open(struct image *im, struct error *err)
{
	struct direct *d = xcalloc(1, sizeof(*d));

	im->data = d;
	d->disk = disk_open(im, err);
	if (!d->disk)
		return -1;
	d->mounted = xcalloc(im->volumes.n, sizeof(struct ntfsvol *));
	return 0;
}

/* The volume, mounted on first use. NULL on error. */
static struct ntfsvol *volume(struct image *im, size_t vol, struct error *err)
{
	struct direct *d = im->data;
	const struct image_volume *v = &im->volumes.v[vol];

	if (d->mounted[vol])
		return d->mounted[vol];
	if (v->bitlocker) {
		err_set(err, ERR_BITLOCKER, "volume %u is encrypted with BitLocker", v->index);
		err_hint(err, "decrypt it in Windows first: manage-bde -off");
		return NULL;
	}
	if (!v->ntfs) {
		err_set(err, ERR_NO_WINDOWS, "volume %u is not NTFS", v->index);
		return NULL;
	}
	struct blockdev *dev = disk_attach(d->disk, d->writing, err);
	if (!dev)
		return NULL;
	d->mounted[vol] = ntfsvol_open(dev, v->offset, v->size, d->writing, err);
	if (!d->mounted[vol])
		err_context(err, "volume %u", v->index);
	return d->mounted[vol];
}

static int unmount_all(struct image *im, struct error *err)
{
	struct direct *d = im->data;
	int rc = 0;

	for (size_t i = 0; d->mounted && i < im->volumes.n; i++) {
		if (ntfsvol_close(d->mounted[i], rc == 0 ? err : NULL) != 0)
			rc = err_context(rc == 0 ? err : NULL, "volume %u", im->volumes.v[i].index);
		d->mounted[i] = NULL;
	}
	return rc;
}

static int direct_stat(
    struct image *im, size_t vol, const char *path, struct image_stat *st, struct error *err)
{
	struct ntfsvol *v = volume(im, vol, err);

	return v ? ntfsvol_stat(v, path, st, err) : -1;
}

static int direct_list_dir(
    struct image *im, size_t vol, const char *path, struct strvec *names, struct error *err)
{
	struct ntfsvol *v = volume(im, vol, err);

	return v ? ntfsvol_list(v, path, names, err) : -1;
}

static int direct_read(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
    struct buf *out, struct error *err)
{
	struct ntfsvol *v = volume(im, vol, err);

	return v ? ntfsvol_read(v, path, off, max, out, err) : -1;
}

static int direct_fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err)
{
	struct ntfsvol *v = volume(im, vol, err);

	return v ? ntfsvol_fetch(v, path, fd, err) : -1;
}

static int direct_get_sd(
    struct image *im, size_t vol, const char *path, struct buf *out, struct error *err)
{
	struct ntfsvol *v = volume(im, vol, err);

	return v ? ntfsvol_get_sd(v, path, out, err) : -1;
}

static int direct_begin(struct image *im, struct error *err)
{
	struct direct *d = im->data;

	if (unmount_all(im, err) != 0 || disk_begin(d->disk, err) != 0)
		return -1;
	d->writing = true;
	return 0;
}

static int direct_put(struct image *im, size_t vol, const struct image_put *put, struct error *err)
{
	struct ntfsvol *v = volume(im, vol, err);

	return v ? ntfsvol_put(v, put, err) : -1;
}

static int direct_remove(struct image *im, size_t vol, const char *path, struct error *err)
{
	struct ntfsvol *v = volume(im, vol, err);

	return v ? ntfsvol_remove(v, path, err) : -1;
}

/* A new qemu-nbd and new mounts: nothing that was only in memory is read back. */
static int direct_settle(struct image *im, struct error *err)
{
	struct direct *d = im->data;

	d->writing = false;
	return unmount_all(im, err) == 0 ? disk_detach(d->disk, err) : -1;
}

static int direct_commit(struct image *im, struct error *err)
{
	struct direct *d = im->data;

	return unmount_all(im, err) == 0 ? disk_commit(d->disk, err) : -1;
}

static void direct_abort(struct image *im)
{
	struct direct *d = im->data;

	d->writing = false;
	unmount_all(im, NULL);
	disk_abort(d->disk);
}

static void direct_close(struct image *im)
{
	struct direct *d = im->data;

	if (!d)
		return;
	unmount_all(im, NULL);
	disk_close(d->disk);
	free(d->mounted);
	free(d);
	im->data = NULL;
}

const struct image_ops direct_ops = {
    .name = "direct",
    .caps = IMAGE_CAP_SECURITY | IMAGE_CAP_OVERLAY,
    .handles = disk_handles,
    .is_default = false,
    .open = direct_open,
    .stat = direct_stat,
    .list_dir = direct_list_dir,
    .read = direct_read,
    .fetch = direct_fetch,
    .get_sd = direct_get_sd,
    .begin = direct_begin,
    .put = direct_put,
    .remove = direct_remove,
    .settle = direct_settle,
    .commit = direct_commit,
    .abort = direct_abort,
    .close = direct_close,
};
