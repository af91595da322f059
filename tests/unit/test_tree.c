/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine for mounted volumes and directories: names, links, changes, and putting them back. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "common/fsutil.h"
#include "common/proc.h"
#include "image/image.h"
#include "image/secdesc.h"
#include "image/txn.h"
#include "tests/unit/unit.h"

static char *top, *root;	/* top/win is the tree, top/.w7prep its records */

static void put_file(const char *path, const char *text)
{
	CLEANUP(free) char *full = path_join(root, path);
	CLEANUP(free) char *dir = path_dir(full);
	const char *const mkdirs[] = {"mkdir", "-p", dir, NULL};
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(run_tool(mkdirs, NULL, &err), err);
	assert_ok(write_file_atomic(full, text, strlen(text), 0644, &err), err);
}

static void setup(void)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	top = scratch_create(NULL, &err);
	ck_assert_ptr_nonnull(top);
	root = path_join(top, "win");
	put_file("Windows/System32/config/SOFTWARE", "registry");
	put_file("Windows/System32/Wat/WatUX.exe", "program");
	put_file("Windows/System32/Wat/deeper/x.dll", "library");
	put_file("Windows/win.ini", "[fonts]");
}

static void teardown(void)
{
	scratch_remove(top);
	free(root);
	free(top);
}

static struct image *open_tree(const char *path, bool write, bool no_undo)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_options o = {.write = write, .no_undo = no_undo, .engine = "tree"};
	struct image *im = image_open(path, &o, &err);

	ck_assert_msg(im, "%s", err.message);
	return im;
}

/* Everything about every file, as tools that are not ours see it. */
static char *state_of(const char *dir)
{
	CLEANUP(free) char *cmd = xasprintf(
	    "cd '%s' && find . ! -type d -printf '%%p %%s %%m %%T@ %%n %%l\\n' | sort;"
	    "find . -type d | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum", dir);
	const char *const argv[] = {"sh", "-c", cmd, NULL};
	CLEANUP(error) struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;

	assert_ok(run_tool(argv, &out, &err), err);
	return buf_steal(&out);
}

static char *read_text(struct image *im, const char *path)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct buf b = BUF_INIT;

	assert_ok(image_read(im, 0, path, 0, 1000, &b, &err), err);
	return buf_steal(&b);
}

static void put_text(struct image *im, const char *path, const char *text)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = memfile("new", &err);
	CLEANUP(buf) struct buf sd = BUF_INIT;
	struct image_put put = {.path = path, .fd = fd, .old_fd = -1};

	if (!image_exists(im, 0, path)) {
		secdesc_make(SECDESC_SECRET, &sd);
		put.sd = &sd;
	}
	assert_ok(write_all(fd, text, strlen(text), &err), err);
	assert_ok(image_put(im, 0, &put, &err), err);
}

#define assert_text(im, path, want) \
	do { \
		CLEANUP(free) char *text_ = read_text(im, path); \
		ck_assert_str_eq(text_, want); \
	} while (0)

#define assert_state(want) \
	do { \
		CLEANUP(free) char *now_ = state_of(root); \
		ck_assert_str_eq(now_, want); \
	} while (0)

/* The changes of one apply: overwrite, create with directories, remove a file and a tree. */
static void change(struct image *im)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	assert_ok(image_begin(im, &err), err);
	put_text(im, "/windows/system32/CONFIG/software", "a longer registry");
	put_text(im, "/Windows/System32/config/SOFTWARE", "short");
	put_text(im, "/Windows/Setup/Scripts/w7prep/firstboot.cmd", "@echo off");
	assert_ok(image_remove(im, 0, "/WINDOWS/WIN.INI", &err), err);
	assert_ok(image_remove(im, 0, "/Windows/System32/Wat", &err), err);
	assert_ok(image_settle(im, &err), err);
}

