/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing what was collected: update every changed image, then write the file once. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/wim.h"

/* Up to the last moment before the header is written, giving up leaves nothing behind. */
static enum wimlib_progress_status on_progress(
    enum wimlib_progress_msg msg, union wimlib_progress_info *info, void *opaque)
{
	(void)opaque;
	if (msg != WIMLIB_PROGRESS_MSG_WRITE_STREAMS)
		return WIMLIB_PROGRESS_STATUS_CONTINUE;
	progress("writing", info->write_streams.completed_bytes, info->write_streams.total_bytes);
	return cancel_requested() ? WIMLIB_PROGRESS_STATUS_ABORT : WIMLIB_PROGRESS_STATUS_CONTINUE;
}

static int check_place(const struct wimlib_resource_entry *r, void *opaque)
{
	uint64_t end = *(const uint64_t *)opaque;

	return r->is_missing || r->offset + r->compressed_size <= end ? 0
								      : WIMLIB_ERR_RESOURCE_ORDER;
}

/*
 * libwim rewrites the whole file when something lies after the XML data, and an undo
 * record of an append would then destroy it: ask the same question first.
 */
static int check_appendable(const struct wim *w, struct error *err)
{
	const struct wim_header *h = &w->header;
	uint64_t end = wim_header_end(h), xml_end = h->xml.offset + h->xml.size;
	bool ordered = h->blobs.offset + h->blobs.size <= h->xml.offset &&
		       (h->integrity.offset == 0 || h->integrity.offset >= xml_end);

	if (ordered && wimlib_iterate_lookup_table(w->handle, 0, check_place, &end) == 0)
		return 0;
	err_set(
	    err, ERR_UNKNOWN_SHAPE, "its parts are in an unusual order: nothing can be appended");
	return err_hint(err, "use --rebuild");
}

static int same_file(int fd, const char *path, struct error *err)
{
	struct stat held, named;

	if (fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
	    held.st_dev == named.st_dev)
		return 0;
	return err_set(err, ERR_CHANGED_SINCE, "another program replaced the file");
}

/* The header as it was when the file was opened: nobody wrote to it since. */
static int still_as_opened(struct wim *w, int fd, struct error *err)
{
	struct wim_header h;

	if (wim_header_read(fd, &h, err) != 0)
		return -1;
	if (memcmp(h.raw, w->header.raw, sizeof(h.raw)) == 0 && h.file_size == w->header.file_size)
		return 0;
	err_set(err, ERR_CHANGED_SINCE, "another program wrote to it");
	return err_hint(err, "run the same command again");
}

static void changed(struct error *err)
{
	if (err)
		err->image_changed = true;
	err_hint(err, "put it back with: w7prep undo IMAGE");
}

static int take_back_append(struct image *im, int fd, struct error *err)
{
	struct wim *w = im->data;

	if (wim_mark_restore(fd, &w->before, err) != 0)
		return -1;
	if (im->txn)
		txn_drop(im->txn);
	w->written = WIM_UNTOUCHED;
	return 0;
}

static int open_record(struct image *im, struct error *err)
{
	struct wim *w = im->data;

	if (!im->txn)
		return 0;
	if (txn_begin(im->txn, err) &&
	    txn_committing(im->txn, wim_undo_append.kind, wim_mark_json(&w->before), err) == 0)
		return 0;
	txn_drop(im->txn);
	return -1;
}

static int append(struct image *im, int fd, struct error *err)
{
	struct wim *w = im->data;

	if (check_appendable(w, err) != 0 || wim_mark_take(fd, &w->header, &w->before, err) != 0 ||
	    open_record(im, err) != 0)
		return -1;
	wim_lib_quiet();
	w->written = WIM_APPENDED;
	int code = wimlib_overwrite(w->handle, 0, 0);
	wim_drop_handle(w);
	int rc = code ? wim_lib_error(code, err, "cannot append to it")
		      : wim_date_images(im, im->path, err);
	if (rc == 0)
		rc = same_file(fd, im->path, err);
	if (rc == 0 && fsync(fd) != 0)
		rc = err_errno(err, "cannot sync it");
	if (rc != 0 && take_back_append(im, fd, NULL) != 0)
		changed(err);
	return rc;
}

/* The new file gets the owner and mode of the old one. */
static int adopt_mode(const char *path, int old, struct error *err)
{
	struct stat st;
	CLEANUP(close) int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(old, &st) != 0)
		return err_errno(err, "cannot open the rebuilt file");
	/* only root can; anybody else owns both already */
	if (fchown(fd, st.st_uid, st.st_gid) != 0)
		log_debug("%s: keeps our owner: %s", path, strerror(errno));
	if (fchmod(fd, st.st_mode & 07777) != 0 || fsync(fd) != 0)
		return err_errno(err, "cannot write the rebuilt file");
	return 0;
}

static int swap_in(
    struct image *im, const char *fresh, const char *real, const char *dir, struct error *err)
{
	struct wim *w = im->data;

	if (im->txn) {
		json_t *detail = wim_keep_original(real, dir, err);

		if (!detail || txn_committing(im->txn, wim_undo_rebuild.kind, detail, err) != 0)
			return -1;
	}
	if (rename(fresh, real) != 0)
		return err_errno(err, "cannot put the rebuilt file in place");
	w->written = WIM_REBUILT;
	return sync_parent(real, err);
}

