/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/guestfs_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"

#define TICK_MS 100

typedef VEC(pid_t) pid_list;

struct watch {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct timespec limit;
	enum watch_verdict verdict;	/* WATCH_FINISHED: none yet */
	bool done;
	pid_list before;
};

/* Parent of @pid, 0 when there is no such process. Field 4 of stat; field 2 may hold anything. */
static pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (n <= 0)
		return 0;
	text[n] = '\0';
	const char *p = strrchr(text, ')');
	return p && sscanf(p + 1, " %*c %d", &parent) == 1 ? (pid_t)parent : 0;
}

static void list_children(pid_list *out)
{
	DIR *d = opendir("/proc");

	for (struct dirent *e; d && (e = readdir(d));) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);

		if (pid > 0 && !*end && parent_of((pid_t)pid) == getpid())
			*VEC_PUSH(out) = (pid_t)pid;
	}
	if (d)
		closedir(d);
}

static bool is_in(const pid_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] == pid)
			return true;
	return false;
}

/* The process group where it leads one: a qemu behind a wrapper goes with the wrapper. */
static void kill_child(pid_t pid)
{
	CLEANUP(close) int fd = pidfd_open(pid, 0);

	/* a number may have been given to a new process since the list was made */
	if (fd < 0 || parent_of(pid) != getpid())
		return;
	if (getpgid(pid) == pid)
		kill(-pid, SIGKILL);
	else
		pidfd_send_signal(fd, SIGKILL, NULL, 0);
}

static void kill_new_children(const struct watch *w)
{
	pid_list now = {0};

	list_children(&now);
	for (size_t i = 0; i < now.n; i++)
		if (!is_in(&w->before, now.v[i]))
			kill_child(now.v[i]);
	free(now.v);
}

static bool is_past(const struct timespec *limit)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > limit->tv_sec ||
	    (now.tv_sec == limit->tv_sec && now.tv_nsec >= limit->tv_nsec);
}

static struct timespec after_ms(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* Killing goes on until the call is back: it may have been about to start another process. */
static void *watch_main(void *opaque)
{
	struct watch *w = opaque;

	pthread_mutex_lock(&w->lock);
	while (!w->done) {
		struct timespec next = after_ms(TICK_MS);

		if (w->verdict == WATCH_FINISHED && cancel_requested())
			w->verdict = WATCH_CANCELLED;
		else if (w->verdict == WATCH_FINISHED && is_past(&w->limit))
			w->verdict = WATCH_TIMEOUT;
		if (w->verdict != WATCH_FINISHED)
			kill_new_children(w);
		pthread_cond_timedwait(&w->wake, &w->lock, &next);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* The program's signals are for its main thread. */
static int start_thread(struct watch *w)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = pthread_create(&w->thread, NULL, watch_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static void watch_free(struct watch *w)
{
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w->before.v);
	free(w);
}

struct watch *watch_start(unsigned seconds)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	list_children(&w->before);
	w->limit = after_ms((long)seconds * 1000);
	int rc = start_thread(w);
	if (rc == 0)
		return w;
	watch_free(w);
	errno = rc;
	return NULL;
}

void watch_give_up(struct watch *w)
{
	pthread_mutex_lock(&w->lock);
	if (w->verdict == WATCH_FINISHED)
		w->verdict = WATCH_TOLD;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

enum watch_verdict watch_finish(struct watch *w)
{
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	enum watch_verdict verdict = w->verdict;
	watch_free(w);
	return verdict;
}