static void expect_changed(struct image *im)
{
	assert_text(im, "/Windows/System32/config/SOFTWARE", "short");
	assert_text(im, "/Windows/Setup/Scripts/w7prep/firstboot.cmd", "@echo off");
	ck_assert(!image_exists(im, 0, "/Windows/win.ini"));
	ck_assert(!image_exists(im, 0, "/Windows/System32/Wat/WatUX.exe"));
	ck_assert(!image_exists(im, 0, "/Windows/System32/Wat"));
}

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
	assert_text(im, "/Windows/Win.Ini", "other");	/* the first in byte order, every time */
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
	assert_fails(image_stat(im, 0, "/Windows/Panther/secret", &st, &err), err,
	    ERR_UNKNOWN_SHAPE);
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

/* ---- changing ---- */

START_TEST(commit_then_undo)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *before = state_of(root);
	struct image *im = open_tree(root, true, false);

	change(im);
	expect_changed(im);
	assert_ok(image_commit(im, &err), err);
	expect_changed(im);
	image_close(im);
	ck_assert_uint_eq(txn_records(root), 1);
	assert_ok(txn_undo(root, false, &err), err);
	assert_state(before);
	ck_assert_uint_eq(txn_records(root), 0);
	assert_fails(txn_undo(root, false, &err), err, ERR_NO_UNDO);
}
END_TEST

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

START_TEST(abort_leaves_no_trace)
{
	CLEANUP(free) char *before = state_of(root);
	CLEANUP(free) char *records = path_join(top, ".w7prep");
	struct image *im = open_tree(root, true, false);

	change(im);
	image_abort(im);
	image_close(im);
	assert_state(before);
	ck_assert_int_ne(access(records, F_OK), 0);
}
END_TEST

START_TEST(abort_without_undo_record)
{
	CLEANUP(free) char *before = state_of(root);
	struct image *im = open_tree(root, true, true);

	change(im);
	image_abort(im);
	image_close(im);
	assert_state(before);
}
END_TEST

/* Killed at any point, the next run that may write puts everything back. */
START_TEST(killed_then_rolled_back)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *before = state_of(root);
	pid_t child = fork();

	if (child == 0) {
		change(open_tree(root, true, false));
		raise(SIGKILL);
	}
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));

	struct image_options look = {.engine = "tree"};
	ck_assert_ptr_null(image_open(root, &look, &err));
	ck_assert_int_eq(err.code, ERR_INTERRUPTED);
	image_close(open_tree(root, true, false));
	assert_state(before);
	image_close(open_tree(root, false, false));
}
END_TEST

/* Killed while it writes a file, and the record is gone too, as in a client system that has it in memory. */
START_TEST(killed_without_a_record)
{
	const struct rlimit limit = {1u << 19, 1u << 19};
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *records = path_join(top, ".w7prep");
	CLEANUP(free) char *large = xmalloc((1u << 20) + 1);
	pid_t child;
	int status;

	memset(large, 'n', 1u << 20);
	large[1u << 20] = '\0';
	child = fork();
	if (child == 0) {
		CLEANUP(close) int fd = memfile("new", &err);
		struct image_put put = {.path = "/Windows/win.ini", .fd = fd, .old_fd = -1};
		struct image *im = open_tree(root, true, false);

		assert_ok(write_all(fd, large, 1u << 20, &err), err);
		assert_ok(image_begin(im, &err), err);
		setrlimit(RLIMIT_FSIZE, &limit);
		signal(SIGXFSZ, SIG_DFL);
		image_put(im, 0, &put, &err);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
	assert_ok(remove_tree(records, &err), err);

	struct image *im = open_tree(root, true, false);
	assert_text(im, "/Windows/win.ini", "[fonts]");
	assert_ok(image_begin(im, &err), err);
	put_text(im, "/Windows/win.ini", "new");
	assert_ok(image_commit(im, &err), err);
	assert_text(im, "/Windows/win.ini", "new");
	/* what the killed one left is gone */
	ck_assert(!image_exists(im, 0, "/Windows/win.ini.w7prep-new"));
	image_close(im);
}
END_TEST

/* The journal is written before the change: every prefix of it must be enough. */
START_TEST(every_prefix_of_the_journal_works)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *before = state_of(root);
	CLEANUP(free) char *again = path_join(top, ".w7prep/win/0001/undoing");

	for (int steps = 1; steps <= 5; steps++) {
		struct image *im = open_tree(root, true, false);

		assert_ok(image_begin(im, &err), err);
		if (steps > 0)
			put_text(im, "/Windows/System32/config/SOFTWARE", "other");
		if (steps > 1)
			put_text(im, "/Windows/Setup/new.txt", "new");
		if (steps > 2)
			assert_ok(image_remove(im, 0, "/Windows/System32/Wat", &err), err);
		if (steps > 3)
			put_text(im, "/Windows/System32/Wat/WatUX.exe", "again");
		if (steps > 4)
			assert_ok(image_remove(im, 0, "/Windows/Setup/new.txt", &err), err);
		assert_ok(image_commit(im, &err), err);
		image_close(im);
		/* an undo that was cut short is called again: the mark stands for it */
		if (steps % 2)
			ck_assert_int_eq(write_file_atomic(again, "", 0, 0600, NULL), 0);
		assert_ok(txn_undo(root, false, &err), err);
		assert_state(before);
	}
}
END_TEST

