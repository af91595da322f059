/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the host: private scratch space, whole files, atomic replacement. */
#ifndef W7PREP_COMMON_FSUTIL_H
#define W7PREP_COMMON_FSUTIL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

/*
 * A private scratch directory (0700) below @parent, or below $W7PREP_TMPDIR,
 * $TMPDIR or /var/tmp when @parent is NULL. Returns its path (the caller frees
 * it and calls scratch_remove), NULL on error. Directories still there when the
 * program ends, by exit or by a signal it handles, are removed by
 * scratch_remove_all().
 */
char *scratch_create(const char *parent, struct error *err);
void scratch_remove(const char *path);
void scratch_remove_all(void);

/* Make every directory above @path that is not there, 0700. */
int make_parents(const char *path, struct error *err);

/* Remove a file or a whole directory; symbolic links are not followed. */
int remove_tree(const char *path, struct error *err);

/* Read a regular file of at most @max bytes. ERR_LIMIT when larger. */
int read_whole_file(const char *path, size_t max, struct buf *out, struct error *err);

/* Read at most @max bytes from @fd at its beginning; ERR_LIMIT when larger. */
int read_whole_fd(int fd, size_t max, struct buf *out, struct error *err);

int write_all(int fd, const void *p, size_t n, struct error *err);
int pwrite_all(int fd, const void *p, size_t n, uint64_t off, struct error *err);
/* Exactly @n bytes; ERR_DAMAGED when the file ends before. */
int pread_all(int fd, void *p, size_t n, uint64_t off, struct error *err);

/*
 * Put @data at @path with @mode: written beside it, synced, renamed over it, the
 * directory synced. After a crash the old or the new content is there.
 */
int write_file_atomic(const char *path, const void *data, size_t n, unsigned mode,
		      struct error *err);

/* fsync of the directory that holds @path. */
int sync_parent(const char *path, struct error *err);

/*
 * Copy a file to a new file @to (its mode less the umask, writable for us), sharing extents
 * where the file system can, holes kept. Cancellable; progress as @step.
 */
int copy_file(const char *from, const char *to, const char *step, struct error *err);

/* "dir/" + "name"; the caller frees it. */
char *path_join(const char *dir, const char *name);
/* The directory part ("." when there is none) and the last component; caller frees. */
char *path_dir(const char *path);
const char *path_base(const char *path);

/* An anonymous memory file (memfd, close-on-exec): for hive content, which never
 * goes to a file that others could read. -1 on error. */
int memfile(const char *name, struct error *err);

#endif
