/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine "wim": what it reads and what it writes, seen by wimlib-imagex. */
#include "tests/fixtures/hivegen.h"
#include "tests/fixtures/volume_fill.h"
#include "tests/unit/wim_fixture.h"

#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>

START_TEST(reads_without_regard_to_case)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	CLEANUP(buf) struct buf got = BUF_INIT, sd = BUF_INIT;
	struct image *im = open_wim(path, &(struct image_options){0});
	struct image_stat st;

	ck_assert_uint_eq(im->volumes.n, 1);
	ck_assert_str_eq(im->volumes.v[0].name, "Windows 7");
	ck_assert_uint_eq(im->volumes.v[0].index, 1);
	ck_assert_int_eq(image_stat(im, 0, "/WINDOWS/system32/CONFIG/software", &st, &err), 1);
	ck_assert_uint_eq(st.size, 300000);
	ck_assert(!st.is_dir && !st.is_link);
	ck_assert_uint_eq(st.attributes, 0x20);
	ck_assert_int_eq(image_stat(im, 0, "/Windows/nothing", &st, &err), 0);
	ck_assert_int_eq(image_stat(im, 0, "/windows/win.ini/below", &st, &err), 0);
	ck_assert_int_eq(image_list_dir(im, 0, "/windows/system32", &names, &err), 1);
	strvec_sort(&names);
	ck_assert_uint_eq(names.n, 3);
	ck_assert_str_eq(names.v[1], "config");
	ck_assert_int_eq(image_read(im, 0, "/windows/WIN.ini", 1, 2, &got, &err), 1);
	ck_assert_str_eq(got.data, "ni");
	ck_assert_int_eq(image_read(im, 0, "/windows/empty", 0, 10, &got, &err), 1);
	ck_assert_uint_eq(got.len, 0);
	ck_assert_int_eq(image_get_sd(im, 0, SOFTWARE, &sd, &err), 1);
	ck_assert(secdesc_is_safe(&sd, SECDESC_SECRET));
	image_close(im);
}
END_TEST

START_TEST(fetches_whole_files)
{
	CLEANUP(free) char *path = make_wim("--compress=XPRESS");
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im = open_wim(path, &(struct image_options){0});
	CLEANUP(free) char *out = path_join(work, "out");
	CLEANUP(close) int fd = open(out, O_RDWR | O_CREAT, 0600);

	/* what was in the file before does not stay behind the new end */
	ck_assert_int_eq(ftruncate(fd, 1000000), 0);
	ck_assert_int_eq(image_fetch(im, 0, "/windows/system32/config/software", fd, &err), 1);
	run("wimlib-imagex extract x.wim 1 " SOFTWARE " --dest-dir=e && cmp e/SOFTWARE out");
	ck_assert_int_eq(image_fetch(im, 0, "/Windows/none", fd, &err), 0);
	image_close(im);
}
END_TEST

START_TEST(links_are_not_followed)
{
	CLEANUP(free) char *path = make_wim("");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	CLEANUP(buf) struct buf got = BUF_INIT;
	struct image *im = open_rw(path);
	struct image_stat st;

	ck_assert_int_eq(image_stat(im, 0, "/Documents and Settings", &st, &err), 1);
	ck_assert(st.is_link);
	ck_assert_int_eq(image_stat(im, 0, "/Documents and Settings/Public", &st, &err), 0);
	ck_assert_int_eq(image_list_dir(im, 0, "/Documents and Settings", &names, &err), 0);
	assert_fails(image_read(im, 0, "/Documents and Settings", 0, 10, &got, &err), err,
	    ERR_UNKNOWN_SHAPE);
	assert_fails(
	    put_script(im, 0, "/Documents and Settings/x.cmd", "x", &err), err, ERR_UNKNOWN_SHAPE);
	assert_fails(
	    put_script(im, 0, "/Windows/win.ini/x.cmd", "x", &err), err, ERR_UNKNOWN_SHAPE);
	assert_fails(put_script(im, 0, "/Windows/System32", "x", &err), err, ERR_UNKNOWN_SHAPE);
	image_close(im);
}
END_TEST

