/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New parts of an image directory for old ones, and back, killed before every single change of the
 * file system: a reader finds the old stream, the new one, or (where directories cannot be exchanged)
 * one that ends before its first byte, and the next run makes it whole.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/fsutil.h"
#include "image/partclone_set.h"
#include "image/partclone_swap.h"
#include "image/txn.h"

/* ---- the kernel, killing the process before change number kill_at ---- */

static int kill_at; /* 0: never */
static bool no_exchange, seal;
static void (*before_exchange)(void);

static void step(void)
{
	if (kill_at && --kill_at == 0)
		raise(SIGKILL);
}

int rename(const char *from, const char *to)
{
	step();
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	step();
	if (flags && no_exchange) {
		errno = EINVAL;
		return -1;
	}
	if (flags && before_exchange) {
		before_exchange();
		before_exchange = NULL;
	}
	return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

int link(const char *from, const char *to)
{
	step();
	return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	step();
	return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

int unlink(const char *path)
{
	step();
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int unlinkat(int fd, const char *path, int flags)
{
	step();
	return (int)syscall(SYS_unlinkat, fd, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
	step();
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* nobody pulls the plug here, only the process dies */
int fsync(int fd)
{
	step();
	(void)fd;
	return 0;
}

/* ---- an image directory ---- */

static char *top, *dir;

static void setup(void)
{
	top = scratch_create(NULL, NULL);
	ck_assert_ptr_nonnull(top);
	CLEANUP(free) char *real = realpath(top, NULL);
	dir = path_join(real, "win7");
	CLEANUP(free) char *state = path_join(real, "state");
	setenv("XDG_STATE_HOME", state, 1);
	no_exchange = seal = false;
	before_exchange = NULL;
}

static void teardown(void)
{
	scratch_remove(top);
	free(top);
	free(dir);
}

static char *output_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *output_of(const char *fmt, ...)
{
	char *cmd;
	va_list ap;
	struct buf out = BUF_INIT;
	char block[4096];

	va_start(ap, fmt);
	ck_assert_int_gt(vasprintf(&cmd, fmt, ap), 0);
	va_end(ap);
	FILE *f = popen(cmd, "r");
	ck_assert_ptr_nonnull(f);
	for (size_t n; (n = fread(block, 1, sizeof(block), f)) > 0;)
		buf_add(&out, block, n);
	ck_assert_msg(pclose(f) == 0, "%s", cmd);
	free(cmd);
	buf_add(&out, "", 1);
	return buf_steal(&out);
}

#define shell(...) free(output_of(__VA_ARGS__))

static void list(struct strvec *names)
{
	DIR *d = opendir(dir);

	ck_assert_ptr_nonnull(d);
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strvec_add(names, e->d_name);
	closedir(d);
	strvec_sort(names);
}

static void add_content(struct buf *out, const char *name)
{
	CLEANUP(free) char *path = path_join(dir, name);
	CLEANUP(buf) struct buf text = BUF_INIT;

	ck_assert_int_eq(read_whole_file(path, 1000, &text, NULL), 0);
	buf_add(out, text.data, text.len);
}

/* What FOG unpacks: cat d1p2.img* */
static char *stream(void)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	struct buf out = BUF_INIT;

	list(&names);
	for (size_t i = 0; i < names.n; i++)
		if (strncmp(names.v[i], "d1p2.img", 8) == 0)
			add_content(&out, names.v[i]);
	buf_add(&out, "", 1);
	return buf_steal(&out);
}

/* The directory, and every file's name, mode and content. */
static char *content(void)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	struct buf out = BUF_INIT;
	struct stat st;

	ck_assert_int_eq(stat(dir, &st), 0);
	buf_addf(&out, "%o %u\n", st.st_mode, st.st_uid);
	list(&names);
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(free) char *path = path_join(dir, names.v[i]);

		ck_assert_int_eq(lstat(path, &st), 0);
		buf_addf(&out, "%s %o\n", names.v[i], st.st_mode);
		add_content(&out, names.v[i]);
	}
	buf_add(&out, "", 1);
	return buf_steal(&out);
}

static bool is_own_name(const char *name)
{
	static const char *const others[] = {"d1.partitions", "d1p1.img", "link", "MD5SUMS"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(name, others[i]) == 0)
			return true;
	return strcmp(name, "d1p2.img") == 0 ||
	       (strncmp(name, "d1p2.img.00", 11) == 0 && strlen(name) == 12);
}

struct parts {
	const char *names[6], *text;
};

/* Fewer parts come than go; or more. */
static const struct parts many = {{"d1p2.img", "d1p2.img.001", "d1p2.img.002", "d1p2.img.003"}, "old"};
static const struct parts few = {{"d1p2.img", "d1p2.img.001"}, "fresh"};
static const struct parts single = {{"d1p2.img"}, "single"};

/* The shell's words that write them into the present directory. */
static char *parts_script(const struct parts *p)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; p->names[i]; i++)
		buf_addf(&b, "echo '%s of %s' >%s; ", p->names[i], p->text, p->names[i]);
	buf_addf(&b, "echo 'sums of %s' >MD5SUMS", p->text);
	return buf_steal(&b);
}

