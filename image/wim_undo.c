/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Putting a WIM back. An append leaves every byte of the old file but the header where it
 * was: the old header and the old size are the whole undo record. A rebuild makes a new file:
 * the old one is kept. Sealed in any case: what a rebuild is to get rid of, a key that an earlier
 * change superseded, is in no file of the old one where it could be found.
 */
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/seal.h"
#include "image/wim.h"

/* What follows a WIM's end is padding of some copying tool; more is something unknown. */
#define TAIL_MAX 65536u
#define GUID_OFFSET 24u
#define GUID_SIZE 16u
#define ORIGINAL "original.wim.sealed"

static void cleanup_json(json_t **j)
{
	json_decref(*j);
}

static void cleanup_mark(struct wim_mark *m)
{
	wim_mark_free(m);
}

void wim_mark_free(struct wim_mark *m)
{
	buf_free(&m->header);
	buf_free(&m->tail);
}

int wim_mark_take(int fd, const struct wim_header *h, struct wim_mark *m, struct error *err)
{
	uint64_t end = wim_header_end(h), tail = h->file_size - end;

	if (tail > TAIL_MAX) {
		err_set(err, ERR_UNKNOWN_SHAPE, "%llu bytes follow the end of the WIM",
		    (unsigned long long)tail);
		return err_hint(
		    err, "an update of it was cut short, or it is not only a WIM: use --rebuild");
	}
	buf_reset(&m->header);
	buf_reset(&m->tail);
	buf_add(&m->header, h->raw, sizeof(h->raw));
	buf_reserve(&m->tail, (size_t)tail + 1);
	m->tail.len = (size_t)tail;
	m->size = h->file_size;
	return pread_all(fd, m->tail.data, m->tail.len, end, err);
}

int wim_mark_restore(int fd, const struct wim_mark *m, struct error *err)
{
	/* the order matters to a crash in between: the old header needs nothing of the new data */
	if (pwrite_all(fd, m->header.data, m->header.len, 0, err) != 0 ||
	    pwrite_all(fd, m->tail.data, m->tail.len, m->size - m->tail.len, err) != 0)
		return -1;
	if (fsync(fd) != 0 || ftruncate(fd, (off_t)m->size) != 0 || fsync(fd) != 0)
		return err_errno(err, "cannot write");
	return 0;
}

static bool from_hex(const char *hex, struct buf *out)
{
	for (; hex && hex[0]; hex += 2) {
		unsigned byte;

		if (!strchr("0123456789abcdef", hex[0]) || !hex[1] ||
		    !strchr("0123456789abcdef", hex[1]) || sscanf(hex, "%2x", &byte) != 1)
			return false;
		buf_add(out, &(char){(char)byte}, 1);
	}
	return hex != NULL;
}

json_t *wim_mark_json(const struct wim_mark *m)
{
	CLEANUP(free) char *header = to_hex(m->header.data, m->header.len);
	CLEANUP(free) char *tail = to_hex(m->tail.data, m->tail.len);

	return json_pack(
	    "{s{sI ss ss}}", "before", "size", (json_int_t)m->size, "header", header, "tail", tail);
}

static bool mark_from_json(const json_t *detail, struct wim_mark *m)
{
	const json_t *before = json_object_get(detail, "before");
	json_int_t size = json_integer_value(json_object_get(before, "size"));

	m->size = size > 0 ? (uint64_t)size : 0;
	return from_hex(json_string_value(json_object_get(before, "header")), &m->header) &&
	       from_hex(json_string_value(json_object_get(before, "tail")), &m->tail) &&
	       m->header.len == WIM_HEADER_SIZE && m->size >= WIM_HEADER_SIZE + m->tail.len;
}

/*
 * SHA-256 of the header and of all from the table of contents to the end of the file. The
 * table has the SHA-1 of each resource, so this stands for the whole content.
 */
static int fingerprint(
    int fd, const struct wim_header *h, char out[2 * SHA256_DIGEST_SIZE + 1], struct error *err)
{
	CLEANUP(free) uint8_t *block = xmalloc(65536);
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, sizeof(h->raw), h->raw);
	for (uint64_t off = h->blobs.offset; off < h->file_size;) {
		size_t n = h->file_size - off < 65536 ? (size_t)(h->file_size - off) : 65536;

		if (pread_all(fd, block, n, off, err) != 0)
			return -1;
		sha256_update(&sha, n, block);
		off += n;
	}
	sha256_digest(&sha, sizeof(digest), digest);
	CLEANUP(free) char *hex = to_hex(digest, sizeof(digest));
	strcpy(out, hex);
	return 0;
}

