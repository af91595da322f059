/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranges of a device: which differ, what they hold, and keeping that content in a file. */
#ifndef W7PREP_IMAGE_EXTENT_H
#define W7PREP_IMAGE_EXTENT_H

#include <jansson.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"
#include "image/blockdev.h"

struct extent {
	uint64_t offset, length;	/* bytes */
};

/* In ascending order, not overlapping. */
struct extent_list {
	VEC(struct extent) list;
};

#define EXTENT_LIST_INIT ((struct extent_list){0})
void extent_list_free(struct extent_list *l);

/* Add a range behind the last one, joined with it where they touch. */
void extent_add(struct extent_list *l, uint64_t offset, uint64_t length);
uint64_t extent_total(const struct extent_list *l);

/* The parts of @in, in whole blocks of 4 KiB, in which @a and @b differ. */
int extent_differences(struct blockdev *a, struct blockdev *b, const struct extent_list *in,
		       struct extent_list *out, struct error *err);

/* SHA-256 over the content of all ranges in order, as hexadecimal text. */
int extent_digest(struct blockdev *d, const struct extent_list *l, char hex[65],
		  struct error *err);

/* Write what @from holds in @l to @to at the same offsets; not flushed. */
int extent_copy(struct blockdev *from, struct blockdev *to, const struct extent_list *l,
		struct error *err);

/* [[offset, length], …]; the reading side checks order and that all is within @size. */
json_t *extent_to_json(const struct extent_list *l);
int extent_from_json(const json_t *j, uint64_t size, struct extent_list *out,
		     struct error *err);

/*
 * Write the content of @l to the empty file @fd: a tar file compressed with zstd, one
 * member for each range, named by its offset in hexadecimal. @path: the file's name for errors.
 */
int extent_save(struct blockdev *d, const struct extent_list *l, int fd, const char *path,
		struct error *err);

/*
 * Read such a file from its beginning. Without @to only the digest of the content is made; with it the
 * content is written where @to differs from it; not flushed. ERR_DAMAGED when the file does
 * not hold exactly @l.
 */
int extent_load(int fd, const char *path, const struct extent_list *l, struct blockdev *to,
		char hex[65], struct error *err);

#endif
