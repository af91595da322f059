/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal of a tree: what was there before each change. */
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/tree.h"

#define JOURNAL "journal"
#define JOURNAL_MAX (64u << 20)

static const char *const op_names[] = {"create", "mkdir", "write", "move", "unlink", "rmdir",
	"beside"};
#define OPS (sizeof(op_names) / sizeof(op_names[0]))

static void cleanup_json(json_t **j)
{
	json_decref(*j);
}

char *tree_hash(int fd, struct error *err)
{
	CLEANUP(free) uint8_t *block = xmalloc(65536);
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;
	off_t pos = 0;

	sha256_init(&sha);
	for (;;) {
		ssize_t n = pread(fd, block, 65536, pos);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_errno(err, "cannot read");
			return NULL;
		}
		if (n == 0)
			break;
		sha256_update(&sha, (size_t)n, block);
		pos += n;
	}
	sha256_digest(&sha, sizeof(digest), digest);
	return to_hex(digest, sizeof(digest));
}

struct tree_journal *tree_journal_create(const char *dir, bool scratch, bool sealed,
    struct error *err)
{
	struct tree_journal *j = xcalloc(1, sizeof(*j));

	j->path = xstrdup(dir);
	j->scratch = scratch;
	j->sealed = sealed;
	j->file = -1;
	j->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir >= 0)
		j->file = openat(j->dir, JOURNAL, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC,
		    0600);
	if (j->file >= 0 && fsync(j->dir) == 0)
		return j;
	err_errno(err, "cannot make a journal in %s", dir);
	tree_journal_close(j);
	return NULL;
}

void tree_journal_close(struct tree_journal *j)
{
	if (!j)
		return;
	if (j->file >= 0)
		close(j->file);
	if (j->dir >= 0)
		close(j->dir);
	free(j->path);
	free(j);
}

char *tree_journal_copy_name(struct tree_journal *j)
{
	return xasprintf("%06u", ++j->copies);
}

static json_t *pack_time(const struct timespec *t)
{
	return json_pack("[II]", (json_int_t)t->tv_sec, (json_int_t)t->tv_nsec);
}

static json_t *pack_hex(const struct buf *b)
{
	CLEANUP(free) char *hex = to_hex(b->data, b->len);

	return json_string(hex);
}

static json_t *pack_meta(const struct tree_meta *m)
{
	return json_pack("{sI sI sI sI sI so so so so so so}", "mode", (json_int_t)m->st.st_mode, "uid",
	    (json_int_t)m->st.st_uid, "gid", (json_int_t)m->st.st_gid, "ino",
	    (json_int_t)m->st.st_ino, "links", (json_int_t)m->st.st_nlink, "atime",
	    pack_time(&m->st.st_atim), "mtime", pack_time(&m->st.st_mtim), "sd", pack_hex(&m->sd),
	    "attributes", pack_hex(&m->attributes), "times", pack_hex(&m->times),
	    "dos_name", pack_hex(&m->dos_name));
}

int tree_journal_add(struct tree_journal *j, const struct tree_entry *e, struct error *err)
{
	CLEANUP(json) json_t *line = json_pack("{ss ss ss* ss* so}", "op", op_names[e->op], "path",
	    e->path, "copy", e->copy, "after", e->after, "before", pack_meta(&e->meta));
	CLEANUP(free) char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

	/* undo reads paths as strictly as everybody else: what it would refuse is not touched now */
	if (!text || !image_path_ok(e->path))
		return err_set(err, ERR_UNKNOWN_SHAPE, "%s: not a name that Windows allows", e->path);
	if (write_all(j->file, text, strlen(text), err) != 0 || write_all(j->file, "\n", 1, err) != 0)
		return err_context(err, "the journal in %s", j->path);
	if (fsync(j->file) != 0 || fsync(j->dir) != 0)
		return err_errno(err, "cannot sync the journal in %s", j->path);
	return 0;
}

