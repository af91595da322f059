/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/ntfs_record.h"

#include <string.h>

#include "image/bytes.h"

#define BLOCK 512u /* unit of the update sequence, whatever the sector size */

bool ntfs_fix_up(uint8_t *p, size_t size)
{
	size_t list = get_le16(p + 4), count = get_le16(p + 6);

	if (count != size / BLOCK + 1 || list < 8 || (list & 1) || list + count * 2 > BLOCK - 2)
		return false;
	for (size_t i = 1; i < count; i++) {
		uint8_t *end = p + i * BLOCK - 2;

		if (memcmp(end, p + list, 2) != 0)
			return false;
		memcpy(end, p + list + i * 2, 2);
	}
	return true;
}

bool ntfs_next_attr(const uint8_t *rec, size_t size, struct ntfs_attr_view *a)
{
	size_t used = get_le32(rec + 0x18);
	size_t at = a->p ? (size_t)(a->p - rec) + a->length : get_le16(rec + 0x14);

	if (used > size || at + 24 > used)
		return false;
	size_t length = get_le32(rec + at + 4);
	if (get_le32(rec + at) == 0xffffffff || length < 24 || length > used - at)
		return false;
	*a = (struct ntfs_attr_view){rec + at, length, get_le32(rec + at)};
	return true;
}

bool ntfs_resident_value(const struct ntfs_attr_view *a, const uint8_t **p, size_t *n)
{
	size_t length = get_le32(a->p + 0x10), at = get_le16(a->p + 0x14);

	if (a->p[8] || at > a->length || length > a->length - at)
		return false;
	*p = a->p + at;
	*n = length;
	return true;
}

static uint64_t number(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

bool ntfs_next_run(const struct ntfs_attr_view *a, struct ntfs_run *run)
{
	uint64_t vcn = run->vcn + (run->at ? run->length : 0);
	size_t at = run->at;

	if (!at) {
		at = a->p[8] && a->length >= 0x40 ? get_le16(a->p + 0x20) : 0;
		if (at < 0x40)
			return false;
	}
	if (at >= a->length || !a->p[at])
		return false;
	unsigned nl = a->p[at] & 15, no = a->p[at] >> 4;
	if (nl == 0 || nl > 8 || no > 8 || at + 1 + nl + no > a->length)
		return false;
	uint64_t length = number(a->p + at + 1, nl), delta = number(a->p + at + 1 + nl, no);
	if (no && no < 8 && (a->p[at + nl + no] & 0x80))
		delta |= ~0ull << (8 * no);
	if (length == 0 || length > 1ull << 48 || vcn > 1ull << 60 ||
	    __builtin_add_overflow(run->base, (int64_t)delta, &run->base) || run->base < 0)
		return false;
	run->vcn = vcn;
	run->lcn = (uint64_t)run->base;
	run->length = length;
	run->hole = no == 0;
	run->at = at + 1 + nl + no;
	return true;
}
