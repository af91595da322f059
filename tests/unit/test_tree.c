/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine for mounted volumes and directories: names, links, metadata. */
#include <sys/xattr.h>

#include "tests/unit/tree_fixture.h"

/* ---- reading ---- */

START_TEST(names_ignore_case)
{
	struct image *im = open_tree(root, false, false);
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_stat st;

	ck_assert_int_eq(im->format, FORMAT_TREE);
	ck_assert_uint_eq(im->volumes.n, 1);
	ck_assert(im->volumes.v[0].ntfs);
	assert_text(im, "/WINDOWS/system32/Config/software", "registry");
	ck_assert_int_eq(image_stat(im, 0, "/windows/WIN.INI", &st, &err), 1);
	ck_assert(!st.is_dir && !st.is_link);
	ck_assert_uint_eq(st.size, 7);
	ck_assert_int_eq(image_stat(im, 0, "/", &st, &err), 1);
	ck_assert(st.is_dir);
	ck_assert_int_eq(image_stat(im, 0, "/Windows/System64", &st, &err), 0);
	ck_assert_int_eq(image_stat(im, 0, "/Windows/win.ini/below", &st, &err), 0);
	assert_ok(image_list_dir(im, 0, "/windows/SYSTEM32/wat", &names, &err), err);
	ck_assert_uint_eq(names.n, 2);
	ck_assert_str_eq(names.v[0], "WatUX.exe");
	ck_assert_str_eq(names.v[1], "deeper");
	image_close(im);
}
END_TEST

START_TEST(exact_spelling_wins)
{
	put_file("Windows/WIN.INI", "other");
	struct image *im = open_tree(root, false, false);

	assert_text(im, "/Windows/win.ini", "[fonts]");
	assert_text(im, "/Windows/WIN.INI", "other");
	assert_text(im, "/Windows/Win.Ini", "other"); /* the first in byte order, every time */
	image_close(im);
}
END_TEST

START_TEST(parts_and_whole_files)
{
	struct image *im = open_tree(root, false, false);
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf b = BUF_INIT;
	int fd;

	ck_assert_int_eq(image_read(im, 0, "/Windows/win.ini", 1, 3, &b, &err), 1);
	ck_assert_str_eq(b.data, "fon");
	ck_assert_int_eq(image_read(im, 0, "/Windows/win.ini", 100, 3, &b, &err), 1);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_int_eq(image_read(im, 0, "/Windows/nothing", 0, 3, &b, &err), 0);
	ck_assert_int_eq(image_read(im, 0, "/Windows", 0, 3, &b, &err), 0);
	ck_assert_int_eq(image_file_fd(im, 0, "/Windows/System32/config/SOFTWARE", &fd, &err), 1);
	assert_ok(read_whole_fd(fd, 100, &b, &err), err);
	ck_assert_str_eq(b.data, "registry");
	ck_assert_int_eq(image_file_fd(im, 0, "/Windows/nothing", &fd, &err), 0);
	image_close(im);
}
END_TEST

START_TEST(links_lead_nowhere)
{
	CLEANUP(free) char *outside = path_join(top, "secret");
	CLEANUP(free) char *link = path_join(root, "Windows/link.txt");
	CLEANUP(free) char *dirlink = path_join(root, "Windows/Panther");
	CLEANUP(free) char *fifo = path_join(root, "Windows/fifo");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf b = BUF_INIT;
	struct image_stat st;

	ck_assert_int_eq(write_file_atomic(outside, "secret", 6, 0644, NULL), 0);
	ck_assert_int_eq(symlink(outside, link), 0);
	ck_assert_int_eq(symlink(top, dirlink), 0);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	struct image *im = open_tree(root, true, false);
	ck_assert_int_eq(image_stat(im, 0, "/Windows/link.txt", &st, &err), 1);
	ck_assert(st.is_link && !st.is_dir);
	ck_assert_int_eq(image_read(im, 0, "/Windows/link.txt", 0, 10, &b, &err), 0);
	ck_assert_int_eq(image_read(im, 0, "/Windows/fifo", 0, 10, &b, &err), 0);
	assert_fails(
	    image_stat(im, 0, "/Windows/Panther/secret", &st, &err), err, ERR_UNKNOWN_SHAPE);
	/* nor is anything written through one */
	CLEANUP(close) int fd = memfile("new", &err);
	struct image_put put = {.path = "/Windows/link.txt", .fd = fd, .old_fd = -1};
	assert_ok(image_begin(im, &err), err);
	ck_assert_int_lt(image_put(im, 0, &put, &err), 0);
	put.path = "/Windows/Panther/secret";
	ck_assert_int_lt(image_put(im, 0, &put, &err), 0);
	ck_assert_int_lt(image_remove(im, 0, "/Windows/Panther/secret", &err), 0);
	image_abort(im);
	image_close(im);
	assert_ok(read_whole_file(outside, 100, &b, &err), err);
	ck_assert_str_eq(b.data, "secret");
}
END_TEST

