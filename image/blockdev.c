/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/blockdev.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"

static int in_range(const struct blockdev *d, size_t n, uint64_t off)
{
	return off <= d->size && n <= d->size - off;
}

static int out_of_range(const struct blockdev *d, size_t n, uint64_t off, struct error *err)
{
	return err_set(err, ERR_DAMAGED,
	    "%zu bytes at %llu are not within the device of %llu bytes", n, (unsigned long long)off,
	    (unsigned long long)d->size);
}

/* One piece of a request: within one block of the device, or whole blocks. */
struct piece {
	size_t n;
	bool whole;
	size_t skip;    /* of the block, before the piece */
	uint64_t block; /* where the block begins */
};

static struct piece next_piece(const struct blockdev *d, size_t n, uint64_t off)
{
	size_t align = d->align ? d->align : 1, skip = (size_t)(off % align);
	struct piece p = {.n = n - n % align, .whole = true, .block = off - skip};

	if (skip || p.n == 0) {
		p.whole = false;
		p.skip = skip;
		p.n = n < align - skip ? n : align - skip;
	}
	return p;
}

/* The last block of a device may be cut short: its size is not a multiple of align then. */
static size_t block_size(const struct blockdev *d, uint64_t block)
{
	return d->size - block < d->align ? (size_t)(d->size - block) : d->align;
}

int blockdev_read(struct blockdev *d, void *to, size_t n, uint64_t off, struct error *err)
{
	unsigned char block[BLOCKDEV_ALIGN_MAX];

	if (!in_range(d, n, off))
		return out_of_range(d, n, off, err);
	for (char *out = to; n;) {
		struct piece p = next_piece(d, n, off);

		if (p.whole ? d->read(d, out, p.n, off, err) != 0
			    : d->read(d, block, block_size(d, p.block), p.block, err) != 0)
			return -1;
		if (!p.whole)
			memcpy(out, block + p.skip, p.n);
		out += p.n;
		off += p.n;
		n -= p.n;
	}
	return 0;
}

static int write_part(
    struct blockdev *d, const struct piece *p, const char *from, struct error *err)
{
	unsigned char block[BLOCKDEV_ALIGN_MAX];
	size_t size = block_size(d, p->block);

	if (d->read(d, block, size, p->block, err) != 0)
		return -1;
	memcpy(block + p->skip, from, p->n);
	return d->write(d, block, size, p->block, err);
}

int blockdev_write(struct blockdev *d, const void *from, size_t n, uint64_t off, struct error *err)
{
	if (!d->write)
		return err_set(err, ERR_INTERNAL, "write to a device opened for reading");
	if (!in_range(d, n, off))
		return out_of_range(d, n, off, err);
	for (const char *in = from; n;) {
		struct piece p = next_piece(d, n, off);

		if (p.whole ? d->write(d, in, p.n, off, err) != 0 : write_part(d, &p, in, err) != 0)
			return -1;
		in += p.n;
		off += p.n;
		n -= p.n;
	}
	return 0;
}

int blockdev_flush(struct blockdev *d, struct error *err)
{
	return d->write && d->flush ? d->flush(d, err) : 0;
}

void blockdev_close(struct blockdev *d)
{
	if (d)
		d->close(d);
}

struct file_blockdev {
	struct blockdev dev;
	int fd;
};

static int file_read(struct blockdev *d, void *p, size_t n, uint64_t off, struct error *err)
{
	return pread_all(((struct file_blockdev *)d)->fd, p, n, off, err);
}

static int file_write(struct blockdev *d, const void *p, size_t n, uint64_t off, struct error *err)
{
	return pwrite_all(((struct file_blockdev *)d)->fd, p, n, off, err);
}

static int file_flush(struct blockdev *d, struct error *err)
{
	if (fsync(((struct file_blockdev *)d)->fd) != 0)
		return err_errno(err, "cannot write to disk");
	return 0;
}

static void file_close(struct blockdev *d)
{
	close(((struct file_blockdev *)d)->fd);
	free(d);
}

struct blockdev *blockdev_file(const char *path, int write, struct error *err)
{
	CLEANUP(close) int fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (size < 0) {
		err_errno(err, "cannot open %s", path);
		return NULL;
	}
	struct file_blockdev *f = xcalloc(1, sizeof(*f));
	f->fd = steal_fd(&fd);
	f->dev = (struct blockdev){
	    .size = (uint64_t)size,
	    .read = file_read,
	    .write = write ? file_write : NULL,
	    .flush = file_flush,
	    .close = file_close,
	};
	return &f->dev;
}