START_TEST(a_torn_journal_line_is_ignored)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *before = state_of(root);
	CLEANUP(free) char *journal = path_join(top, ".w7prep/win/0001/journal");
	struct image *im = open_tree(root, true, false);

	change(im);
	assert_ok(image_commit(im, &err), err);
	image_close(im);
	CLEANUP(close) int fd = open(journal, O_WRONLY | O_APPEND);
	assert_ok(write_all(fd, "{\"op\":\"wri", 10, &err), err);
	assert_ok(txn_undo(root, false, &err), err);
	assert_state(before);
}
END_TEST

START_TEST(undo_refuses_what_changed_since)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image *im = open_tree(root, true, false);

	change(im);
	assert_ok(image_commit(im, &err), err);
	image_close(im);
	put_file("Windows/System32/config/SOFTWARE", "Windows was here");
	assert_fails(txn_undo(root, false, &err), err, ERR_CHANGED_SINCE);
	put_file("Windows/System32/config/SOFTWARE", "short");
	put_file("Windows/win.ini", "[again]");
	assert_fails(txn_undo(root, false, &err), err, ERR_CHANGED_SINCE);
	ck_assert_uint_eq(txn_records(root), 1);
}
END_TEST

START_TEST(undo_stack)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *before = state_of(root);

	for (int i = 0; i < 2; i++) {
		struct image *im = open_tree(root, true, false);
		CLEANUP(free) char *text = xasprintf("number %d", i);

		assert_ok(image_begin(im, &err), err);
		put_text(im, "/Windows/win.ini", text);
		assert_ok(image_commit(im, &err), err);
		image_close(im);
	}
	ck_assert_uint_eq(txn_records(root), 2);
	assert_ok(txn_undo(root, true, &err), err);
	assert_state(before);
}
END_TEST

/* Across file systems nothing can be moved: files are copied into the record. */
START_TEST(record_on_another_file_system)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *shm = scratch_create("/dev/shm", &err);
	CLEANUP(free) char *elsewhere = shm ? path_join(shm, "win") : NULL;
	struct stat here, there;

	if (!shm || stat(top, &here) != 0 || stat(shm, &there) != 0 || here.st_dev == there.st_dev) {
		printf("SKIP: no second file system to test with (/dev/shm)\n");
		scratch_remove(shm);
		return;
	}
	/* the tree stays where it is; no_undo puts the journal below $W7PREP_TMPDIR */
	setenv("W7PREP_TMPDIR", shm, 1);
	CLEANUP(free) char *dir = path_join(root, "Windows/System32/Wat/deeper");
	struct timespec times[2] = {{1000000000, 0}, {1100000000, 0}};
	ck_assert_int_eq(utimensat(AT_FDCWD, dir, times, 0), 0);
	CLEANUP(free) char *link = path_join(root, "Windows/System32/drivers");
	ck_assert_int_eq(symlink("nowhere", link), 0);

	struct image *im = open_tree(root, true, true);
	change(im);
	expect_changed(im);
	/* a link cannot be put back from a copy, so it is not removed */
	assert_fails(image_remove(im, 0, "/Windows/System32/drivers", &err), err,
	    ERR_UNKNOWN_SHAPE);
	image_abort(im);
	assert_text(im, "/Windows/System32/Wat/WatUX.exe", "program");
	assert_text(im, "/Windows/System32/Wat/deeper/x.dll", "library");
	assert_text(im, "/Windows/win.ini", "[fonts]");
	assert_text(im, "/Windows/System32/config/SOFTWARE", "registry");
	ck_assert(!image_exists(im, 0, "/Windows/Setup"));
	image_close(im);
	ck_assert_int_eq(stat(dir, &here), 0);
	ck_assert_int_eq(here.st_mtim.tv_sec, 1100000000);
	unsetenv("W7PREP_TMPDIR");
	scratch_remove(shm);
}
END_TEST

