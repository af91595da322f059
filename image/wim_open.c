/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening a WIM, and which WIMs are refused. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "image/wim.h"

#define VERSION_SOLID 3584u
/* Names, attributes and descriptors of all files of one image; 63,000 files take 15 MB. */
#define METADATA_MAX (1ull << 30)
#define DATA_ELSEWHERE "it holds only metadata; the files' data is in another file (WDS: Res.RWM)"

static int refuse_solid(struct error *err)
{
	err_set(err, ERR_SOLID_WIM, "it is a solid WIM (ESD), which Windows 7's tools cannot read");
	return err_hint(err, "make an ordinary one: wimlib-imagex export FILE all NEW.wim "
			     "--compress=LZX");
}

static int refuse_incomplete(const char *what, struct error *err)
{
	err_set(err, ERR_METADATA_ONLY_WIM, "%s", what);
	return err_hint(err, "export the image to a WIM of its own first (wdsutil /Export-Image)");
}

static int refuse_kind(const struct wim_header *h, struct error *err)
{
	if (h->pipable) {
		err_set(err, ERR_FORMAT, "it is a pipable WIM, which cannot be changed in place");
		return err_hint(err, "make an ordinary one: wimlib-imagex export FILE all NEW.wim "
				     "--not-pipable");
	}
	if ((h->flags & WIM_SPANNED) || h->parts != 1) {
		err_set(
		    err, ERR_SPLIT_WIM, "it is part %u of %u of a split WIM", h->part, h->parts);
		return err_hint(err, "join the parts first: wimlib-imagex join NEW.wim PART*.swm");
	}
	if (h->version == VERSION_SOLID)
		return refuse_solid(err);
	if (h->flags & WIM_METADATA_ONLY)
		return refuse_incomplete(DATA_ELSEWHERE, err);
	if (h->flags & WIM_RESOURCE_ONLY)
		return refuse_incomplete("it holds only data; the images are in other files "
					 "(WDS image group)",
		    err);
	return 0;
}

/* Not the kind but the moment: only a change would be unsafe. */
static int refuse_state(const struct wim_header *h, struct error *err)
{
	if (h->flags & WIM_WRITE_IN_PROGRESS) {
		err_set(err, ERR_INTERRUPTED, "another program is writing to it, or was cut short");
		return err_hint(err, "if nothing is writing: wimlib-imagex verify FILE, then "
				     "wimlib-imagex optimize FILE");
	}
	if (h->flags & WIM_READONLY) {
		err_set(err, ERR_LOCKED, "it is marked read-only in its header");
		return err_hint(
		    err, "make a copy without the mark: wimlib-imagex export FILE all NEW.wim");
	}
	return 0;
}

/* wimlib takes the lock itself, when it begins to write: find out before all the work. */
static int try_lock(int fd, struct error *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		flock(fd, LOCK_UN);
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return 0; /* a file system without locks */
	err_set(err, ERR_LOCKED, "another program has it open for writing");
	return err_hint(err, "wait for it to end, then try again");
}

WIMStruct *wim_open_handle(const char *path, int flags, struct error *err)
{
	WIMStruct *handle = NULL;

	wim_lib_quiet();
	int code = wimlib_open_wim(path, WIMLIB_OPEN_FLAG_ERROR_IF_SPLIT | flags, &handle);
	if (code == 0)
		return handle;
	wim_lib_error(code, err, "cannot open the WIM");
	return NULL;
}

WIMStruct *wim_handle(struct image *im, struct error *err)
{
	struct wim *w = im->data;

	if (!w->handle)
		w->handle = wim_open_handle(im->path, 0, err);
	return w->handle;
}

void wim_drop_handle(struct wim *w)
{
	wimlib_free(w->handle);
	w->handle = NULL;
}

struct contents {
	uint64_t blobs, packed, largest_metadata;
};

static int count_resource(const struct wimlib_resource_entry *r, void *opaque)
{
	struct contents *c = opaque;

	c->packed += r->packed;
	if (!r->is_metadata)
		c->blobs++;
	else if (r->uncompressed_size > c->largest_metadata)
		c->largest_metadata = r->uncompressed_size;
	return 0;
}

static unsigned long bytes_in_xml(WIMStruct *handle)
{
	struct wimlib_wim_info info;
	unsigned long sum = 0;

	wimlib_get_wim_info(handle, &info);
	for (uint32_t i = 1; i <= info.image_count; i++) {
		const char *n = wimlib_get_image_property(handle, (int)i, "TOTALBYTES");

		sum += n ? strtoul(n, NULL, 10) : 0;
	}
	return sum;
}

static int refuse_contents(WIMStruct *handle, struct error *err)
{
	struct contents c = {0};

	wim_lib_quiet();
	int code = wimlib_iterate_lookup_table(handle, 0, count_resource, &c);
	if (code)
		return wim_lib_error(code, err, "cannot read its table of contents");
	if (c.packed)
		return refuse_solid(err);
	if (c.largest_metadata > METADATA_MAX)
		return err_set(
		    err, ERR_LIMIT, "the metadata of an image is larger than any real one");
	if (c.blobs == 0 && bytes_in_xml(handle) > 0)
		return refuse_incomplete(DATA_ELSEWHERE, err);
	return 0;
}

static void list_volumes(struct image *im, struct wim *w)
{
	struct wimlib_wim_info info;

	wimlib_get_wim_info(w->handle, &info);
	for (uint32_t i = 1; i <= info.image_count; i++) {
		struct image_volume *v = VEC_PUSH(&im->volumes);
		const char *name = wimlib_get_image_name(w->handle, (int)i);

		v->index = i;
		v->name = xstrdup(name ? name : "");
		v->ntfs = true;
	}
	w->volumes = im->volumes.n;
	w->scanned = xcalloc(w->volumes, sizeof(*w->scanned));
}

int wim_open(struct image *im, struct error *err)
{
	if (wim_lib_init(err) != 0)
		return -1;
	CLEANUP(close) int fd = open(im->path, (im->options.write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0) {
		err_errno(err, "cannot open it%s", im->options.write ? " for writing" : "");
		return im->options.write ? err_hint(err, "make the file writable, or use -o OUT")
					 : -1;
	}
	struct wim *w = xcalloc(1, sizeof(*w));
	w->cached_fd = -1;
	im->data = w;
	if (wim_header_read(fd, &w->header, err) != 0 || refuse_kind(&w->header, err) != 0)
		return -1;
	if (im->options.write && (refuse_state(&w->header, err) != 0 || try_lock(fd, err) != 0))
		return -1;
	if (!im->options.write && (w->header.flags & WIM_WRITE_IN_PROGRESS))
		log_warn("%s: another program is writing to it, or was cut short", im->path);
	if (!wim_handle(im, err) || refuse_contents(w->handle, err) != 0)
		return -1;
	list_volumes(im, w);
	return 0;
}

void wim_close(struct image *im)
{
	struct wim *w = im->data;

	if (!w)
		return;
	wim_abort(im);
	wim_drop_handle(w);
	wim_changes_drop(w);
	wim_cache_drop(w);
	wim_mark_free(&w->before);
	free(w->scanned);
	free(w);
	im->data = NULL;
}
