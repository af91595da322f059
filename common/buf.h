/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growing bytes and growing lists. Memory exhaustion ends the program: none of
 * the code above these could go on without memory, and pretending otherwise
 * would leave hundreds of paths that nobody can test. Sizes that come from an
 * image are checked against limits before anything is allocated for them.
 */
#ifndef W7PREP_COMMON_BUF_H
#define W7PREP_COMMON_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The end of the program: for memory that a library could not get. */
_Noreturn void out_of_memory(void);

/* malloc family that never returns NULL (for size 0 neither). */
void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull, nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull, nonnull));
void *xmemdup(const void *p, size_t n) __attribute__((malloc, returns_nonnull));
char *xvasprintf(const char *fmt, va_list ap)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 0)));
char *xasprintf(const char *fmt, ...) __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* Bytes. data is always NUL-terminated one past len, once anything was added. */
struct buf {
	char *data;
	size_t len, cap;
};

#define BUF_INIT ((struct buf){0})

void buf_free(struct buf *b);
void buf_reset(struct buf *b);			/* empty, memory kept */
void buf_reserve(struct buf *b, size_t extra);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool buf_equal(const struct buf *a, const struct buf *b);
char *buf_steal(struct buf *b);			/* the bytes, now the caller's; never NULL */
void buf_wipe_free(struct buf *b);		/* overwrite first: for secrets */

/* Strings, each owned by the list. */
struct strvec {
	char **v;
	size_t n, cap;
};

#define STRVEC_INIT ((struct strvec){0})

void strvec_free(struct strvec *s);
void strvec_add(struct strvec *s, const char *str);
void strvec_addf(struct strvec *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strvec_take(struct strvec *s, char *str);	/* takes ownership */
void strvec_sort(struct strvec *s);		/* byte order */
bool strvec_has(const struct strvec *s, const char *str);

/*
 * A typed list: struct { T *v; size_t n, cap; }. VEC_PUSH returns the address of
 * the new, zeroed element.
 */
#define VEC(T) struct { T *v; size_t n, cap; }
#define VEC_PUSH(vec) \
	(vec_grow((void **)&(vec)->v, (vec)->n, &(vec)->cap, sizeof(*(vec)->v)), \
	 &(vec)->v[(vec)->n++])
void vec_grow(void **v, size_t n, size_t *cap, size_t elem);

#endif
