/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The device that libntfs-3g sees, and mounting it. Reading is in ntfs.c. */
#include "image/ntfs_volume.h"

#include <errno.h>
#include <fcntl.h>
#include <ntfs-3g/device.h>
#include <ntfs-3g/logging.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "image/ntfs_boot.h"

/* The library's last complaint: the reason behind an errno. */
static _Thread_local char last_message[256];

static int keep_message(const char *function, const char *file, int line, u32 level, void *data,
    const char *format, va_list args)
{
	(void)function, (void)file, (void)line, (void)data;
	if (!(level & (NTFS_LOG_LEVEL_ERROR | NTFS_LOG_LEVEL_PERROR | NTFS_LOG_LEVEL_CRITICAL)))
		return 0;
	int eo = errno;
	vsnprintf(last_message, sizeof(last_message), format, args);
	char *nl = strchr(last_message, '\n');
	if (nl)
		*nl = '\0';
	errno = eo;
	return 0;
}

void ntfsvol_forget_message(void)
{
	last_message[0] = '\0';
}

int ntfsvol_failed(struct ntfsvol *v, const char *what, const char *path, struct error *err)
{
	int why = errno;

	if (v->io.code) {
		err_move(err, &v->io);
		return err_context(err, "cannot %s %s", what, path);
	}
	if (why == ENOSPC) {
		err_set(
		    err, ERR_NO_SPACE, "cannot %s %s: the volume in the image is full", what, path);
		return err_hint(err, "delete what is not needed in Windows, or enlarge the volume");
	}
	return err_set(err, why == EIO || why == EINVAL || why == ERANGE ? ERR_DAMAGED : ERR_ENGINE,
	    "cannot %s %s: %s%s%s", what, path, strerror(why), last_message[0] ? ": " : "",
	    last_message);
}

/* ---- the device that the library sees ---- */

static struct ntfsvol *of(struct ntfs_device *dev)
{
	return dev->d_private;
}

static int dev_open(struct ntfs_device *dev, int flags)
{
	if (NDevOpen(dev)) {
		errno = EBUSY;
		return -1;
	}
	if ((flags & O_ACCMODE) == O_RDONLY)
		NDevSetReadOnly(dev);
	NDevSetOpen(dev);
	return 0;
}

static int dev_sync(struct ntfs_device *dev)
{
	struct ntfsvol *v = of(dev);

	if (NDevReadOnly(dev) || !NDevDirty(dev))
		return 0;
	if (blockdev_flush(v->dev, v->io.code ? NULL : &v->io) != 0) {
		errno = EIO;
		return -1;
	}
	NDevClearDirty(dev);
	return 0;
}

static int dev_close(struct ntfs_device *dev)
{
	int rc = dev_sync(dev);

	NDevClearOpen(dev);
	return rc;
}

/* How much of [off, off + count) is on the volume; -1 with errno. */
static s64 clip(const struct ntfsvol *v, s64 count, s64 off)
{
	if (count < 0 || off < 0) {
		errno = EINVAL;
		return -1;
	}
	if ((uint64_t)off >= v->size)
		return 0;
	return (uint64_t)count < v->size - (uint64_t)off ? count : (s64)(v->size - (uint64_t)off);
}

static int read_device(struct ntfsvol *v, void *p, size_t n, uint64_t off)
{
	if (blockdev_read(v->dev, p, n, v->offset + off, v->io.code ? NULL : &v->io) == 0)
		return 0;
	errno = EIO;
	return -1;
}

/* @n bytes that lie within one line. */
static int read_line(struct ntfsvol *v, void *p, size_t n, uint64_t off)
{
	uint64_t number = off / NTFS_LINE, start = number * NTFS_LINE;
	struct ntfs_line *line = &v->lines[number % NTFS_LINES];
	uint64_t there = v->size - start < NTFS_LINE ? v->size - start : NTFS_LINE;

	if (!line->valid || line->number != number) {
		line->valid = false;
		if (read_device(v, line->data, (size_t)there, start) != 0)
			return -1;
		line->number = number;
		line->valid = true;
	}
	memcpy(p, line->data + (off - start), n);
	return 0;
}

static void drop_lines(struct ntfsvol *v, size_t n, uint64_t off)
{
	for (uint64_t number = off / NTFS_LINE; number <= (off + n - 1) / NTFS_LINE; number++) {
		struct ntfs_line *line = &v->lines[number % NTFS_LINES];

		if (line->number == number)
			line->valid = false;
	}
}

static s64 dev_pread(struct ntfs_device *dev, void *p, s64 count, s64 off)
{
	struct ntfsvol *v = of(dev);
	s64 n = clip(v, count, off);

	if (n <= 0)
		return n;
	uint64_t first = (uint64_t)off / NTFS_LINE, last = (uint64_t)(off + n - 1) / NTFS_LINE;
	int rc = first == last && !v->dev->exact ? read_line(v, p, (size_t)n, (uint64_t)off)
						 : read_device(v, p, (size_t)n, (uint64_t)off);
	return rc == 0 ? n : -1;
}

static s64 dev_pwrite(struct ntfs_device *dev, const void *p, s64 count, s64 off)
{
	struct ntfsvol *v = of(dev);
	s64 n = clip(v, count, off);

	if (NDevReadOnly(dev)) {
		errno = EROFS;
		return -1;
	}
	if (n <= 0)
		return n;
	NDevSetDirty(dev);
	drop_lines(v, (size_t)n, (uint64_t)off);
	if (blockdev_write(
		v->dev, p, (size_t)n, v->offset + (uint64_t)off, v->io.code ? NULL : &v->io) != 0) {
		errno = EIO;
		return -1;
	}
	return n;
}