static void make_image(const struct parts *old)
{
	CLEANUP(free) char *parts = parts_script(old);

	shell("cd '%s' && rm -rf win7 .w7prep && mkdir win7 && chmod 2775 win7 && cd win7 && "
	      "echo label >d1.partitions && echo other >d1p1.img && ln -s d1p1.img link && %s",
	    top, parts);
}

static void add_names(struct strvec *names, const struct parts *p)
{
	for (size_t i = 0; p->names[i]; i++)
		strvec_add(names, p->names[i]);
	strvec_add(names, "MD5SUMS");
}

/* As the engine says how it left the partition. */
static json_t *after(const char *staging, const struct parts *fresh)
{
	struct ptcl_set set = {.dir = (char *)(uintptr_t)staging};
	json_t *names = json_array();
	char digest[33];

	for (size_t i = 0; fresh->names[i]; i++) {
		strvec_add(&set.names, fresh->names[i]);
		json_array_append_new(names, json_string(fresh->names[i]));
	}
	ck_assert_int_eq(ptcl_set_digest(&set, digest, NULL), 0);
	strvec_free(&set.names);
	return json_pack("[{so ss}]", "names", names, "xxh128", digest);
}

static int place(const struct parts *old, const struct parts *fresh, struct error *err)
{
	struct txn *t = txn_open(dir, err);
	const char *record = t ? txn_begin(t, err) : NULL;

	if (!record)
		return -1;
	CLEANUP(free) char *staging = path_join(record, "new");
	struct ptcl_swap s = {.dir = dir, .staging = staging, .seal = seal};
	CLEANUP(free) char *parts = parts_script(fresh);
	ck_assert_int_eq(mkdir(staging, 0700), 0);
	shell("cd '%s' && %s", staging, parts);
	s.after = after(staging, fresh);
	add_names(&s.old, old);
	add_names(&s.fresh, fresh);
	if (old->names[1] || fresh->names[1])
		strvec_add(&s.split, fresh->names[0]);
	int rc = ptcl_swap_run(&s, t, err);
	ptcl_swap_free(&s);
	if (rc == 0)
		remove_tree(staging, NULL);
	txn_close(t);
	return rc;
}

