/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files that one partition image is made of, by the names that FOG and Clonezilla give them.
 *
 *     FOG         d1p2.img, split: d1p2.img d1p2.img.001 d1p2.img.002 … (older: .000 first)
 *     Clonezilla  sda2.ntfs-ptcl-img.zst, split: sda2.ntfs-ptcl-img.zst.aa .ab …
 */
#ifndef W7PREP_IMAGE_PARTCLONE_SET_H
#define W7PREP_IMAGE_PARTCLONE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"
#include "image/codec.h"

enum ptcl_naming { PTCL_WHOLE, PTCL_DIGITS, PTCL_LETTERS };

struct ptcl_set {
	char *dir, *stem; /* stem: the name without what split added */
	enum ptcl_naming naming;
	unsigned suffix;          /* characters that split added, the dot not counted */
	bool bare_first;          /* FOG: the first part has no suffix */
	struct strvec names;      /* the parts in order */
	uint64_t bytes;           /* of all parts */
	uint64_t part_size;       /* bytes of a part; 0: not split */
	bool equal;               /* all but the last have that size */
	uint64_t mark;            /* changes when a part is replaced or written to */
	unsigned disk, partition; /* of FOG's name; 0: unknown */
};

/* @path: any part of it. ERR_NO_SUCH_FILE; ERR_DAMAGED when the first part, or one in between, is missing. */
int ptcl_set_find(const char *path, struct ptcl_set *s, struct error *err);
void ptcl_set_free(struct ptcl_set *s);
/* ERR_CHANGED_SINCE unless all parts are as ptcl_set_find() found them. */
int ptcl_set_unchanged(const struct ptcl_set *s, struct error *err);
/*
 * ERR_LOCKED when another process, or an NFS client through this server, has a part open. Parts that
 * are not there are not in use.
 */
int ptcl_set_not_in_use(const struct ptcl_set *s, struct error *err);
/* Name of part @n (from 0), without the directory; NULL when there are no more names. */
char *ptcl_set_name(const struct ptcl_set *s, unsigned n);

/*
 * Partition images in the directory @dir that can hold Windows, in order, as their first part's
 * paths (all others' where that is missing): FOG's and those of Clonezilla that say ntfs. None:
 * @dir is something else.
 */
void ptcl_dir_list(const char *dir, struct strvec *paths);

/* Reads the parts one after another; a codec_read_fn. */
struct ptcl_parts {
	const struct ptcl_set *set;
	size_t next;
	int fd;
};

#define PTCL_PARTS_INIT(s) ((struct ptcl_parts){.set = (s), .fd = -1})
int ptcl_parts_read(void *parts, void *p, size_t max, size_t *got, struct error *err);
void ptcl_parts_end(struct ptcl_parts *parts);

/* XXH128 of all parts in order, as they lie on disk, as hexadecimal text. */
int ptcl_set_digest(const struct ptcl_set *s, char hex[33], struct error *err);

/* Codec of the first bytes, and whether a name that says a codec (Clonezilla) agrees. */
int ptcl_set_codec(const struct ptcl_set *s, enum codec *codec, struct error *err);

#endif
