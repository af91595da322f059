/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partclone.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "image/ntfs.h"
#include "image/ntfs_boot.h"
#include "image/partclone_internal.h"

/* ---- one partition ---- */

/* Memory is for the partition that Windows is on: others are looked at once. */
static void forget_others(struct image *im, size_t vol)
{
	struct partclone *p = im->data;

	for (size_t i = 0; i < p->parts.n; i++) {
		struct part *other = &p->parts.v[i];

		if (i == vol || other->useful || other->begun)
			continue;
		ntfsvol_close(other->mounted, NULL);
		ptcl_dev_close(other->dev);
		other->mounted = NULL;
		other->dev = NULL;
	}
}

static int load(
    struct image *im, size_t vol, const struct image_want *want, size_t n, struct error *err)
{
	struct partclone *p = im->data;
	struct part *part = &p->parts.v[vol];
	struct image_volume *v = &im->volumes.v[vol];
	struct ntfs_state state;
	enum volume_kind kind;

	forget_others(im, vol);
	part->dev = ptcl_dev_open(&part->set, err);
	if (!part->dev || ptcl_dev_prefetch(part->dev, want, n, err) != 0)
		return ptcl_hint_damaged(err);
	struct blockdev *dev = ptcl_dev_blockdev(part->dev);
	if (ntfs_state_read(dev, 0, dev->size, &kind, &state, err) < 0)
		return -1;
	v->size = dev->size;
	v->dirty = state.dirty || !state.log_clean;
	free(v->name);
	v->name = xstrdup(state.label);
	return 0;
}

static int partclone_prefetch(
    struct image *im, size_t vol, const struct image_want *want, size_t n, struct error *err)
{
	struct partclone *p = im->data;
	struct part *part = &p->parts.v[vol];

	if (part->dev)
		return ptcl_dev_prefetch(part->dev, want, n, err);
	return load(im, vol, want, n, err) == 0 ? 0 : err_context(err, "%s", part->set.stem);
}

static int begin_part(struct partclone *p, struct part *part, struct error *err)
{
	if (part->begun || !p->writing)
		return 0;
	if (ptcl_dev_begin(part->dev, p->staging, err) != 0)
		return -1;
	part->begun = true;
	return 0;
}

/* The volume, read and mounted on first use. NULL on error. */
static struct ntfsvol *volume(struct image *im, size_t vol, struct error *err)
{
	struct partclone *p = im->data;
	struct part *part = &p->parts.v[vol];
	const struct image_volume *v = &im->volumes.v[vol];

	if (part->mounted)
		return part->mounted;
	if (v->bitlocker) {
		err_set(err, ERR_BITLOCKER, "%s is encrypted with BitLocker", part->set.stem);
		err_hint(err, "decrypt it in Windows first: manage-bde -off");
		return NULL;
	}
	if (!v->ntfs) {
		err_set(err, ERR_NO_WINDOWS, "%s is not NTFS", part->set.stem);
		return NULL;
	}
	if ((part->dev || load(im, vol, NULL, 0, err) == 0) && begin_part(p, part, err) == 0) {
		struct blockdev *dev = ptcl_dev_blockdev(part->dev);

		part->mounted = ntfsvol_open(dev, 0, dev->size, p->writing, err);
	}
	if (!part->mounted)
		err_context(err, "%s", part->set.stem);
	return part->mounted;
}

static int unmount_all(struct image *im, struct error *err)
{
	struct partclone *p = im->data;
	int rc = 0;

	for (size_t i = 0; i < p->parts.n; i++) {
		struct part *part = &p->parts.v[i];

		if (ntfsvol_close(part->mounted, rc == 0 ? err : NULL) != 0)
			rc = err_context(rc == 0 ? err : NULL, "%s", part->set.stem);
		part->mounted = NULL;
	}
	return rc;
}

/* ---- files ---- */

static int partclone_stat(
    struct image *im, size_t vol, const char *path, struct image_stat *st, struct error *err)
{
	struct ntfsvol *v = volume(im, vol, err);

