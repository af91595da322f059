/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/blockdev.h"

#include <errno.h>
#include <fcntl.h>
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
	    "%zu bytes at %llu are not within the device of %llu bytes", n,
	    (unsigned long long)off, (unsigned long long)d->size);
}

int blockdev_read(struct blockdev *d, void *p, size_t n, uint64_t off, struct error *err)
{
	if (!in_range(d, n, off))
		return out_of_range(d, n, off, err);
	return n ? d->read(d, p, n, off, err) : 0;
}

int blockdev_write(struct blockdev *d, const void *p, size_t n, uint64_t off, struct error *err)
{
	if (!d->write)
		return err_set(err, ERR_INTERNAL, "write to a device opened for reading");
	if (!in_range(d, n, off))
		return out_of_range(d, n, off, err);
	return n ? d->write(d, p, n, off, err) : 0;
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

static int file_write(struct blockdev *d, const void *p, size_t n, uint64_t off,
    struct error *err)
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
