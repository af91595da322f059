/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How mkseeds.c writes an input. */
#ifndef W7PREP_TESTS_MKSEEDS_H
#define W7PREP_TESTS_MKSEEDS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/bytes.h"

static const char *top;

static inline void check(int rc, const struct error *err)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "mkseeds: %s\n", err->message ? err->message : "?");
	exit(1);
}

/* @first: a byte that a target takes off for itself; -1: none */
static inline void seed(const char *target, const char *name, int first, const void *p, size_t n)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *dir = path_join(top, target);
	CLEANUP(free) char *path = path_join(dir, name);
	CLEANUP(buf) struct buf b = BUF_INIT;
	const char byte = (char)first;

	mkdir(dir, 0777);
	if (first >= 0)
		buf_add(&b, &byte, 1);
	buf_add(&b, p, n);
	check(write_file_atomic(path, b.data ? b.data : "", b.len, 0666, &err), &err);
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

#endif