	return v ? ntfsvol_stat(v, path, st, err) : -1;
}

static int partclone_list_dir(
    struct image *im, size_t vol, const char *path, struct strvec *names, struct error *err)
{
	struct ntfsvol *v = volume(im, vol, err);

	return v ? ntfsvol_list(v, path, names, err) : -1;
}

static struct ntfsvol *volume_for_content(struct image *im, size_t vol, struct error *err)
{
	struct partclone *p = im->data;

	p->parts.v[vol].useful = true;
	return volume(im, vol, err);
}

static int partclone_read(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
    struct buf *out, struct error *err)
{
	struct ntfsvol *v = volume_for_content(im, vol, err);

	return v ? ntfsvol_read(v, path, off, max, out, err) : -1;
}

static int partclone_fetch(
    struct image *im, size_t vol, const char *path, int fd, struct error *err)
{
	struct ntfsvol *v = volume_for_content(im, vol, err);

	return v ? ntfsvol_fetch(v, path, fd, err) : -1;
}

static int partclone_get_sd(
    struct image *im, size_t vol, const char *path, struct buf *out, struct error *err)
{
	struct ntfsvol *v = volume_for_content(im, vol, err);

	return v ? ntfsvol_get_sd(v, path, out, err) : -1;
}

/* ---- changing ---- */

static int make_staging(struct image *im, struct error *err)
{
	struct partclone *p = im->data;
	const char *dir = NULL;

	/* without a transaction the file is our caller's own copy, in a directory of its own */
	if (im->txn)
		dir = txn_begin(im->txn, err);
	else
		dir = p->scratch = scratch_create(p->dir, err);
	if (!dir)
		return -1;
	p->staging = path_join(dir, "new");
	return mkdir(p->staging, 0700) == 0 ? 0 : err_errno(err, "cannot make %s", p->staging);
}

static int partclone_begin(struct image *im, struct error *err)
{
	struct partclone *p = im->data;

	if (unmount_all(im, err) != 0 || make_staging(im, err) != 0)
		return -1;
	p->writing = true;
	return 0;
}

static struct ntfsvol *volume_to_change(struct image *im, size_t vol, struct error *err)
{
	struct partclone *p = im->data;

	p->parts.v[vol].touched = true;
	return volume(im, vol, err);
}

static int partclone_put(
    struct image *im, size_t vol, const struct image_put *put, struct error *err)
{
	struct ntfsvol *v = volume_to_change(im, vol, err);

	return v ? ntfsvol_put(v, put, err) : -1;
}

static int partclone_remove(struct image *im, size_t vol, const char *path, struct error *err)
{
	struct ntfsvol *v = volume_to_change(im, vol, err);

	return v ? ntfsvol_remove(v, path, err) : -1;
}

static void abort_part(struct part *part)
{
	if (part->begun)
		ptcl_dev_abort(part->dev);
	part->begun = part->touched = false;
}

/* The new files of one partition, beside the old ones' directory. */
static int save_part(struct image *im, size_t vol, struct error *err)
{
	struct partclone *p = im->data;
	struct part *part = &p->parts.v[vol];
	const struct ptcl_header *h = ptcl_dev_header(part->dev);
	CLEANUP(free) uint8_t *used = xcalloc(ptcl_bitmap_size(h), 1);
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	struct ntfsvol *v = volume(im, vol, err);
	char digest[33];

	if (!v || ntfsvol_used(v, used, h->blocks, err) != 0 ||
	    ptcl_dev_save(part->dev, used, p->staging, &names, digest, err) != 0)
		return ptcl_hint_damaged(err);
	json_t *list = json_array();
	for (size_t i = 0; i < names.n; i++) {
		json_array_append_new(list, json_string(names.v[i]));
		strvec_add(&p->swap.fresh, names.v[i]);
	}
	for (size_t i = 0; i < part->set.names.n; i++)
		strvec_add(&p->swap.old, part->set.names.v[i]);
	if (names.n > 1 || part->set.names.n > 1)
		strvec_add(&p->swap.split, names.v[0]);
	return json_array_append_new(
	    p->swap.after, json_pack("{so ss}", "names", list, "xxh128", digest));
}