static int rebuild_in(struct image *im, int fd, const char *dir, struct error *err)
{
	struct wim *w = im->data;
	CLEANUP(free) char *fresh = path_join(dir, "new.wim");
	CLEANUP(free) char *real = realpath(im->path, NULL);

	wim_lib_quiet();
	int code = wimlib_write(w->handle, fresh, WIMLIB_ALL_IMAGES,
	    WIMLIB_WRITE_FLAG_RETAIN_GUID | WIMLIB_WRITE_FLAG_FSYNC, 0);
	wim_drop_handle(w);
	if (code)
		return wim_lib_error(code, err, "cannot rebuild it");
	if (!real)
		return err_errno(err, "cannot find it");
	if (wim_date_images(im, fresh, err) != 0 || adopt_mode(fresh, fd, err) != 0 ||
	    same_file(fd, real, err) != 0)
		return -1;
	return swap_in(im, fresh, real, dir, err);
}

static int rebuild(struct image *im, int fd, struct error *err)
{
	struct wim *w = im->data;
	CLEANUP(free) char *parent = path_dir(im->path);
	CLEANUP(free) char *own = im->txn ? NULL : scratch_create(parent, err);
	const char *dir = im->txn ? txn_begin(im->txn, err) : own;

	if (!dir)
		return -1;
	int rc = rebuild_in(im, fd, dir, err);
	if (rc != 0 && w->written == WIM_UNTOUCHED && im->txn)
		txn_drop(im->txn);
	scratch_remove(own);
	return rc;
}

static int write_changes(struct image *im, struct error *err)
{
	struct wim *w = im->data;
	CLEANUP(close) int fd = open(im->path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "cannot open it for writing");
	if (still_as_opened(w, fd, err) != 0)
		return -1;
	if ((im->options.rebuild ? rebuild : append)(im, fd, err) != 0)
		return -1;
	CLEANUP(close) int again = open(im->path, O_RDONLY | O_CLOEXEC);
	return again < 0 ? err_errno(err, "cannot open it again")
			 : wim_header_read(again, &w->header, err);
}

/* Every volume's changes into the library's memory, then one write of the file. */
static int settle_volumes(struct image *im, struct wim_scratch *scratch, struct error *err)
{
	struct wim *w = im->data;

	if (!wim_handle(im, err))
		return -1;
	wimlib_register_progress_function(w->handle, on_progress, NULL);
	for (size_t vol = 0; vol < w->volumes; vol++)
		if (wim_is_changed(w, vol) &&
		    wim_update_image(im, vol, &scratch[2 * vol], err) != 0)
			return -1;
	return write_changes(im, err);
}

int wim_settle(struct image *im, struct error *err)
{
	struct wim *w = im->data;

	/* data superseded by an earlier change is to leave the file all the same */
	if (!w->changes.n && !im->options.rebuild)
		return 0;
	struct wim_scratch *scratch = xcalloc(2 * w->volumes, sizeof(*scratch));
	for (size_t i = 0; i < 2 * w->volumes; i++)
		scratch[i] = WIM_SCRATCH_INIT;
	int rc = settle_volumes(im, scratch, err);
	/* the library reads the volumes until its handle is gone */
	wim_drop_handle(w);
	for (size_t i = 0; i < 2 * w->volumes; i++)
		wim_scratch_free(&scratch[i]);
	free(scratch);
	wim_changes_drop(w);
	wim_cache_drop(w);
	memset(w->scanned, 0, w->volumes * sizeof(*w->scanned));
	return rc;
}

int wim_commit(struct image *im, struct error *err)
{
	struct wim *w = im->data;

	if (w->written != WIM_UNTOUCHED && im->txn) {
		json_t *detail = w->written == WIM_APPENDED
				     ? wim_mark_json(&w->before)
				     : wim_original_json();
		json_t *after = wim_state_json(im->path, err);

		if (!after || json_object_set_new(detail, "after", after) != 0 ||
		    txn_done(im->txn, detail, err) != 0) {
			json_decref(detail);
			return -1;
		}
	}
	w->written = WIM_UNTOUCHED;
	return 0;
}

void wim_abort(struct image *im)
{
	struct wim *w = im->data;
	CLEANUP(error) struct error why = ERROR_INIT;
	int rc = 0;

	wim_changes_drop(w);
	wim_cache_drop(w);
	if (w->written == WIM_UNTOUCHED)
		return;
	wim_drop_handle(w);
	CLEANUP(close) int fd = open(im->path, O_RDWR | O_CLOEXEC);
	if (w->written == WIM_APPENDED)
		rc = fd < 0 ? -1 : take_back_append(im, fd, &why);
	else if (im->txn)
		rc = wim_undo_rebuild.undo(im->path, txn_dir(im->txn), NULL, false, &why);
	/* rebuilt without an undo record: the file is our caller's own copy */
	if (rc != 0)
		log_warn("%s: cannot be put back (%s); run: w7prep undo %s", im->path,
		    why.message ? why.message : "cannot open it", im->path);
	else if (im->txn)
		txn_drop(im->txn);
	w->written = WIM_UNTOUCHED;
}
