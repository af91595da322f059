/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"

#define OUTPUT_MAX (16u << 20)

static const struct {
	const char *tool, *package;
} packages[] = {
	{"qemu-img", "qemu-utils"},
	{"qemu-nbd", "qemu-utils"},
	{"mkntfs", "ntfs-3g"},
};

char *find_tool(const char *tool)
{
	const char *path = getenv("PATH");
	CLEANUP(free) char *dirs =
	    xasprintf("%s:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", path ? path : "");
	char *save = NULL;

	if (strchr(tool, '/'))
		return access(tool, X_OK) == 0 ? xstrdup(tool) : NULL;
	for (char *d = strtok_r(dirs, ":", &save); d; d = strtok_r(NULL, ":", &save)) {
		char *full = d[0] == '/' ? xasprintf("%s/%s", d, tool) : NULL;

		if (full && access(full, X_OK) == 0)
			return full;
		free(full);
	}
	return NULL;
}

static int missing_tool(const char *tool, struct error *err)
{
	err_set(err, ERR_ENGINE, "%s is not installed", tool);
	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++)
		if (strcmp(packages[i].tool, tool) == 0)
			err_hint(err, "install the Debian package %s", packages[i].package);
	return -1;
}

static _Noreturn void child(pid_t parent, const char *path, const char *const argv[], int out, int errfd)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	/* ^C is for us: we end the work between two safe points, a tool would stop in the middle */
	setpgid(0, 0);
	dup2(null, 0);
	dup2(out >= 0 ? out : null, 1);
	dup2(errfd, 2);
	setenv("LC_ALL", "C", 1);
	execv(path, (char *const *)argv);
	_exit(127);
}

/* Read both pipes until both are closed, so that neither can block the child. */
static void collect(int out, int errfd, struct buf *o, struct buf *e)
{
	struct pollfd p[2] = {{.fd = out, .events = POLLIN}, {.fd = errfd, .events = POLLIN}};
	struct buf *dest[2] = {o, e};
	char block[65536];

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < 2; i++) {
			if (p[i].fd < 0 || !p[i].revents)
				continue;
			ssize_t n = read(p[i].fd, block, sizeof(block));
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				p[i].fd = -1;
			else if (dest[i] && dest[i]->len + (size_t)n <= OUTPUT_MAX)
				buf_add(dest[i], block, (size_t)n);
		}
	}
}

static const char *last_line(struct buf *b)
{
	while (b->len && (b->data[b->len - 1] == '\n' || b->data[b->len - 1] == '\r'))
		b->data[--b->len] = '\0';
	char *nl = b->len ? strrchr(b->data, '\n') : NULL;
	return nl ? nl + 1 : b->len ? b->data : "";
}

int run_tool(const char *const argv[], struct buf *out, struct error *err)
{
	CLEANUP(free) char *path = find_tool(argv[0]);
	CLEANUP(buf) struct buf errors = BUF_INIT;
	int po[2], pe[2], status;

	if (!path)
		return missing_tool(argv[0], err);
	if (pipe2(po, O_CLOEXEC) != 0)
		return err_errno(err, "cannot run %s", argv[0]);
	if (pipe2(pe, O_CLOEXEC) != 0) {
		close(po[0]);
		close(po[1]);
		return err_errno(err, "cannot run %s", argv[0]);
	}
	pid_t self = getpid();
	pid_t pid = fork();
	if (pid == 0)
		child(self, path, argv, po[1], pe[1]);
	close(po[1]);
	close(pe[1]);
	if (pid > 0)
		collect(po[0], pe[0], out, &errors);
	close(po[0]);
	close(pe[0]);
	if (pid < 0)
		return err_errno(err, "cannot run %s", argv[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return err_set(err, ERR_ENGINE, "%s was ended by signal %d", argv[0],
		    WTERMSIG(status));
	return err_set(err, ERR_ENGINE, "%s failed (%d): %s", argv[0], WEXITSTATUS(status),
	    last_line(&errors));
}
