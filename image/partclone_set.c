/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partclone_set.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/partition_name.h"

#define PARTS_MAX 20000
#define PIECE (1u << 20)
#define NTFS_MARK ".ntfs-ptcl-img"

void ptcl_set_free(struct ptcl_set *s)
{
	free(s->dir);
	free(s->stem);
	strvec_free(&s->names);
	*s = (struct ptcl_set){0};
}

static bool all_of(const char *s, int (*is)(int))
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!is((unsigned char)*s))
			return false;
	return true;
}

/* What follows the stem: nothing, or what split added. */
static bool parse_suffix(struct ptcl_set *s, const char *rest)
{
	if (!*rest)
		return true;
	s->suffix = (unsigned)strlen(rest + 1);
	s->naming = all_of(rest + 1, isdigit) ? PTCL_DIGITS : PTCL_LETTERS;
	return s->suffix >= 2 && s->suffix <= 6 &&
	       (s->naming == PTCL_DIGITS || all_of(rest + 1, islower));
}

static bool exists(const char *dir, const char *name)
{
	CLEANUP(free) char *path = path_join(dir, name);
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

char *ptcl_set_name(const struct ptcl_set *s, unsigned n)
{
	char suffix[8] = "";
	unsigned left = n;

	if (s->naming == PTCL_WHOLE)
		return n ? NULL : xstrdup(s->stem);
	if (n == 0 && s->bare_first)
		return xstrdup(s->stem);
	for (unsigned i = s->suffix; i-- > 0;) {
		unsigned base = s->naming == PTCL_DIGITS ? 10 : 26;

		suffix[i] = (char)((s->naming == PTCL_DIGITS ? '0' : 'a') + left % base);
		left /= base;
	}
	return left ? NULL : xasprintf("%s.%s", s->stem, suffix);
}

/* How the parts are called, from the name of one of them and what lies beside it. */
static void find_naming(struct ptcl_set *s, const char *name)
{
	size_t n = name_fog_stem(name, &s->disk, &s->partition);
	bool fog = n != 0;

	if (!n)
		n = name_clonezilla_stem(name);
	if (!n || !parse_suffix(s, name + n)) {
		s->naming = PTCL_WHOLE;
		s->stem = xstrdup(name);
		return;
	}
	s->stem = xstrndup(name, n);
	if (fog) {
		s->bare_first = exists(s->dir, s->stem);
		s->naming = PTCL_DIGITS;
		s->suffix = 3;
	}
}

/* Is there a part behind the first gap? Then the gap is a part that is missing. */
static int check_gap(const struct ptcl_set *s, struct error *err)
{
	unsigned next = (unsigned)s->names.n;

	for (unsigned i = next + 1; i < next + 100; i++) {
		CLEANUP(free) char *name = ptcl_set_name(s, i);

		if (!name)
			return 0;
		if (!exists(s->dir, name))
			continue;
		CLEANUP(free) char *missing = ptcl_set_name(s, next);
		err_set(err, ERR_DAMAGED, "part %s is missing", missing);
		return err_hint(err, "copy the whole image again");
	}
	return 0;
}

static int add_part(struct ptcl_set *s, const char *name, struct error *err)
{
	CLEANUP(free) char *path = path_join(s->dir, name);
	struct stat st;

	if (stat(path, &st) != 0)
		return err_errno(err, "cannot find %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_NOT_AN_IMAGE, "%s is not a regular file", path);
	const uint64_t mark[] = {s->mark, (uint64_t)st.st_ino, (uint64_t)st.st_size,
	    (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec};

	if (s->names.n == 0)
		s->part_size = (uint64_t)st.st_size;
	/* the one before this one was not the last */
	s->equal = s->names.n == 0 || (s->equal && s->bytes == s->names.n * s->part_size);
	s->mark = XXH3_64bits(mark, sizeof(mark));
	s->bytes += (uint64_t)st.st_size;
	strvec_add(&s->names, name);
	return 0;
}

static int first_missing(const struct ptcl_set *s, struct error *err)
{
	err_set(err, ERR_DAMAGED, "the first part of %s is missing", s->stem);
	return err_hint(err, "copy the whole image again");
}

static int list_parts(struct ptcl_set *s, struct error *err)
{
	CLEANUP(free) char *first = ptcl_set_name(s, 0);

	if (s->naming != PTCL_WHOLE && !exists(s->dir, first))
		return first_missing(s, err);
	for (unsigned i = 0; i < PARTS_MAX; i++) {
		CLEANUP(free) char *name = ptcl_set_name(s, i);

		if (!name || (i && !exists(s->dir, name)))
			break;
		if (add_part(s, name, err) != 0)
			return -1;
	}
	if (s->bytes > s->names.n * s->part_size)
		s->equal = false;
	if (s->names.n == 1)
		s->part_size = 0;
	return s->naming == PTCL_WHOLE ? 0 : check_gap(s, err);
}

int ptcl_set_find(const char *path, struct ptcl_set *s, struct error *err)
{
	CLEANUP(free) char *real = realpath(path, NULL);

	*s = (struct ptcl_set){0};
	if (!real)
		return err_set(err, ERR_NO_SUCH_FILE, "%s: no such file", path);
	s->dir = path_dir(real);
	find_naming(s, path_base(real));
	if (list_parts(s, err) == 0)
		return 0;
	ptcl_set_free(s);
	return -1;
}

int ptcl_set_unchanged(const struct ptcl_set *s, struct error *err)
{
	CLEANUP(free) char *first = path_join(s->dir, s->names.v[0]);
	struct ptcl_set now;
	bool same = false;

	if (ptcl_set_find(first, &now, NULL) == 0) {
		same = now.mark == s->mark && now.names.n == s->names.n;
		ptcl_set_free(&now);
	}
	if (same)
		return 0;
	err_set(err, ERR_CHANGED_SINCE, "%s: another program replaced or wrote to it", s->stem);
	return err_hint(err, "run the same command again");
}

/*
 * A lease for writing is granted when nobody else has the file open, however they reach it:
 * the kernel's NFS server, through which FOG's clients read, shows in no process's list.
 */
static int in_use(const char *path, struct error *err)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_errno(err, "cannot open %s", path);
	/* should the lease be broken at once: a signal that does nothing */
	fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		return 0;
	}
	return errno == EAGAIN;
}

int ptcl_set_not_in_use(const struct ptcl_set *s, struct error *err)
{
	for (size_t i = 0; i < s->names.n; i++) {
		CLEANUP(free) char *path = path_join(s->dir, s->names.v[i]);
		int rc = in_use(path, err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		err_set(err, ERR_LOCKED,
		    "%s is open in another program: it is being deployed or copied", s->names.v[i]);
		return err_hint(err, "wait until no imaging task uses this image, then try again");
	}
	return 0;
}

/* Is @name one that split gives? Someone's d1p2.img.old or sda2.ntfs-ptcl-img.gz.old is not. */
static bool is_later_part(const struct ptcl_set *s, const char *name)
{
	const char *suffix = name + strlen(s->stem);

	if (!*suffix || exists(s->dir, s->stem))
		return false;
	return s->naming == PTCL_LETTERS
		   ? strlen(suffix + 1) == 2
		   : strlen(suffix + 1) == s->suffix && all_of(suffix + 1, isdigit);
}

/* The first part, or any where that is missing: somebody must say so. */
static bool stands_for_its_set(const char *dir, const char *name)
{
	CLEANUP(free) char *path = path_join(dir, name);
	struct ptcl_set s = {.dir = xstrdup(dir)};

	find_naming(&s, name);
	CLEANUP(free) char *first = ptcl_set_name(&s, 0);
	bool yes = access(path, F_OK) == 0 &&
		   (strcmp(first, name) == 0 || (is_later_part(&s, name) && !exists(dir, first)));
	ptcl_set_free(&s);
	return yes;
}

static bool can_hold_windows(const char *name)
{
	unsigned disk, partition;

	return name_fog_stem(name, &disk, &partition) ||
	       (name_clonezilla_stem(name) && strstr(name, NTFS_MARK));
}

void ptcl_dir_list(const char *dir, struct strvec *paths)
{
	DIR *d = opendir(dir);

	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		if (can_hold_windows(e->d_name) && stands_for_its_set(dir, e->d_name))
			strvec_take(paths, path_join(dir, e->d_name));
	closedir(d);
	strvec_sort(paths);
}

int ptcl_parts_read(void *opaque, void *p, size_t max, size_t *got, struct error *err)
{
	struct ptcl_parts *parts = opaque;

	for (;;) {
		ssize_t n = parts->fd < 0 ? 0 : read(parts->fd, p, max);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(
			    err, "cannot read %s", parts->set->names.v[parts->next - 1]);
		*got = (size_t)n;
		if (n > 0 || parts->next >= parts->set->names.n)
			return 0;
		CLEANUP(free)
		char *path = path_join(parts->set->dir, parts->set->names.v[parts->next++]);
		ptcl_parts_end(parts);
		parts->fd = open(path, O_RDONLY | O_CLOEXEC);
		if (parts->fd < 0)
			return err_errno(err, "cannot open %s", path);
		posix_fadvise(parts->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
}

void ptcl_parts_end(struct ptcl_parts *parts)
{
	if (parts->fd >= 0)
		close(parts->fd);
	parts->fd = -1;
}

int ptcl_set_digest(const struct ptcl_set *s, char hex[33], struct error *err)
{
	struct ptcl_parts parts = PTCL_PARTS_INIT(s);
	CLEANUP(free) uint8_t *p = xmalloc(PIECE);
	XXH3_state_t *state = XXH3_createState();
	XXH128_canonical_t sum;
	size_t n = 1;
	int rc = state ? 0 : err_set(err, ERR_NO_MEMORY, "out of memory");

	if (state)
		XXH3_128bits_reset(state);
	while (rc == 0 && n) {
		rc = ptcl_parts_read(&parts, p, PIECE, &n, err);
		if (rc == 0)
			XXH3_128bits_update(state, p, n);
	}
	ptcl_parts_end(&parts);
	if (rc == 0) {
		XXH128_canonicalFromHash(&sum, XXH3_128bits_digest(state));
		CLEANUP(free) char *text = to_hex(sum.digest, sizeof(sum.digest));
		memcpy(hex, text, 33);
	}
	XXH3_freeState(state);
	return rc;
}

static const struct {
	const char *suffix;
	enum codec codec;
} suffixes[] = {
    {"gz", CODEC_GZIP},
    {"zst", CODEC_ZSTD},
    {"xz", CODEC_XZ},
    {"lz4", CODEC_LZ4},
    {"uncomp", CODEC_NONE},
};

static const struct {
	const char *magic;
	size_t n;
	const char *name;
} foreign[] = {
    {"BZh", 3, "bzip2"},
    {"\x89LZO", 4, "lzop"},
    {"LZIP", 4, "lzip"},
    {"LRZI", 4, "lrzip"},
    {"\x5d\0\0", 3, "lzma"},
};

/* Clonezilla chooses the program to unpack with by the name: a lie there must not be kept. */
static int check_suffix(const struct ptcl_set *s, enum codec codec, struct error *err)
{
	const char *mark = strstr(s->stem, CLONEZILLA_MARK ".");
	const char *suffix = mark ? mark + strlen(CLONEZILLA_MARK ".") : NULL;

	for (size_t i = 0; suffix && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (strcmp(suffixes[i].suffix, suffix) != 0 || suffixes[i].codec == codec)
			continue;
		err_set(err, ERR_FORMAT, "%s is not what its name says: its codec is %s", s->stem,
		    codec_name(codec));
		return err_hint(
		    err, "give it the suffix of its codec: Clonezilla goes by the name");
	}
	return 0;
}

int ptcl_set_codec(const struct ptcl_set *s, enum codec *codec, struct error *err)
{
	struct ptcl_parts parts = PTCL_PARTS_INIT(s);
	uint8_t head[CODEC_MAGIC_MAX];
	size_t n;
	int rc = ptcl_parts_read(&parts, head, sizeof(head), &n, err);

	ptcl_parts_end(&parts);
	if (rc != 0)
		return -1;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (n < foreign[i].n || memcmp(head, foreign[i].magic, foreign[i].n) != 0)
			continue;
		err_set(err, ERR_FORMAT, "%s is compressed with %s, which is not supported",
		    s->stem, foreign[i].name);
		return err_hint(
		    err, "convert it with Clonezilla's ocs-cvtimg-comp to zstd or gzip");
	}
	*codec = codec_of(head, n);
	return check_suffix(s, *codec, err);
}
