/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks of a volume kept in memory, compressed: the file table and the directories of a
 * Windows 7 take 150 MB as they are and 30 like this. Filled in passes over a stream.
 */
#ifndef W7PREP_IMAGE_BLOCK_CACHE_H
#define W7PREP_IMAGE_BLOCK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block_cache;

/* @limit: bytes of memory, at most (roughly). NULL when there is no memory. */
struct block_cache *block_cache_new(uint32_t block_size, size_t limit);
void block_cache_free(struct block_cache *c);

/* A pass begins: blocks are added in ascending order from here on. */
void block_cache_begin_pass(struct block_cache *c);
/* Keep a block that is not there yet. False when the limit is reached, or memory. */
bool block_cache_add(struct block_cache *c, uint64_t block, const void *p);
/* The pass is over: what was added can be found. False when the last of it could not be kept. */
bool block_cache_end_pass(struct block_cache *c);

bool block_cache_has(const struct block_cache *c, uint64_t block);
/* False when it is not there, or there is no memory to unpack it. */
bool block_cache_get(struct block_cache *c, uint64_t block, void *p);
/* All blocks, pass by pass. @fn may not call the cache. */
typedef void (*block_cache_fn)(void *opaque, uint64_t block, const uint8_t *p);
void block_cache_each(struct block_cache *c, block_cache_fn fn, void *opaque);

#endif
