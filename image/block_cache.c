/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/block_cache.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "common/buf.h"

#define GROUP_BYTES (64u << 10) /* compressed together */
#define LEVEL 1
#define OPEN_GROUPS 64u /* kept decompressed */

/* Blocks that were added one after another, compressed together. */
struct group {
	uint8_t *packed;
	size_t packed_size;
	size_t first, n; /* in the pass's list of blocks */
};

struct pass {
	VEC(uint64_t) blocks; /* ascending */
	VEC(struct group) groups;
};

struct open_group {
	const struct group *group;
	uint8_t *p;
	uint64_t used; /* when, for choosing the one to give up */
};

struct block_cache {
	uint32_t block_size;
	unsigned per_group;
	size_t limit, memory;
	VEC(struct pass) passes;
	uint8_t *filling; /* blocks of the group that is being filled */
	size_t filled;
	struct open_group open[OPEN_GROUPS];
	uint64_t clock;
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
};

struct block_cache *block_cache_new(uint32_t block_size, size_t limit)
{
	struct block_cache *c = xcalloc(1, sizeof(*c));

	c->block_size = block_size;
	c->limit = limit;
	c->per_group = block_size < GROUP_BYTES ? GROUP_BYTES / block_size : 1;
	c->filling = xmalloc((size_t)c->per_group * block_size);
	c->pack = ZSTD_createCCtx();
	c->unpack = ZSTD_createDCtx();
	if (c->pack && c->unpack)
		return c;
	block_cache_free(c);
	return NULL;
}

static void pass_free(struct pass *p)
{
	for (size_t i = 0; i < p->groups.n; i++)
		free(p->groups.v[i].packed);
	free(p->groups.v);
	free(p->blocks.v);
}

void block_cache_free(struct block_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->passes.n; i++)
		pass_free(&c->passes.v[i]);
	for (size_t i = 0; i < OPEN_GROUPS; i++)
		free(c->open[i].p);
	free(c->passes.v);
	free(c->filling);
	ZSTD_freeCCtx(c->pack);
	ZSTD_freeDCtx(c->unpack);
	free(c);
}

void block_cache_begin_pass(struct block_cache *c)
{
	VEC_PUSH(&c->passes);
	c->filled = 0;
}

static struct pass *last_pass(struct block_cache *c)
{
	return &c->passes.v[c->passes.n - 1];
}

/* False when there is no memory for it. */
static bool close_group(struct block_cache *c)
{
	struct pass *p = last_pass(c);
	size_t bytes = c->filled * c->block_size, bound = ZSTD_compressBound(bytes);

	if (!c->filled)
		return true;
	uint8_t *packed = xmalloc(bound);
	size_t n = ZSTD_compressCCtx(c->pack, packed, bound, c->filling, bytes, LEVEL);
	if (ZSTD_isError(n)) {
		free(packed);
		p->blocks.n -= c->filled;
		c->filled = 0;
		return false;
	}
	*VEC_PUSH(&p->groups) = (struct group){
	    .packed = xrealloc(packed, n),
	    .packed_size = n,
	    .first = p->blocks.n - c->filled,
	    .n = c->filled,
	};
	c->memory += n + sizeof(struct group);
	c->filled = 0;
	return true;
}

bool block_cache_add(struct block_cache *c, uint64_t block, const void *p)
{
	if (c->memory >= c->limit)
		return false;
	*VEC_PUSH(&last_pass(c)->blocks) = block;
	c->memory += sizeof(block);
	memcpy(c->filling + c->filled++ * c->block_size, p, c->block_size);
	return c->filled < c->per_group || close_group(c);
}

bool block_cache_end_pass(struct block_cache *c)
{
	bool kept = close_group(c);

	/* groups moved while they were added */
	for (size_t i = 0; i < OPEN_GROUPS; i++)
		c->open[i].group = NULL;
	return kept;
}

static bool find_in(const struct pass *p, uint64_t block, size_t *at)
{
	size_t low = 0, high = p->blocks.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (p->blocks.v[mid] < block)
			low = mid + 1;
		else
			high = mid;
	}
	*at = low;
	return low < p->blocks.n && p->blocks.v[low] == block;
}

static const struct pass *find(const struct block_cache *c, uint64_t block, size_t *at)
{
	for (size_t i = 0; i < c->passes.n; i++)
		if (find_in(&c->passes.v[i], block, at))
			return &c->passes.v[i];
	return NULL;
}

bool block_cache_has(const struct block_cache *c, uint64_t block)
{
	size_t at;

	return find(c, block, &at) != NULL;
}

static bool unpack(struct block_cache *c, const struct group *g, uint8_t *to)
{
	size_t bytes = g->n * c->block_size;

	return ZSTD_decompressDCtx(c->unpack, to, bytes, g->packed, g->packed_size) == bytes;
}

/* NULL when there is no memory for it. */
static const uint8_t *open_group(struct block_cache *c, const struct group *g)
{
	struct open_group *oldest = &c->open[0];

	for (size_t i = 0; i < OPEN_GROUPS; i++) {
		struct open_group *o = &c->open[i];

		if (o->group == g) {
			o->used = ++c->clock;
			return o->p;
		}
		if (o->used < oldest->used)
			oldest = o;
	}
	if (!oldest->p)
		oldest->p = xmalloc((size_t)c->per_group * c->block_size);
	oldest->group = NULL;
	if (!unpack(c, g, oldest->p))
		return NULL;
	oldest->group = g;
	oldest->used = ++c->clock;
	return oldest->p;
}

bool block_cache_get(struct block_cache *c, uint64_t block, void *p)
{
	size_t at;
	const struct pass *pass = find(c, block, &at);

	if (!pass)
		return false;
	/* every group but a pass's last holds per_group blocks */
	const struct group *g = &pass->groups.v[at / c->per_group];
	const uint8_t *blocks = open_group(c, g);
	if (blocks)
		memcpy(p, blocks + (at - g->first) * c->block_size, c->block_size);
	return blocks != NULL;
}

void block_cache_each(struct block_cache *c, block_cache_fn fn, void *opaque)
{
	uint8_t *p = xmalloc((size_t)c->per_group * c->block_size);

	for (size_t i = 0; i < c->passes.n; i++) {
		const struct pass *pass = &c->passes.v[i];

		for (size_t j = 0; j < pass->groups.n; j++) {
			const struct group *g = &pass->groups.v[j];

			bool there = unpack(c, g, p);
			for (size_t k = 0; there && k < g->n; k++)
				fn(opaque, pass->blocks.v[g->first + k], p + k * c->block_size);
		}
	}
	free(p);
}
