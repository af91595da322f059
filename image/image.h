/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An offline image: one interface, one file per engine.
 *
 * Life of an image:
 *
 *     image_open ── scan ─┬─ stat/list_dir/read/fetch/get_sd ─────────────┬─ image_close
 *                         └─ begin ─ put/remove ─ settle ─ reads ─ commit ┘
 *                                                          └──── abort
 *
 * After begin() every put and remove goes to a working state (an overlay of the
 * disk, an in-memory update of the WIM). settle() makes that state readable: reads
 * after it see the new content, read back from storage and not from a cache of
 * what was written. commit() makes it the image; abort() leaves the image as it
 * was before begin(). commit() leaves an undo record (see txn.h) first.
 *
 * Paths are "/Windows/System32/config/SOFTWARE": absolute inside the volume,
 * slashes, UTF-8, found without regard to case. "." and ".." are never accepted
 * and links (reparse points, junctions) are never followed.
 *
 * Functions return 0, or -1 with the error filled; those that answer "is it
 * there" return 1, 0 or -1.
 */
#ifndef W7PREP_IMAGE_IMAGE_H
#define W7PREP_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

/* What kind of container a file is; found by its magic, never by its name. */
enum image_format {
	FORMAT_UNKNOWN,
	FORMAT_WIM,
	FORMAT_VHD_FIXED,
	FORMAT_VHD_DYNAMIC,
	FORMAT_VHDX,
	FORMAT_VMDK,
	FORMAT_QCOW2,
	FORMAT_RAW,
	FORMAT_PARTCLONE,
	FORMAT_TREE,
};

/* "wim", "vhd", "vhdx", "vmdk", "qcow2", "raw", "partclone", "tree" */
const char *image_format_name(enum image_format format);

/* One place where a Windows can be: an image in a WIM, a partition of a disk. */
struct image_volume {
	unsigned index;		/* WIM image index (from 1); partition number (from 1);
				 * 0: the whole device is the volume */
	char *name;		/* name of the WIM image, label of the volume; may be "" */
	uint64_t offset, size;	/* bytes on the disk; 0 in a WIM */
	bool ntfs;		/* can hold Windows and can be read */
	bool bitlocker;		/* -FVE-FS- */
	bool dirty;		/* NTFS: volume flag set, or $LogFile not empty */
};

struct image_stat {
	bool is_dir;
	bool is_link;		/* reparse point: never followed */
	uint64_t size;
	uint32_t attributes;	/* FILE_ATTRIBUTE_*; 0 where the engine cannot know */
	unsigned links;
};

enum {
	/* put() can set a security descriptor exactly and get_sd() reads it back */
	IMAGE_CAP_SECURITY = 1 << 0,
	/* the working state is an overlay: nothing of the image changes before commit */
	IMAGE_CAP_OVERLAY = 1 << 1,
	/* several volumes with one Windows each are usual (WIM): all are prepared */
	IMAGE_CAP_MULTI = 1 << 2,
};

struct image_options {
	const char *engine;	/* NULL: the default for the format */
	bool write;		/* commit() will be called: check that it can be */
	bool rebuild;		/* WIM: rewrite the file, drop superseded data */
	bool no_undo;		/* the file is our own copy (-o): no undo record */
};

struct image;
struct txn;

/*
 * How put() writes one file. An existing file keeps its security descriptor,
 * attributes, times, 8.3 name and links unless @sd is given; a new one gets @sd
 * (never NULL for a new one), its parents are made with their own parent's inherited
 * descriptor where absent. The caller may close @fd after put(), but not change what it holds
 * before settle(): an engine may keep a duplicate until then.
 */
struct image_put {
	const char *path;
	int fd;			/* content, from offset 0 to its end */
	int old_fd;		/* content before, or -1: lets an engine write only what differs */
	const struct buf *sd;	/* self-relative SECURITY_DESCRIPTOR, or NULL: keep */
};

/* A file that is going to be read: see image_prefetch(). */
struct image_want {
	const char *path;
	uint64_t max;		/* bytes from its beginning */
	bool below;		/* a directory: each file in it */
};

struct image_ops {
	const char *name;	/* "wim", "guestfs", "direct", "partclone", "tree" */
	unsigned caps;
	bool (*handles)(enum image_format format);
	bool is_default;	/* among the engines that handle a format */

