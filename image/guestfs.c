/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engine "guestfs": the image's file system is parsed inside a virtual machine, away from the
 * host. Starting that machine is dear, so it is started for the first question about a
 * file, once, and on the overlay right away when the image is to be changed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "image/guestfs.h"
#include "image/guestfs_internal.h"
#include "image/guestfs_launch.h"
#include "image/ntfs_boot.h"

#define SECTOR 512
/* norecover: a log that is not empty is never thrown away */
#define READ_OPTIONS "ro,norecover,permissions"
/*
 * inherit: a new directory gets the descriptor that Windows would give it. ntfs-3g does that
 * only when it knows who is who; the relative SID is for users that there are none of here.
 */
#define USERMAP "/tmp/w7prep.usermap"
#define USERMAP_TEXT "::S-1-5-21-3141592653-589793238-462643383-10000"
#define WRITE_OPTIONS "norecover,noatime,permissions,inherit,usermapping=" USERMAP

static int gfs_open(struct image *im, struct error *err)
{
	struct gfs *f = xcalloc(1, sizeof(*f));

	im->data = f;
	f->im = im;
	f->write = im->options.write;
	f->disk = disk_open(im, err);
	return f->disk ? 0 : -1;
}

static void volume_free(struct gfs_volume *v)
{
	gfs_forget_all(&v->root);
	free(v->device);
	free(v->mountpoint);
}

/* End the appliance; what it has not synced is lost. */
static void stop(struct gfs *f)
{
	for (size_t i = 0; i < f->volumes.n; i++)
		volume_free(&f->volumes.v[i]);
	free(f->volumes.v);
	memset(&f->volumes, 0, sizeof(f->volumes));
	gfs_meta_free(f);
	if (f->g)
		guestfs_close(f->g);
	f->g = NULL;
	f->dev = NULL;
	f->usermap = false;
}

/* @opaque: path of the socket. The appliance sees a raw disk and no image file. */
static int add_disk(guestfs_h *g, void *opaque)
{
	CLEANUP(free) char *server = xasprintf("unix:%s", (const char *)opaque);
	char *servers[] = {server, NULL};

	return guestfs_add_drive_opts(g, "", GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw",
	    GUESTFS_ADD_DRIVE_OPTS_PROTOCOL, "nbd", GUESTFS_ADD_DRIVE_OPTS_SERVER, servers, -1);
}

static int add_disk_readonly(guestfs_h *g, void *opaque)
{
	CLEANUP(free) char *server = xasprintf("unix:%s", (const char *)opaque);
	char *servers[] = {server, NULL};

	return guestfs_add_drive_opts(g, "", GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw",
	    GUESTFS_ADD_DRIVE_OPTS_PROTOCOL, "nbd", GUESTFS_ADD_DRIVE_OPTS_SERVER, servers,
	    GUESTFS_ADD_DRIVE_OPTS_READONLY, 1, -1);
}

static void describe_volumes(struct gfs *f)
{
	for (size_t i = 0; i < f->im->volumes.n; i++) {
		struct gfs_volume *v = VEC_PUSH(&f->volumes);

		v->info = &f->im->volumes.v[i];
		v->device = v->info->index ? xasprintf("/dev/sda%u", v->info->index)
					   : xstrdup("/dev/sda");
		v->mountpoint = xasprintf("/v%u", v->info->index);
		v->generation = 1;
		v->root.kind = GFS_DIR;
	}
}

static int start(struct gfs *f, struct error *err)
{
	const char *socket;

	if (f->g)
		return 0;
	if (f->write && !disk_overlay(f->disk) && disk_begin(f->disk, err) != 0)
		return -1;
	f->dev = disk_attach_shared(f->disk, f->write, &socket, err);
	if (!f->dev)
		return -1;
	f->g = appliance_start(f->write ? add_disk : add_disk_readonly, (void *)socket, err);
	if (!f->g) {
		f->dev = NULL;
		return -1;
	}
	describe_volumes(f);
	return 0;
}

/* The kernel of the appliance numbers partitions by itself: is its device the volume we mean? */
static int check_device(struct gfs *f, struct gfs_volume *v, struct error *err)
{
	uint8_t ours[SECTOR];
	struct ntfs_boot boot;
	size_t n;

	if (blockdev_read(f->dev, ours, sizeof(ours), v->info->offset, err) != 0)
		return -1;
	CLEANUP(free) char *theirs = guestfs_pread_device(f->g, v->device, SECTOR, 0, &n);
	if (!theirs)
		return appliance_err(f->g, err, "the appliance cannot read %s", v->device);
	if (n != SECTOR || memcmp(ours, theirs, SECTOR) != 0) {
		err_set(err, ERR_UNKNOWN_SHAPE, "volume %u: the appliance's kernel understands "
						"the partition table in another way", v->info->index);
		return err_hint(err, "--engine direct uses one reading of the table only");
	}
	if (ntfs_boot_parse(ours, v->info->size, &boot, NULL) == 0)
		v->cluster_size = boot.cluster_size;
	return 0;
}

/*
 * Nothing is repaired, replayed or touched by reading. ntfs-3g mounts what it must not write to
 * read-only, and says so nowhere but in the state of the mount.
 */
