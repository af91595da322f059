/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/nbd.h"

#include <errno.h>
#include <fcntl.h>
#include <libnbd.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/proc.h"

#define REQUEST_MAX (8u << 20) /* qemu-nbd takes 32 MiB */
#define EXIT_WAIT_MS 120000    /* for a slow disk to take what was written */
#define SOCKET_QUEUE 4
#define ALLOCATION "qemu:allocation-depth"

/* How long to wait for a lock on the image, and how often to look. */
enum { LOCK_WAIT_MS = 1500, LOCK_POLL_MS = 50 };

/* The child sees the socket as systemd's protocol wants it, the overlay right after. */
enum { CHILD_LISTEN = 3, CHILD_IMAGE = 4 };

struct nbd_device {
	struct blockdev dev;
	struct nbd_handle *nbd;
	pid_t pid;
	int log; /* what qemu-nbd writes to standard error */
	char *path;
	char *dir, *socket; /* of the socket, where others may connect; else NULL */
};

int nbd_qemu_error(const char *path, const char *said, struct error *err)
{
	/* two lines of qemu; which of them is the last depends on the format */
	if ((strstr(said, "lock") && strstr(said, "Failed to get")) ||
	    strstr(said, "Is another process using the image")) {
		err_set(err, ERR_LOCKED, "%s: another program has it open", path);
		return err_hint(err, "shut down the virtual machine that uses it, then try again");
	}
	if (strstr(said, "log that needs to be replayed")) {
		err_set(err, ERR_VOLUME_DIRTY, "%s: the VHDX was not closed properly", path);
		return err_hint(
		    err, "start and shut down its machine, or run: qemu-img check -r all -f vhdx");
	}
	if (strstr(said, "No space left"))
		return err_set(err, ERR_NO_SPACE, "%s: %s", path, said);
	if (strstr(said, "Permission denied") || strstr(said, "Read-only file system"))
		return err_set(err, ERR_IO, "%s: %s", path, said);
	return err_set(
	    err, ERR_DAMAGED, "qemu cannot open %s: %s", path, said[0] ? said : "no reason given");
}

/* The last line that qemu-nbd wrote, without its own name in front; "" when none. */
static void last_words(int log, char *out, size_t size)
{
	ssize_t n = pread(log, out, size - 1, 0);

	out[n < 0 ? 0 : n] = '\0';
	size_t len = strlen(out);
	while (len && (out[len - 1] == '\n' || out[len - 1] == '\r'))
		out[--len] = '\0';
	char *line = strrchr(out, '\n');
	line = line ? line + 1 : out;
	const char *text = strncmp(line, "qemu-nbd: ", 10) == 0 ? line + 10 : line;
	memmove(out, text, strlen(text) + 1);
}

/* Nobody can connect any more; who is connected stays so. */
static void drop_socket(struct nbd_device *n)
{
	scratch_remove(n->dir);
	free(n->dir);
	free(n->socket);
	n->dir = n->socket = NULL;
}

/*
 * A connected pair: @listener, which qemu-nbd accepts from, and @client, already in its
 * queue. Unless others may connect the name of the socket is gone before qemu-nbd starts.
 */
