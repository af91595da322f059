/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Putting a disk image back from an undo record; the record is described in disk_record.h. */
#include "image/disk_record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "image/disk.h"
#include "image/nbd.h"
#include "image/seal.h"

/* Its presence means that an undo began: the disk may hold a mixture from then on. */
#define STARTED "undo-started"

#define VHD_FOOTER 512
#define VHD_COOKIE "conectix"

static struct blockdev *open_image(const struct disk_record *r, bool writable, struct error *err)
{
	const struct nbd_source src = {.path = r->path, .format = r->format, .writable = writable};
	struct blockdev *d = nbd_open(&src, err);

	if (d && d->size != r->virtual_size) {
		err_set(err, ERR_CHANGED_SINCE, "%s: the disk's size is not what it was", r->path);
		blockdev_close(d);
		return NULL;
	}
	return d;
}

static int digest_image(const struct disk_record *r, char now[65], struct error *err)
{
	struct blockdev *d = open_image(r, false, err);

	if (!d)
		return -1;
	int rc = extent_digest(d, &r->extents, now, err);
	blockdev_close(d);
	return rc;
}

/*
 * A dynamic VHD moves its footer whenever it grows: cut short just there it is left without.
 * Windows wants it at the end; the copy at the beginning is never touched.
 */
static int mend_vhd(const char *path, struct error *err)
{
	char head[VHD_FOOTER], tail[VHD_FOOTER];
	CLEANUP(close) int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (size < VHD_FOOTER)
		return err_errno(err, "cannot open %s", path);
	if (pread_all(fd, head, VHD_FOOTER, 0, err) != 0 ||
	    pread_all(fd, tail, VHD_FOOTER, (uint64_t)size - VHD_FOOTER, err) != 0)
		return -1;
	if (memcmp(head, VHD_COOKIE, 8) != 0 || memcmp(tail, VHD_COOKIE, 8) == 0)
		return 0;
	uint64_t end = ((uint64_t)size + VHD_FOOTER - 1) / VHD_FOOTER * VHD_FOOTER;
	if (pwrite_all(fd, head, VHD_FOOTER, end, err) != 0)
		return -1;
	return fsync(fd) == 0 ? 0 : err_errno(err, "cannot write %s", path);
}

static int write_back(
    const struct disk_record *r, int data, const char *path, struct error *err)
{
	struct blockdev *d = open_image(r, true, err);
	char sum[65];

	if (!d)
		return -1;
	int rc = extent_load(data, path, &r->extents, d, sum, err);
	if (rc == 0)
		rc = blockdev_flush(d, err);
	if (nbd_finish(d, rc == 0 ? err : NULL) != 0)
		rc = -1;
	if (rc == 0 && strcmp(r->format, "vpc") == 0)
		rc = mend_vhd(r->path, err);
	CLEANUP(close) int fd = rc == 0 ? open(r->path, O_RDONLY | O_CLOEXEC) : -1;
	if (rc == 0 && (fd < 0 || fsync(fd) != 0))
		rc = err_errno(err, "cannot write %s to disk", r->path);
	return rc;
}

/* The saved content, in clear; in memory where it was sealed. */
static int open_data(const struct disk_record *r, const char *path, struct error *err)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_DAMAGED, "%s: %s", path, strerror(errno));
	if (!r->sealed)
		return steal_fd(&fd);
	CLEANUP(close) int clear = memfile("undo", err);
	if (clear < 0 || unseal_fd(fd, clear, err) != 0)
		return err_context(err, "%s", path);
	return steal_fd(&clear);
}

int disk_restore(const struct disk_record *r, const char *dir, struct error *err)
{
	CLEANUP(free) char *path = path_join(dir, r->sealed ? DISK_UNDO_SEALED : DISK_UNDO_DATA);
	CLEANUP(close) int data = open_data(r, path, err);
	char sum[65];

	if (data < 0)
		return -1;
	/* the saved content is whole, or nothing is written */
	if (extent_load(data, path, &r->extents, NULL, sum, err) != 0)
		return -1;
	if (strcmp(sum, r->before) != 0)
		return err_set(err, ERR_DAMAGED, "%s is damaged: its checksum is wrong", path);
	if (write_back(r, data, path, err) != 0 || digest_image(r, sum, err) != 0)
		return -1;
	if (strcmp(sum, r->before) != 0)
		return err_set(
		    err, ERR_VERIFY, "%s: what was put back reads back different", r->path);
	return 0;
}

/* The image is as the apply left it; or an undo of this record was cut short. */
static int check_state(const struct disk_record *r, const char *marker, struct error *err)
{
	char now[65];

	if (access(marker, F_OK) == 0)
		return 0;
	if (digest_image(r, now, err) != 0)
		return -1;
	if (strcmp(now, r->after) == 0 || strcmp(now, r->before) == 0)
		return write_file_atomic(marker, "", 0, 0600, err);
	err_set(err, ERR_CHANGED_SINCE, "%s was changed after w7prep prepared it", r->path);
	return err_hint(err,
	    "putting the old blocks back would damage it: restore it from a backup, or keep it");
}

static int parse_record(const json_t *detail, struct disk_record *r, struct error *err)
{
	const char *format = json_string_value(json_object_get(detail, "format"));
	const char *before = json_string_value(json_object_get(detail, "before"));
	const char *after = json_string_value(json_object_get(detail, "after"));
	json_int_t size = json_integer_value(json_object_get(detail, "virtual_size"));

	if (!format || !before || !after || size <= 0 || strlen(before) != 64 ||
	    strlen(after) != 64)
		return err_set(err, ERR_DAMAGED, "the undo record lacks a field");
	memcpy(r->before, before, sizeof(r->before));
	memcpy(r->after, after, sizeof(r->after));
	r->virtual_size = (uint64_t)size;
	r->format = format;
	r->sealed = json_is_true(json_object_get(detail, "sealed"));
	return extent_from_json(
	    json_object_get(detail, "extents"), r->virtual_size, &r->extents, err);
}

/* Still a file of that format, without anything that qemu would open besides. */
static int check_format(const struct disk_record *r, struct error *err)
{
	enum image_format format;

	if (image_probe(r->path, &format, err) != 0)
		return -1;
	const char *qemu = disk_qemu_format(format);
	if (qemu && strcmp(qemu, r->format) == 0)
		return 0;
	return err_set(
	    err, ERR_CHANGED_SINCE, "%s: the undo record is for a %s image", r->path, r->format);
}

static int undo_extents(
    const char *image, const char *dir, const json_t *detail, bool check, struct error *err)
{
	struct disk_record r = {0};
	CLEANUP(free) char *path = realpath(image, NULL);
	CLEANUP(free) char *marker = path_join(dir, STARTED);

	r.path = path;
	if (!path)
		return err_errno(err, "cannot find %s", image);
	int rc = parse_record(detail, &r, err);
	if (rc == 0)
		rc = check_format(&r, err);
	if (rc == 0 && check)
		rc = check_state(&r, marker, err);
	if (rc == 0)
		rc = disk_restore(&r, dir, err);
	extent_list_free(&r.extents);
	return rc;
}

const struct undo_ops disk_undo = {.kind = DISK_UNDO_KIND, .undo = undo_extents};
