/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of an NTFS volume: looked at afterwards with ntfscat, ntfsls, ntfsinfo and ntfsfix. */
#include "tests/unit/ntfs_fixture.h"

START_TEST(names_are_found_without_regard_to_case)
{
	struct image_stat st;
	struct error err = ERROR_INIT;
	struct strvec names = STRVEC_INIT;

	make_volume(&(struct volume_options){0});
	struct mounted m = mount(false);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/WINDOWS/system32/CONFIG/software", &st, &err), 1);
	ck_assert_uint_eq(st.size, HIVE_SIZE);
	ck_assert(!st.is_dir && !st.is_link);
	ck_assert_uint_eq(st.links, 1);
	ck_assert_uint_eq(st.attributes, 0x20);
	/* by its 8.3 name, too */
	ck_assert_int_eq(ntfsvol_stat(m.v, "/progra~1/DEEP", &st, &err), 1);
	ck_assert(st.is_dir);
	ck_assert_uint_eq(st.attributes & 0x10, 0x10);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/Users/Public/übung.TXT", &st, &err), 1);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/Windows/System32/kernel32.dll", &st, &err), 1);
	ck_assert_uint_eq(st.links, 2);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/", &st, &err), 1);
	ck_assert(st.is_dir);
	/* not there: below nothing, below a file, the volume's own files */
	ck_assert_int_eq(ntfsvol_stat(m.v, "/Windows/nothing/at/all", &st, &err), 0);
	ck_assert_int_eq(ntfsvol_stat(m.v, HIVE "/x", &st, &err), 0);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/$MFT", &st, &err), 0);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/$Extend/$Quota", &st, &err), 0);

	ck_assert_int_eq(ntfsvol_list(m.v, "/", &names, &err), 1);
	strvec_sort(&names);
	CLEANUP(free)
	char *all = xasprintf("%s,%s,%s,%s", names.v[0], names.v[1], names.v[2], names.v[3]);
	ck_assert_str_eq(all, "Documents and Settings,Program Files,Users,Windows");
	ck_assert_uint_eq(names.n, 4);
	strvec_free(&names);
	ck_assert_int_eq(ntfsvol_list(m.v, "/Windows/nothing", &names, &err), 0);
	ck_assert_int_eq(ntfsvol_list(m.v, HIVE, &names, &err), 0);
	strvec_free(&names);
	unmount(&m);
	drop_volume();
}
END_TEST

START_TEST(content_is_read)
{
	struct error err = ERROR_INIT;
	struct buf b = BUF_INIT;
	int hive = pattern(HIVE_SIZE, 1), got = memfile("got", &err);
	CLEANUP(free) char *want = xmalloc(HIVE_SIZE);

	make_volume(&(struct volume_options){0});
	struct mounted m = mount(false);
	assert_ok(pread_all(hive, want, HIVE_SIZE, 0, &err), err);
	ck_assert_int_eq(ntfsvol_read(m.v, HIVE, 5000, 7000, &b, &err), 1);
	ck_assert_uint_eq(b.len, 7000);
	ck_assert_mem_eq(b.data, want + 5000, 7000);
	ck_assert_int_eq(ntfsvol_read(m.v, HIVE, HIVE_SIZE - 10, 100, &b, &err), 1);
	ck_assert_uint_eq(b.len, 10);
	ck_assert_int_eq(ntfsvol_read(m.v, HIVE, HIVE_SIZE + 1, 100, &b, &err), 1);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_int_eq(ntfsvol_read(m.v, "/none", 0, 100, &b, &err), 0);
	ck_assert_int_eq(ntfsvol_fetch(m.v, HIVE, got, &err), 1);
	assert_ok(read_whole_fd(got, MIB, &b, &err), err);
	ck_assert_uint_eq(b.len, HIVE_SIZE);
	ck_assert_mem_eq(b.data, want, HIVE_SIZE);
	assert_fails(ntfsvol_read(m.v, "/Windows", 0, 10, &b, &err), err, ERR_UNKNOWN_SHAPE);
	assert_fails(
	    ntfsvol_read(m.v, "/Documents and Settings", 0, 10, &b, &err), err, ERR_UNKNOWN_SHAPE);
	/* a junction is not followed */
	assert_fails(ntfsvol_read(m.v, "/Documents and Settings/Public/x", 0, 10, &b, &err), err,
	    ERR_UNKNOWN_SHAPE);
	buf_free(&b);
	close(hive);
	close(got);
	unmount(&m);
	drop_volume();
}
END_TEST

