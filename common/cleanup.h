/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scope-bound release of what C leaves to us: CLEANUP(free) char *p = ...; */
#ifndef W7PREP_COMMON_CLEANUP_H
#define W7PREP_COMMON_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/error.h"

/* unused: clang does not count the release as a use */
#define CLEANUP(kind) __attribute__((cleanup(cleanup_##kind), unused))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_buf(struct buf *b)
{
	buf_free(b);
}

static inline void cleanup_strvec(struct strvec *s)
{
	strvec_free(s);
}

static inline void cleanup_error(struct error *e)
{
	err_clear(e);
}

/* Take a resource out of a CLEANUP variable: return steal_ptr(&p); */
#define steal_ptr(pp) \
	({ __typeof__(*(pp)) stolen_ = *(pp); *(pp) = NULL; stolen_; })

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#endif