START_TEST(a_replaced_file_keeps_its_metadata)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *before = metadata("x.wim", 1, "/");
	struct image *im = open_rw(path);

	assert_ok(
	    put_text(im, 0, "/windows/SYSTEM32/config/software", "new hive", NULL, &err), err);
	assert_ok(put_text(im, 0, "/Windows/win.ini", "new", NULL, &err), err);
	assert_ok(put_text(im, 0, "/Windows/empty", "no more", NULL, &err), err);
	assert_ok(put_text(im, 0, "/Windows/A long file name.txt", "", NULL, &err), err);
	finish(im);
	assert_same(metadata("x.wim", 1, "/"), xstrdup(before));
	assert_same(content("x.wim", 1, SOFTWARE), xstrdup("new hive"));
	assert_same(content("x.wim", 1, "/Windows/win.ini"), xstrdup("new"));
	assert_same(content("x.wim", 1, "/Windows/empty"), xstrdup("no more"));
	assert_same(content("x.wim", 1, "/Windows/A long file name.txt"), xstrdup(""));
	run("wimlib-imagex verify x.wim");
}
END_TEST

/* The hash of a file's stream that has a name, which libwim would lose in a replaced file. */
static char *stream_hash(void)
{
	return sh("wimlib-imagex dir x.wim 1 --detailed --path=/Windows/win.ini | "
		  "grep -A1 'Named data stream' | tail -1");
}

START_TEST(named_streams_stay)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *before = stream_hash();
	struct image *im = open_rw(path);

	ck_assert_msg(strncmp(before, "Hash  ", 6) == 0, "%s", before);
	assert_ok(put_text(im, 0, "/Windows/win.ini", "new", NULL, &err), err);
	finish(im);
	assert_same(stream_hash(), xstrdup(before));
}
END_TEST

START_TEST(attributes_of_storage_stay)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(free) char *volume = path_join(work, "volume.ntfs");
	CLEANUP(error) struct error err = ERROR_INIT;
	ntfs_volume *v = ntfs_mount(volume, 0);
	ntfs_inode *ni = ntfs_pathname_to_inode(v, NULL, "/Windows/win.ini");

	/* compressed, not content indexed, hidden, read-only */
	ni->flags = cpu_to_le32(0x2823);
	NInoSetDirty(ni);
	ck_assert_int_eq(ntfs_inode_close(ni), 0);
	ck_assert_int_eq(ntfs_umount(v, FALSE), 0);
	run("rm x.wim && wimlib-imagex capture volume.ntfs x.wim again");
	CLEANUP(free) char *before = metadata("x.wim", 1, "/Windows");
	ck_assert_ptr_nonnull(strstr(before, "0x00002823"));
	struct image *im = open_rw(path);
	assert_ok(put_text(im, 0, "/Windows/win.ini", "new", NULL, &err), err);
	finish(im);
	assert_same(metadata("x.wim", 1, "/Windows"), xstrdup(before));
	assert_same(content("x.wim", 1, "/Windows/win.ini"), xstrdup("new"));
}
END_TEST

START_TEST(settle_makes_the_new_state_readable)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf got = BUF_INIT;
	struct image *im = open_rw(path);

	assert_ok(put_text(im, 0, "/Windows/win.ini", "new", NULL, &err), err);
	assert_ok(image_remove(im, 0, "/Windows/empty", &err), err);
	ck_assert_int_eq(image_read(im, 0, "/Windows/win.ini", 0, 10, &got, &err), 1);
	ck_assert_str_eq(got.data, "ini\n");
	assert_ok(image_settle(im, &err), err);
	ck_assert_int_eq(image_read(im, 0, "/Windows/win.ini", 0, 10, &got, &err), 1);
	ck_assert_str_eq(got.data, "new");
	ck_assert(!image_exists(im, 0, "/Windows/empty"));
	assert_ok(image_commit(im, &err), err);
	image_close(im);
}
END_TEST

