/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partclone_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"

struct ptcl_writer {
	const char *dir;
	const struct ptcl_set *like;
	int fd; /* of the part being written */
	uint64_t in_part;
	struct strvec names;
	struct encoder *encoder;
	XXH3_state_t *digest;
	struct ptcl_header h;
	bool swapped;
	struct ptcl_sum sum;
	uint32_t since_sum;
};

static int end_part(struct ptcl_writer *w, struct error *err)
{
	if (w->fd < 0)
		return 0;
	int rc = fsync(w->fd);
	if (rc != 0)
		err_errno(err, "cannot write %s", w->names.v[w->names.n - 1]);
	close(w->fd);
	w->fd = -1;
	return rc;
}

static int next_part(struct ptcl_writer *w, struct error *err)
{
	CLEANUP(free) char *name = ptcl_set_name(w->like, (unsigned)w->names.n);

	if (end_part(w, err) != 0)
		return -1;
	if (!name)
		return err_set(err, ERR_LIMIT, "%s: no more names for another part", w->like->stem);
	CLEANUP(free) char *path = path_join(w->dir, name);
	w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0)
		return err_errno(err, "cannot create %s", path);
	strvec_take(&w->names, steal_ptr(&name));
	w->in_part = 0;
	return 0;
}

static int write_parts(void *opaque, const void *p, size_t n, struct error *err)
{
	struct ptcl_writer *w = opaque;
	uint64_t limit = w->like->part_size ? w->like->part_size : UINT64_MAX;

	for (const uint8_t *in = p; n;) {
		if ((w->fd < 0 || w->in_part == limit) && next_part(w, err) != 0)
			return -1;
		size_t part = n < limit - w->in_part ? n : (size_t)(limit - w->in_part);
		if (write_all(w->fd, in, part, err) != 0)
			return err_context(err, "%s", w->names.v[w->names.n - 1]);
		w->in_part += part;
		in += part;
		n -= part;
	}
	return 0;
}

static int put(struct ptcl_writer *w, const void *p, size_t n, struct error *err)
{
	XXH3_128bits_update(w->digest, p, n);
	return encoder_write(w->encoder, p, n, err);
}

static int put_sum(struct ptcl_writer *w, struct error *err)
{
	uint8_t sum[PTCL_SUM_MAX];

	ptcl_sum_get(&w->sum, w->swapped, sum);
	w->since_sum = 0;
	if (w->h.reseed)
		ptcl_sum_reset(&w->sum);
	return put(w, sum, w->h.sum_size, err);
}

static int put_start(struct ptcl_writer *w, const uint8_t *bitmap, struct error *err)
{
	uint8_t header[PTCL_V2_HEADER], crc[4];
	size_t size = ptcl_bitmap_size(&w->h);
	uint32_t sum = ptcl_crc32(bitmap, size);

	ptcl_header_make(&w->h, header);
	for (unsigned i = 0; i < sizeof(crc); i++)
		crc[i] = (uint8_t)(sum >> (8 * i));
	return put(w, header, sizeof(header), err) == 0 && put(w, bitmap, size, err) == 0
		   ? put(w, crc, sizeof(crc), err)
		   : -1;
}

struct ptcl_writer *ptcl_writer_open(const char *dir, const struct ptcl_set *like, enum codec codec,
    const struct ptcl_header *h, bool swapped, const uint8_t *bitmap, struct error *err)
{
	struct ptcl_writer *w = xcalloc(1, sizeof(*w));

	w->dir = dir;
	w->like = like;
	w->fd = -1;
	w->h = *h;
	w->swapped = swapped;
	w->digest = XXH3_createState();
	w->encoder = encoder_open(codec, write_parts, w, err);
	if (!w->digest || !w->encoder) {
		if (!w->digest)
			err_set(err, ERR_NO_MEMORY, "out of memory");
		ptcl_writer_close(w);
		return NULL;
	}
	XXH3_128bits_reset(w->digest);
	if (ptcl_sum_begin(&w->sum, h->sum_mode, err) == 0 && put_start(w, bitmap, err) == 0)
		return w;
	ptcl_writer_close(w);
	return NULL;
}

int ptcl_writer_add(struct ptcl_writer *w, const uint8_t *block, struct error *err)
{
	if (w->h.blocks_per_sum && w->since_sum == w->h.blocks_per_sum && put_sum(w, err) != 0)
		return -1;
	ptcl_sum_add(&w->sum, block, w->h.block_size);
	w->since_sum += w->h.blocks_per_sum != 0;
	return put(w, block, w->h.block_size, err);
}

int ptcl_writer_finish(struct ptcl_writer *w, struct strvec *names, struct error *err)
{
	if ((w->since_sum && put_sum(w, err) != 0) || encoder_finish(w->encoder, err) != 0 ||
	    end_part(w, err) != 0)
		return -1;
	for (size_t i = 0; i < w->names.n; i++)
		strvec_add(names, w->names.v[i]);
	return 0;
}

XXH128_hash_t ptcl_writer_digest(const struct ptcl_writer *w)
{
	return XXH3_128bits_digest(w->digest);
}

void ptcl_writer_close(struct ptcl_writer *w)
{
	if (!w)
		return;
	encoder_close(w->encoder);
	ptcl_sum_end(&w->sum);
	XXH3_freeState(w->digest);
	if (w->fd >= 0)
		close(w->fd);
	strvec_free(&w->names);
	free(w);
}
