/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding and opening files below a directory, without links and without case. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/tree.h"

#define ENTRIES_MAX 1000000
#define XATTR_MAX 65536
#define COPY_BLOCK 65536
#define DOS_NAME "system.ntfs_dos_name"

/* FILE_ATTRIBUTE_*: sparse, reparse point, compressed, encrypted */
#define MORE_THAN_FLAGS (0x200u | 0x400u | 0x800u | 0x4000u)

void tree_place_close(struct tree_place *p)
{
	if (p->dir >= 0)
		close(p->dir);
	free(p->name);
	free(p->path);
	*p = TREE_PLACE_INIT;
}

int tree_list(int fd, struct strvec *names, struct error *err)
{
	/* a descriptor of its own: reading moves the position of a shared one */
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own >= 0 ? fdopendir(own) : NULL;
	int rc = 0;

	if (!d) {
		err_errno(err, "cannot list a directory");
		if (own >= 0)
			close(own);
		return -1;
	}
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(d);

		if (!e)
			break;
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strvec_add(names, e->d_name);
		if (names->n > ENTRIES_MAX) {
			rc = err_set(err, ERR_LIMIT, "more than %d files in one directory", ENTRIES_MAX);
			break;
		}
	}
	if (rc == 0 && errno)
		rc = err_errno(err, "cannot list a directory");
	closedir(d);
	strvec_sort(names);
	return rc;
}

/* The entry of @dir that is meant by @name: the same spelling, else the first without case. */
static int find_entry(int dir, const char *name, struct tree_place *out, struct error *err)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	if (fstatat(dir, name, &out->st, AT_SYMLINK_NOFOLLOW) == 0) {
		out->name = xstrdup(name);
		return 1;
	}
	if (errno == ENAMETOOLONG)
		return 0;
	if (errno != ENOENT)
		return err_errno(err, "cannot look at %s", name);
	if (tree_list(dir, &names, err) != 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (!name_eq(names.v[i], name) ||
		    fstatat(dir, names.v[i], &out->st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		out->name = xstrdup(names.v[i]);
		return 1;
	}
	return 0;
}

int tree_open_dir(const struct tree_place *p, struct error *err)
{
	int fd = openat(p->dir, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd : err_errno(err, "cannot open the directory %s", p->name);
}

int tree_find(int root, const char *path, struct tree_place *out, struct error *err)
{
	CLEANUP(place) struct tree_place here = TREE_PLACE_INIT;
	CLEANUP(free) char *copy = xstrdup(path);
	char *save = NULL;

	here.dir = fcntl(root, F_DUPFD_CLOEXEC, 0);
	here.name = xstrdup(".");
	here.path = xstrdup("");
	if (here.dir < 0 || fstat(root, &here.st) != 0)
		return err_errno(err, "cannot open the directory");
	for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		CLEANUP(place) struct tree_place next = TREE_PLACE_INIT;

		if (S_ISLNK(here.st.st_mode))
			return err_set(err, ERR_UNKNOWN_SHAPE, "%s: leads through a link (%s)", path,
			    here.path);
		if (!S_ISDIR(here.st.st_mode))
			return 0;
		next.dir = tree_open_dir(&here, err);
		if (next.dir < 0)
			return err_context(err, "%s", path);
		int rc = find_entry(next.dir, name, &next, err);
		if (rc <= 0)
			return rc < 0 ? err_context(err, "%s", path) : 0;
		next.path = xasprintf("%s/%s", here.path, next.name);
		tree_place_close(&here);
		here = next;
		next = TREE_PLACE_INIT;
	}
	*out = here;
	here = TREE_PLACE_INIT;
	return 1;
}

int tree_open_file(const struct tree_place *p, int flags, struct error *err)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO must not make us wait for ever */
	CLEANUP(close) int fd =
	    openat(p->dir, p->name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		return err_errno(err, "cannot open %s", p->name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_DAMAGED, "%s: not a regular file", p->name);
	return steal_fd(&fd);
}

int tree_copy(int from, int to, struct error *err)
{
	CLEANUP(free) char *block = xmalloc(2 * COPY_BLOCK);
	char *old = block + COPY_BLOCK;
	uint64_t pos = 0;

	for (;;) {
		ssize_t n = pread(from, block, COPY_BLOCK, (off_t)pos);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "cannot read");
		if (n == 0)
			break;
		if ((pread(to, old, (size_t)n, (off_t)pos) != n || memcmp(old, block, (size_t)n) != 0) &&
		    pwrite_all(to, block, (size_t)n, pos, err) != 0)
			return -1;
		pos += (uint64_t)n;
	}
	return ftruncate(to, (off_t)pos) == 0 ? 0 : err_errno(err, "cannot set the size");
}