/* In a process of its own that dies before its change number @n. True: it came to its end. */
static bool die_in(int n, int (*what)(struct error *err))
{
	struct error err = ERROR_INIT;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		kill_at = n;
		/* not _exit(): valgrind would call what the parent holds lost here */
		execl("/bin/sh", "sh", "-c", what(&err) == 0 ? "exit 0" : "exit 1", (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL,
	    "step %d: status %x", n, status);
	return WIFEXITED(status);
}

static const struct parts *from, *to;

static int apply_it(struct error *err)
{
	return place(from, to, err);
}

static int undo_it(struct error *err)
{
	return txn_undo(dir, false, err);
}

/* Nothing but the image's own names, and a stream that is whole or stops at once. */
static void check_reader(int n, const char *old, const char *fresh)
{
	CLEANUP(free) char *now = stream();
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	CLEANUP(free) char *first = path_join(dir, "d1p2.img");
	struct stat st;

	list(&names);
	for (size_t i = 0; i < names.n; i++)
		ck_assert_msg(is_own_name(names.v[i]), "step %d: %s", n, names.v[i]);
	ck_assert_int_eq(stat(first, &st), 0);
	if (no_exchange && st.st_size == 0)
		return;
	ck_assert_msg(strcmp(now, old) == 0 || strcmp(now, fresh) == 0, "step %d: %s", n, now);
}

static void no_record_left(int n)
{
	ck_assert_uint_eq(txn_records(dir), 0);
	CLEANUP(free) char *records = path_join(top, ".w7prep");
	ck_assert_msg(access(records, F_OK) != 0, "step %d: .w7prep is left", n);
}

static void every_step_of_apply(const struct parts *a, const struct parts *b)
{
	struct error err = ERROR_INIT;
	bool ended = false;
	int n;

	from = a;
	to = b;
	make_image(b);
	CLEANUP(free) char *fresh_stream = stream();
	CLEANUP(free) char *fresh = content();
	make_image(a);
	CLEANUP(free) char *old_stream = stream();
	CLEANUP(free) char *old = content();
	for (n = 1; !ended; n++) {
		make_image(a);
		ended = die_in(n, apply_it);
		check_reader(n, old_stream, fresh_stream);
		/* a run that may write */
		struct txn *t = txn_open(dir, &err);
		ck_assert_msg(t != NULL, "step %d: %s", n, err.message);
		txn_close(t);
		CLEANUP(free) char *now = content();
		if (txn_records(dir) == 0) {
			ck_assert_msg(strcmp(now, old) == 0, "step %d: %s", n, now);
			no_record_left(n);
		} else {
			ck_assert_msg(strcmp(now, fresh) == 0, "step %d: %s", n, now);
		}
	}
	ck_assert_int_gt(n, 20);
}

static void applied(void)
{
	struct error err = ERROR_INIT;

	make_image(from);
	assert_ok(place(from, to, &err), err);
}

static void every_step_of_undo(const struct parts *a, const struct parts *b)
{
	struct error err = ERROR_INIT;
	bool ended = false;
	int n;

	from = a;
	to = b;
	make_image(a);
	CLEANUP(free) char *old_stream = stream();
	CLEANUP(free) char *old = content();
	applied();
	CLEANUP(free) char *fresh_stream = stream();
	for (n = 1; !ended; n++) {
		applied();
		ended = die_in(n, undo_it);
		check_reader(n, old_stream, fresh_stream);
		if (txn_records(dir))
			assert_ok(txn_undo(dir, false, &err), err);
		struct txn *t = txn_open(dir, &err);
		ck_assert_msg(t != NULL, "step %d: %s", n, err.message);
		txn_close(t);
		CLEANUP(free) char *now = content();
		ck_assert_msg(strcmp(now, old) == 0, "step %d: %s", n, now);
		no_record_left(n);
	}
	ck_assert_int_gt(n, 10);
}

START_TEST(killed_at_every_step_of_apply)
{
	for (int mode = 0; mode < 3; mode++) {
		no_exchange = mode == 1;
		seal = mode == 2;
		every_step_of_apply(&many, &few);
		every_step_of_apply(&single, &many);
	}
}
END_TEST

START_TEST(killed_at_every_step_of_undo)
{
	for (int mode = 0; mode < 3; mode++) {
		no_exchange = mode == 1;
		seal = mode == 2;
		every_step_of_undo(&many, &few);
		every_step_of_undo(&single, &many);
	}
}
END_TEST

/* The rollback is cut short as well, at each of its steps, and once more. */
START_TEST(a_rollback_is_repeated)
{
	struct error err = ERROR_INIT;

	for (int mode = 0; mode < 3; mode++) {
		bool ended = false;

		no_exchange = mode == 1;
		seal = mode == 2;
		from = &many;
		to = &few;
		make_image(from);
		CLEANUP(free) char *old = content();
		for (int n = 1; !ended; n++) {
			applied();
			shell("sed -i 's/\"done\"/\"committing\"/' '%s/.w7prep/win7/0001/record.json'", top);
			ended = die_in(n, undo_it);
			struct txn *t = txn_open(dir, &err);
			ck_assert_msg(t != NULL, "step %d: %s", n, err.message);
			txn_close(t);
			CLEANUP(free) char *now = content();
			ck_assert_msg(strcmp(now, old) == 0, "step %d: %s", n, now);
			no_record_left(n);
		}
	}
}
END_TEST

/* Other programs at the last moment: theirs stays, ours is given up. */
static int reader = -1;

static void begin_to_read(void)
{
	CLEANUP(free) char *path = path_join(dir, "d1p2.img.001");

	reader = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(reader, 0);
}

/* As FOG 1.6 does it. */
static void capture_again(void)
{
	shell("cd '%s' && mkdir dev && echo captured >dev/d1p2.img && mv win7 win7.movetmp && mv dev win7",
	    top);
}

static void add_a_file(void)
{
	shell("echo x >'%s/d1.size'", dir);
}

START_TEST(who_comes_at_the_last_moment_is_not_harmed)
{
	static const struct {
		void (*what)(void);
		enum err_code code;
	} cases[] = {
	    {begin_to_read, ERR_LOCKED},
	    {capture_again, ERR_CHANGED_SINCE},
	    {add_a_file, ERR_CHANGED_SINCE},
	};
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_image(&many);
		cases[i].what();
		CLEANUP(free) char *theirs = content();
		close(reader);
		shell("rm -rf '%s/win7.movetmp'", top);
		make_image(&many);
		before_exchange = cases[i].what;
		int rc = place(&many, &few, &err);
		ck_assert(!err.image_changed);
		assert_fails(rc, err, cases[i].code);
		CLEANUP(free) char *now = content();
		ck_assert_str_eq(now, theirs);
		no_record_left(0);
		shell("rm -rf '%s/win7.movetmp'", top);
	}
	close(reader);
}
END_TEST

