/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NTFS volumes and files that are refused, full or damaged. */
#include "tests/unit/ntfs_fixture.h"

/* What Windows' cipher does to a file, as far as it shows: the content stays as it is. */
static void mark_encrypted(const char *path)
{
	struct mounted m = mount(true);
	struct error err = ERROR_INIT;
	ntfs_inode *ni;

	ck_assert_int_eq(ntfsvol_lookup(m.v, path, &ni, &err), 1);
	ntfs_attr_search_ctx *ctx = ntfs_attr_get_search_ctx(ni, NULL);
	ck_assert_int_eq(
	    ntfs_attr_lookup(AT_DATA, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0, ctx), 0);
	ctx->attr->flags |= ATTR_IS_ENCRYPTED;
	ni->flags |= FILE_ATTR_ENCRYPTED;
	ntfs_attr_put_search_ctx(ctx);
	ntfs_inode_mark_dirty(ni);
	ck_assert_int_eq(ntfs_inode_close(ni), 0);
	assert_ok(ntfsvol_close(m.v, &err), err);
	blockdev_close(m.dev);
}

START_TEST(encrypted_files_are_refused)
{
	struct error err = ERROR_INIT;
	struct buf b = BUF_INIT;
	int fresh = pattern(100, 1);
	struct image_put p = {.path = HIVE, .fd = fresh, .old_fd = -1};

	make_volume(&(struct volume_options){0});
	mark_encrypted(HIVE);
	struct mounted m = mount(true);
	assert_fails(ntfsvol_read(m.v, HIVE, 0, 10, &b, &err), err, ERR_UNKNOWN_SHAPE);
	assert_fails(ntfsvol_put(m.v, &p, &err), err, ERR_UNKNOWN_SHAPE);
	assert_ok(ntfsvol_close(m.v, &err), err);
	blockdev_close(m.dev);
	buf_free(&b);
	close(fresh);
	drop_volume();
}
END_TEST

START_TEST(a_full_volume_is_told)
{
	struct error err = ERROR_INIT;
	int fresh = pattern(23 * MIB, 5);
	struct image_put p = {.path = HIVE, .fd = fresh, .old_fd = -1};

	make_volume(&(struct volume_options){0});
	struct mounted m = mount(true);
	assert_fails(ntfsvol_put(m.v, &p, &err), err, ERR_NO_SPACE);
	ntfsvol_close(m.v, NULL);
	blockdev_close(m.dev);
	close(fresh);
	drop_volume();
}
END_TEST

static void refused_for_writing(const struct volume_options *o, enum err_code code)
{
	struct error err = ERROR_INIT;
	struct image_stat st;

	make_volume(o);
	struct blockdev *dev = blockdev_file(volume, 1, &err);
	ck_assert_ptr_null(ntfsvol_open(dev, 0, dev->size, true, &err));
	ck_assert_msg(err.code == code, "%s", err.message);
	ck_assert_ptr_nonnull(err.hint);
	err_clear(&err);
	blockdev_close(dev);
	struct mounted m = mount(false);
	ck_assert_int_eq(ntfsvol_stat(m.v, HIVE, &st, &err), 1);
	ntfsvol_close(m.v, NULL);
	blockdev_close(m.dev);
	drop_volume();
}

START_TEST(a_volume_that_was_not_left_clean_is_only_read)
{
	refused_for_writing(&(struct volume_options){.dirty = true}, ERR_VOLUME_DIRTY);
	refused_for_writing(&(struct volume_options){.log = VOLUME_LOG_UNCLEAN}, ERR_VOLUME_DIRTY);
}
END_TEST

START_TEST(a_hibernated_volume_is_only_read)
{
	struct error err = ERROR_INIT;
	struct buf sd = BUF_INIT;
	int hibernated = pattern(8192, 9);

	make_volume(&(struct volume_options){0});
	secdesc_make(SECDESC_SECRET, &sd);
	assert_ok(pwrite_all(hibernated, "hibr", 4, 0, &err), err);
	struct mounted m = mount(true);
	put(m.v, "/hiberfil.sys", hibernated, -1, &sd);
	unmount(&m);
	struct blockdev *dev = blockdev_file(volume, 1, &err);
	ck_assert_ptr_null(ntfsvol_open(dev, 0, dev->size, true, &err));
	ck_assert_msg(err.code == ERR_HIBERNATED, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(err.hint, "powercfg"));
	err_clear(&err);
	blockdev_close(dev);
	m = mount(false);
	ntfsvol_close(m.v, NULL);
	blockdev_close(m.dev);
	buf_free(&sd);
	close(hibernated);
	drop_volume();
}
END_TEST

/* A bit here and there in the file table and the directories: an error or an answer, no crash. */
START_TEST(damage_is_survived)
{
	struct error err = ERROR_INIT;
	unsigned seed = 11, errors = 0;

	make_volume(&(struct volume_options){0});
	CLEANUP(free) char *whole = path_join(dir, "whole");
	free(output("cp %s %s", volume, whole));
	for (int round = 0; round < 60; round++) {
		struct image_stat st;
		struct strvec names = STRVEC_INIT;
		struct buf b = BUF_INIT;

		free(output("cp %s %s", whole, volume));
		struct blockdev *dev = blockdev_file(volume, 1, &err);
		for (int i = 0; i < 40; i++) {
			uint8_t byte;
			uint64_t at = (seed = seed * 1664525 + 1013904223) % (256u << 10);

			assert_ok(blockdev_read(dev, &byte, 1, at, &err), err);
			byte ^= (uint8_t)(1u << (seed >> 29));
			assert_ok(blockdev_write(dev, &byte, 1, at, &err), err);
		}
		struct ntfsvol *v = ntfsvol_open(dev, 0, dev->size, false, &err);
		errors += !v || ntfsvol_stat(v, HIVE, &st, &err) < 0 ||
			  ntfsvol_list(v, "/Windows/System32/config", &names, &err) < 0 ||
			  ntfsvol_read(v, HIVE, 0, HIVE_SIZE, &b, &err) < 0 ||
			  ntfsvol_get_sd(v, HIVE, &b, &err) < 0;
		ntfsvol_close(v, NULL);
		err_clear(&err);
		strvec_free(&names);
		buf_free(&b);
		blockdev_close(dev);
	}
	ck_assert_uint_gt(errors, 0);
	drop_volume();
}
END_TEST

SUITE("ntfs_refuse", encrypted_files_are_refused, a_full_volume_is_told,
    a_volume_that_was_not_left_clean_is_only_read, a_hibernated_volume_is_only_read,
    damage_is_survived)