START_TEST(paths_stay_inside)
{
	struct image *im = open_tree(root, false, false);
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_stat st;

	assert_fails(image_stat(im, 0, "/../secret", &st, &err), err, ERR_DAMAGED);
	assert_fails(image_stat(im, 0, "/Windows/../../secret", &st, &err), err, ERR_DAMAGED);
	image_close(im);
}
END_TEST

START_TEST(not_a_directory)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *file = path_join(root, "Windows/win.ini");
	CLEANUP(free) char *nothing = path_join(root, "nothing");
	struct image_options o = {.engine = "tree"};

	ck_assert_ptr_null(image_open(nothing, &o, &err));
	ck_assert_int_eq(err.code, ERR_NO_SUCH_FILE);
	ck_assert_ptr_null(image_open(file, &o, &err));
}
END_TEST

START_TEST(tree_of_somebody_else)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_options o = {.write = true, .no_undo = true, .engine = "tree"};
	bool is_root = geteuid() == 0;

	ck_assert_int_eq(chmod(top, 0711), 0);
	ck_assert_int_eq(chmod(root, 0555), 0);
	if (is_root)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_ptr_null(image_open(root, &o, &err));
	if (is_root)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(root, 0755), 0);
	ck_assert_int_eq(err.code, ERR_IO);
}
END_TEST

/* ---- changing ---- */

START_TEST(existing_files_keep_their_metadata)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *file = path_join(root, "Windows/win.ini");
	CLEANUP(free) char *other = path_join(root, "Windows/linked.ini");
	struct timespec times[2] = {{1000000000, 5}, {1100000000, 7}};
	struct stat before, after;

	ck_assert_int_eq(link(file, other), 0);
	ck_assert_int_eq(chmod(file, 0640), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, file, times, 0), 0);
	ck_assert_int_eq(stat(file, &before), 0);
	struct image *im = open_tree(root, true, false);
	assert_ok(image_begin(im, &err), err);
	put_text(im, "/Windows/win.ini", "changed");
	assert_ok(image_settle(im, &err), err);
	assert_ok(image_commit(im, &err), err);
	image_close(im);
	ck_assert_int_eq(stat(file, &after), 0);
	ck_assert_uint_eq(after.st_ino, before.st_ino);
	ck_assert_uint_eq(after.st_nlink, 2);
	ck_assert_uint_eq(after.st_mode, before.st_mode);
	ck_assert_int_eq(after.st_mtim.tv_sec, 1100000000);
	ck_assert_int_eq(after.st_mtim.tv_nsec, 7);
}
END_TEST

