/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/fsutil.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"

static struct strvec scratch_dirs;

char *scratch_create(const char *parent, struct error *err)
{
	const char *hint = parent ? "this directory must be there, writable, and have free space" :
	    "name a directory with free space in TMPDIR";

	if (!parent)
		parent = getenv("W7PREP_TMPDIR");
	if (!parent || !*parent)
		parent = getenv("TMPDIR");
	if (!parent || !*parent)
		parent = "/var/tmp";
	char *path = xasprintf("%s/w7prep.XXXXXX", parent);
	if (!mkdtemp(path)) {
		err_errno(err, "cannot make a scratch directory in %s", parent);
		err_hint(err, "%s", hint);
		free(path);
		return NULL;
	}
	strvec_add(&scratch_dirs, path);
	return path;
}

void scratch_remove(const char *path)
{
	if (!path)
		return;
	remove_tree(path, NULL);
	for (size_t i = 0; i < scratch_dirs.n; i++) {
		if (strcmp(scratch_dirs.v[i], path) == 0) {
			free(scratch_dirs.v[i]);
			scratch_dirs.v[i] = scratch_dirs.v[--scratch_dirs.n];
			return;
		}
	}
}

void scratch_remove_all(void)
{
	for (size_t i = 0; i < scratch_dirs.n; i++)
		remove_tree(scratch_dirs.v[i], NULL);
	strvec_free(&scratch_dirs);
}

int make_parents(const char *path, struct error *err)
{
	CLEANUP(free) char *dir = path_dir(path);
	struct stat st;

	if (stat(dir, &st) == 0 || strcmp(dir, path) == 0)
		return 0;
	if (make_parents(dir, err) != 0)
		return -1;
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_errno(err, "cannot make %s", dir);
	return 0;
}

static int remove_at(int dirfd, const char *name, unsigned depth, struct error *err)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_errno(err, "cannot remove %s", name);
	if (depth > 64)
		return err_set(err, ERR_LIMIT, "cannot remove %s: nested too deep", name);
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "cannot remove %s", name);
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_errno(err, "cannot read %s", name);
	}
	int rc = 0;
	for (struct dirent *e; rc == 0 && (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = remove_at(fd, e->d_name, depth + 1, err);
	closedir(d);
	if (rc == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) != 0)
		rc = err_errno(err, "cannot remove %s", name);
	return rc;
}

int remove_tree(const char *path, struct error *err)
{
	return remove_at(AT_FDCWD, path, 0, err);
}

int read_whole_fd(int fd, size_t max, struct buf *out, struct error *err)
{
	buf_reset(out);
	for (;;) {
		size_t want = 65536;

		if (out->len + want > max + 1)
			want = max + 1 - out->len;
		buf_reserve(out, want);
		ssize_t n = pread(fd, out->data + out->len, want, (off_t)out->len);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return err_errno(err, "cannot read");
		}
		if (n == 0)
			break;
		out->len += (size_t)n;
		if (out->len > max)
			return err_set(err, ERR_LIMIT, "larger than %zu bytes", max);
	}
	buf_reserve(out, 0);
	out->data[out->len] = '\0';
	return 0;
}

int read_whole_file(const char *path, size_t max, struct buf *out, struct error *err)
{
	struct stat st;
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return err_set(err, ERR_NO_SUCH_FILE, "%s: no such file", path);
		return err_errno(err, "cannot open %s", path);
	}
	if (fstat(fd, &st) != 0)
		return err_errno(err, "cannot read %s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "%s: is a directory, not a file", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE, "%s: not a regular file", path);
	if (read_whole_fd(fd, max, out, err) != 0)
		return err_context(err, "%s", path);
	return 0;
}