/* Everything that ntfsinfo tells of a file: record number, names, times, descriptor, flags … */
static void rewrite_keeps_metadata(size_t new_size, bool with_old)
{
	struct error err = ERROR_INIT;
	struct buf before = BUF_INIT, after = BUF_INIT;
	int old = pattern(HIVE_SIZE, 1), fresh = pattern(new_size, 2);
	/* what changes with every write, and what changes with the size of the data */
	const char *sed =
	    new_size == HIVE_SIZE
		? "sed '/Upd. Seq. Number/d'"
		: "sed '/Upd. Seq. Number/d;/ize:/d;/Bytes Used/d;/Resident/d;/Compression unit/d'";

	make_volume(&(struct volume_options){0});
	CLEANUP(free) char *info_before = output("ntfsinfo -f -F %s %s | %s", HIVE, volume, sed);
	struct mounted m = mount(true);
	ck_assert_int_eq(ntfsvol_get_sd(m.v, HIVE, &before, &err), 1);
	put(m.v, "/windows/SYSTEM32/config/software", fresh, with_old ? old : -1, NULL);
	ck_assert_int_eq(ntfsvol_get_sd(m.v, HIVE, &after, &err), 1);
	ck_assert(buf_equal(&before, &after));
	unmount(&m);
	CLEANUP(free) char *info_after = output("ntfsinfo -f -F %s %s | %s", HIVE, volume, sed);
	ck_assert_str_eq(info_before, info_after);
	ck_assert_ptr_nonnull(strstr(info_after, "SOFTWARE"));
	check_content(HIVE, fresh);
	/* the directory's copy of the size is right, too */
	CLEANUP(free) char *listed = output("ntfsls -l -p /Windows/System32/config %s", volume);
	CLEANUP(free) char *size = xasprintf(" %zu ", new_size);
	ck_assert_msg(strstr(listed, size) != NULL, "%s", listed);
	buf_free(&before);
	buf_free(&after);
	close(old);
	close(fresh);
	drop_volume();
}

START_TEST(a_rewritten_file_keeps_its_metadata)
{
	static const size_t sizes[] = {HIVE_SIZE, HIVE_SIZE + 500000, HIVE_SIZE - 123456, 100, 0};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		rewrite_keeps_metadata(sizes[i], false);
		rewrite_keeps_metadata(sizes[i], true);
	}
}
END_TEST

START_TEST(the_other_link_sees_the_change)
{
	int fresh = pattern(70000, 3);
	struct error err = ERROR_INIT;
	struct image_stat st;

	make_volume(&(struct volume_options){0});
	struct mounted m = mount(true);
	put(m.v, "/Windows/System32/kernel32.dll", fresh, -1, NULL);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/Windows/winsxs/kernel32-copy.dll", &st, &err), 1);
	ck_assert_uint_eq(st.size, 70000);
	ck_assert_uint_eq(st.links, 2);
	unmount(&m);
	check_content("/Windows/winsxs/kernel32-copy.dll", fresh);
	close(fresh);
	drop_volume();
}
END_TEST

/* A device that counts, and fails where it is told to. */
struct watched {
	struct blockdev dev, *real;
	uint64_t written;
	int writes_left; /* < 0: any number */
};

static int watched_read(struct blockdev *d, void *p, size_t n, uint64_t off, struct error *err)
{
	return blockdev_read(((struct watched *)d)->real, p, n, off, err);
}

static int watched_write(
    struct blockdev *d, const void *p, size_t n, uint64_t off, struct error *err)
{
	struct watched *w = (struct watched *)d;

	if (w->writes_left == 0)
		return err_set(err, ERR_NO_SPACE, "the disk of the host is full");
	w->writes_left -= w->writes_left > 0;
	w->written += n;
	return blockdev_write(w->real, p, n, off, err);
}

static struct watched watch(int writes)
{
	struct error err = ERROR_INIT;
	struct watched w = {.real = blockdev_file(volume, 1, &err), .writes_left = writes};

	w.dev =
	    (struct blockdev){.size = w.real->size, .read = watched_read, .write = watched_write};
	return w;
}