START_TEST(a_new_file_has_its_descriptor_and_closed_directories)
{
	static const char *const made[] = {
	    "/Windows/Setup", "/Windows/Setup/Scripts", "/Windows/Setup/Scripts/w7prep"};
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf sd = BUF_INIT, want = BUF_INIT;
	CLEANUP(free) char *before = metadata("x.wim", 1, "/Windows/System32");

	setenv("SOURCE_DATE_EPOCH", "1300000000", 1);
	struct image *im = open_rw(path);
	assert_ok(put_script(im, 0, "/Windows/Setup/Scripts/w7prep/first.cmd", "rem", &err), err);
	assert_ok(put_script(im, 0, "/Windows/Setup/Scripts/SetupComplete.cmd", "call", &err), err);
	finish(im);

	im = open_wim(path, &(struct image_options){0});
	secdesc_make(SECDESC_SCRIPT, &want);
	ck_assert_int_eq(
	    image_get_sd(im, 0, "/Windows/Setup/Scripts/w7prep/first.cmd", &sd, &err), 1);
	ck_assert(buf_equal(&sd, &want));
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(image_get_sd(im, 0, made[i], &sd, &err), 1);
		ck_assert_msg(!secdesc_others(sd.data, sd.len).others_write, "%s", made[i]);
	}
	image_close(im);
	assert_same(sh("wimlib-imagex dir x.wim 1 --detailed --path=/Windows/Setup | "
		       "grep -c 'Time.*Sun Mar 13 07:06:40 2011'"),
	    xstrdup("15\n"));
	assert_same(
	    content("x.wim", 1, "/Windows/Setup/Scripts/SetupComplete.cmd"), xstrdup("call"));
	assert_same(metadata("x.wim", 1, "/Windows/System32"), xstrdup(before));
}
END_TEST

START_TEST(a_descriptor_can_be_given_to_an_existing_file)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf sd = BUF_INIT, want = BUF_INIT;
	struct image *im = open_rw(path);

	secdesc_make(SECDESC_SECRET, &want);
	assert_ok(put_text(im, 0, "/Windows/win.ini", "key", &want, &err), err);
	finish(im);
	im = open_wim(path, &(struct image_options){0});
	ck_assert_int_eq(image_get_sd(im, 0, "/Windows/win.ini", &sd, &err), 1);
	ck_assert(buf_equal(&sd, &want));
	image_close(im);
}
END_TEST

START_TEST(all_names_of_a_file_get_the_content)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *before = metadata("x.wim", 1, "/");
	struct image *im = open_rw(path);
	struct image_stat st;

	assert_ok(put_text(im, 0, KERNEL32, "new dll", NULL, &err), err);
	finish(im);
	assert_same(content("x.wim", 1, "/Windows/winsxs/x/kernel32.dll"), xstrdup("new dll"));
	assert_same(content("x.wim", 1, "/Windows/winsxs/x/a.dll"), xstrdup("a\n"));
	assert_same(metadata("x.wim", 1, "/"), xstrdup(before));
	im = open_wim(path, &(struct image_options){0});
	ck_assert_int_eq(image_stat(im, 0, KERNEL32, &st, &err), 1);
	ck_assert_uint_eq(st.links, 2);
	image_close(im);
}
END_TEST

START_TEST(removing_one_name_leaves_the_other)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im = open_rw(path);

	assert_ok(image_remove(im, 0, "/windows/SYSTEM32/A.dll", &err), err);
	assert_ok(image_remove(im, 0, "/windows/not there", &err), err);
	assert_ok(put_text(im, 0, KERNEL32, "new dll", NULL, &err), err);
	assert_ok(image_remove(im, 0, "/Windows/winsxs/x/kernel32.dll", &err), err);
	finish(im);
	assert_same(sh("wimlib-imagex dir x.wim 1 --path=/Windows | grep dll"),
	    xstrdup("/Windows/System32/kernel32.dll\n/Windows/winsxs/x/a.dll\n"));
	assert_same(content("x.wim", 1, "/Windows/winsxs/x/a.dll"), xstrdup("a\n"));
	assert_same(content("x.wim", 1, KERNEL32), xstrdup("new dll"));
}
END_TEST