START_TEST(new_files_are_private)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *file = path_join(root, "Windows/Setup/Scripts/w7prep/mak.txt");
	struct image *im = open_tree(root, true, false);
	struct stat st;

	assert_ok(image_begin(im, &err), err);
	put_text(im, "/windows/setup/SCRIPTS/w7prep/mak.txt", "key");
	assert_ok(image_commit(im, &err), err);
	image_close(im);
	/* directories that were there keep their spelling, the others get the caller's */
	ck_assert_int_ne(stat(file, &st), 0);
	free(file);
	file = path_join(root, "Windows/setup/SCRIPTS/w7prep/mak.txt");
	ck_assert_int_eq(stat(file, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

/* ---- a real NTFS volume, where this machine lets us mount one ---- */

static bool mount_ntfs(const char *dir, const char *options)
{
	CLEANUP(free) char *disk = path_join(top, "disk.img");
	const char *const truncate[] = {"truncate", "-s", "16M", disk, NULL};
	const char *const mkntfs[] = {"mkntfs", "-FqQ", disk, NULL};
	const char *const mount[] = {"ntfs-3g", "-o", options, disk, dir, NULL};

	if (access(disk, F_OK) != 0 &&
	    (run_tool(truncate, NULL, NULL) != 0 || run_tool(mkntfs, NULL, NULL) != 0 ||
		mkdir(dir, 0755) != 0))
		return false;
	return access("/dev/fuse", R_OK | W_OK) == 0 && run_tool(mount, NULL, NULL) == 0;
}

static void unmount(const char *dir)
{
	const char *const fuse[] = {"fusermount3", "-u", dir, NULL};
	const char *const plain[] = {"umount", dir, NULL};

	ck_assert(run_tool(fuse, NULL, NULL) == 0 || run_tool(plain, NULL, NULL) == 0);
}

START_TEST(ntfs_keeps_and_gets_descriptors)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *dir = path_join(top, "mnt");
	CLEANUP(buf) struct buf want = BUF_INIT;
	CLEANUP(buf) struct buf sd = BUF_INIT;
	CLEANUP(buf) struct buf old = BUF_INIT;
	struct image_stat st;

	if (!mount_ntfs(dir, "rw")) {
		printf("SKIP: an NTFS volume cannot be mounted here\n");
		return;
	}
	free(root);
	root = xstrdup(dir);
	put_file("Windows/win.ini", "[fonts]");
	put_file("Windows/gone.txt", "gone");
	CLEANUP(free) char *file = path_join(root, "Windows/win.ini");
	CLEANUP(free) char *gone = path_join(root, "Windows/gone.txt");
	secdesc_make(SECDESC_SCRIPT, &want);
	ck_assert_int_eq(setxattr(file, "system.ntfs_acl", want.data, want.len, 0), 0);
	ck_assert_int_eq(setxattr(gone, "system.ntfs_acl", want.data, want.len, 0), 0);
	uint32_t hidden = 0x22;
	ck_assert_int_eq(setxattr(gone, "system.ntfs_attrib", &hidden, 4, 0), 0);

	struct image *im = open_tree(root, true, false);
	ck_assert(im->ops->caps & IMAGE_CAP_SECURITY);
	assert_ok(image_get_sd(im, 0, "/Windows/win.ini", &old, &err), err);
	ck_assert(buf_equal(&old, &want));
	ck_assert_int_eq(image_stat(im, 0, "/Windows/gone.txt", &st, &err), 1);
	ck_assert_uint_eq(st.attributes & 0x27, 0x22);

	assert_ok(image_begin(im, &err), err);
	put_text(im, "/Windows/win.ini", "other");
	put_text(im, "/Windows/Setup/Scripts/mak.txt", "key");
	assert_ok(image_remove(im, 0, "/Windows/gone.txt", &err), err);
	assert_ok(image_commit(im, &err), err);
	assert_ok(image_get_sd(im, 0, "/Windows/win.ini", &sd, &err), err);
	ck_assert(buf_equal(&sd, &old));
	assert_ok(image_get_sd(im, 0, "/Windows/Setup/Scripts/mak.txt", &sd, &err), err);
	ck_assert(secdesc_is_safe(&sd, SECDESC_SECRET));
	/* a directory made on the way is not open to everybody either */
	assert_ok(image_get_sd(im, 0, "/Windows/Setup", &sd, &err), err);
	ck_assert(secdesc_is_safe(&sd, SECDESC_SCRIPT));
	image_close(im);

	assert_ok(txn_undo(root, false, &err), err);
	im = open_tree(root, false, false);
	assert_ok(image_get_sd(im, 0, "/Windows/gone.txt", &sd, &err), err);
	ck_assert(buf_equal(&sd, &want));
	ck_assert_int_eq(image_stat(im, 0, "/Windows/gone.txt", &st, &err), 1);
	ck_assert_uint_eq(st.attributes & 0x27, 0x22);
	assert_text(im, "/Windows/win.ini", "[fonts]");
	ck_assert(!image_exists(im, 0, "/Windows/Setup"));
	image_close(im);
	unmount(dir);

	/* ntfs-3g mounts what is hibernated read-only without a word: we say it */
	struct image_options o = {.write = true, .no_undo = true};
	ck_assert(mount_ntfs(dir, "ro"));
	ck_assert_ptr_null(image_open(root, &o, &err));
	ck_assert_int_eq(err.code, ERR_VOLUME_DIRTY);
	unmount(dir);
}
END_TEST

SUITE_WITH("tree", setup, teardown, names_ignore_case, exact_spelling_wins, parts_and_whole_files,
    links_lead_nowhere, paths_stay_inside, not_a_directory, tree_of_somebody_else,
    existing_files_keep_their_metadata, new_files_are_private, ntfs_keeps_and_gets_descriptors)
