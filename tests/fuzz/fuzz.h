/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the fuzz targets share. A target is one file: LLVMFuzzerTestOneInput() gives the input to
 * the reader it is about, and states with FUZZ_CHECK() what must hold for every input. Its first
 * inputs are what mkseeds.c writes for its name.
 */
#ifndef W7PREP_TESTS_FUZZ_H
#define W7PREP_TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that does not hold stops the program as a crash does. */
#define FUZZ_CHECK(holds)                                                                          \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds); \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The input in memory as a file; the caller closes it. */
static inline int fuzz_fd(const uint8_t *data, size_t size)
{
	int fd = memfile("fuzz", NULL);

	FUZZ_CHECK(fd >= 0 && pwrite_all(fd, data, size, 0, NULL) == 0);
	return fd;
}

static inline char *fuzz_path(int fd)
{
	return xasprintf("/proc/self/fd/%d", fd);
}

/* The next bytes of an input that is taken apart; zeros when it is used up. */
struct fuzz_bytes {
	const uint8_t *p;
	size_t n;
};

static inline uint8_t fuzz_byte(struct fuzz_bytes *b)
{
	return b->n ? b->n--, *b->p++ : 0;
}

/* Every error has a line for a person and nothing else in it. */
static inline void fuzz_check_error(const struct error *err)
{
	FUZZ_CHECK(err->code != ERR_NONE && err->message && *err->message);
	FUZZ_CHECK(!strchr(err->message, '\n'));
}

#endif
