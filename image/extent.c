/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/extent.h"

#include <nettle/sha2.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"

#define CHUNK (1u << 20)
#define BLOCK 4096u

void extent_list_free(struct extent_list *l)
{
	free(l->list.v);
	*l = EXTENT_LIST_INIT;
}

void extent_add(struct extent_list *l, uint64_t offset, uint64_t length)
{
	struct extent *last = l->list.n ? &l->list.v[l->list.n - 1] : NULL;

	if (last && last->offset + last->length == offset)
		last->length += length;
	else if (length)
		*VEC_PUSH(&l->list) = (struct extent){offset, length};
}

uint64_t extent_total(const struct extent_list *l)
{
	uint64_t total = 0;

	for (size_t i = 0; i < l->list.n; i++)
		total += l->list.v[i].length;
	return total;
}

/* Call @fn for pieces of at most CHUNK bytes; stops at the first that is not 0. */
typedef int (*piece_fn)(void *opaque, uint64_t off, size_t n, struct error *err);

static int for_pieces(const struct extent_list *l, piece_fn fn, void *opaque, struct error *err)
{
	for (size_t i = 0; i < l->list.n; i++) {
		uint64_t off = l->list.v[i].offset, left = l->list.v[i].length;

		while (left) {
			size_t n = left < CHUNK ? (size_t)left : CHUNK;

			if (fn(opaque, off, n, err) != 0)
				return -1;
			off += n;
			left -= n;
		}
	}
	return 0;
}

struct compare {
	struct blockdev *a, *b;
	struct extent_list *out;
	uint8_t *pa, *pb;
};

static int compare_piece(void *opaque, uint64_t off, size_t n, struct error *err)
{
	struct compare *c = opaque;

	if (cancel_requested())
		return err_set(err, ERR_INTERRUPT, "interrupted");
	if (blockdev_read(c->a, c->pa, n, off, err) != 0 ||
	    blockdev_read(c->b, c->pb, n, off, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i += BLOCK) {
		size_t part = n - i < BLOCK ? n - i : BLOCK;

		if (memcmp(c->pa + i, c->pb + i, part) != 0)
			extent_add(c->out, off + i, part);
	}
	return 0;
}

int extent_differences(struct blockdev *a, struct blockdev *b, const struct extent_list *in,
    struct extent_list *out, struct error *err)
{
	CLEANUP(free) uint8_t *pa = xmalloc(CHUNK);
	CLEANUP(free) uint8_t *pb = xmalloc(CHUNK);
	struct compare c = {a, b, out, pa, pb};

	return for_pieces(in, compare_piece, &c, err);
}

struct digest {
	struct blockdev *dev;
	struct sha256_ctx sha;
	uint8_t *p;
};

static int digest_piece(void *opaque, uint64_t off, size_t n, struct error *err)
{
	struct digest *d = opaque;

	if (blockdev_read(d->dev, d->p, n, off, err) != 0)
		return -1;
	sha256_update(&d->sha, n, d->p);
	return 0;
}

int extent_digest(
    struct blockdev *dev, const struct extent_list *l, char hex[65], struct error *err)
{
	CLEANUP(free) uint8_t *p = xmalloc(CHUNK);
	struct digest d = {.dev = dev, .p = p};
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_init(&d.sha);
	if (for_pieces(l, digest_piece, &d, err) != 0)
		return -1;
	sha256_digest(&d.sha, sizeof(sum), sum);
	CLEANUP(free) char *text = to_hex(sum, sizeof(sum));
	memcpy(hex, text, 65);
	return 0;
}

struct copy {
	struct blockdev *from, *to;
	uint8_t *p;
	uint64_t done, total;
};

static int copy_piece(void *opaque, uint64_t off, size_t n, struct error *err)
{
	struct copy *c = opaque;

	if (blockdev_read(c->from, c->p, n, off, err) != 0 ||
	    blockdev_write(c->to, c->p, n, off, err) != 0)
		return -1;
	c->done += n;
	progress("commit", c->done, c->total);
	return 0;
}

int extent_copy(
    struct blockdev *from, struct blockdev *to, const struct extent_list *l, struct error *err)
{
	CLEANUP(free) uint8_t *p = xmalloc(CHUNK);
	struct copy c = {.from = from, .to = to, .p = p, .total = extent_total(l)};

	return for_pieces(l, copy_piece, &c, err);
}

json_t *extent_to_json(const struct extent_list *l)
{
	json_t *j = json_array();

	for (size_t i = 0; i < l->list.n; i++)
		json_array_append_new(j, json_pack("[I, I]", (json_int_t)l->list.v[i].offset,
					     (json_int_t)l->list.v[i].length));
	return j;
}

int extent_from_json(const json_t *j, uint64_t size, struct extent_list *out, struct error *err)
{
	uint64_t end = 0;

	if (!json_is_array(j) || json_array_size(j) == 0)
		return err_set(err, ERR_DAMAGED, "the undo record lists no extents");
	for (size_t i = 0; i < json_array_size(j); i++) {
		const json_t *pair = json_array_get(j, i);
		json_int_t off = json_integer_value(json_array_get(pair, 0));
		json_int_t len = json_integer_value(json_array_get(pair, 1));

		if (off < 0 || len <= 0 || (uint64_t)off < end || (uint64_t)off > size ||
		    (uint64_t)len > size - (uint64_t)off)
			return err_set(err, ERR_DAMAGED,
			    "the undo record has an impossible extent (number %zu)", i);
		end = (uint64_t)off + (uint64_t)len;
		extent_add(out, (uint64_t)off, (uint64_t)len);
	}
	return 0;
}
