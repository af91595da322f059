/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The appliance with the disk in it, and which of its volumes are mounted, and how. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/cleanup.h"
#include "common/log.h"
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

char *gfs_shell(struct gfs *f, const char *command)
{
	char *args[] = {(char *)command, NULL};
	char *out = guestfs_debug(f->g, "sh", args);

	if (!out)
		log_debug("appliance: %.40s: %s", command, guestfs_last_error(f->g));
	return out;
}

static void volume_free(struct gfs_volume *v)
{
	gfs_forget_all(&v->root);
	free(v->device);
	free(v->mountpoint);
}

void gfs_stop(struct gfs *f)
{
	for (size_t i = 0; i < f->volumes.n; i++)
		volume_free(&f->volumes.v[i]);
	free(f->volumes.v);
	memset(&f->volumes, 0, sizeof(f->volumes));
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

int gfs_start(struct gfs *f, struct error *err)
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

int gfs_unmount(struct gfs *f, struct gfs_volume *v, struct error *err)
{
	if (guestfs_umount(f->g, v->mountpoint) != 0)
		return appliance_err(f->g, err, "cannot unmount volume %u", v->info->index);
	v->mount = GFS_UNMOUNTED;
	gfs_forget_all(&v->root);
	return 0;
}

static int mount_again_for_writing(struct gfs *f, struct gfs_volume *v, struct error *err)
{
	if (gfs_unmount(f, v, err) != 0 || try_writable(f, v, err) != 0)
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
	if (gfs_start(f, err) != 0)
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