static void get_xattr(int fd, const char *name, struct buf *out)
{
	ssize_t n = name ? fgetxattr(fd, name, NULL, 0) : -1;

	buf_reset(out);
	if (n <= 0 || n > XATTR_MAX)
		return;
	buf_reserve(out, (size_t)n);
	n = fgetxattr(fd, name, out->data, (size_t)n);
	out->len = n > 0 ? (size_t)n : 0;
}

const char *tree_sd_xattr(int fd)
{
	/* ntfs-3g, the ntfs3 driver of the kernel */
	static const char *const names[] = {"system.ntfs_acl", "system.ntfs_security"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (fgetxattr(fd, names[i], NULL, 0) > 0)
			return names[i];
	return NULL;
}

void tree_meta_read(int fd, const char *sd_xattr, struct tree_meta *out)
{
	if (fstat(fd, &out->st) != 0)
		memset(&out->st, 0, sizeof(out->st));
	get_xattr(fd, sd_xattr, &out->sd);
	get_xattr(fd, sd_xattr ? "system.ntfs_attrib" : NULL, &out->attributes);
	get_xattr(fd, sd_xattr ? "system.ntfs_times" : NULL, &out->times);
	get_xattr(fd, sd_xattr ? DOS_NAME : NULL, &out->dos_name);
}

static bool has_streams(int fd)
{
	CLEANUP(free) char *names = xmalloc(XATTR_MAX);
	ssize_t n = flistxattr(fd, names, XATTR_MAX);

	if (n < 0)
		return errno != ENOTSUP;
	for (const char *name = names; name < names + n; name += strlen(name) + 1)
		if (strncmp(name, "user.", 5) == 0)
			return true;
	return false;
}

bool tree_replaceable(int fd, const struct tree_meta *meta)
{
	uint32_t attributes = 0;

	if (meta->attributes.len == sizeof(attributes))
		memcpy(&attributes, meta->attributes.data, sizeof(attributes));
	return meta->st.st_nlink == 1 && !(attributes & MORE_THAN_FLAGS) && !has_streams(fd);
}

static int set_xattr(int fd, const char *name, const struct buf *value, struct error *err)
{
	if (!name || !value->len || fsetxattr(fd, name, value->data, value->len, 0) == 0)
		return 0;
	return err_errno(err, "cannot set %s", name);
}

int tree_meta_write(int fd, const char *sd_xattr, const struct tree_meta *meta,
    struct error *err)
{
	const struct timespec times[2] = {meta->st.st_atim, meta->st.st_mtim};
	struct stat now;

	if (fstat(fd, &now) != 0)
		return err_errno(err, "cannot look at the file");
	if ((now.st_uid != meta->st.st_uid || now.st_gid != meta->st.st_gid) &&
	    fchown(fd, meta->st.st_uid, meta->st.st_gid) != 0 && errno != EPERM)
		return err_errno(err, "cannot set the owner");
	if (now.st_mode != meta->st.st_mode && fchmod(fd, meta->st.st_mode & 07777) != 0)
		return err_errno(err, "cannot set the mode");
	if (set_xattr(fd, sd_xattr, &meta->sd, err) != 0 ||
	    set_xattr(fd, sd_xattr ? "system.ntfs_attrib" : NULL, &meta->attributes, err) != 0)
		return -1;
	if (futimens(fd, times) != 0)
		return err_errno(err, "cannot set the times");
	return set_xattr(fd, sd_xattr ? "system.ntfs_times" : NULL, &meta->times, err);
}

int tree_dos_name_write(int fd, const char *sd_xattr, const struct tree_meta *meta,
    struct error *err)
{
	return set_xattr(fd, sd_xattr ? DOS_NAME : NULL, &meta->dos_name, err);
}

int tree_sync_dir(int dir, struct error *err)
{
	/* FUSE file systems may not offer it: then there is nothing to wait for */
	if (fsync(dir) == 0 || errno == EINVAL || errno == ENOSYS)
		return 0;
	return err_errno(err, "cannot sync a directory");
}

void tree_meta_free(struct tree_meta *meta)
{
	buf_free(&meta->dos_name);
	buf_free(&meta->sd);
	buf_free(&meta->attributes);
	buf_free(&meta->times);
}
