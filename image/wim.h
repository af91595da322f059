/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine "wim", private to image/wim*.c. libwim does the container; what it leaves to
 * its callers is here: which WIMs are refused, metadata of replaced files (it has no way
 * to change a file's content and keep the rest), and an append that can be taken back.
 *
 *     wim_lib.c      the library's messages and error numbers in our words
 *     wim_header.c   the 208-byte header, read before the library sees the file
 *     wim_open.c     opening, and the refusals
 *     wim_read.c     stat, list, read, fetch
 *     wim_change.c   begin, put, remove: collected, nothing is written
 *     wim_prune.c    which files of an image go to the scratch volume
 *     wim_scratch.c  the scratch NTFS volume that carries metadata and new content
 *     wim_scratch_put.c  files on that volume
 *     wim_update.c   the changes into libwim's memory
 *     wim_settle.c   the write, commit, abort
 *     wim_undo.c     marks of a file's state; putting it back
 */
#ifndef W7PREP_IMAGE_WIM_H
#define W7PREP_IMAGE_WIM_H

#include <stdbool.h>
#include <stdint.h>
#include <wimlib.h>

#include "common/buf.h"
#include "common/error.h"
#include "image/image.h"
#include "image/txn.h"

#define WIM_HEADER_SIZE 208u

enum {
	WIM_READONLY = 0x4,
	WIM_SPANNED = 0x8,
	WIM_RESOURCE_ONLY = 0x10,
	WIM_METADATA_ONLY = 0x20,
	WIM_WRITE_IN_PROGRESS = 0x40,
};

/* A resource as the header names it; all numbers are bytes. */
struct wim_reshdr {
	uint64_t offset, size, original_size;
};

struct wim_header {
	uint8_t raw[WIM_HEADER_SIZE];
	bool pipable;
	uint32_t version, flags, chunk_size, image_count, boot_index;
	uint16_t part, parts;
	struct wim_reshdr blobs, xml, integrity;
	uint64_t file_size;
};

/*
 * Read and check the header of @fd. ERR_NOT_AN_IMAGE, ERR_DAMAGED (it points outside of the
 * file), ERR_LIMIT.
 */
int wim_header_read(int fd, struct wim_header *h, struct error *err);
/* Where an append begins: the end of the last of blob table, XML data and integrity table. */
uint64_t wim_header_end(const struct wim_header *h);

/* One file as the metadata of its image has it. */
struct wim_entry {
	char *path, *name;	/* as spelled in the image */
	bool is_dir, is_link;
	uint32_t attributes, links;
	uint64_t size, all_size; /* of the content; of all streams */
	struct buf sd;		/* empty: it has no descriptor */
};

void wim_entry_free(struct wim_entry *e);
static inline void cleanup_wim_entry(struct wim_entry *e)
{
	wim_entry_free(e);
}

/* One put() or remove(), not yet done. */
struct wim_change {
	size_t vol;
	char *path;		/* components that are there as spelled in the image */
	bool remove;
	/* the rest for put() only */
	bool existed;		/* replaces a file */
	bool has_sd;		/* the file will have a security descriptor */
	char *dir;		/* the nearest directory that is there */
	bool bare_dirs;		/* directories must be made below it, and it has no descriptor */
	int fd;			/* content: our own duplicate */
	uint64_t size, old_size; /* of the content; of all streams of the replaced file */
	uint32_t attributes;	/* of the replaced file */
	struct buf sd;		/* empty: keep */
};

/* What takes an append back: what it overwrites, and where it begins. */
struct wim_mark {
	uint64_t size;
	struct buf header;
	struct buf tail;	/* bytes that nothing in the WIM refers to, after its end */
};

/* What settle() did to the file. */
enum wim_written { WIM_UNTOUCHED, WIM_APPENDED, WIM_REBUILT };

struct wim {
	WIMStruct *handle;	/* NULL between an overwrite and the next read */
	struct wim_header header;
	size_t volumes;
	bool *scanned;		/* per volume: all of its data is known to be there */
	VEC(struct wim_change) changes;
	enum wim_written written;
	struct wim_mark before;
	/* the last file that read() extracted */
	size_t cached_vol;
	char *cached_path;
	int cached_fd;
};

/* ── wim.c ── */
extern const struct image_ops wim_ops;

/* ── wim_lib.c ── */
/* Once a process: case-insensitive, and nothing is ever printed. ERR_ENGINE: too old a library. */
int wim_lib_init(struct error *err);
/* Forget what the library said so far. Call before what may fail. */
void wim_lib_quiet(void);
/* The library's error @code, and what it said, as an error of ours: "@fmt: why". Returns -1. */
int wim_lib_error(int code, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/* ── wim_open.c ── */
int wim_open(struct image *im, struct error *err);
/* The library's handle, opened when there is none. NULL on error. */
WIMStruct *wim_handle(struct image *im, struct error *err);
WIMStruct *wim_open_handle(const char *path, int flags, struct error *err);
void wim_drop_handle(struct wim *w);
void wim_close(struct image *im);

/* ── wim_read.c ── */
/* 1 and the entry (the caller frees it), 0 when it is not there, -1. */
int wim_lookup(struct image *im, size_t vol, const char *path, struct wim_entry *e,
	       struct error *err);
int wim_stat(struct image *im, size_t vol, const char *path, struct image_stat *st,
	     struct error *err);
int wim_list_dir(struct image *im, size_t vol, const char *path, struct strvec *names,
		 struct error *err);
int wim_read(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
	     struct buf *out, struct error *err);
int wim_fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err);
int wim_get_sd(struct image *im, size_t vol, const char *path, struct buf *out,
	       struct error *err);
void wim_cache_drop(struct wim *w);

/* ── wim_change.c ── */
int wim_begin(struct image *im, struct error *err);
int wim_put(struct image *im, size_t vol, const struct image_put *put, struct error *err);
int wim_remove(struct image *im, size_t vol, const char *path, struct error *err);
void wim_changes_drop(struct wim *w);
/* The content put into @vol is on its scratch volume: give back the memory it holds. */
void wim_changes_release(struct wim *w, size_t vol);

/* Is @path taken away by a remove() that is still to be done? */
bool wim_is_removed(const struct image *im, size_t vol, const char *path);

/* ── wim_prune.c ── */
/*
 * A second handle of the WIM, whose image @vol holds only the files that are replaced (of
 * those with a security descriptor, or of those without) under all their names, and the
 * directories that changes are in. Only in memory. @top: the top-level directory that all of
 * it is in (in this handle it is WIM_PRUNED_TOP), or "/"; the caller frees it. NULL on error.
 */
#define WIM_PRUNED_TOP "/top"
WIMStruct *wim_prune(struct image *im, size_t vol, bool with_sd, char **top, struct error *err);

/* ── wim_scratch.c ── */
/* An NTFS volume in memory, whose root is the directory @top of the image. */
struct wim_scratch {
	int fd;
	char *path;	/* for libraries and tools that open it */
	char *top;
};
#define WIM_SCRATCH_INIT ((struct wim_scratch){.fd = -1})
void wim_scratch_free(struct wim_scratch *s);

/*
 * Make the volume that is to be added over image @vol: what is put there, with its new
 * content and the metadata that it has in the image (a new file: its descriptor, and the
 * directories it needs). A WIM may hold files without a security descriptor, a volume may
 * not: @with_sd picks the one kind or the other. Returns 1, 0 when there are none, -1.
 */
int wim_scratch_make(struct image *im, size_t vol, bool with_sd, struct wim_scratch *s,
		     struct error *err);

/* Has the volume of that kind to do with the put @c? */
bool wim_change_concerns(const struct wim_change *c, bool with_sd);

/* ── wim_scratch_put.c ── */
/* Put the files of image @vol on the volume; see wim_scratch_make(). */
int wim_scratch_put(struct image *im, size_t vol, bool with_sd, const struct wim_scratch *s,
		    struct error *err);

/* ── wim_update.c ── */
/* Now, or $SOURCE_DATE_EPOCH, in seconds since 1970. */
int64_t wim_now(void);
bool wim_is_changed(const struct wim *w, size_t vol);
/*
 * Carry out the changes of image @vol in the memory of the library's handle. The volumes
 * in @scratch (without and with descriptors) must stay until the handle is freed.
 */
int wim_update_image(struct image *im, size_t vol, struct wim_scratch scratch[2],
		     struct error *err);
/* With $SOURCE_DATE_EPOCH, date the changed images of the WIM that was written to @path. */
int wim_date_images(struct image *im, const char *path, struct error *err);

/* ── wim_settle.c ── */
int wim_settle(struct image *im, struct error *err);
int wim_commit(struct image *im, struct error *err);
void wim_abort(struct image *im);

/* ── wim_undo.c ── */
/* Remember the file before an append. ERR_UNKNOWN_SHAPE: there is too much after its end. */
int wim_mark_take(int fd, const struct wim_header *h, struct wim_mark *m, struct error *err);
void wim_mark_free(struct wim_mark *m);
/* Make the file what it was when @m was taken, and sync it. May be repeated. */
int wim_mark_restore(int fd, const struct wim_mark *m, struct error *err);
json_t *wim_mark_json(const struct wim_mark *m);
/* How the file is now, for the check of a later undo; NULL on error. */
json_t *wim_state_json(const char *path, struct error *err);
/* Keep the file at @path, sealed, in the record's directory; the detail of the record, or NULL. */
json_t *wim_original_json(void);
json_t *wim_keep_original(const char *path, const char *dir, struct error *err);
extern const struct undo_ops wim_undo_append, wim_undo_rebuild;

#endif