START_TEST(only_blocks_that_differ_are_written)
{
	struct error err = ERROR_INIT;
	int old = pattern(HIVE_SIZE, 1), fresh = pattern(HIVE_SIZE, 1);

	make_volume(&(struct volume_options){0});
	assert_ok(pwrite_all(fresh, "changed", 7, 100000, &err), err);
	for (int with_old = 0; with_old < 2; with_old++) {
		struct watched w = watch(-1);
		struct ntfsvol *v = ntfsvol_open(&w.dev, 0, w.dev.size, true, &err);

		ck_assert_ptr_nonnull(v);
		uint64_t mounting = w.written;
		put(v, HIVE, with_old ? fresh : fresh, with_old ? old : -1, NULL);
		assert_ok(ntfsvol_close(v, &err), err);
		/* one block of data; the file record, its times; never the 300,000 bytes */
		ck_assert_uint_lt(w.written - mounting, 40000);
		blockdev_close(w.real);
		check_content(HIVE, fresh);
	}
	close(old);
	close(fresh);
	drop_volume();
}
END_TEST

START_TEST(an_error_of_the_device_is_told)
{
	struct error err = ERROR_INIT;
	int fresh = pattern(HIVE_SIZE, 2);
	struct image_put p = {.path = HIVE, .fd = fresh, .old_fd = -1};
	unsigned failed = 0;

	make_volume(&(struct volume_options){0});
	/* the library keeps an inode that it cannot write back */
	leaks_expected(true);
	for (int writes = 0; writes < 12; writes++) {
		struct watched w = watch(writes);
		struct ntfsvol *v = ntfsvol_open(&w.dev, 0, w.dev.size, true, &err);
		int rc = v ? ntfsvol_put(v, &p, &err) : -1;

		if (rc == 0)
			rc = ntfsvol_close(v, &err);
		else if (v)
			ck_assert_int_ne(ntfsvol_close(v, NULL), 1);
		if (rc != 0) {
			ck_assert_msg(err.code == ERR_NO_SPACE, "%s", err.message);
			ck_assert_ptr_nonnull(strstr(err.message, "the disk of the host is full"));
			failed++;
		}
		err_clear(&err);
		blockdev_close(w.real);
	}
	leaks_expected(false);
	ck_assert_uint_ge(failed, 2);
	close(fresh);
	drop_volume();
}
END_TEST

START_TEST(new_files_get_the_descriptor_given)
{
	static const char path[] = "/Windows/Setup/Scripts/w7prep/firstboot.cmd";
	struct error err = ERROR_INIT;
	struct buf sd = BUF_INIT, got = BUF_INIT, parent = BUF_INIT;
	int fresh = pattern(1234, 4);

	make_volume(&(struct volume_options){0});
	struct mounted m = mount(true);
	secdesc_make(SECDESC_SECRET, &sd);
	put(m.v, path, fresh, -1, &sd);
	unmount(&m);
	m = mount(false);
	ck_assert_int_eq(ntfsvol_get_sd(m.v, path, &got, &err), 1);
	ck_assert(buf_equal(&sd, &got));
	/* its new directories are as closed as what is above them */
	ck_assert_int_eq(ntfsvol_get_sd(m.v, "/Windows/Setup/Scripts", &parent, &err), 1);
	ck_assert(!secdesc_others(parent.data, parent.len).others_write);
	unmount(&m);
	check_content(path, fresh);
	CLEANUP(free) char *audit = output("ntfssecaudit %s %s", volume, path);
	ck_assert_msg(strstr(audit, "mode 0700") != NULL, "%s", audit);
	/* where there is nothing to inherit (everybody owns the root that mkntfs made) neither */
	m = mount(true);
	put(m.v, "/made/here/x.cmd", fresh, -1, &sd);
	ck_assert_int_eq(ntfsvol_get_sd(m.v, "/made", &parent, &err), 1);
	ck_assert(!secdesc_others(parent.data, parent.len).others_write);
	unmount(&m);
	/* an existing file gets another one when it is given */
	m = mount(true);
	secdesc_make(SECDESC_SCRIPT, &sd);
	put(m.v, path, fresh, -1, &sd);
	ck_assert_int_eq(ntfsvol_get_sd(m.v, path, &got, &err), 1);
	ck_assert(buf_equal(&sd, &got));
	unmount(&m);
	buf_free(&sd);
	buf_free(&got);
	buf_free(&parent);
	close(fresh);
	drop_volume();
}
END_TEST