START_TEST(the_last_word_counts)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im = open_rw(path);

	assert_ok(put_text(im, 0, SOFTWARE, "first", NULL, &err), err);
	assert_ok(put_text(im, 0, SOFTWARE, "second", NULL, &err), err);
	assert_ok(image_remove(im, 0, "/Windows/winsxs", &err), err);
	assert_ok(put_script(im, 0, "/Windows/winsxs/x/kernel32.dll", "third", &err), err);
	assert_ok(put_text(im, 0, "/Windows/win.ini", "gone", NULL, &err), err);
	assert_ok(image_remove(im, 0, "/Windows/WIN.INI", &err), err);
	/* removed, so it is a new file and needs a descriptor */
	assert_fails(put_text(im, 0, "/Windows/win.ini", "x", NULL, &err), err, ERR_INTERNAL);
	finish(im);
	assert_same(content("x.wim", 1, SOFTWARE), xstrdup("second"));
	assert_same(sh("wimlib-imagex dir x.wim 1 --path=/Windows/winsxs"),
	    xstrdup("/Windows/winsxs\n/Windows/winsxs/x\n/Windows/winsxs/x/kernel32.dll\n"));
	assert_same(sh("wimlib-imagex dir x.wim 1 | grep -c win.ini || :"), xstrdup("0\n"));
}
END_TEST

/* XML without what must change: counts, sizes, the time of the last change. */
static char *stable_xml(const char *wim)
{
	return sh("wimlib-imagex info %s --xml | iconv -f UTF-16LE -t UTF-8 | sed -E "
		  "'s#<(LASTMODIFICATIONTIME|DIRCOUNT|FILECOUNT|TOTALBYTES|HARDLINKBYTES)>.*"
		  "</\\1>##g; s#<LASTMODIFICATIONTIME>.*</LASTMODIFICATIONTIME>##'",
	    wim);
}

#define VERSION_KEY "Microsoft\\Windows NT\\CurrentVersion"

/* A hive from which libwim would take what it writes into the XML. */
static int software_fd(void)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct hivegen *h = hivegen_new();
	int fd = memfile("SOFTWARE", &err);

	hivegen_set_sz(h, VERSION_KEY, "EditionID", "Enterprise");
	hivegen_set_sz(h, VERSION_KEY, "ProductName", "Windows 7 Enterprise");
	hivegen_set_sz(h, VERSION_KEY, "CurrentVersion", "6.1");
	hivegen_set_sz(h, VERSION_KEY, "CurrentBuild", "7601");
	assert_ok(hivegen_write_fd(h, fd, NULL, &err), err);
	hivegen_free(h);
	return fd;
}

START_TEST(the_description_is_left_alone)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int hive = software_fd();

	run("wimlib-imagex info x.wim 1 'Lab image' 'of room 12' --image-property FLAGS=Custom "
	    "--image-property WINDOWS/EDITIONID=Mine --image-property DISPLAYNAME=Name --boot");
	CLEANUP(free) char *before = stable_xml("x.wim");
	struct image *im = open_rw(path);
	assert_ok(put_text(im, 0, SOFTWARE, "hive", NULL, &err), err);
	finish(im);
	assert_same(stable_xml("x.wim"), xstrdup(before));
	/* the root is where libwim would write its own findings */
	im = open_rw(path);
	assert_ok(put_script(im, 0, "/unattend.xml", "<xml/>", &err), err);
	assert_ok(
	    image_put(im, 0, &(struct image_put){.path = SOFTWARE, .fd = hive, .old_fd = -1}, &err),
	    err);
	finish(im);
	assert_same(stable_xml("x.wim"), xstrdup(before));
	assert_same(content("x.wim", 1, "/unattend.xml"), xstrdup("<xml/>"));
	assert_same(sh("wimlib-imagex info x.wim | grep -E 'Boot Index|Compression|Chunk|Attr'"),
	    xstrdup("Compression:    LZX\nChunk Size:     32768 bytes\nBoot Index:     1\n"
		    "Attributes:     Relative path junction\n"));
}
END_TEST

