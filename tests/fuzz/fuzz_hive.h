/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that can be read of a hive, as text: for comparing and for touching every cell. */
#ifndef W7PREP_TESTS_FUZZ_HIVE_H
#define W7PREP_TESTS_FUZZ_HIVE_H

#include "image/bytes.h"
#include "image/hive.h"
#include "tests/fuzz/fuzz.h"

/* A damaged hive may name a key in several places, and below itself. */
enum { FUZZ_HIVE_KEYS = 200, FUZZ_HIVE_DEPTH = 12 };
#define FUZZ_HIVE_CHECKSUM 508

/* Make the base block's checksum right: few inputs would get past it. */
static inline void fuzz_hive_mend(uint8_t *hive, size_t size)
{
	uint32_t sum = 0;

	if (size < FUZZ_HIVE_CHECKSUM + sizeof(sum))
		return;
	for (size_t i = 0; i < FUZZ_HIVE_CHECKSUM; i += sizeof(sum))
		sum ^= get_le32(hive + i);
	sum = htole32(sum);
	memcpy(hive + FUZZ_HIVE_CHECKSUM, &sum, sizeof(sum));
}

/* The hive as a file, mended. */
static inline int fuzz_hive_fd(const uint8_t *data, size_t size)
{
	CLEANUP(free) uint8_t *hive = xmemdup(data, size);

	fuzz_hive_mend(hive, size);
	return fuzz_fd(hive, size);
}

static inline void fuzz_dump_values(struct hive *h, const char *key, struct buf *out)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	int rc = hive_values(h, key, &names, NULL);

	for (size_t i = 0; rc == 1 && i < names.n; i++) {
		struct hive_value v;

		rc = hive_get(h, key, names.v[i], &v, NULL);
		buf_addf(out, "%s!%s %d %u ", key, names.v[i], rc, rc == 1 ? v.type : 0);
		if (rc == 1)
			buf_add(out, v.data.data, v.data.len);
		buf_adds(out, "\n");
		hive_value_free(&v);
		rc = 1;
	}
}

static inline void fuzz_dump(
    struct hive *h, const char *key, unsigned depth, unsigned *left, struct buf *out)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	if (!*left || depth > FUZZ_HIVE_DEPTH)
		return;
	--*left;
	fuzz_dump_values(h, key, out);
	int rc = hive_subkeys(h, key, &names, NULL);
	buf_addf(out, "%s %d\n", key, rc);
	/* a new key is put where its name belongs */
	strvec_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(free) char *below = xasprintf("%s%s%s", key, *key ? "\\" : "", names.v[i]);

		fuzz_dump(h, below, depth + 1, left, out);
	}
}

static inline void fuzz_dump_hive(struct hive *h, struct buf *out)
{
	unsigned left = FUZZ_HIVE_KEYS;

	fuzz_dump(h, "", 0, &left, out);
}

#endif
