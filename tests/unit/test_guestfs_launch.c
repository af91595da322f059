/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What decides how the appliance is started, without starting one. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/fsutil.h"
#include "common/log.h"
#include "image/guestfs_kvm.h"
#include "image/guestfs_launch.h"
#include "image/guestfs_watch.h"

/* As qemu 7.2 writes it: the register dump follows. */
#define STOPPED \
	"SeaBIOS (version 1.16.2)\r\nKVM internal error. Suberror: 1\nemulation failure\n" \
	"EAX=00000000 EBX=00000000\n"
#define ABORTED \
	"qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\n" \
	"qemu-system-x86_64: ../../target/i386/kvm/kvm.c:3183: kvm_buf_set_msrs: Assertion " \
	"`ret == cpu->kvm_msr_buf->nmsrs' failed.\n"

static void check_complaint(const char *console, const char *want, bool stopped)
{
	CLEANUP(buf) struct buf b = BUF_INIT;

	buf_adds(&b, console);
	CLEANUP(free) char *got = kvm_complaint(&b);
	ck_assert_pstr_eq(got, want);
	ck_assert_int_eq(kvm_stopped(&b), stopped);
}

START_TEST(complaints_of_qemu)
{
	check_complaint("", NULL, false);
	check_complaint("[    0.000000] Linux version 6.1.0\n", NULL, false);
	check_complaint(STOPPED, "KVM internal error. Suberror: 1", true);
	check_complaint("error: kvm run failed Bad address", "error: kvm run failed Bad address",
	    true);
	check_complaint(ABORTED, "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69", false);
}
END_TEST

START_TEST(complaint_is_short_and_one_line)
{
	CLEANUP(buf) struct buf b = BUF_INIT;

	buf_add(&b, "\0\0", 2);
	for (int i = 0; i < 300; i++)
		buf_adds(&b, "xx");
	buf_adds(&b, "KVM internal error\n");
	CLEANUP(free) char *got = kvm_complaint(&b);
	ck_assert_ptr_nonnull(got);
	ck_assert_uint_eq(strlen(got), 120);
}
END_TEST

/* A private cache directory for one test. */
static char *own_cache(void)
{
	struct error err = ERROR_INIT;
	char *dir = scratch_create(NULL, &err);

	ck_assert_msg(dir != NULL, "%s", err.message);
	setenv("XDG_CACHE_HOME", dir, 1);
	return dir;
}

START_TEST(broken_kvm_is_remembered)
{
	CLEANUP(free) char *dir = own_cache();
	CLEANUP(free) char *key = kvm_machine_key("/bin/sh");
	CLEANUP(free) char *path = kvm_cache_path();
	struct stat st;

	ck_assert(!kvm_known_broken(key));
	kvm_remember_broken(key);
	ck_assert(kvm_known_broken(key));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert(!kvm_known_broken("another machine"));
	scratch_remove(dir);
}
END_TEST

START_TEST(another_qemu_is_another_machine)
{
	CLEANUP(free) char *a = kvm_machine_key("/bin/sh");
	CLEANUP(free) char *b = kvm_machine_key("/bin/sleep");
	CLEANUP(free) char *again = kvm_machine_key("/bin/sh");

	ck_assert_str_ne(a, b);
	ck_assert_str_eq(a, again);
	ck_assert_ptr_null(strchr(a, '\n'));
}
END_TEST

START_TEST(cache_that_cannot_be_is_no_harm)
{
	CLEANUP(free) char *dir = own_cache();
	CLEANUP(free) char *file = path_join(dir, "w7prep");
	struct error err = ERROR_INIT;

	/* a file where the directory should be stops root, too */
	assert_ok(write_file_atomic(file, "x", 1, 0600, &err), err);
	kvm_remember_broken("key");
	ck_assert(!kvm_known_broken("key"));
	scratch_remove(dir);

	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	ck_assert_ptr_null(kvm_cache_path());
	kvm_remember_broken("key");
	ck_assert(!kvm_known_broken("key"));
}
END_TEST

START_TEST(cache_is_where_xdg_says)
{
	setenv("HOME", "/home/somebody", 1);
	setenv("XDG_CACHE_HOME", "not/absolute", 1);
	CLEANUP(free) char *a = kvm_cache_path();
	ck_assert_str_eq(a, "/home/somebody/.cache/w7prep/kvm-broken");
	setenv("XDG_CACHE_HOME", "/somewhere", 1);
	CLEANUP(free) char *b = kvm_cache_path();
	ck_assert_str_eq(b, "/somewhere/w7prep/kvm-broken");
}
END_TEST

