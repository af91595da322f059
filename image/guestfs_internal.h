/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the engine "guestfs". The disk is served by one qemu-nbd to two clients: the
 * appliance, which alone understands the file system, and this process, which reads partition
 * tables and boot sectors and, of large files, the bytes that the appliance says are theirs.
 */
#ifndef W7PREP_IMAGE_GUESTFS_INTERNAL_H
#define W7PREP_IMAGE_GUESTFS_INTERNAL_H

#include <guestfs.h>

#include "image/disk.h"
#include "image/image.h"

enum gfs_kind { GFS_FILE, GFS_DIR, GFS_LINK };

/* A name that was seen in a volume. What was listed once is not asked for again. */
struct gfs_node {
	char *name;		/* as stored */
	struct gfs_node *parent;	/* NULL: the volume's root */
	enum gfs_kind kind;
	bool listed;		/* children are complete */
	unsigned seen;		/* gfs_volume.generation that size, links and inode are of; 0: never */
	uint64_t size, inode;
	unsigned links;
	VEC(struct gfs_node *) children;
};

enum gfs_mount { GFS_UNMOUNTED, GFS_READ_ONLY, GFS_READ_WRITE };

struct gfs_volume {
	const struct image_volume *info;
	char *device;		/* of the appliance: "/dev/sda2" */
	char *mountpoint;	/* "/v2" */
	bool checked;		/* the device is the volume that info describes */
	enum gfs_mount mount;
	bool refused;		/* it cannot be mounted for writing */
	bool changed;		/* since it was mounted: the device may lag behind the files */
	uint32_t cluster_size;
	unsigned generation;	/* counts changes, from 1 */
	struct gfs_node root;
};

/* What a file's metadata has to be when everything is written; see guestfs_meta.c. */
struct gfs_meta {
	char *path;		/* in the appliance */
	struct buf sd;		/* empty: as it is */
	struct buf times, attributes;	/* as stored; empty: as they are */
};

struct gfs {
	struct image *im;
	struct disk *disk;
	struct blockdev *dev;	/* the disk as the appliance has it; NULL: no appliance runs */
	guestfs_h *g;		/* NULL: no appliance runs */
	bool write;		/* the appliance works on an overlay */
	bool settled;		/* no more changes: mount read-only */
	bool usermap;		/* ntfs-3g's file of users is in the appliance */
	VEC(struct gfs_volume) volumes;
	VEC(struct gfs_meta) meta;
};

/* Start the appliance, where it does not run yet, on an overlay of the disk if f->write. */
int gfs_start(struct gfs *f, struct error *err);
/* End it and forget what was seen through it; what it has not synced is lost. */
void gfs_stop(struct gfs *f);

/* The volume, mounted; the appliance is started for the first one. NULL on error. */
struct gfs_volume *gfs_volume(struct image *im, size_t vol, struct error *err);
/* The same, mounted for writing: ERR_VOLUME_DIRTY, ERR_HIBERNATED where that must not be. */
struct gfs_volume *gfs_writable(struct image *im, size_t vol, struct error *err);
/* Everything is on the device then, and what is read next comes from there. */
int gfs_unmount(struct gfs *f, struct gfs_volume *v, struct error *err);

/* 1 and @out, 0 when it is not there, -1 on error (ERR_UNKNOWN_SHAPE: below a link). */
int gfs_lookup(struct gfs *f, struct gfs_volume *v, const char *path, struct gfs_node **out,
	       struct error *err);
/* Size, links and inode of @n as they are now. */
int gfs_refresh(struct gfs *f, struct gfs_volume *v, struct gfs_node *n, struct error *err);
/* All names of directory @n. */
int gfs_list(struct gfs *f, struct gfs_volume *v, struct gfs_node *n, struct error *err);
/* @n's path in the appliance; the caller frees it. */
char *gfs_path(const struct gfs_volume *v, const struct gfs_node *n);
/* What was made, what was removed. The new node belongs to @dir. */
struct gfs_node *gfs_add(struct gfs_node *dir, const char *name, enum gfs_kind kind);
void gfs_forget(struct gfs_node *n);
/* Everything below @root; the root itself stays. */
void gfs_forget_all(struct gfs_node *root);

int gfs_stat(struct image *im, size_t vol, const char *path, struct image_stat *st,
	     struct error *err);
int gfs_list_dir(struct image *im, size_t vol, const char *path, struct strvec *names,
		 struct error *err);
int gfs_read(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
	     struct buf *out, struct error *err);
int gfs_fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err);
int gfs_get_sd(struct image *im, size_t vol, const char *path, struct buf *out,
	       struct error *err);
int gfs_put(struct image *im, size_t vol, const struct image_put *put, struct error *err);
int gfs_remove(struct image *im, size_t vol, const char *path, struct error *err);

/* Security descriptor of a path of the appliance. */
int gfs_read_sd(struct gfs *f, const char *path, struct buf *out, struct error *err);

/* Before @path is written: its times and attributes are to be what they are now. */
int gfs_meta_keep(struct gfs *f, const char *path, struct error *err);
/* @path is to get this descriptor. */
void gfs_meta_sd(struct gfs *f, const char *path, const struct buf *sd);
/* The same at once, for a directory that others are going to inherit from. */
int gfs_meta_sd_now(struct gfs *f, const char *path, const struct buf *sd, struct error *err);
/* @path and what is below it is gone. */
void gfs_meta_drop(struct gfs *f, const char *path);
/* Everything is written: set it all, and check. */
int gfs_meta_apply(struct gfs *f, struct error *err);
void gfs_meta_free(struct gfs *f);

/*
 * Run a command line in the appliance. Returns its output (the caller frees it), NULL when it
 * failed or the appliance does not offer this (guestfs_debug is not a stable interface).
 */
char *gfs_shell(struct gfs *f, const char *command);

#endif
