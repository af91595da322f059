/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Putting a directory back: after an abort, after being killed, by the record, and by none. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/tree_fixture.h"

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

/* Killed while it writes a file, and the record is gone too, as in a client system that has it in
 * memory. */
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

	if (!shm || stat(top, &here) != 0 || stat(shm, &there) != 0 ||
	    here.st_dev == there.st_dev) {
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
	assert_fails(
	    image_remove(im, 0, "/Windows/System32/drivers", &err), err, ERR_UNKNOWN_SHAPE);
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

static ino_t inode_of(const char *path)
{
	CLEANUP(free) char *full = path_join(root, path);
	struct stat st;

	ck_assert_msg(stat(full, &st) == 0, "%s", path);
	return st.st_ino;
}

static void link_file(const char *from, const char *to)
{
	CLEANUP(free) char *a = path_join(root, from);
	CLEANUP(free) char *b = path_join(root, to);

	ck_assert_int_eq(link(a, b), 0);
}

/* A removed name of a file with several comes back as a name of it, unless the file is not what it was. */
START_TEST(a_hard_link_is_one_again)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *shm = scratch_create("/dev/shm", &err);

	if (!shm) {
		printf("SKIP: no second file system to test with (/dev/shm)\n");
		return;
	}
	setenv("W7PREP_TMPDIR", shm, 1);
	put_file("Windows/WinSxS/amd64_wat/kept.exe", "kept");
	link_file("Windows/WinSxS/amd64_wat/kept.exe", "Windows/System32/Wat/kept.exe");
	put_file("Windows/WinSxS/amd64_wat/changed.exe", "before");
	link_file("Windows/WinSxS/amd64_wat/changed.exe", "Windows/System32/Wat/changed.exe");
	put_file("Windows/System32/Wat/both1.exe", "both");
	link_file("Windows/System32/Wat/both1.exe", "Windows/System32/Wat/both2.exe");
	ino_t kept = inode_of("Windows/System32/Wat/kept.exe");
	struct image *im = open_tree(root, true, true);
	assert_ok(image_begin(im, &err), err);
	assert_ok(image_remove(im, 0, "/Windows/System32/Wat", &err), err);
	CLEANUP(free) char *changed = path_join(root, "Windows/WinSxS/amd64_wat/changed.exe");
	FILE *f = fopen(changed, "w");
	ck_assert(f && fputs("AFTER!", f) >= 0 && fclose(f) == 0);
	image_abort(im);
	ck_assert_uint_eq(inode_of("Windows/System32/Wat/kept.exe"), kept);
	ck_assert_uint_ne(inode_of("Windows/System32/Wat/changed.exe"),
	    inode_of("Windows/WinSxS/amd64_wat/changed.exe"));
	assert_text(im, "/Windows/System32/Wat/changed.exe", "before");
	ck_assert_uint_eq(inode_of("Windows/System32/Wat/both1.exe"),
	    inode_of("Windows/System32/Wat/both2.exe"));
	assert_text(im, "/Windows/System32/Wat/both2.exe", "both");
	image_close(im);
	CLEANUP(free) char *left = state_of(root);
	ck_assert_ptr_null(strstr(left, ".w7prep"));
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
#define META                                                                                       \
	"\"before\":{\"mode\":33188,\"uid\":0,\"gid\":0,\"atime\":[1,1],\"mtime\":[1,1],"          \
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

SUITE_WITH("tree_undo", setup, teardown, commit_then_undo, abort_leaves_no_trace,
    abort_without_undo_record, killed_then_rolled_back, killed_without_a_record,
    every_prefix_of_the_journal_works, a_torn_journal_line_is_ignored,
    undo_refuses_what_changed_since, undo_stack, record_on_another_file_system,
    a_hard_link_is_one_again,
    a_forged_journal_leads_nowhere)