static void edit_journal(const char *text)
{
	CLEANUP(free) char *journal = path_join(top, ".w7prep/win/0001/journal");

	ck_assert_int_eq(write_file_atomic(journal, text, strlen(text), 0600, NULL), 0);
}

START_TEST(a_forged_journal_leads_nowhere)
{
#define META "\"before\":{\"mode\":33188,\"uid\":0,\"gid\":0,\"atime\":[1,1],\"mtime\":[1,1]," \
	"\"sd\":\"\",\"attributes\":\"\",\"times\":\"\"}}\n"
	static const char *const forged[] = {
	    "{\"op\":\"create\",\"path\":\"/../secret\"," META,
	    "{\"op\":\"create\",\"path\":\"secret\"," META,
	    "{\"op\":\"write\",\"path\":\"/Windows/win.ini\",\"copy\":\"../../../secret\"," META,
	    "{\"op\":\"write\",\"path\":\"/Windows/win.ini\"," META,
	    "{\"op\":\"explode\",\"path\":\"/Windows/win.ini\"," META,
	    "{\"op\":\"create\",\"path\":\"/Windows/win.ini\"}\n",
	    "no JSON\n",
	};
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *outside = path_join(top, "secret");
	struct image *im = open_tree(root, true, false);

	ck_assert_int_eq(write_file_atomic(outside, "secret", 6, 0644, NULL), 0);
	change(im);
	assert_ok(image_commit(im, &err), err);
	image_close(im);
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		edit_journal(forged[i]);
		assert_fails(txn_undo(root, false, &err), err, ERR_DAMAGED);
	}
	ck_assert_int_eq(access(outside, F_OK), 0);
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

/* ---- a real NTFS volume, where this machine lets us mount one ---- */

static bool mount_ntfs(const char *dir, const char *options)
{
	CLEANUP(free) char *disk = path_join(top, "disk.img");
	const char *const truncate[] = {"truncate", "-s", "16M", disk, NULL};
	const char *const mkntfs[] = {"mkntfs", "-FqQ", disk, NULL};
	const char *const mount[] = {"ntfs-3g", "-o", options, disk, dir, NULL};

	if (access(disk, F_OK) != 0 && (run_tool(truncate, NULL, NULL) != 0 ||
	    run_tool(mkntfs, NULL, NULL) != 0 || mkdir(dir, 0755) != 0))
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

int main(void)
{
	const TTest *const cases[] = {names_ignore_case, exact_spelling_wins, parts_and_whole_files,
	    links_lead_nowhere, paths_stay_inside, not_a_directory, commit_then_undo,
	    existing_files_keep_their_metadata, new_files_are_private, abort_leaves_no_trace,
	    abort_without_undo_record, killed_then_rolled_back, killed_without_a_record, every_prefix_of_the_journal_works,
	    a_torn_journal_line_is_ignored, undo_refuses_what_changed_since, undo_stack,
	    record_on_another_file_system, a_forged_journal_leads_nowhere, tree_of_somebody_else,
	    ntfs_keeps_and_gets_descriptors};
	Suite *s = suite_create("tree");
	TCase *tc = tcase_create("tree");

	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		tcase_add_test(tc, cases[i]);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
