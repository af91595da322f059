/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between ntfs_mount.c, ntfs.c (reading) and ntfs_write.c; everybody else uses ntfs.h. */
#ifndef W7PREP_IMAGE_NTFS_VOLUME_H
#define W7PREP_IMAGE_NTFS_VOLUME_H

/* libntfs-3g's headers lean on these, on each other's order and on what its configure found */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <ntfs-3g/types.h>
#include <ntfs-3g/volume.h>
#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/unistr.h>

#include "image/ntfs.h"

#define NTFS_PIECE (1u << 20)	/* read or written at once */
#define NTFS_SD_MAX 65536
#define NTFS_DEPTH_MAX 64	/* of a tree that is removed */

/*
 * The library reads a record or an index block at a time, each a question to qemu-nbd: what lies
 * around it is kept, since the next one is often there. Direct-mapped; a write drops the line.
 */
#define NTFS_LINE (16u << 10)
#define NTFS_LINES 128

struct ntfs_line {
	bool valid;
	uint64_t number;	/* position on the volume / NTFS_LINE */
	uint8_t data[NTFS_LINE];
};

struct ntfsvol {
	struct ntfs_line *lines;	/* NTFS_LINES */
	struct blockdev *dev;
	uint64_t offset, size;	/* of the volume on dev */
	s64 pos;		/* for the library's read and write without position */
	ntfs_volume *vol;
	struct SECURITY_CONTEXT security;
	struct PERMISSIONS_CACHE *security_cache;	/* the library's, made when needed */
	struct error io;	/* the first error of dev: what the library makes of it says less */
};

/* What just failed in the library, with @what done to @path. Returns -1. */
int ntfsvol_failed(struct ntfsvol *v, const char *what, const char *path, struct error *err);

/* A new operation begins: what the library complained about before is not its reason. */
void ntfsvol_forget_message(void);

/* 1 and an open inode (ntfs_inode_close), 0 when there is no such path, -1. */
int ntfsvol_lookup(struct ntfsvol *v, const char *path, ntfs_inode **out, struct error *err);

/*
 * The file's unnamed data, open: refuses directories, reparse points, encrypted files. The
 * caller closes it before @ni. NULL on error.
 */
ntfs_attr *ntfsvol_open_data(struct ntfsvol *v, ntfs_inode *ni, const char *path,
			     struct error *err);

static inline bool ntfs_is_directory(const ntfs_inode *ni)
{
	return ni->mrec->flags & MFT_RECORD_IS_DIRECTORY;
}

static inline bool ntfs_is_reparse(const ntfs_inode *ni)
{
	return ni->flags & FILE_ATTR_REPARSE_POINT;
}

#endif
