/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"

#define MAGIC "w7prep sealed 1\n"
#define MAGIC_SIZE 16u
#define NAME_SIZE crypto_generichash_BYTES_MIN
#define KEY_SIZE crypto_secretstream_xchacha20poly1305_KEYBYTES
#define PIECE 65536u
#define MORE crypto_secretstream_xchacha20poly1305_ABYTES

/* How a sealed file begins. */
struct head {
	char magic[MAGIC_SIZE];
	uint8_t key_name[NAME_SIZE];
	uint8_t stream[crypto_secretstream_xchacha20poly1305_HEADERBYTES];
};

/* In both directions: where it comes from and goes to, and how far it is. */
struct flow {
	crypto_secretstream_xchacha20poly1305_state state;
	int from, to;
	uint64_t size, in, out; /* of @from; read, written */
	uint8_t clear[PIECE], sealed[PIECE + MORE];
};

/* Neither keys nor pieces stay in the heap. */
static void cleanup_flow(struct flow **f)
{
	if (*f)
		sodium_memzero(*f, sizeof(**f));
	free(*f);
}

static void cleanup_key(uint8_t (*key)[KEY_SIZE])
{
	sodium_memzero(*key, KEY_SIZE);
}

static int ready(struct error *err)
{
	return sodium_init() >= 0 ? 0
	    : err_set(err, ERR_ENGINE, "libsodium cannot be used on this machine");
}

/* ---- the key ---- */

/* Where it is looked for; the first is where it is made. A service of root's has no home. */
static void key_places(struct strvec *out)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	/* the XDG specification: a relative path is to be ignored */
	if (state && *state == '/')
		strvec_take(out, path_join(state, "w7prep/undo.key"));
	if (home && *home == '/')
		strvec_take(out, path_join(home, ".local/state/w7prep/undo.key"));
	strvec_add(out, "/var/lib/w7prep/undo.key");
}

char *seal_key_path(void)
{
	CLEANUP(strvec) struct strvec places = STRVEC_INIT;

	key_places(&places);
	return xstrdup(places.v[0]);
}

static int check_key_file(int fd, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size != KEY_SIZE) {
		err_set(err, ERR_NO_UNDO, "%s: not a key that seals undo records", path);
		return err_hint(err, "restore it from a backup, or move it away for a new one");
	}
	if ((st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0) ||
	    st.st_mode & (S_IRWXG | S_IRWXO)) {
		err_set(err, ERR_NO_UNDO, "%s: others may read the key that seals undo records", path);
		return err_hint(err, "chown it to yourself, and chmod 600 it");
	}
	return 0;
}

/* 1/0/-1: 0 when there is none. */
static int read_key(const char *path, uint8_t key[KEY_SIZE], struct error *err)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	/* that of the machine is root's alone */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (fd < 0)
		return err_errno(err, "cannot open %s", path);
	if (check_key_file(fd, path, err) != 0 || pread_all(fd, key, KEY_SIZE, 0, err) != 0)
		return -1;
	return 1;
}

/* Whole or not at all, and never over another one: a run beside us may have been faster. */
static int write_key(const char *path, const uint8_t key[KEY_SIZE], struct error *err)
{
	CLEANUP(free) char *tmp = xasprintf("%s.XXXXXX", path);
	CLEANUP(close) int fd = mkostemp(tmp, O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "cannot create %s", path);
	if (write_all(fd, key, KEY_SIZE, err) != 0)
		err_context(err, "%s", path);
	else if (fsync(fd) != 0 || (link(tmp, path) != 0 && errno != EEXIST))
		err_errno(err, "cannot write %s", path);
	else if (unlink(tmp) == 0)
		return sync_parent(path, err);
	unlink(tmp);
	return -1;
}

static int make_key(const char *path, uint8_t key[KEY_SIZE], struct error *err)
{
	crypto_secretstream_xchacha20poly1305_keygen(key);
	if (make_parents(path, err) != 0 || write_key(path, key, err) != 0) {
		err_context(err, "the image holds a product key, and what undo needs must be sealed");
		return err_hint(err, "set XDG_STATE_HOME to a directory that you can write to, or "
		    "use -o OUT, which needs no undo record");
	}
	int rc = read_key(path, key, err);
	return rc == 0 ? err_set(err, ERR_IO, "%s was made and is not there", path) : rc;
}

static int no_key(struct error *err)
{
	CLEANUP(free) char *path = seal_key_path();

	err_set(err, ERR_NO_UNDO, "the undo record is sealed with another key than %s", path);
	return err_hint(err, "run this as the user and on the machine that ran w7prep apply, or copy "
	    "the undo.key from there");
}

static void name_key(const uint8_t key[KEY_SIZE], uint8_t name[NAME_SIZE])
{
	crypto_generichash(name, NAME_SIZE, key, KEY_SIZE, NULL, 0);
}

/* The key to seal with. */
static int own_key(uint8_t key[KEY_SIZE], struct error *err)
{
	CLEANUP(free) char *path = seal_key_path();
	int rc = read_key(path, key, err);

	return rc == 0 ? make_key(path, key, err) : rc;
}

/* The key called @want: 1/0/-1. */
static int known_key(uint8_t key[KEY_SIZE], const uint8_t want[NAME_SIZE], struct error *err)
{
	CLEANUP(strvec) struct strvec places = STRVEC_INIT;
	uint8_t name[NAME_SIZE];

	key_places(&places);
	for (size_t i = 0; i < places.n; i++) {
		int rc = read_key(places.v[i], key, err);

		if (rc < 0)
			return -1;
		name_key(key, name);
		if (rc == 1 && memcmp(name, want, NAME_SIZE) == 0)
			return 1;
	}
	return 0;
}