static int partclone_settle(struct image *im, struct error *err)
{
	struct partclone *p = im->data;

	p->writing = false;
	if (unmount_all(im, err) != 0)
		return -1;
	ptcl_swap_free(&p->swap);
	p->swap.after = json_array();
	for (size_t i = 0; i < p->parts.n; i++) {
		struct part *part = &p->parts.v[i];

		if (!part->begun)
			continue;
		/* a volume that was only read was mounted for writing all the same */
		if (!part->touched) {
			abort_part(part);
			continue;
		}
		ptcl_dev_settle(part->dev);
		if (ptcl_set_unchanged(&part->set, err) != 0 || save_part(im, i, err) != 0)
			return err_context(err, "%s", part->set.stem);
	}
	p->swap.dir = p->dir;
	p->swap.staging = p->staging;
	p->swap.work = p->scratch;
	p->swap.seal = im->seal_undo;
	return ptcl_swap_checksums(&p->swap, err);
}

static int partclone_commit(struct image *im, struct error *err)
{
	struct partclone *p = im->data;

	if (unmount_all(im, err) != 0)
		return -1;
	for (size_t i = 0; i < p->parts.n; i++) {
		struct part *part = &p->parts.v[i];

		if (!part->touched)
			continue;
		/* an open file of ours would count as a user */
		ptcl_dev_close(part->dev);
		part->dev = NULL;
		part->begun = false;
		if (ptcl_set_unchanged(&part->set, err) != 0 ||
		    (im->txn && ptcl_set_not_in_use(&part->set, err) != 0))
			return -1;
	}
	if (ptcl_swap_run(&p->swap, im->txn, err) != 0)
		return -1;
	remove_tree(p->staging, NULL);
	return 0;
}

static void drop_staging(struct partclone *p)
{
	if (p->staging)
		remove_tree(p->staging, NULL);
	scratch_remove(p->scratch);
	free(p->staging);
	free(p->scratch);
	p->staging = p->scratch = NULL;
	ptcl_swap_free(&p->swap);
}

static void partclone_abort(struct image *im)
{
	struct partclone *p = im->data;
	bool begun = p->staging != NULL;

	p->writing = false;
	unmount_all(im, NULL);
	for (size_t i = 0; i < p->parts.n; i++)
		abort_part(&p->parts.v[i]);
	drop_staging(p);
	if (begun)
		txn_drop(im->txn);
}

static void partclone_close(struct image *im)
{
	struct partclone *p = im->data;

	if (!p)
		return;
	unmount_all(im, NULL);
	for (size_t i = 0; i < p->parts.n; i++) {
		ptcl_dev_close(p->parts.v[i].dev);
		ptcl_set_free(&p->parts.v[i].set);
	}
	drop_staging(p);
	free(p->parts.v);
	free(p->dir);
	free(p);
	im->data = NULL;
}

static bool handles(enum image_format format)
{
	return format == FORMAT_PARTCLONE;
}

const struct image_ops partclone_ops = {
    .name = "partclone",
    .caps = IMAGE_CAP_SECURITY | IMAGE_CAP_OVERLAY,
    .handles = handles,
    .is_default = true,
    .open = partclone_open,
    .prefetch = partclone_prefetch,
    .stat = partclone_stat,
    .list_dir = partclone_list_dir,
    .read = partclone_read,
    .fetch = partclone_fetch,
    .get_sd = partclone_get_sd,
    .begin = partclone_begin,
    .put = partclone_put,
    .remove = partclone_remove,
    .settle = partclone_settle,
    .commit = partclone_commit,
    .abort = partclone_abort,
    .close = partclone_close,
};