static json_t *state_json(int fd, struct error *err)
{
	char sha[2 * SHA256_DIGEST_SIZE + 1];
	struct wim_header h;

	if (wim_header_read(fd, &h, err) != 0 || fingerprint(fd, &h, sha, err) != 0)
		return NULL;
	return json_pack("{sI ss}", "size", (json_int_t)h.file_size, "sha256", sha);
}

json_t *wim_state_json(const char *path, struct error *err)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		err_errno(err, "cannot open %s", path);
		return NULL;
	}
	return state_json(fd, err);
}

static int changed_since(const char *image, struct error *err)
{
	err_set(err, ERR_CHANGED_SINCE, "%s: it was changed after w7prep applied a profile to it",
	    image);
	return err_hint(err,
	    "putting back would undo that change too; to keep it, delete the record in "
	    ".w7prep");
}

static int check_as_applied(int fd, const char *image, const json_t *detail, struct error *err)
{
	CLEANUP(error) struct error unreadable = ERROR_INIT;
	CLEANUP(json) json_t *now = state_json(fd, &unreadable);

	return now && json_equal(now, json_object_get(detail, "after")) ? 0
									: changed_since(image, err);
}

/* Nothing but the w7prep that holds the record's lock may write to the file meanwhile. */
static int open_for_undo(const char *image, struct error *err)
{
	int fd = open(image, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		err_errno(err, "cannot open %s for writing", image);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return fd;
	close(fd);
	err_set(err, ERR_LOCKED, "%s: another program has it open for writing", image);
	return err_hint(err, "wait for it to end, then try again");
}

static int undo_append(
    const char *image, const char *dir, const json_t *record, bool check, struct error *err)
{
	CLEANUP(mark) struct wim_mark m = {0};
	uint8_t guid[GUID_SIZE];
	struct stat st;

	(void)dir;
	if (!mark_from_json(record, &m))
		return err_set(err, ERR_DAMAGED, "%s: the undo record is damaged", image);
	CLEANUP(close) int fd = open_for_undo(image, err);
	if (fd < 0)
		return -1;
	if (check && check_as_applied(fd, image, record, err) != 0)
		return -1;
	/* an append never makes a file shorter nor gives it another identity */
	if (fstat(fd, &st) != 0 || pread_all(fd, guid, sizeof(guid), GUID_OFFSET, err) != 0 ||
	    (uint64_t)st.st_size < m.size - m.tail.len ||
	    memcmp(guid, m.header.data + GUID_OFFSET, sizeof(guid)) != 0)
		return changed_since(image, err);
	if (wim_mark_restore(fd, &m, err) != 0) {
		if (err)
			err->image_changed = true;
		return err_context(err, "%s: cannot be put back", image);
	}
	return 0;
}

const struct undo_ops wim_undo_append = {"wim-append", undo_append};

json_t *wim_original_json(void)
{
	return json_pack("{ss}", "original", ORIGINAL);
}

json_t *wim_keep_original(const char *path, const char *dir, struct error *err)
{
	CLEANUP(free) char *original = path_join(dir, ORIGINAL);

	if (seal_file(path, original, err) != 0 || sync_parent(original, err) != 0)
		return NULL;
	return wim_original_json();
}

static int undo_rebuild(
    const char *image, const char *dir, const json_t *record, bool check, struct error *err)
{
	CLEANUP(free) char *original = path_join(dir, ORIGINAL);
	CLEANUP(free) char *back = path_join(dir, "back.wim");
	CLEANUP(free) char *real = realpath(image, NULL);
	struct stat st;

	if (!real || stat(original, &st) != 0)
		return err_errno(err, "%s: its original is not in the undo record", image);
	CLEANUP(close) int fd = open_for_undo(image, err);
	if (fd < 0 || (check && check_as_applied(fd, image, record, err) != 0))
		return -1;
	/* the original stays in the record until that is removed: this can be done twice */
	if (unlink(back) != 0 && errno != ENOENT)
		return err_errno(err, "cannot replace %s", back);
	if (unseal_file(original, back, err) != 0)
		return -1;
	if (rename(back, real) != 0)
		return err_errno(err, "cannot put %s back", image);
	return sync_parent(real, err);
}

const struct undo_ops wim_undo_rebuild = {"whole-file", undo_rebuild};