static int make_sockets(
    struct nbd_device *n, bool shared, int *listener, int *client, struct error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	/* not in $TMPDIR: a socket's name has to be short */
	n->dir = scratch_create("/tmp", err);
	if (!n->dir)
		return -1;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", n->dir);
	*listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*listener < 0 || *client < 0 ||
	    bind(*listener, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    listen(*listener, SOCKET_QUEUE) != 0 ||
	    connect(*client, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		return err_errno(err, "cannot make a socket for qemu-nbd");
	if (shared)
		n->socket = xstrdup(addr.sun_path);
	else
		drop_socket(n);
	return 0;
}

/* Move @fd out of the way of the numbers that the child is to see. */
static int above(int fd)
{
	return fcntl(fd, F_DUPFD, CHILD_IMAGE + 1);
}

static _Noreturn void child(
    pid_t parent, const char *tool, const char *const argv[], int listener, int image, int log)
{
	char pid[16];
	int null = open("/dev/null", O_RDWR);

	/* Ctrl-C at the terminal is for us: a commit is never cut short half-way by it */
	setsid();
	/*
	 * qemu-nbd ends when its client is gone, but waits for ever for one that was gone before
	 * they had greeted each other, and forgets a SIGTERM that reaches it while it starts.
	 * To be killed is what every undo record is made for.
	 */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	listener = above(listener);
	image = image >= 0 ? above(image) : -1;
	log = above(log);
	dup2(null, 0);
	dup2(null, 1);
	dup2(log, 2);
	dup2(listener, CHILD_LISTEN);
	close(listener);
	if (image >= 0) {
		dup2(image, CHILD_IMAGE);
		close(image);
	}
	close(log);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	unsetenv("LISTEN_FDNAMES");
	setenv("LC_ALL", "C", 1);
	signal(SIGPIPE, SIG_DFL);
	execv(tool, (char *const *)argv);
	_exit(127);
}

static int spawn(
    struct nbd_device *n, const struct nbd_source *src, int listener, int image, struct error *err)
{
	CLEANUP(free) char *tool = find_tool("qemu-nbd");
	const char *argv[13] = {"qemu-nbd"};
	size_t argc = 1;

	if (!tool) {
		err_set(err, ERR_ENGINE, "qemu-nbd is not installed");
		return err_hint(err, "install the Debian package qemu-utils");
	}
	if (!src->writable)
		argv[argc++] = "--read-only";
	if (src->temporary)
		argv[argc++] = "--cache=unsafe";
	if (src->allocation)
		argv[argc++] = "--allocation-depth";
	if (src->shared)
		argv[argc++] = "--shared=0";
	if (src->standalone) {
		argv[argc++] = "json:{\"driver\":\"qcow2\",\"backing\":null,"
			       "\"file\":{\"driver\":\"file\",\"filename\":\"/proc/self/fd/4\"}}";
	} else {
		argv[argc++] = "--format";
		argv[argc++] = src->format;
		argv[argc++] = src->path;
	}
	argv[argc] = NULL;
	pid_t self = getpid();
	n->pid = fork();
	if (n->pid == 0)
		child(self, tool, argv, listener, image, n->log);
	return n->pid < 0 ? err_errno(err, "cannot run qemu-nbd") : 0;
}

/* Wait for qemu-nbd to end; it does so as soon as its one client is gone. */
static int reap(struct nbd_device *n, struct error *err)
{
	char said[1024];
	int status = 0;

	if (n->pid <= 0)
		return 0;
	CLEANUP(close) int pidfd = pidfd_open(n->pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int ready = 0;
	while (pidfd >= 0 && (ready = poll(&p, 1, EXIT_WAIT_MS)) < 0 && errno == EINTR)
		;
	if (pidfd >= 0 && ready == 0)
		kill(n->pid, SIGKILL);
	while (waitpid(n->pid, &status, 0) < 0 && errno == EINTR)
		;
	n->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	last_words(n->log, said, sizeof(said));
	return err_set(err, ERR_ENGINE, "qemu-nbd for %s failed: %s", n->path,
	    said[0] ? said : "it was killed");
}

static int failed(struct nbd_device *n, const char *what, uint64_t off, struct error *err)
{
	int why = nbd_get_errno();

	/* a dead qemu-nbd shows as a broken connection: its last words say more */
	if (why == ENOTCONN || why == ESHUTDOWN || why == EPIPE || why == ECONNRESET) {
		char said[1024];

		last_words(n->log, said, sizeof(said));
		return err_set(err, ERR_ENGINE, "qemu-nbd for %s ended too early%s%s", n->path,
		    said[0] ? ": " : "", said);
	}
	if (why == 0)
		return err_set(err, ERR_ENGINE, "cannot %s %s at byte %llu: %s", what, n->path,
		    (unsigned long long)off, nbd_get_error());
	errno = why;
	return err_errno(err, "cannot %s %s at byte %llu", what, n->path, (unsigned long long)off);
}

static int device_read(struct blockdev *d, void *p, size_t n, uint64_t off, struct error *err)
{
	struct nbd_device *nd = (struct nbd_device *)d;

	while (n) {
		size_t part = n < REQUEST_MAX ? n : REQUEST_MAX;

		if (nbd_pread(nd->nbd, p, part, off, 0) != 0)
			return failed(nd, "read", off, err);
		p = (char *)p + part;
		off += part;
		n -= part;
	}
	return 0;
}

static int device_write(
    struct blockdev *d, const void *p, size_t n, uint64_t off, struct error *err)
{
	struct nbd_device *nd = (struct nbd_device *)d;

	while (n) {
		size_t part = n < REQUEST_MAX ? n : REQUEST_MAX;

		if (nbd_pwrite(nd->nbd, p, part, off, 0) != 0)
			return failed(nd, "write to", off, err);
		p = (const char *)p + part;
		off += part;
		n -= part;
	}
	return 0;
}

static int device_flush(struct blockdev *d, struct error *err)
{
	struct nbd_device *nd = (struct nbd_device *)d;

	if (nbd_can_flush(nd->nbd) == 1 && nbd_flush(nd->nbd, 0) != 0)
		return failed(nd, "write to", 0, err);
	return 0;
}

int nbd_finish(struct blockdev *d, struct error *err)
{
	struct nbd_device *n = (struct nbd_device *)d;

	if (n->nbd) {
		nbd_shutdown(n->nbd, 0);
		nbd_close(n->nbd);
	}
	int rc = reap(n, err);
	if (n->log >= 0)
		close(n->log);
	drop_socket(n);
	free(n->path);
	free(n);
	return rc;
}

const char *nbd_socket(const struct blockdev *d)
{
	return ((const struct nbd_device *)d)->socket;
}

static void device_close(struct blockdev *d)
{
	nbd_finish(d, NULL);
}

/* Connection refused by the format: the reason is what qemu-nbd said before it ended. */
static int connect_failed(struct nbd_device *n, struct error *err)
{
	char said[1024];
	CLEANUP(free) char *why = xstrdup(nbd_get_error() ? nbd_get_error() : "");

	reap(n, NULL);
	last_words(n->log, said, sizeof(said));
	if (!said[0])
		return err_set(err, ERR_ENGINE, "cannot talk to qemu-nbd for %s: %s", n->path, why);
	return nbd_qemu_error(n->path, said, err);
}

static int start(struct nbd_device *n, const struct nbd_source *src, struct error *err)
{
	CLEANUP(close) int listener = -1;
	CLEANUP(close) int client = -1;
	CLEANUP(close) int image = -1;

	n->log = memfile("qemu-nbd", err);
	n->nbd = nbd_create();
	if (n->log < 0)
		return -1;
	if (!n->nbd || (src->allocation && nbd_add_meta_context(n->nbd, ALLOCATION) != 0))
		return err_set(err, ERR_ENGINE, "libnbd: %s", nbd_get_error());
	if (src->standalone) {
		image = open(src->path, (src->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
		if (image < 0)
			return err_errno(err, "cannot open %s", src->path);
	}
	if (make_sockets(n, src->shared, &listener, &client, err) != 0 ||
	    spawn(n, src, listener, image, err) != 0)
		return -1;
	/* ours would keep the queue open when qemu-nbd ends without accepting */
	close(listener);
	listener = -1;
	if (nbd_connect_socket(n->nbd, steal_fd(&client)) != 0)
		return connect_failed(n, err);
	int64_t size = nbd_get_size(n->nbd);
	if (size < 0)
		return connect_failed(n, err);
	n->dev.size = (uint64_t)size;
	int64_t align = nbd_get_block_size(n->nbd, LIBNBD_SIZE_MINIMUM);
	if (align > BLOCKDEV_ALIGN_MAX)
		return err_set(
		    err, ERR_FORMAT, "%s: blocks of %lld bytes", n->path, (long long)align);
	n->dev.align = align > 0 ? (unsigned)align : 0;
	return 0;
}

static struct blockdev *open_once(const struct nbd_source *src, struct error *err)
{
	struct nbd_device *n = xcalloc(1, sizeof(*n));

	n->log = -1;
	n->path = xstrdup(src->path);
	n->dev = (struct blockdev){
	    .read = device_read,
	    .write = src->writable ? device_write : NULL,
	    .flush = device_flush,
	    .close = device_close,
	};
	if (start(n, src, err) == 0)
		return &n->dev;
	device_close(&n->dev);
	return NULL;
}

struct blockdev *nbd_open(const struct nbd_source *src, struct error *err)
{
	struct error locked = ERROR_INIT;
	struct blockdev *d;

	/* the qemu-nbd of a run that was killed a moment ago is still closing the image */
	for (int waited = 0; !(d = open_once(src, &locked)); waited += LOCK_POLL_MS) {
		if (locked.code != ERR_LOCKED || waited >= LOCK_WAIT_MS) {
			err_move(err, &locked);
			break;
		}
		err_clear(&locked);
		usleep(LOCK_POLL_MS * 1000);
	}
	return d;
}

struct status_walk {
	struct extent_list *out;
	uint64_t pos;
	bool seen;
};

/* libnbd: entries are pairs of length and depth; depth 1 is the top file. */
static int on_status(
    void *user_data, const char *context, uint64_t offset, uint32_t *entries, size_t n, int *error)
{
	struct status_walk *w = user_data;

	(void)error;
	if (strcmp(context, ALLOCATION) != 0)
		return 0;
	w->seen = true;
	for (size_t i = 0; i + 1 < n; i += 2) {
		if (entries[i + 1] == 1)
			extent_add(w->out, offset, entries[i]);
		offset += entries[i];
	}
	w->pos = offset;
	return 0;
}

int nbd_allocated(struct blockdev *d, struct extent_list *out, struct error *err)
{
	struct nbd_device *n = (struct nbd_device *)d;
	struct status_walk w = {.out = out};

	while (w.pos < d->size) {
		uint64_t from = w.pos, left = d->size - from;
		uint64_t part = left < (1u << 30) ? left : 1u << 30;
		nbd_extent_callback cb = {.callback = on_status, .user_data = &w};

		w.seen = false;
		if (nbd_block_status(n->nbd, part, from, cb, 0) != 0)
			return failed(n, "map", from, err);
		if (!w.seen || w.pos <= from)
			return err_set(
			    err, ERR_ENGINE, "qemu-nbd does not say what the overlay holds");
	}
	/* qemu may report past the end of a device that is not a multiple of its clusters */
	if (out->list.n) {
		struct extent *last = &out->list.v[out->list.n - 1];

		if (last->offset + last->length > d->size)
			last->length = d->size - last->offset;
	}
	return 0;
}
