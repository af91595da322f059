/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partition tables and the state of the volumes in them. The input is a sparse disk: records of a
 * sector number (32 bits) and the sector's 512 bytes; all other sectors are zeros.
 */
#include "image/bytes.h"
#include "image/ntfs_boot.h"
#include "image/partition.h"
#include "tests/fuzz/fuzz.h"

#define SECTOR 512u
#define RECORD (4 + SECTOR)
#define DISK_SIZE (64ull << 20)

struct sparse {
	struct blockdev dev;
	const uint8_t *records;
	size_t n;
};

static const uint8_t *find_sector(const struct sparse *s, uint64_t number)
{
	static const uint8_t zeros[SECTOR];

	for (size_t i = 0; i < s->n; i++)
		if (get_le32(s->records + i * RECORD) == number)
			return s->records + i * RECORD + 4;
	return zeros;
}

static int read_sparse(struct blockdev *d, void *p, size_t n, uint64_t off, struct error *err)
{
	uint8_t *out = p;
	(void)err;

	FUZZ_CHECK(off <= d->size && n <= d->size - off);
	while (n) {
		size_t skip = off % SECTOR, part = SECTOR - skip < n ? SECTOR - skip : n;

		memcpy(out, find_sector((struct sparse *)d, off / SECTOR) + skip, part);
		out += part;
		off += part;
		n -= part;
	}
	return 0;
}

static void look_at(struct blockdev *d, uint64_t offset, uint64_t size)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	enum volume_kind kind;
	struct ntfs_state state;
	int rc = ntfs_state_read(d, offset, size, &kind, &state, &err);

	if (rc < 0)
		fuzz_check_error(&err);
	if (rc == 1)
		FUZZ_CHECK(kind == VOLUME_NTFS && utf8_valid(state.label, strlen(state.label)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sparse s = {{.size = DISK_SIZE, .read = read_sparse}, data, size / RECORD};
	struct partition_list list = PARTITION_LIST_INIT;
	CLEANUP(error) struct error err = ERROR_INIT;

	look_at(&s.dev, 0, DISK_SIZE);
	if (partition_read(&s.dev, &list, &err) != 0) {
		fuzz_check_error(&err);
		return 0;
	}
	for (size_t i = 0; i < list.list.n; i++) {
		const struct partition *p = &list.list.v[i];

		FUZZ_CHECK(p->offset <= DISK_SIZE && p->size <= DISK_SIZE - p->offset);
		if (i < 8)
			look_at(&s.dev, p->offset, p->size);
	}
	partition_list_free(&list);
	return 0;
}