int write_all(int fd, const void *p, size_t n, struct error *err)
{
	const char *s = p;

	while (n) {
		ssize_t w = write(fd, s, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_errno(err, "cannot write");
		s += w;
		n -= (size_t)w;
	}
	return 0;
}

int pwrite_all(int fd, const void *p, size_t n, uint64_t off, struct error *err)
{
	const char *s = p;

	while (n) {
		ssize_t w = pwrite(fd, s, n, (off_t)off);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_errno(err, "cannot write");
		s += w;
		n -= (size_t)w;
		off += (size_t)w;
	}
	return 0;
}

int pread_all(int fd, void *p, size_t n, uint64_t off, struct error *err)
{
	char *s = p;

	while (n) {
		ssize_t r = pread(fd, s, n, (off_t)off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_errno(err, "cannot read");
		if (r == 0)
			return err_set(err, ERR_DAMAGED, "ends before byte %llu",
			    (unsigned long long)off + n);
		s += r;
		n -= (size_t)r;
		off += (size_t)r;
	}
	return 0;
}

int sync_parent(const char *path, struct error *err)
{
	CLEANUP(free) char *dir = path_dir(path);
	CLEANUP(close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* file systems without directory sync say EINVAL: nothing more can be done there */
	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
		return err_errno(err, "cannot sync %s", dir);
	return 0;
}

int write_file_atomic(const char *path, const void *data, size_t n, unsigned mode,
    struct error *err)
{
	CLEANUP(free) char *tmp = xasprintf("%s.XXXXXX", path);
	CLEANUP(close) int fd = mkostemp(tmp, O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "cannot create %s", path);
	if (write_all(fd, data, n, err) != 0)
		err_context(err, "%s", path);
	else if (fchmod(fd, mode) != 0 || fsync(fd) != 0)
		err_errno(err, "cannot write %s", path);
	else if (rename(tmp, path) != 0)
		err_errno(err, "cannot put %s in place", path);
	else
		return sync_parent(path, err);
	unlink(tmp);
	return -1;
}

/* Copy the data ranges of a sparse file; holes stay holes. */
static int copy_ranges(int in, int out, uint64_t size, const char *step, struct error *err)
{
	off_t pos = 0;
	CLEANUP(free) char *block = xmalloc(1 << 20);

	while ((uint64_t)pos < size) {
		off_t data = lseek(in, pos, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		off_t end = data < 0 ? (off_t)size : lseek(in, data, SEEK_HOLE);
		if (data < 0)
			data = pos;
		if (end < 0)
			end = (off_t)size;
		while (data < end) {
			size_t want = end - data > 1 << 20 ? 1 << 20 : (size_t)(end - data);

			if (cancel_requested())
				return err_set(err, ERR_INTERRUPT, "interrupted");
			if (pread_all(in, block, want, (uint64_t)data, err) != 0 ||
			    pwrite_all(out, block, want, (uint64_t)data, err) != 0)
				return -1;
			data += (off_t)want;
			progress(step, (unsigned long long)data, size);
		}
		pos = end;
	}
	return 0;
}

int copy_file(const char *from, const char *to, const char *step, struct error *err)
{
	struct stat st;
	CLEANUP(close) int in = open(from, O_RDONLY | O_CLOEXEC);

	if (in < 0 || fstat(in, &st) != 0)
		return err_errno(err, "cannot read %s", from);
	CLEANUP(close) int out =
	    open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (st.st_mode & 0777) | S_IRUSR | S_IWUSR);
	if (out < 0)
		return err_errno(err, "cannot create %s", to);
	if (ioctl(out, FICLONE, in) != 0 &&
	    (ftruncate(out, st.st_size) != 0
		    ? err_errno(err, "cannot size")
		    : copy_ranges(in, out, (uint64_t)st.st_size, step, err)) != 0) {
		unlink(to);
		return err_context(err, "copying %s to %s", from, to);
	}
	if (fsync(out) != 0) {
		err_errno(err, "cannot write %s", to);
		unlink(to);
		return -1;
	}
	return 0;
}

char *path_join(const char *dir, const char *name)
{
	size_t n = strlen(dir);

	return xasprintf("%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name);
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

int memfile(const char *name, struct error *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	return fd >= 0 ? fd : err_errno(err, "cannot make a memory file");
}
