/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records of the NTFS file table as bytes, every bound checked: for looking before mounting. */
#ifndef W7PREP_IMAGE_NTFS_RECORD_H
#define W7PREP_IMAGE_NTFS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NTFS_RECORD_MAX 65536u

enum {
	NTFS_ATTR_STANDARD_INFORMATION = 0x10,
	NTFS_ATTR_FILE_NAME = 0x30,
	NTFS_ATTR_VOLUME_NAME = 0x60,
	NTFS_ATTR_VOLUME_INFORMATION = 0x70,
	NTFS_ATTR_DATA = 0x80,
};

/*
 * Undo the update sequence of a record or page of @size bytes: the last two bytes of every
 * block were moved into a list, so that a torn write shows. False when it was torn.
 */
bool ntfs_fix_up(uint8_t *p, size_t size);

struct ntfs_attr_view {
	const uint8_t *p;
	size_t length;
	uint32_t type;
};

/* The attribute behind @a of a record that was fixed up; the first when a->p is NULL. */
bool ntfs_next_attr(const uint8_t *rec, size_t size, struct ntfs_attr_view *a);

/* False for an attribute that is not resident. */
bool ntfs_resident_value(const struct ntfs_attr_view *a, const uint8_t **p, size_t *n);

/* Where the parts of a non-resident attribute are. */
struct ntfs_run {
	uint64_t vcn;         /* first cluster of the part in the attribute's own count */
	uint64_t lcn, length; /* on the volume, in clusters */
	bool hole;
	size_t at; /* of the next one in the mapping pairs; 0: at the beginning */
	int64_t base;
};

#define NTFS_RUN_INIT ((struct ntfs_run){0})
/* False at the end, and where the mapping pairs make no sense. vcn counts from 0 here. */
bool ntfs_next_run(const struct ntfs_attr_view *a, struct ntfs_run *run);

#endif