/* What was cut short is about an image that is gone: the new one stays. */
START_TEST(a_new_capture_is_not_rolled_back)
{
	struct error err = ERROR_INIT;

	from = &many;
	to = &few;
	for (int mode = 0; mode < 3; mode++) {
		no_exchange = mode == 1;
		seal = mode == 2;
		applied();
		shell("sed -i 's/\"done\"/\"committing\"/' '%s/.w7prep/win7/0001/record.json'", top);
		capture_again();
		CLEANUP(free) char *theirs = content();
		struct txn *t = txn_open(dir, &err);
		ck_assert_ptr_null(t);
		ck_assert_int_eq(err_status(&err), EXIT_UNSAFE);
		ck_assert_ptr_nonnull(strstr(err.message, "was replaced since"));
		err_clear(&err);
		/* an undo that had begun */
		shell("cd '%s/.w7prep/win7/0001' && sed -i 's/\"committing\"/\"done\"/' record.json && "
		      "touch undo-started",
		    top);
		assert_fails(txn_undo(dir, false, &err), err, ERR_CHANGED_SINCE);
		CLEANUP(free) char *now = content();
		ck_assert_str_eq(now, theirs);
		shell("rm -rf '%s/win7.movetmp'", top);
	}
}
END_TEST

/* A shell in the directory would go on seeing the old files; one file alone needs no twin. */
START_TEST(the_directory_stays_where_it_must)
{
	struct error err = ERROR_INIT;
	struct stat before, after;

	make_image(&many);
	ck_assert_int_eq(stat(dir, &before), 0);
	ck_assert_int_eq(chdir(dir), 0);
	assert_ok(place(&many, &few, &err), err);
	ck_assert_int_eq(stat(dir, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	assert_ok(txn_undo(dir, false, &err), err);
	ck_assert_int_eq(stat(dir, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_int_eq(chdir("/"), 0);
	shell("mkdir '%s/folder'", dir);
	assert_ok(place(&many, &few, &err), err);
	ck_assert_int_eq(stat(dir, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	assert_ok(txn_undo(dir, false, &err), err);
	shell("rmdir '%s/folder'", dir);
	assert_ok(place(&many, &few, &err), err);
	ck_assert_int_eq(stat(dir, &after), 0);
	ck_assert_uint_ne(before.st_ino, after.st_ino);
	ck_assert_uint_eq(before.st_mode, after.st_mode);
}
END_TEST

/* Access lists of the directory are those that it had, and none that its twin inherits. */
START_TEST(the_directory_keeps_its_access_list)
{
	struct error err = ERROR_INIT;

	make_image(&many);
	if (system("command -v setfacl >/dev/null") != 0) {
		printf("SKIP: setfacl is not installed (ci/deps.sh)\n");
		return;
	}
	CLEANUP(free) char *old =
	    output_of("setfacl -m u:nobody:rwx '%s' 2>/dev/null; getfacl -p '%s'", dir, dir);
	if (!strstr(old, "nobody")) {
		printf("SKIP: no access lists on this file system\n");
		return;
	}
	shell("setfacl -d -m u:daemon:rwx '%s'", top);
	assert_ok(place(&many, &few, &err), err);
	CLEANUP(free) char *now = output_of("getfacl -p '%s'", dir);
	ck_assert_str_eq(now, old);
}
END_TEST

SUITE_WITH("partclone_place", setup, teardown, killed_at_every_step_of_apply,
    killed_at_every_step_of_undo, a_rollback_is_repeated,
    who_comes_at_the_last_moment_is_not_harmed, a_new_capture_is_not_rolled_back,
    the_directory_stays_where_it_must,
    the_directory_keeps_its_access_list)