static int mount(struct gfs *f, struct gfs_volume *v, bool write, struct error *err)
{
	const char *options = write ? WRITE_OPTIONS : READ_OPTIONS;

	if (write && !f->usermap)
		free(gfs_shell(f, "echo " USERMAP_TEXT " > " USERMAP));
	f->usermap |= write;
	if (guestfs_mkmountpoint(f->g, v->mountpoint) != 0 &&
	    guestfs_last_errno(f->g) != EEXIST)
		return appliance_err(f->g, err, "cannot make a mount point");
	if (guestfs_mount_options(f->g, options, v->device, v->mountpoint) != 0)
		return appliance_err(f->g, err, "cannot mount volume %u", v->info->index);
	v->mount = GFS_READ_ONLY;
	v->changed = false;
	if (!write)
		return 0;
	struct guestfs_statvfs *st = guestfs_statvfs(f->g, v->mountpoint);
	if (!st)
		return appliance_err(f->g, err, "cannot look at volume %u", v->info->index);
	if (!(st->flag & ST_RDONLY))
		v->mount = GFS_READ_WRITE;
	guestfs_free_statvfs(st);
	return 0;
}

/* Mount for writing. A failure is no error: what ntfs-3g refuses (hibernated) can be read. */
static int try_writable(struct gfs *f, struct gfs_volume *v, struct error *err)
{
	CLEANUP(error) struct error first = ERROR_INIT;

	v->refused = true;
	/* a dirty volume is not even offered to ntfs-3g */
	if (v->info->dirty)
		return 0;
	if (mount(f, v, true, &first) == 0) {
		v->refused = v->mount != GFS_READ_WRITE;
		return 0;
	}
	if (first.code == ERR_INTERRUPT)
		return err_move(err, &first);
	log_debug("%s", first.message);
	return 0;
}

/* Windows is on the largest volume, unless somebody wanted it otherwise. */
static bool is_largest(const struct gfs *f, const struct gfs_volume *v)
{
	for (size_t i = 0; i < f->volumes.n; i++) {
		const struct image_volume *other = f->volumes.v[i].info;

		if (other->ntfs && !other->bitlocker && other->size > v->info->size)
			return false;
	}
	return true;
}

/*
 * A volume that nothing is written to is not even mounted for writing. Which one that will be is
 * known after it was looked at; a good guess saves mounting it twice.
 */
static int mount_first(struct gfs *f, struct gfs_volume *v, struct error *err)
{
	if (!v->checked && check_device(f, v, err) != 0)
		return -1;
	v->checked = true;
	if (f->write && !f->settled && !v->refused && is_largest(f, v) &&
	    try_writable(f, v, err) != 0)
		return -1;
	return v->mount == GFS_UNMOUNTED ? mount(f, v, false, err) : 0;
}

static int unmount(struct gfs *f, struct gfs_volume *v, struct error *err)
{
	if (guestfs_umount(f->g, v->mountpoint) != 0)
		return appliance_err(f->g, err, "cannot unmount volume %u", v->info->index);
	v->mount = GFS_UNMOUNTED;
	gfs_forget_all(&v->root);
	return 0;
}

static int mount_again_for_writing(struct gfs *f, struct gfs_volume *v, struct error *err)
{
	if (unmount(f, v, err) != 0 || try_writable(f, v, err) != 0)
		return -1;
	return v->mount == GFS_UNMOUNTED ? mount(f, v, false, err) : 0;
}

struct gfs_volume *gfs_volume(struct image *im, size_t vol, struct error *err)
{
	struct gfs *f = im->data;

	if (vol >= im->volumes.n) {
		err_set(err, ERR_INTERNAL, "there is no volume %zu", vol);
		return NULL;
	}
	const struct image_volume *info = &im->volumes.v[vol];
	if (info->bitlocker || !info->ntfs) {
		err_set(err, info->bitlocker ? ERR_BITLOCKER : ERR_NO_WINDOWS,
		    "volume %u: %s", info->index,
		    info->bitlocker ? "encrypted with BitLocker" : "not NTFS");
		return NULL;
	}
	if (cancel_requested()) {
		err_set(err, ERR_INTERRUPT, "interrupted");
		return NULL;
	}
	if (start(f, err) != 0)
		return NULL;
	struct gfs_volume *v = &f->volumes.v[vol];
	if (v->mount == GFS_UNMOUNTED && mount_first(f, v, err) != 0)
		return NULL;
	return v;
}

struct gfs_volume *gfs_writable(struct image *im, size_t vol, struct error *err)
{
	struct gfs *f = im->data;

	if (!f->write || f->settled) {
		err_set(err, ERR_INTERNAL, "%s: a change outside of a transaction", im->path);
		return NULL;
	}
	struct gfs_volume *v = gfs_volume(im, vol, err);
	if (v && v->mount == GFS_READ_ONLY && !v->refused &&
	    mount_again_for_writing(f, v, err) != 0)
		return NULL;
	if (!v || v->mount == GFS_READ_WRITE)
		return v;
	if (v->info->dirty)
		err_set(err, ERR_VOLUME_DIRTY, "volume %u was not unmounted cleanly",
		    v->info->index);
	else
		err_set(err, ERR_HIBERNATED, "volume %u: Windows is hibernated, or was not shut "
					     "down fully", v->info->index);
	err_hint(err, "start this Windows, shut it down (shutdown /s /t 0), capture it again");
	return NULL;
}

static int gfs_begin(struct image *im, struct error *err)
{
	struct gfs *f = im->data;

	f->settled = false;
	if (f->write)
		return start(f, err);
	/* opened for reading only: the appliance has to see another disk */
	stop(f);
	f->write = true;
	return start(f, err);
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

		if (v->mount == GFS_READ_WRITE && unmount(f, v, err) != 0)
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

char *gfs_shell(struct gfs *f, const char *command)
{
	char *args[] = {(char *)command, NULL};
	char *out = guestfs_debug(f->g, "sh", args);

	if (!out)
		log_debug("appliance: %.40s: %s", command, guestfs_last_error(f->g));
	return out;
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