/* ---- the stream ---- */

static struct flow *flow_open(int from, int to, struct error *err)
{
	struct flow *f = xcalloc(1, sizeof(*f));
	struct stat st;

	f->from = from;
	f->to = to;
	if (fstat(from, &st) == 0) {
		f->size = (uint64_t)st.st_size;
		return f;
	}
	err_errno(err, "cannot read");
	free(f);
	return NULL;
}

/* The next piece, of at most @n bytes: how many it has. @last: nothing follows. */
static int next_piece(struct flow *f, uint8_t *p, size_t n, size_t *got, bool *last,
    struct error *err)
{
	if (cancel_requested())
		return err_set(err, ERR_INTERRUPT, "interrupted");
	if (n > f->size - f->in)
		n = (size_t)(f->size - f->in);
	if (pread_all(f->from, p, n, f->in, err) != 0)
		return -1;
	f->in += n;
	*got = n;
	*last = f->in == f->size;
	return 0;
}

static int put_piece(struct flow *f, const void *p, size_t n, struct error *err)
{
	if (f->to >= 0 && pwrite_all(f->to, p, n, f->out, err) != 0)
		return -1;
	f->out += n;
	return 0;
}

static int seal_pieces(struct flow *f, struct error *err)
{
	unsigned long long n;
	bool last = false;
	size_t got;

	while (!last) {
		if (next_piece(f, f->clear, PIECE, &got, &last, err) != 0)
			return -1;
		crypto_secretstream_xchacha20poly1305_push(&f->state, f->sealed, &n, f->clear, got, NULL,
		    0, last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0);
		if (put_piece(f, f->sealed, (size_t)n, err) != 0)
			return -1;
		progress("sealing the original", f->in, f->size);
	}
	return 0;
}

int seal_fd(int from, int to, struct error *err)
{
	__attribute__((cleanup(cleanup_flow))) struct flow *f = flow_open(from, to, err);
	__attribute__((cleanup(cleanup_key))) uint8_t key[KEY_SIZE] = {0};
	struct head head;

	if (!f || ready(err) != 0 || own_key(key, err) < 0)
		return -1;
	memcpy(head.magic, MAGIC, MAGIC_SIZE);
	name_key(key, head.key_name);
	crypto_secretstream_xchacha20poly1305_init_push(&f->state, head.stream, key);
	return put_piece(f, &head, sizeof(head), err) != 0 ? -1 : seal_pieces(f, err);
}

static int damaged(struct error *err)
{
	return err_set(err, ERR_DAMAGED, "the sealed copy in the undo record is damaged");
}

static int unseal_pieces(struct flow *f, struct error *err)
{
	unsigned long long n;
	bool last = false;
	uint8_t tag;
	size_t got;

	while (!last) {
		if (next_piece(f, f->sealed, sizeof(f->sealed), &got, &last, err) != 0)
			return -1;
		if (crypto_secretstream_xchacha20poly1305_pull(&f->state, f->clear, &n, &tag, f->sealed,
			got, NULL, 0) != 0 ||
		    last != (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL))
			return damaged(err);
		if (put_piece(f, f->clear, (size_t)n, err) != 0)
			return -1;
		progress("unsealing the original", f->in, f->size);
	}
	return f->to < 0 || ftruncate(f->to, (off_t)f->out) == 0 ? 0 : err_errno(err, "cannot write");
}

int unseal_fd(int from, int to, struct error *err)
{
	__attribute__((cleanup(cleanup_flow))) struct flow *f = flow_open(from, to, err);
	__attribute__((cleanup(cleanup_key))) uint8_t key[KEY_SIZE] = {0};
	struct head head;

	if (!f || ready(err) != 0)
		return -1;
	if (f->size < sizeof(head))
		return damaged(err);
	if (pread_all(from, &head, sizeof(head), 0, err) != 0)
		return -1;
	f->in = sizeof(head);
	if (memcmp(head.magic, MAGIC, MAGIC_SIZE) != 0)
		return damaged(err);
	int known = known_key(key, head.key_name, err);
	if (known <= 0)
		return known < 0 ? -1 : no_key(err);
	if (crypto_secretstream_xchacha20poly1305_init_pull(&f->state, head.stream, key) != 0)
		return damaged(err);
	return unseal_pieces(f, err);
}

/* ---- files ---- */

static int adopt(int from, int to, struct error *err)
{
	struct stat st;

	if (fstat(from, &st) != 0)
		return err_errno(err, "cannot read");
	const struct timespec times[2] = {st.st_atim, st.st_mtim};
	/* only root can; anybody else owns both already */
	if (fchown(to, st.st_uid, st.st_gid) != 0)
		log_debug("a copy keeps our owner: %s", strerror(errno));
	if (fchmod(to, st.st_mode & 07777) != 0 || futimens(to, times) != 0 || fsync(to) != 0)
		return err_errno(err, "cannot write");
	return 0;
}

static int copy(const char *from, const char *to,
    int (*how)(int from, int to, struct error *err), struct error *err)
{
	CLEANUP(close) int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (in < 0)
		return err_errno(err, "cannot open %s", from);
	CLEANUP(close) int out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_errno(err, "cannot create %s", to);
	if (how(in, out, err) == 0 && adopt(in, out, err) == 0)
		return 0;
	unlink(to);
	return err_context(err, "%s", to);
}

int seal_file(const char *from, const char *to, struct error *err)
{
	return copy(from, to, seal_fd, err);
}

int unseal_file(const char *from, const char *to, struct error *err)
{
	return copy(from, to, unseal_fd, err);
}
