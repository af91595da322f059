/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Carrying out the edits of a hive with libhivex, and reading back what it wrote. */
#include <errno.h>
#include <hivex.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "image/hive_cells.h"
#include "image/hive_internal.h"

/* libhivex's handle of a key is where its cell is in the file. */
#define NODE(at) ((hive_node_h)(at) + 0x1000)

static int hivex_failed(const struct hive *h, const char *what, const char *key,
    struct error *err)
{
	int saved = errno;

	err_errno(err, "%s: libhivex cannot %s %s", h->name, what, key);
	if (!err)
		return -1;
	/* its limits, and lists of subkeys of a kind that it cannot take from */
	if (saved == ERANGE)
		err->code = ERR_LIMIT;
	else if (saved == ENOTSUP)
		err->code = ERR_UNKNOWN_SHAPE;
	else if (err->code == ERR_IO)
		err->code = ERR_ENGINE;
	return -1;
}

/* Every cell that libhivex will free or rewrite is looked at before it gets to it. */
static int check_cells(const struct hive *h, struct error *err)
{
	struct hive_cells cells;
	int rc = hive_cells_open(&cells, &h->r, err);

	for (size_t i = 0; rc == 0 && i < h->doomed.n; i++)
		rc = hive_cells_doom(&cells, h->doomed.v[i], err);
	for (size_t i = 0; rc == 0 && i < h->keys.n; i++) {
		const struct hive_key *k = h->keys.v[i];

		if (k->at && (k->values_changed || k->subkeys_changed))
			rc = hive_cells_rewrite(
			    &cells, k->at, k->values_changed, k->subkeys_changed, err);
	}
	hive_cells_close(&cells);
	if (rc == 0)
		return 0;
	err_context(err, "%s", h->name);
	return hive_damaged_hint(err);
}

static int make_key(struct hive *h, hive_h *hx, struct hive_key *k, struct error *err)
{
	const char *slash = strrchr(k->path, '\\');
	const struct hive_key *parent =
	    hive_touched(h, k->path, slash ? (size_t)(slash - k->path) : 0);

	k->node = hivex_node_add_child(hx, parent->node, slash ? slash + 1 : k->path);
	return k->node ? 0 : hivex_failed(h, "make the key", k->path, err);
}

static int write_values(struct hive *h, hive_h *hx, const struct hive_key *k, struct error *err)
{
	hive_set_value *values = xcalloc(k->values.n, sizeof(*values));

	for (size_t i = 0; i < k->values.n; i++) {
		struct hive_item *item = &k->values.v[i];

		buf_reserve(&item->value.data, 0);
		values[i] = (hive_set_value){
		    .key = item->name,
		    .t = (hive_type)item->value.type,
		    .len = item->value.data.len,
		    .value = item->value.data.data,
		};
	}
	int rc = hivex_node_set_values(hx, k->node, k->values.n, values, 0);
	free(values);
	return rc == 0 ? 0 : hivex_failed(h, "write the key", hive_key_label(k->path), err);
}

static int apply(struct hive *h, hive_h *hx, struct error *err)
{
	for (size_t i = 0; i < h->doomed.n; i++)
		if (hivex_node_delete_child(hx, NODE(h->doomed.v[i])) != 0)
			return hivex_failed(h, "delete", "a key", err);
	for (size_t i = 0; i < h->keys.n; i++) {
		struct hive_key *k = h->keys.v[i];

		if (k->at)
			k->node = NODE(k->at);
		else if (make_key(h, hx, k, err) != 0)
			return -1;
		if (k->values_changed && write_values(h, hx, k, err) != 0)
			return -1;
	}
	return 0;
}

static int write_hive(struct hive *h, int fd, struct error *err)
{
	CLEANUP(free) char *from = xasprintf("/proc/self/fd/%d", h->fd);
	CLEANUP(free) char *to = xasprintf("/proc/self/fd/%d", fd);
	hive_h *hx = hivex_open(from, HIVEX_OPEN_WRITE);

	if (!hx)
		return hivex_failed(h, "open", "the hive", err);
	int rc = apply(h, hx, err);
	if (rc == 0 && hivex_commit(hx, to, 0) != 0)
		rc = hivex_failed(h, "write", "the hive", err);
	hivex_close(hx);
	if (rc == 0 && fsync(fd) != 0)
		rc = err_errno(err, "%s: cannot write the changed hive", h->name);
	return rc;
}

static int differs(const struct hive *h, const char *what, const struct hive_key *k,
    struct error *err)
{
	return err_set(err, ERR_VERIFY, "%s: the changed hive does not read back: %s of key %s",
	    h->name, what, hive_key_label(k->path));
}

static bool same_values(const struct hive_key *a, const struct hive_key *b)
{
	if (a->values.n != b->values.n)
		return false;
	for (size_t i = 0; i < a->values.n; i++) {
		const struct hive_item *x = &a->values.v[i], *y = &b->values.v[i];

		if (strcmp(x->name, y->name) != 0 || x->value.type != y->value.type ||
		    !buf_equal(&x->value.data, &y->value.data))
			return false;
	}
	return true;
}

static bool same_names(struct strvec *a, struct strvec *b)
{
	strvec_sort(a);
	strvec_sort(b);
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static int compare_key(struct hive *h, struct hive *written, struct hive_key *want,
    struct error *err)
{
	struct hive_place at;
	int rc = hive_find(written, want->path, &at, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return differs(h, "the name", want, err);
	struct hive_key *got = xcalloc(1, sizeof(*got));
	got->path = xstrdup(want->path);
	rc = hive_load_key(&written->r, written->name, &at.key, got, err);
	if (rc == 0 && !same_values(want, got))
		rc = differs(h, "the values", want, err);
	if (rc == 0 && !same_names(&want->subkeys, &got->subkeys))
		rc = differs(h, "the subkeys", want, err);
	hive_key_free(got);
	return rc;
}

static int read_back(struct hive *h, int fd, struct error *err)
{
	struct hive *written = hive_open(fd, h->name, false, false, err);
	int rc = written ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < h->keys.n; i++)
		rc = compare_key(h, written, h->keys.v[i], err);
	if (rc == 0)
		rc = hive_compare(h, &written->r, err);
	hive_close(written);
	if (rc == 0)
		return 0;
	if (err)
		err->code = ERR_VERIFY;
	return err_hint(err, "nothing was changed; report this fault of w7prep or libhivex");
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

int hive_commit(struct hive *h, int fd, struct error *err)
{
	if (!h->write || h->failed)
		return err_set(err, ERR_INTERNAL, "%s: commit after a failed edit", h->name);
	if (same_file(fd, h->fd))
		return err_set(err, ERR_INTERNAL, "%s: commit over the hive itself", h->name);
	h->failed = true;
	if (check_cells(h, err) != 0 || write_hive(h, fd, err) != 0)
		return -1;
	return read_back(h, fd, err);
}
