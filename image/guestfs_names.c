/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding names without regard to case in a file system that has regard to it. A question to
 * the appliance costs milliseconds: the spelling asked for is tried first, since most
 * callers know it; only when that is not there is the directory listed, and then remembered.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/guestfs_internal.h"
#include "image/guestfs_launch.h"

#define NAMES_MAX 1000000u	/* in one directory */

struct gfs_node *gfs_add(struct gfs_node *dir, const char *name, enum gfs_kind kind)
{
	struct gfs_node *n = xcalloc(1, sizeof(*n));

	n->name = xstrdup(name);
	n->parent = dir;
	n->kind = kind;
	*VEC_PUSH(&dir->children) = n;
	return n;
}

void gfs_forget_all(struct gfs_node *root)
{
	for (size_t i = 0; i < root->children.n; i++) {
		gfs_forget_all(root->children.v[i]);
		free(root->children.v[i]->name);
		free(root->children.v[i]);
	}
	free(root->children.v);
	root->children.v = NULL;
	root->children.n = root->children.cap = 0;
	root->listed = false;
	root->seen = 0;
}

void gfs_forget(struct gfs_node *n)
{
	struct gfs_node *dir = n->parent;

	for (size_t i = 0; i < dir->children.n; i++) {
		if (dir->children.v[i] != n)
			continue;
		dir->children.v[i] = dir->children.v[--dir->children.n];
		break;
	}
	gfs_forget_all(n);
	free(n->name);
	free(n);
}

char *gfs_path(const struct gfs_volume *v, const struct gfs_node *n)
{
	if (!n->parent)
		return xstrdup(v->mountpoint);
	CLEANUP(free) char *dir = gfs_path(v, n->parent);
	return xasprintf("%s/%s", dir, n->name);
}

/* Exactly as spelled first: NTFS can hold two names that differ in case only. */
static struct gfs_node *find_child(const struct gfs_node *dir, const char *name)
{
	struct gfs_node *other = NULL;

	for (size_t i = 0; i < dir->children.n; i++) {
		struct gfs_node *n = dir->children.v[i];

		if (strcmp(n->name, name) == 0)
			return n;
		if (!other && name_eq(n->name, name))
			other = n;
	}
	return other;
}

static void take_stat(const struct gfs_volume *v, struct gfs_node *n,
    const struct guestfs_statns *st)
{
	n->kind = S_ISDIR(st->st_mode) ? GFS_DIR : S_ISREG(st->st_mode) ? GFS_FILE : GFS_LINK;
	n->size = n->kind == GFS_FILE ? (uint64_t)st->st_size : 0;
	n->inode = (uint64_t)st->st_ino;
	n->links = (unsigned)st->st_nlink;
	n->seen = v->generation;
}

/* Ask for @name as spelled. 1 and the new node, 0, -1. */
static int probe(struct gfs *f, struct gfs_volume *v, struct gfs_node *dir, const char *name,
    struct gfs_node **out, struct error *err)
{
	CLEANUP(free) char *parent = gfs_path(v, dir);
	CLEANUP(free) char *path = xasprintf("%s/%s", parent, name);
	struct guestfs_statns *st = guestfs_lstatns(f->g, path);

	if (!st) {
		int why = guestfs_last_errno(f->g);

		if (why == ENOENT || why == ENOTDIR || why == ENAMETOOLONG)
			return 0;
		return appliance_err(f->g, err, "cannot look at %s", path);
	}
	*out = gfs_add(dir, name, GFS_FILE);
	take_stat(v, *out, st);
	guestfs_free_statns(st);
	return 1;
}

int gfs_refresh(struct gfs *f, struct gfs_volume *v, struct gfs_node *n, struct error *err)
{
	if (n->seen == v->generation)
		return 0;
	CLEANUP(free) char *path = gfs_path(v, n);
	struct guestfs_statns *st = guestfs_lstatns(f->g, path);
	if (!st)
		return appliance_err(f->g, err, "cannot look at %s", path);
	take_stat(v, n, st);
	guestfs_free_statns(st);
	return 0;
}

/*
 * @known: children that were probed before the listing. A type that readdir does not
 * know is asked for, since links must not be taken for files.
 */
static int add_listed(struct gfs *f, struct gfs_volume *v, struct gfs_node *dir, size_t known,
    const struct guestfs_dirent *e, struct error *err)
{
	struct gfs_node *n = NULL;

	if (strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0)
		return 0;
	if (e->name[0] == '\0' || strchr(e->name, '/'))
		return err_set(err, ERR_DAMAGED, "a name that no file can have");
	for (size_t i = 0; i < known; i++)
		if (strcmp(dir->children.v[i]->name, e->name) == 0)
			return 0;
	if (e->ftyp != 'd' && e->ftyp != 'r' && e->ftyp != 'l')
		return probe(f, v, dir, e->name, &n, err) < 0 ? -1 : 0;
	gfs_add(dir, e->name, e->ftyp == 'd' ? GFS_DIR : e->ftyp == 'r' ? GFS_FILE : GFS_LINK);
	return 0;
}

int gfs_list(struct gfs *f, struct gfs_volume *v, struct gfs_node *n, struct error *err)
{
	if (n->listed)
		return 0;
	CLEANUP(free) char *path = gfs_path(v, n);
	struct guestfs_dirent_list *l = guestfs_readdir(f->g, path);
	if (!l)
		return appliance_err(f->g, err, "cannot list %s", path);
	size_t known = n->children.n;
	int rc = 0;
	if (l->len > NAMES_MAX)
		rc = err_set(err, ERR_LIMIT, "more than %u names in one directory", NAMES_MAX);
	for (uint32_t i = 0; rc == 0 && i < l->len; i++)
		rc = add_listed(f, v, n, known, &l->val[i], err);
	guestfs_free_dirent_list(l);
	n->listed = rc == 0;
	return rc == 0 ? 0 : err_context(err, "%s", path);
}

static int step(struct gfs *f, struct gfs_volume *v, struct gfs_node *dir, const char *name,
    struct gfs_node **out, struct error *err)
{
	*out = find_child(dir, name);
	if (*out)
		return 1;
	if (dir->listed)
		return 0;
	int rc = probe(f, v, dir, name, out, err);
	if (rc != 0)
		return rc;
	if (gfs_list(f, v, dir, err) != 0)
		return -1;
	*out = find_child(dir, name);
	return *out != NULL;
}

int gfs_lookup(struct gfs *f, struct gfs_volume *v, const char *path, struct gfs_node **out,
    struct error *err)
{
	struct gfs_node *n = &v->root;

	while (*path == '/')
		path++;
	while (*path) {
		size_t len = strcspn(path, "/");
		CLEANUP(free) char *name = xstrndup(path, len);

		if (n->kind == GFS_LINK)
			return err_set(err, ERR_UNKNOWN_SHAPE, "%s is a link (reparse point), which "
							       "is not followed", n->name);
		int rc = n->kind == GFS_DIR ? step(f, v, n, name, &n, err) : 0;
		if (rc != 1)
			return rc;
		path += len + (path[len] == '/');
	}
	*out = n;
	return 1;
}