	/* Open read-only and fill im->volumes. */
	int (*open)(struct image *im, struct error *err);
	/* NULL: reading here and there costs nothing. */
	int (*prefetch)(struct image *im, size_t vol, const struct image_want *want, size_t n,
			struct error *err);
	int (*stat)(struct image *im, size_t vol, const char *path, struct image_stat *st,
		    struct error *err);
	int (*list_dir)(struct image *im, size_t vol, const char *path, struct strvec *names,
			struct error *err);
	/* At most @max bytes from @off. */
	int (*read)(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
		    struct buf *out, struct error *err);
	/* The whole file into @fd. */
	int (*fetch)(struct image *im, size_t vol, const char *path, int fd, struct error *err);
	int (*get_sd)(struct image *im, size_t vol, const char *path, struct buf *out,
		      struct error *err);

	int (*begin)(struct image *im, struct error *err);
	int (*put)(struct image *im, size_t vol, const struct image_put *put, struct error *err);
	/* A file (its other hard links stay), or a directory with all below it. */
	int (*remove)(struct image *im, size_t vol, const char *path, struct error *err);
	int (*settle)(struct image *im, struct error *err);
	int (*commit)(struct image *im, struct error *err);
	void (*abort)(struct image *im);
	void (*close)(struct image *im);
};

/* The common part; engines keep theirs behind @data. */
struct image {
	/* open() may put a variant with other caps here: the tree engine on a volume that
	 * shows security descriptors */
	const struct image_ops *ops;
	char *path;
	enum image_format format;
	struct image_options options;
	VEC(struct image_volume) volumes;
	struct txn *txn;	/* set while writing unless options.no_undo, see txn.h */
	/* set before image_begin() when the image holds a product key: what of its content
	 * goes into the undo record is sealed (seal.h) */
	bool seal_undo;
	struct image_cache *cache;	/* of image_file_fd() */
	void *data;
};

/*
 * What @path is. ERR_NO_SUCH_FILE, ERR_NOT_AN_IMAGE, and the refusals that show in the
 * container's first bytes: ERR_SPLIT_WIM, ERR_SOLID_WIM, ERR_DIFFERENCING, ERR_BACKING_FILE.
 */
int image_probe(const char *path, enum image_format *format, struct error *err);

/*
 * Open @path (a file; for the tree engine a directory). The file itself is not
 * changed by anything before image_commit(). NULL on error.
 */
struct image *image_open(const char *path, const struct image_options *options,
			 struct error *err);
void image_close(struct image *im);

/* Thin checked wrappers over the engine: see struct image_ops. */
int image_stat(struct image *im, size_t vol, const char *path, struct image_stat *st,
	       struct error *err);
bool image_exists(struct image *im, size_t vol, const char *path);
int image_list_dir(struct image *im, size_t vol, const char *path, struct strvec *names,
		   struct error *err);
int image_read(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
	       struct buf *out, struct error *err);
int image_fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err);
int image_get_sd(struct image *im, size_t vol, const char *path, struct buf *out,
		 struct error *err);

/*
 * Say what will be read soon: an engine that has to go through a compressed stream for it goes
 * once for all. What is not there is no error, what was not named can be read all the same.
 */
int image_prefetch(struct image *im, size_t vol, const struct image_want *want, size_t n,
		   struct error *err);

/*
 * A hive (or another file that is read more than once) as a file descriptor in memory, owned
 * by the image and valid until the file is put or removed, another volume is asked
 * about, image_settle() or image_close(): facts and executor share one transfer. 1/0/-1.
 */
int image_file_fd(struct image *im, size_t vol, const char *path, int *fd, struct error *err);

int image_begin(struct image *im, struct error *err);
int image_put(struct image *im, size_t vol, const struct image_put *put, struct error *err);
int image_remove(struct image *im, size_t vol, const char *path, struct error *err);
int image_settle(struct image *im, struct error *err);
int image_commit(struct image *im, struct error *err);
void image_abort(struct image *im);

/* True when @path is absolute, has no empty, "." or ".." component and no
 * character that Windows forbids in names. */
bool image_path_ok(const char *path);

/* The engines that were built in, in order of preference; NULL-terminated. */
extern const struct image_ops *const image_engines[];

#endif
