/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other names of a file. Windows keeps its components in winsxs and gives them second names elsewhere;
 * a name that was removed comes back as a name of the same file, where that still has one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/tree.h"

#define STORE "/Windows/winsxs"
#define DEPTH_MAX 8

static struct tree_link *find(const struct tree_links *l, ino_t ino)
{
	for (size_t i = 0; i < l->list.n; i++)
		if (l->list.v[i].ino == ino)
			return &l->list.v[i];
	return NULL;
}

static bool is_linked(const struct tree_entry *e)
{
	return e->op == TREE_UNLINK && e->meta.st.st_nlink > 1 && e->meta.st.st_ino;
}

/* Look for the files that are wanted, until all were found. */
static void scan(struct tree_links *l, int fd, const char *path, unsigned depth)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own >= 0 ? fdopendir(own) : NULL;

	if (!d && own >= 0)
		close(own);
	for (struct dirent *e; d && l->missing && (e = readdir(d));) {
		struct tree_link *link = find(l, e->d_ino);

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (link && !link->path && e->d_type != DT_DIR) {
			link->path = xasprintf("%s/%s", path, e->d_name);
			l->missing--;
		}
		if (e->d_type != DT_DIR || depth >= DEPTH_MAX)
			continue;
		CLEANUP(free) char *below = xasprintf("%s/%s", path, e->d_name);
		CLEANUP(close) int sub =
		    openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			scan(l, sub, below, depth + 1);
	}
	if (d)
		closedir(d);
}

void tree_links_find(struct tree_links *l, int root, const struct tree_log *log)
{
	CLEANUP(place) struct tree_place store = TREE_PLACE_INIT;

	for (size_t i = 0; i < log->list.n; i++) {
		const struct tree_entry *e = &log->list.v[i];

		if (!is_linked(e) || find(l, e->meta.st.st_ino))
			continue;
		*VEC_PUSH(&l->list) = (struct tree_link){.ino = e->meta.st.st_ino};
		l->missing++;
	}
	if (!l->missing || tree_find(root, STORE, &store, NULL) != 1)
		return;
	CLEANUP(close) int fd = tree_open_dir(&store, NULL);
	if (fd >= 0)
		scan(l, fd, store.path, 0);
}

/* The file at @fd and the one at @p: the same size and content? */
static bool same_content(int fd, const struct tree_place *p)
{
	CLEANUP(close) int other = tree_open_file(p, O_RDONLY, NULL);
	struct stat a, b;

	if (other < 0 || fstat(fd, &a) != 0 || fstat(other, &b) != 0 || a.st_size != b.st_size ||
	    a.st_dev != b.st_dev)
		return false;
	CLEANUP(free) char *x = tree_hash(fd, NULL);
	CLEANUP(free) char *y = tree_hash(other, NULL);
	return x && y && strcmp(x, y) == 0;
}

bool tree_links_use(struct tree_links *l, int root, const struct tree_entry *e, int fd, int dir,
    const char *name)
{
	CLEANUP(place) struct tree_place p = TREE_PLACE_INIT;
	/* the last name to be removed was the only one then */
	struct tree_link *link = e->op == TREE_UNLINK ? find(l, e->meta.st.st_ino) : NULL;

	if (!link)
		return false;
	if (link->path && tree_find(root, link->path, &p, NULL) == 1 && same_content(fd, &p) &&
	    linkat(p.dir, p.name, dir, name, 0) == 0)
		return true;
	/* it is a file of its own, and the others of this apply become names of it */
	free(link->path);
	link->path = xstrdup(e->path);
	return false;
}

void tree_links_free(struct tree_links *l)
{
	for (size_t i = 0; i < l->list.n; i++)
		free(l->list.v[i].path);
	free(l->list.v);
	*l = (struct tree_links){0};
}
