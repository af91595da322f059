/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the targets about partition images share: the stream of an input, and a file for it. */
#ifndef W7PREP_TESTS_FUZZ_PARTCLONE_H
#define W7PREP_TESTS_FUZZ_PARTCLONE_H

#include <fcntl.h>

#include "image/bytes.h"
#include "image/partclone_stream.h"
#include "tests/fuzz/fuzz.h"

/* With @mend the checksum of a header of version 2 is right, so that what is behind is reached. */
static inline uint8_t *fuzz_stream(const uint8_t *data, size_t size, bool mend)
{
	const size_t at = PTCL_V2_HEADER - 4;
	uint8_t *stream = xmemdup(data, size);

	if (mend && size >= PTCL_V2_HEADER) {
		uint32_t crc = htole32(ptcl_crc32(stream, at));

		memcpy(stream + at, &crc, sizeof(crc));
	}
	return stream;
}

/* The path of a partition image that holds this; one at a time. */
static inline const char *fuzz_image(const void *data, size_t size)
{
	static char *path;

	if (!path) {
		CLEANUP(free) char *dir = scratch_create(NULL, NULL);

		FUZZ_CHECK(dir);
		path = path_join(dir, "d1p2.img");
		atexit(scratch_remove_all);
	}
	CLEANUP(close) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0 && pwrite_all(fd, data, size, 0, NULL) == 0);
	return path;
}

#endif