static s64 dev_read(struct ntfs_device *dev, void *p, s64 count)
{
	s64 n = dev_pread(dev, p, count, of(dev)->pos);

	if (n > 0)
		of(dev)->pos += n;
	return n;
}

static s64 dev_write(struct ntfs_device *dev, const void *p, s64 count)
{
	s64 n = dev_pwrite(dev, p, count, of(dev)->pos);

	if (n > 0)
		of(dev)->pos += n;
	return n;
}

static s64 dev_seek(struct ntfs_device *dev, s64 offset, int whence)
{
	struct ntfsvol *v = of(dev);
	s64 base = whence == SEEK_CUR ? v->pos : whence == SEEK_END ? (s64)v->size : 0;

	if (__builtin_add_overflow(base, offset, &base) || base < 0) {
		errno = EINVAL;
		return -1;
	}
	return v->pos = base;
}

static int dev_stat(struct ntfs_device *dev, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFREG | 0600;
	st->st_size = (off_t)of(dev)->size;
	return 0;
}

static int dev_ioctl(struct ntfs_device *dev, unsigned long request, void *arg)
{
	(void)dev, (void)request, (void)arg;
	errno = EOPNOTSUPP;
	return -1;
}

static struct ntfs_device_operations device_operations = {
    .open = dev_open,
    .close = dev_close,
    .seek = dev_seek,
    .read = dev_read,
    .write = dev_write,
    .pread = dev_pread,
    .pwrite = dev_pwrite,
    .sync = dev_sync,
    .stat = dev_stat,
    .ioctl = dev_ioctl,
};

/* ---- mounting ---- */

static int volume_dirty(struct error *err)
{
	err_set(err, ERR_VOLUME_DIRTY, "the NTFS volume was not left clean");
	return err_hint(
	    err, "start this Windows, run chkdsk /f if it asks for it, and shut it down properly");
}

/* The library would mount a volume whose dirty flag is set. */
static int check_clean(const struct ntfsvol *v, struct error *err)
{
	struct ntfs_state state;
	enum volume_kind kind;
	int rc = ntfs_state_read(v->dev, v->offset, v->size, &kind, &state, err);

	if (rc == 0)
		return err_set(err, ERR_DAMAGED, "not an NTFS volume");
	if (rc < 0)
		return -1;
	return state.dirty || !state.log_clean ? volume_dirty(err) : 0;
}

static int mount_failed(struct ntfsvol *v, bool write, struct error *err)
{
	if (write && errno == EPERM && !v->io.code) {
		err_set(err, ERR_HIBERNATED, "Windows on this volume is hibernated");
		return err_hint(err, "start it and shut it down; before sysprep: powercfg /h off");
	}
	if (write && errno == EOPNOTSUPP && !v->io.code)
		return volume_dirty(err);
	return ntfsvol_failed(v, "mount", "the NTFS volume", err);
}

static int mount_volume(struct ntfsvol *v, bool write, struct error *err)
{
	ntfsvol_forget_message();
	ntfs_log_set_handler(keep_message);
	if (write && check_clean(v, err) != 0)
		return -1;
	struct ntfs_device *dev = ntfs_device_alloc("image", 0, &device_operations, v);
	if (!dev)
		return ntfsvol_failed(v, "mount", "the NTFS volume", err);
	/* neither RECOVER nor IGNORE_HIBERFILE: what Windows left is never overruled */
	v->vol =
	    ntfs_device_mount(dev, write ? NTFS_MNT_NONE : NTFS_MNT_RDONLY | NTFS_MNT_FORENSIC);
	if (!v->vol) {
		mount_failed(v, write, err);
		ntfs_device_free(dev);
		return -1;
	}
	if (ntfs_set_ignore_case(v->vol) != 0)
		return ntfsvol_failed(v, "mount", "the NTFS volume", err);
	NVolSetCompression(v->vol); /* a compressed file stays one */
	v->security.vol = v->vol;
	v->security.pseccache = &v->security_cache;
	if (!v->vol->secure_ni && ntfs_open_secure(v->vol) != 0 && write)
		return ntfsvol_failed(v, "read", "the volume's security descriptors", err);
	return 0;
}

struct ntfsvol *ntfsvol_open(
    struct blockdev *dev, uint64_t offset, uint64_t size, bool write, struct error *err)
{
	struct ntfsvol *v = xcalloc(1, sizeof(*v));

	v->dev = dev;
	v->offset = offset;
	v->size = size;
	v->lines = xcalloc(NTFS_LINES, sizeof(*v->lines));
	if (mount_volume(v, write, err) == 0)
		return v;
	ntfsvol_close(v, NULL);
	return NULL;
}

int ntfsvol_close(struct ntfsvol *v, struct error *err)
{
	int rc = 0;

	if (!v)
		return 0;
	if (v->vol) {
		if (v->security.pseccache)
			ntfs_destroy_security_context(&v->security);
		ntfs_close_secure(v->vol);
		if (ntfs_umount(v->vol, FALSE) != 0)
			rc = ntfsvol_failed(v, "unmount", "the NTFS volume", err);
	}
	/* an error of the device that the library passed over */
	if (rc == 0 && v->io.code)
		rc = err_move(err, &v->io);
	err_clear(&v->io);
	free(v->lines);
	free(v);
	return rc;
}