START_TEST(files_without_descriptors_stay_so)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *path = path_join(work, "x.wim");

	make_tree(100000);
	run("wimlib-imagex capture tree x.wim");
	CLEANUP(free) char *before = metadata("x.wim", 1, "/");
	struct image *im = open_rw(path);
	assert_ok(put_text(im, 0, SOFTWARE, "hive", NULL, &err), err);
	finish(im);
	assert_same(content("x.wim", 1, SOFTWARE), xstrdup("hive"));
	assert_same(metadata("x.wim", 1, "/"), xstrdup(before));
	im = open_rw(path);
	/* two kinds of file in one go */
	assert_ok(put_script(im, 0, "/Windows/Setup/Scripts/a.cmd", "rem", &err), err);
	assert_ok(put_text(im, 0, SOFTWARE, "another", NULL, &err), err);
	assert_ok(put_text(im, 0, "/Windows/win.ini", "ini", NULL, &err), err);
	finish(im);
	assert_same(content("x.wim", 1, SOFTWARE), xstrdup("another"));
	assert_same(content("x.wim", 1, "/Windows/win.ini"), xstrdup("ini"));
	assert_same(
	    sh("wimlib-imagex dir x.wim 1 --detailed | grep -c '^Security'"), xstrdup("1\n"));
	assert_same(content("x.wim", 1, "/Windows/Setup/Scripts/a.cmd"), xstrdup("rem"));
}
END_TEST

START_TEST(every_image_in_one_write)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX --check");
	CLEANUP(error) struct error err = ERROR_INIT;

	/* three images with the same metadata */
	run("wimlib-imagex export x.wim 1 x.wim two && wimlib-imagex export x.wim 1 x.wim three");
	CLEANUP(free) char *before = metadata("x.wim", 2, "/");
	struct image *im = open_rw(path);
	ck_assert_uint_eq(im->volumes.n, 3);
	assert_ok(put_text(im, 0, SOFTWARE, "one", NULL, &err), err);
	assert_ok(put_text(im, 2, SOFTWARE, "three", NULL, &err), err);
	finish(im);
	ck_assert_uint_eq(txn_records(path), 1);
	assert_same(content("x.wim", 1, SOFTWARE), xstrdup("one"));
	assert_same(content("x.wim", 3, SOFTWARE), xstrdup("three"));
	assert_same(metadata("x.wim", 2, "/"), xstrdup(before));
	run("wimlib-imagex verify x.wim && wimlib-imagex extract x.wim 2 " SOFTWARE
	    " --dest-dir=e && test $(stat -c %%s e/SOFTWARE) = 300000");
	assert_ok(txn_undo(path, false, &err), err);
	assert_same(metadata("x.wim", 1, "/"), xstrdup(before));
}
END_TEST

START_TEST(a_given_date_gives_the_same_file)
{
	CLEANUP(free) char *path = make_wim("--compress=LZX");
	CLEANUP(free) char *other = path_join(work, "y.wim");
	CLEANUP(error) struct error err = ERROR_INIT;

	setenv("SOURCE_DATE_EPOCH", "1300000000", 1);
	run("cp x.wim y.wim");
	for (int i = 0; i < 2; i++) {
		struct image *im = open_rw(i ? other : path);
		assert_ok(put_text(im, 0, SOFTWARE, "hive", NULL, &err), err);
		assert_ok(put_script(im, 0, "/Windows/Setup/a.cmd", "rem", &err), err);
		finish(im);
		sleep(1);
	}
	assert_same(sha(path), sha(other));
}
END_TEST

WIM_SUITE("wim", reads_without_regard_to_case, fetches_whole_files, links_are_not_followed,
    a_replaced_file_keeps_its_metadata, named_streams_stay, attributes_of_storage_stay,
    settle_makes_the_new_state_readable, a_new_file_has_its_descriptor_and_closed_directories,
    a_descriptor_can_be_given_to_an_existing_file, all_names_of_a_file_get_the_content,
    removing_one_name_leaves_the_other, the_last_word_counts, the_description_is_left_alone,
    files_without_descriptors_stay_so, every_image_in_one_write, a_given_date_gives_the_same_file)
