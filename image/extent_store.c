/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The content of extents in a file: the data of an undo record. */
#include "image/extent.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"

#define CHUNK (1u << 20)
#define NAME_SIZE 17 /* 16 hexadecimal digits */

static void member_name(char name[NAME_SIZE], uint64_t offset)
{
	snprintf(name, NAME_SIZE, "%016" PRIx64, offset);
}

static int archive_failed(
    struct archive *a, const char *path, enum err_code code, struct error *err)
{
	int why = archive_errno(a);

	if (why == ENOSPC || why == EDQUOT) {
		errno = why;
		return err_errno(err, "cannot write %s", path);
	}
	return err_set(err, code, "%s: %s", path,
	    archive_error_string(a) ? archive_error_string(a) : "cannot be processed");
}

static int save_member(struct archive *a, struct blockdev *d, const struct extent *x,
    const char *path, struct error *err)
{
	struct archive_entry *e = archive_entry_new();
	CLEANUP(free) uint8_t *p = xmalloc(CHUNK);
	char name[NAME_SIZE];

	member_name(name, x->offset);
	archive_entry_set_pathname(e, name);
	archive_entry_set_size(e, (la_int64_t)x->length);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	int rc = archive_write_header(a, e);
	archive_entry_free(e);
	if (rc != ARCHIVE_OK)
		return archive_failed(a, path, ERR_IO, err);
	for (uint64_t done = 0; done < x->length;) {
		uint64_t left = x->length - done;
		size_t n = left < CHUNK ? (size_t)left : CHUNK;

		if (cancel_requested())
			return err_set(err, ERR_INTERRUPT, "interrupted");
		if (blockdev_read(d, p, n, x->offset + done, err) != 0)
			return -1;
		if (archive_write_data(a, p, n) != (la_ssize_t)n)
			return archive_failed(a, path, ERR_IO, err);
		done += n;
	}
	return 0;
}

static int save_members(struct archive *a, int fd, struct blockdev *d, const struct extent_list *l,
    const char *path, struct error *err)
{
	if (archive_write_add_filter_zstd(a) != ARCHIVE_OK ||
	    archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
	    archive_write_open_fd(a, fd) != ARCHIVE_OK)
		return archive_failed(a, path, ERR_IO, err);
	for (size_t i = 0; i < l->list.n; i++)
		if (save_member(a, d, &l->list.v[i], path, err) != 0)
			return -1;
	if (archive_write_close(a) != ARCHIVE_OK)
		return archive_failed(a, path, ERR_IO, err);
	return 0;
}

int extent_save(struct blockdev *d, const struct extent_list *l, int fd, const char *path,
    struct error *err)
{
	struct archive *a = archive_write_new();
	if (!a)
		return err_set(err, ERR_NO_MEMORY, "%s: out of memory", path);
	int rc = save_members(a, fd, d, l, path, err);
	archive_write_free(a);
	return rc;
}

struct load {
	struct archive *a;
	int fd;
	const char *path;
	struct blockdev *to;
	struct sha256_ctx sha;
	uint8_t *p, *present;
};

/* Nothing is written where the right content is already: a rollback is repeatable. */
static int load_piece(struct load *l, uint64_t off, size_t n, struct error *err)
{
	sha256_update(&l->sha, n, l->p);
	if (!l->to)
		return 0;
	if (blockdev_read(l->to, l->present, n, off, err) != 0)
		return -1;
	return memcmp(l->present, l->p, n) == 0 ? 0 : blockdev_write(l->to, l->p, n, off, err);
}

static int wrong_record(const struct load *l, struct error *err)
{
	return err_set(err, ERR_DAMAGED, "%s does not hold what record.json says", l->path);
}

static int load_member(struct load *l, const struct extent *x, struct error *err)
{
	struct archive_entry *e;
	char name[NAME_SIZE];
	int rc = archive_read_next_header(l->a, &e);

	if (rc == ARCHIVE_EOF)
		return wrong_record(l, err);
	if (rc != ARCHIVE_OK)
		return archive_failed(l->a, l->path, ERR_DAMAGED, err);
	member_name(name, x->offset);
	if (!archive_entry_pathname(e) || strcmp(archive_entry_pathname(e), name) != 0 ||
	    archive_entry_size(e) != (la_int64_t)x->length)
		return wrong_record(l, err);
	for (uint64_t done = 0; done < x->length;) {
		uint64_t left = x->length - done;
		size_t n = left < CHUNK ? (size_t)left : CHUNK;
		la_ssize_t got = archive_read_data(l->a, l->p, n);

		if (got < 0)
			return archive_failed(l->a, l->path, ERR_DAMAGED, err);
		if ((size_t)got != n)
			return wrong_record(l, err);
		if (load_piece(l, x->offset + done, n, err) != 0)
			return -1;
		done += n;
	}
	return 0;
}

static int load_members(struct load *l, const struct extent_list *list, struct error *err)
{
	struct archive_entry *e;

	if (archive_read_support_filter_zstd(l->a) != ARCHIVE_OK ||
	    archive_read_support_format_tar(l->a) != ARCHIVE_OK ||
	    archive_read_open_fd(l->a, l->fd, CHUNK) != ARCHIVE_OK)
		return archive_failed(l->a, l->path, ERR_DAMAGED, err);
	for (size_t i = 0; i < list->list.n; i++)
		if (load_member(l, &list->list.v[i], err) != 0)
			return -1;
	return archive_read_next_header(l->a, &e) == ARCHIVE_EOF ? 0 : wrong_record(l, err);
}

int extent_load(int fd, const char *path, const struct extent_list *list, struct blockdev *to,
    char hex[65], struct error *err)
{
	CLEANUP(free) uint8_t *p = xmalloc(CHUNK);
	CLEANUP(free) uint8_t *present = xmalloc(CHUNK);
	struct load l = {.fd = fd, .path = path, .to = to, .p = p, .present = present};
	uint8_t sum[SHA256_DIGEST_SIZE];

	if (lseek(fd, 0, SEEK_SET) != 0)
		return err_errno(err, "cannot read %s", path);
	l.a = archive_read_new();
	if (!l.a)
		return err_set(err, ERR_NO_MEMORY, "%s: out of memory", path);
	sha256_init(&l.sha);
	int rc = load_members(&l, list, err);
	archive_read_free(l.a);
	if (rc != 0)
		return -1;
	sha256_digest(&l.sha, sizeof(sum), sum);
	CLEANUP(free) char *text = to_hex(sum, sizeof(sum));
	memcpy(hex, text, 65);
	return 0;
}