static bool unpack_time(const json_t *pair, struct timespec *t)
{
	const json_t *s = json_array_get(pair, 0), *ns = json_array_get(pair, 1);

	t->tv_sec = json_integer_value(s);
	t->tv_nsec = json_integer_value(ns);
	return json_is_integer(s) && json_is_integer(ns) && t->tv_nsec >= 0 &&
	    t->tv_nsec < 1000000000;
}

static bool unpack_hex(const char *hex, struct buf *out)
{
	static const char digits[] = "0123456789abcdef";

	for (; hex[0] && hex[1]; hex += 2) {
		const char *high = strchr(digits, hex[0]), *low = strchr(digits, hex[1]);

		if (!high || !low)
			return false;
		char byte = (char)((high - digits) << 4 | (low - digits));
		buf_add(out, &byte, 1);
	}
	return hex[0] == '\0';
}

static bool unpack_meta(json_t *before, struct tree_meta *m)
{
	json_int_t mode, uid, gid, ino = 0, links = 1;
	json_t *atime, *mtime;
	const char *sd, *attributes, *times, *dos_name;

	if (json_unpack(before, "{sI sI sI s?I s?I so so ss ss ss ss}", "mode", &mode, "uid", &uid, "gid",
		&gid, "ino", &ino, "links", &links, "atime", &atime, "mtime", &mtime, "sd", &sd, "attributes", &attributes, "times",
		&times, "dos_name", &dos_name) != 0)
		return false;
	m->st.st_mode = (mode_t)mode;
	m->st.st_uid = (uid_t)uid;
	m->st.st_gid = (gid_t)gid;
	m->st.st_ino = (ino_t)ino;
	m->st.st_nlink = (nlink_t)links;
	return unpack_time(atime, &m->st.st_atim) && unpack_time(mtime, &m->st.st_mtim) &&
	    unpack_hex(sd, &m->sd) && unpack_hex(attributes, &m->attributes) &&
	    unpack_hex(times, &m->times) && unpack_hex(dos_name, &m->dos_name);
}

/* Records are private to their owner, but a path or a name in one must still lead nowhere else. */
static bool copy_name_ok(const char *name)
{
	return !name || (*name && strspn(name, "0123456789") == strlen(name));
}

static bool needs_copy(enum tree_op op)
{
	return op == TREE_WRITE || op == TREE_MOVE || op == TREE_UNLINK;
}

static bool unpack_entry(json_t *line, struct tree_entry *e)
{
	const char *op, *path, *copy = NULL, *after = NULL;
	json_t *before;
	size_t i;

	if (json_unpack(line, "{ss ss s?s s?s so}", "op", &op, "path", &path, "copy", &copy, "after",
		&after, "before", &before) != 0)
		return false;
	for (i = 0; i < OPS && strcmp(op, op_names[i]) != 0;)
		i++;
	e->op = (enum tree_op)i;
	e->path = xstrdup(path);
	e->copy = copy ? xstrdup(copy) : NULL;
	e->after = after ? xstrdup(after) : NULL;
	return i < OPS && image_path_ok(path) && copy_name_ok(copy) &&
	    (copy || !needs_copy(e->op)) && unpack_meta(before, &e->meta);
}

int tree_log_read(const char *dir, struct tree_log *out, struct error *err)
{
	CLEANUP(free) char *path = path_join(dir, JOURNAL);
	CLEANUP(buf) struct buf text = BUF_INIT;

	if (read_whole_file(path, JOURNAL_MAX, &text, err) != 0)
		return -1;
	char *end, *line = text.data;
	for (; (end = memchr(line, '\n', text.len - (size_t)(line - text.data))); line = end + 1) {
		CLEANUP(json) json_t *j = json_loadb(line, (size_t)(end - line), 0, NULL);

		if (!unpack_entry(j, VEC_PUSH(&out->list)))
			return err_set(err, ERR_DAMAGED, "%s: entry %zu is not readable", path,
			    out->list.n);
	}
	return 0;
}

void tree_log_free(struct tree_log *log)
{
	for (size_t i = 0; i < log->list.n; i++) {
		struct tree_entry *e = &log->list.v[i];

		free(e->path);
		free(e->copy);
		free(e->after);
		tree_meta_free(&e->meta);
	}
	free(log->list.v);
}
