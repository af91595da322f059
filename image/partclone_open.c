/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which partitions an image has: by header and first block, nothing else is unpacked. */
#include "image/partclone_internal.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/text.h"
#include "image/ntfs_boot.h"
#include "image/partition_name.h"

#define PARTITIONS_MAX 256
#define DISK_STEP 1000 /* between the numbers of one disk's partitions and the next one's */

/* What its header and first block say, without decompressing the rest. 1 usable, 0 not, -1. */
static int look_at(const struct ptcl_set *set, struct image_volume *v, struct error *err)
{
	enum codec codec;
	const uint8_t *first;
	uint64_t block;

	if (ptcl_set_codec(set, &codec, err) != 0)
		return -1;
	struct ptcl_reader *r = ptcl_reader_open(set, codec, err);
	int rc = r ? ptcl_reader_next(r, &block, &first, err) : -1;
	if (rc == 1 && block != 0)
		rc = err_set(err, ERR_DAMAGED, "its first block is not stored");
	if (rc == 1) {
		enum volume_kind kind = volume_kind(first);

		v->ntfs = kind == VOLUME_NTFS;
		v->bitlocker = kind == VOLUME_BITLOCKER;
	}
	ptcl_reader_close(r);
	return rc;
}

/* By its name: d1p2.img, sda2.ntfs-ptcl-img.gz, nvme0n1p2.ntfs-ptcl-img.gz. 0: not told. */
static unsigned index_of(const struct ptcl_set *set)
{
	const char *end = set->stem + strcspn(set->stem, "."), *p = end;
	unsigned long number = 0;

	if (set->disk)
		return (set->disk - 1) * DISK_STEP + set->partition;
	while (p > set->stem && p[-1] >= '0' && p[-1] <= '9')
		p--;
	CLEANUP(free) char *digits = xstrndup(p, (size_t)(end - p));
	return p > set->stem && name_clonezilla_stem(set->stem) &&
		       parse_uint(digits, 1, DISK_STEP - 1, &number)
		   ? (unsigned)number
		   : 0;
}

static int add_part(struct image *im, const char *path, struct error *err)
{
	struct partclone *p = im->data;
	struct part *part = VEC_PUSH(&p->parts);
	struct image_volume *v = VEC_PUSH(&im->volumes);

	v->name = xstrdup("");
	if (ptcl_set_find(path, &part->set, err) != 0 || look_at(&part->set, v, err) < 0)
		return -1;
	v->index = index_of(&part->set);
	v->size = part->set.bytes;
	return 0;
}

/*
 * One partition that is not for us (FAT, partimage …) does not make the others unreadable; @kept is
 * why the first of them is not.
 */
static int add_from_dir(struct image *im, const char *path, struct error *kept, struct error *err)
{
	struct error e = ERROR_INIT;

	if (add_part(im, path, &e) == 0)
		return 0;
	err_context(&e, "%s", path_base(path));
	if (e.code != ERR_NO_WINDOWS && e.code != ERR_FORMAT && e.code != ERR_NOT_AN_IMAGE)
		return err_move(err, &e);
	log_debug("%s", e.message);
	if (kept->code == ERR_NONE)
		err_move(kept, &e);
	err_clear(&e);
	return 0;
}

static bool any_usable(const struct image *im)
{
	for (size_t i = 0; i < im->volumes.n; i++)
		if (im->volumes.v[i].ntfs || im->volumes.v[i].bitlocker)
			return true;
	return false;
}

static int add_from_dir_all(struct image *im, const struct strvec *paths, struct error *err)
{
	CLEANUP(error) struct error kept = ERROR_INIT;

	for (size_t i = 0; i < paths->n; i++)
		if (add_from_dir(im, paths->v[i], &kept, err) != 0)
			return -1;
	return kept.code == ERR_NONE || any_usable(im) ? 0 : err_move(err, &kept);
}

static int add_parts(struct image *im, struct error *err)
{
	CLEANUP(strvec) struct strvec paths = STRVEC_INIT;
	struct stat st;

	if (stat(im->path, &st) == 0 && !S_ISDIR(st.st_mode))
		return add_part(im, im->path, err);
	ptcl_dir_list(im->path, &paths);
	if (paths.n > PARTITIONS_MAX)
		return err_set(err, ERR_LIMIT, "%zu partition images", paths.n);
	return add_from_dir_all(im, &paths, err);
}

/* Say now that the commit could not work, not after everything was done for it. */
static int check_writable(const struct image *im, struct error *err)
{
	const struct partclone *p = im->data;

	if (access(p->dir, W_OK) != 0) {
		err_errno(err, "cannot write to %s", p->dir);
		return err_hint(err, "run as the user that the images belong to");
	}
	/* a copy shares its files with the image until they are replaced: that may be in use */
	if (im->options.no_undo)
		return 0;
	for (size_t i = 0; i < p->parts.n; i++)
		if (p->parts.v[i].set.names.n && ptcl_set_not_in_use(&p->parts.v[i].set, err) != 0)
			return -1;
	return 0;
}

int partclone_open(struct image *im, struct error *err)
{
	struct partclone *p = xcalloc(1, sizeof(*p));
	CLEANUP(free) char *real = realpath(im->path, NULL);
	struct stat st;

	im->data = p;
	if (!real || stat(real, &st) != 0)
		return err_errno(err, "cannot find it");
	p->dir = S_ISDIR(st.st_mode) ? xstrdup(real) : path_dir(real);
	if (add_parts(im, err) != 0)
		return ptcl_hint_damaged(err);
	return im->options.write ? check_writable(im, err) : 0;
}
