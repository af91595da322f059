/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partition tables, MBR ([MS-DOS], with extended partitions) and GPT (UEFI 2.10, 5.3). */
#ifndef W7PREP_IMAGE_PARTITION_H
#define W7PREP_IMAGE_PARTITION_H

#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"
#include "image/blockdev.h"

enum partition_table { TABLE_NONE, TABLE_MBR, TABLE_GPT };

struct partition {
	unsigned number;	/* as Linux counts: MBR primary 1 to 4, logical from 5; GPT entry */
	uint64_t offset, size;	/* bytes, wholly on the disk */
	uint8_t type;		/* MBR type; 0 with GPT */
	uint8_t guid[16];	/* GPT type as stored; zero with MBR */
};

struct partition_list {
	enum partition_table table;
	VEC(struct partition) list;
};

#define PARTITION_LIST_INIT ((struct partition_list){0})
void partition_list_free(struct partition_list *l);

/*
 * Read the partition table of @d. TABLE_NONE and no error when there is none: no signature, or
 * the first sector is a file system's boot sector. Partitions that are not wholly on the
 * disk are left out with a log_warn. A GPT of which one copy is good is used; ERR_DAMAGED when
 * both are bad, ERR_LIMIT for a chain of logical partitions that does not end.
 */
int partition_read(struct blockdev *d, struct partition_list *out, struct error *err);

#endif