START_TEST(files_and_trees_are_removed)
{
	struct error err = ERROR_INIT;
	struct image_stat st;

	make_volume(&(struct volume_options){0});
	struct mounted m = mount(true);
	/* one of two links, spelled differently */
	assert_ok(ntfsvol_remove(m.v, "/windows/SYSTEM32/Kernel32.DLL", &err), err);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/Windows/System32/kernel32.dll", &st, &err), 0);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/Windows/winsxs/kernel32-copy.dll", &st, &err), 1);
	ck_assert_uint_eq(st.links, 1);
	/* a tree by its 8.3 name; both names are gone */
	assert_ok(ntfsvol_remove(m.v, "/PROGRA~1", &err), err);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/Program Files", &st, &err), 0);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/PROGRA~1", &st, &err), 0);
	/* a junction, but not what it points to; the library leaks the name of its index */
	leaks_expected(true);
	assert_ok(ntfsvol_remove(m.v, "/Documents and Settings", &err), err);
	leaks_expected(false);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/Documents and Settings", &st, &err), 0);
	ck_assert_int_eq(ntfsvol_stat(m.v, "/Users/Public/Übung.txt", &st, &err), 1);
	/* not there: nothing to do */
	assert_ok(ntfsvol_remove(m.v, "/Windows/nothing", &err), err);
	assert_fails(ntfsvol_remove(m.v, "/", &err), err, ERR_INTERNAL);
	unmount(&m);
	CLEANUP(free) char *listed = output("ntfsls -R -p / %s", volume);
	ck_assert_ptr_null(strstr(listed, "kernel32.dll"));
	ck_assert_ptr_nonnull(strstr(listed, "kernel32-copy.dll"));
	ck_assert_ptr_null(strstr(listed, "Program Files"));
	CLEANUP(free)
	char *other = output("ntfscat -f %s /Windows/winsxs/kernel32-copy.dll", volume);
	ck_assert_str_eq(other, "kernel\n");
	drop_volume();
}
END_TEST

START_TEST(compressed_files_stay_compressed)
{
	static const char path[] = "/Users/Public/compressed.bin";
	struct error err = ERROR_INIT;
	struct buf sd = BUF_INIT, got = BUF_INIT;
	int empty = pattern(0, 0), first = memfile("first", &err), second = memfile("second", &err);

	for (unsigned i = 0; i < 40000; i++) {
		dprintf(first, "line %u of the first content\n", i / 7);
		dprintf(second, "and %u lines of the second\n", i / 3);
	}
	make_volume(&(struct volume_options){0});
	secdesc_make(SECDESC_SCRIPT, &sd);
	struct mounted m = mount(true);
	/* what is made in a compressed directory is compressed */
	ntfs_inode *ni;
	ck_assert_int_eq(ntfsvol_lookup(m.v, "/Users/Public", &ni, &err), 1);
	le32 attributes = FILE_ATTR_COMPRESSED;
	ck_assert_int_eq(ntfs_set_ntfs_attrib(ni, (const char *)&attributes, 4, 0), 0);
	ck_assert_int_eq(ntfs_inode_close(ni), 0);
	put(m.v, path, empty, -1, &sd);
	put(m.v, path, first, -1, NULL);
	unmount(&m);
	check_content(path, first);
	m = mount(true);
	put(m.v, path, second, first, NULL);
	ck_assert_int_eq(ntfsvol_read(m.v, path, 100000, 5000, &got, &err), 1);
	ck_assert_uint_eq(got.len, 5000);
	unmount(&m);
	check_content(path, second);
	CLEANUP(free) char *all = info(path);
	ck_assert_msg(strstr(all, "COMPRESSED") != NULL, "%s", all);
	buf_free(&sd);
	buf_free(&got);
	close(empty);
	close(first);
	close(second);
	drop_volume();
}
END_TEST

SUITE("ntfs", names_are_found_without_regard_to_case, content_is_read,
    a_rewritten_file_keeps_its_metadata, the_other_link_sees_the_change,
    only_blocks_that_differ_are_written, an_error_of_the_device_is_told,
    new_files_get_the_descriptor_given, files_and_trees_are_removed,
    compressed_files_stay_compressed)
