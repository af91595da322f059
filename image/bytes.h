/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers as they lie in on-disk structures, at any alignment. */
#ifndef W7PREP_IMAGE_BYTES_H
#define W7PREP_IMAGE_BYTES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BYTES_GET(name, type, convert) \
	static inline type name(const void *p) \
	{ \
		type v; \
\
		memcpy(&v, p, sizeof(v)); \
		return convert(v); \
	}

BYTES_GET(get_le16, uint16_t, le16toh)
BYTES_GET(get_le32, uint32_t, le32toh)
BYTES_GET(get_le64, uint64_t, le64toh)
BYTES_GET(get_be32, uint32_t, be32toh)
BYTES_GET(get_be64, uint64_t, be64toh)

static inline int is_power_of_2(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* CRC-32 of IEEE 802.3, as GPT and partclone use it. @crc: 0 or the result so far. */
uint32_t crc32_ieee(uint32_t crc, const void *p, size_t n);

#endif
