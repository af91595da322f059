/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine "tree": a Windows volume that is mounted, or a plain directory. What the files
 * tree_*.c share.
 *
 * Names are found without regard to case, one component at a time from the root's descriptor, with
 * no link followed: a link planted in an image, or swapped in while we work, leads nowhere.
 */
#ifndef W7PREP_IMAGE_TREE_H
#define W7PREP_IMAGE_TREE_H

#include <jansson.h>
#include <sys/stat.h>

#include "image/image.h"
#include "image/txn.h"

extern const struct image_ops tree_ops;
extern const struct undo_ops tree_undo;

struct tree {
	int root;
	const char *sd_xattr;	/* attribute that holds the security descriptor; NULL: none here */
	struct tree_journal *journal;	/* between begin and commit */
};

/* Where a path is: its name as spelled in the directory that holds it. */
struct tree_place {
	int dir;		/* -1: not open */
	char *name;		/* "." for the root */
	char *path;		/* the whole path, as spelled */
	struct stat st;		/* of the entry itself, never of what a link names */
};

#define TREE_PLACE_INIT ((struct tree_place){.dir = -1})
void tree_place_close(struct tree_place *p);
static inline void cleanup_place(struct tree_place *p)
{
	tree_place_close(p);
}

/*
 * Find @path below the directory @root. 1/0/-1; a link on the way is ERR_UNKNOWN_SHAPE.
 */
int tree_find(int root, const char *path, struct tree_place *out, struct error *err);

/* Open the file at @p for reading (@flags: O_RDONLY, O_RDWR): a regular file, or an error. */
int tree_open_file(const struct tree_place *p, int flags, struct error *err);
/* The directory at @p. */
int tree_open_dir(const struct tree_place *p, struct error *err);
/* Names in the directory @fd (kept open), sorted. */
int tree_list(int fd, struct strvec *names, struct error *err);

/*
 * What NTFS keeps with a file and a Linux file system does not, by the names that
 * ntfs-3g gives it. An attribute that is not offered is empty and is not set.
 */
struct tree_meta {
	struct stat st;
	struct buf sd, attributes, times;
	struct buf dos_name;	/* 8.3 name: a new file has none */
};
#define TREE_META_INIT ((struct tree_meta){0})
void tree_meta_read(int fd, const char *sd_xattr, struct tree_meta *out);
/* Times last, because the rest changes them. */
int tree_meta_write(int fd, const char *sd_xattr, const struct tree_meta *meta,
		    struct error *err);
void tree_meta_free(struct tree_meta *meta);
static inline void cleanup_meta(struct tree_meta *m)
{
	tree_meta_free(m);
}

/* The attribute of the file system at @fd that holds security descriptors, or NULL. */
const char *tree_sd_xattr(int fd);

/*
 * Whether a new file with the metadata in @meta can take the place of the one at @fd, and nobody would miss
 * anything: no other hard links, no named streams, none of the attributes that are more than a flag.
 */
bool tree_replaceable(int fd, const struct tree_meta *meta);
/* Give the file at @fd, which has its final name, the 8.3 name of @meta. */
int tree_dos_name_write(int fd, const char *sd_xattr, const struct tree_meta *meta,
			struct error *err);
/* Ending of the name of a file that is to be renamed over another. */
#define TREE_BESIDE_SUFFIX ".w7prep-new"

/* fsync of a directory, where the file system has such a thing. */
int tree_sync_dir(int dir, struct error *err);

/* Make the content of @to that of @from, writing only the blocks that differ. */
int tree_copy(int from, int to, struct error *err);

/*
 * The journal: one line of JSON for each change, synced before the change is made, beside copies of
 * what was there, which are sealed when the record's detail says so. Read backwards it puts the tree
 * back, from any point where a crash left it.
 */
enum tree_op {
	TREE_CREATE,		/* a file that was not there */
	TREE_MKDIR,		/* a directory that was not there */
	TREE_WRITE,		/* a file was overwritten: content in the copy */
	TREE_MOVE,		/* a file or directory was moved to the copy's name */
	TREE_UNLINK,		/* a file was removed: content in the copy */
	TREE_RMDIR,		/* an empty directory was removed */
	TREE_BESIDE,		/* a file was made that is to be renamed over another */
};

struct tree_entry {
	enum tree_op op;
	char *path;
	char *copy;		/* name in the record's directory, or NULL */
	char *after;		/* SHA-256 of the content afterwards, or NULL */
	struct tree_meta meta;	/* before; empty for CREATE, MKDIR and MOVE */
};

struct tree_journal {
	char *path;		/* the record's directory */
	int dir;
	int file;
	bool scratch;		/* no undo record was asked for: only abort needs it */
	bool sealed;		/* the copies are (seal.h) */
	unsigned copies;
};

struct tree_journal *tree_journal_create(const char *dir, bool scratch, bool sealed,
					 struct error *err);
void tree_journal_close(struct tree_journal *j);
/* Sync the copy (if any) and the entry to disk. Strings of @e are only borrowed. */
int tree_journal_add(struct tree_journal *j, const struct tree_entry *e, struct error *err);
/* Name for the next copy; the caller frees it. */
char *tree_journal_copy_name(struct tree_journal *j);

struct tree_log {
	VEC(struct tree_entry) list;
};
/* Entries in @dir, oldest first; a last line cut short was never acted on and is left out. */
int tree_log_read(const char *dir, struct tree_log *out, struct error *err);
void tree_log_free(struct tree_log *log);

/* Put everything that the journal in @dir names back below @root; @sealed: its copies are. */
int tree_roll_back(int root, const char *dir, bool sealed, struct error *err);

/* Of removed names of files that had others: where such a file is found. */
struct tree_links {
	VEC(struct tree_link {
		ino_t ino;		/* as the journal has it */
		char *path;		/* a name that it has, or has again; NULL: not found */
	}) list;
	size_t missing;
};

/* Look in Windows' component store, where its files have their first names. */
void tree_links_find(struct tree_links *l, int root, const struct tree_log *log);
/*
 * Make @name in @dir another name of the file that @e was one of; @fd: its content as it was. False:
 * that file is gone or has changed, the name must get a file of its own (and @l takes note of it).
 */
bool tree_links_use(struct tree_links *l, int root, const struct tree_entry *e, int fd, int dir,
		    const char *name);
void tree_links_free(struct tree_links *l);

/* SHA-256 of a file in hexadecimal, or NULL; the caller frees it. */
char *tree_hash(int fd, struct error *err);

/* tree_write.c */
int tree_begin(struct image *im, struct error *err);
int tree_put(struct image *im, size_t vol, const struct image_put *put, struct error *err);
int tree_remove(struct image *im, size_t vol, const char *path, struct error *err);
int tree_settle(struct image *im, struct error *err);
int tree_commit(struct image *im, struct error *err);
void tree_abort(struct image *im);

#endif