START_TEST(damaged_cache_is_ignored)
{
	CLEANUP(free) char *dir = own_cache();
	CLEANUP(free) char *path = kvm_cache_path();
	CLEANUP(buf) struct buf big = BUF_INIT;
	struct error err = ERROR_INIT;

	kvm_remember_broken("key");
	assert_ok(write_file_atomic(path, "", 0, 0600, &err), err);
	ck_assert(!kvm_known_broken("key"));
	while (big.len < 1 << 20)
		buf_adds(&big, "key\n");
	assert_ok(write_file_atomic(path, big.data, big.len, 0600, &err), err);
	ck_assert(!kvm_known_broken("key"));
	scratch_remove(dir);
}
END_TEST

/* A shell that leads a process group and has a child; the pipe is open while either lives. */
static pid_t spawn(int *alive)
{
	int p[2];

	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		dup2(p[1], 1);
		execl("/bin/sh", "sh", "-c", "sleep 60; exit 0", NULL);
		_exit(127);
	}
	close(p[1]);
	setpgid(pid, pid);
	*alive = p[0];
	return pid;
}

static void assert_killed(pid_t pid, int alive)
{
	int status;
	char c;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	/* nobody holds the other end: the shell's child is gone, too */
	ck_assert_int_eq(read(alive, &c, 1), 0);
	close(alive);
}

START_TEST(watch_ends_what_takes_too_long)
{
	int alive_old, alive;
	pid_t old = spawn(&alive_old);
	struct watch *w = watch_start(1);

	ck_assert_ptr_nonnull(w);
	pid_t pid = spawn(&alive);
	assert_killed(pid, alive);
	ck_assert_int_eq(watch_finish(w), WATCH_TIMEOUT);
	/* a child from before the watch is none of its business */
	ck_assert_int_eq(waitpid(old, NULL, WNOHANG), 0);
	kill(-old, SIGKILL);
	assert_killed(old, alive_old);
}
END_TEST

START_TEST(watch_ends_what_is_hopeless)
{
	int alive;
	struct watch *w = watch_start(600);
	pid_t pid = spawn(&alive);

	watch_give_up(w);
	assert_killed(pid, alive);
	ck_assert_int_eq(watch_finish(w), WATCH_TOLD);
}
END_TEST

START_TEST(watch_lets_the_quick_pass)
{
	struct watch *w = watch_start(600);

	ck_assert_int_eq(system("true"), 0);
	ck_assert_int_eq(watch_finish(w), WATCH_FINISHED);
}
END_TEST

static int no_drives(guestfs_h *g, void *opaque)
{
	(void)g;
	++*(int *)opaque;
	return 0;
}

START_TEST(environment_that_makes_no_sense)
{
	struct error err = ERROR_INIT;
	int calls = 0;

	setenv("LIBGUESTFS_BACKEND", "nonsense", 1);
	ck_assert_ptr_null(appliance_start(no_drives, &calls, &err));
	ck_assert_int_eq(err.code, ERR_ENGINE);
	ck_assert_ptr_nonnull(strstr(err.message, "nonsense"));
	ck_assert_ptr_nonnull(strstr(err.hint, "LIBGUESTFS_"));
	ck_assert_int_eq(calls, 0);
	err_clear(&err);
	unsetenv("LIBGUESTFS_BACKEND");
}
END_TEST

/* libguestfs itself refuses to start without a drive: one failure that needs no appliance. */
START_TEST(user_settings_mean_one_attempt)
{
	struct error err = ERROR_INIT;
	int calls = 0;

	setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 1);
	ck_assert_ptr_null(appliance_start(no_drives, &calls, &err));
	ck_assert_int_eq(err.code, ERR_ENGINE);
	ck_assert_ptr_nonnull(err.hint);
	ck_assert_int_eq(calls, 1);
	err_clear(&err);
	unsetenv("LIBGUESTFS_BACKEND_SETTINGS");
}
END_TEST

/* The last two: nothing takes a request to stop back. */
START_TEST(watch_ends_what_the_user_does_not_want)
{
	int alive;
	struct watch *w = watch_start(600);
	pid_t pid = spawn(&alive);

	cancel_request();
	assert_killed(pid, alive);
	ck_assert_int_eq(watch_finish(w), WATCH_CANCELLED);
}
END_TEST

START_TEST(cancelled_start_says_so)
{
	struct error err = ERROR_INIT;
	int calls = 0;

	cancel_request();
	ck_assert_ptr_null(appliance_start(no_drives, &calls, &err));
	ck_assert_int_eq(err.code, ERR_INTERRUPT);
	err_clear(&err);
}
END_TEST

SUITE("guestfs_launch", complaints_of_qemu, complaint_is_short_and_one_line,
    broken_kvm_is_remembered, another_qemu_is_another_machine, cache_that_cannot_be_is_no_harm,
    cache_is_where_xdg_says, damaged_cache_is_ignored, watch_ends_what_takes_too_long,
    watch_ends_what_is_hopeless, watch_lets_the_quick_pass, environment_that_makes_no_sense,
    user_settings_mean_one_attempt, watch_ends_what_the_user_does_not_want,
    cancelled_start_says_so)
