/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checksum files of a Clonezilla image: lines of the changed files made anew by the tools that
 * Clonezilla itself runs, all others kept byte for byte.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/proc.h"
#include "image/partclone_swap.h"

#define FILE_MAX (16u << 20)

static const struct {
	const char *file, *tool;
} kinds[] = {
    {"MD5SUMS", "md5sum"},
    {"SHA1SUMS", "sha1sum"},
    {"SHA256SUMS", "sha256sum"},
    {"SHA512SUMS", "sha512sum"},
    {"B2SUMS", "b2sum"},
    {"B3SUMS", "b3sum"},
};

/* The checksums of all new files, in their order. */
static int run_sum(
    const struct ptcl_swap *s, size_t n, const char *tool, struct strvec *sums, struct error *err)
{
	CLEANUP(strvec) struct strvec paths = STRVEC_INIT;
	CLEANUP(buf) struct buf out = BUF_INIT;
	CLEANUP(free) const char **argv = xcalloc(n + 3, sizeof(*argv));
	char *save = NULL;

	argv[0] = tool;
	argv[1] = "--";
	for (size_t i = 0; i < n; i++)
		strvec_take(&paths, path_join(s->staging, s->fresh.v[i]));
	for (size_t i = 0; i < n; i++)
		argv[2 + i] = paths.v[i];
	if (run_tool(argv, &out, err) != 0)
		return -1;
	/* "SUM  PATH"; a backslash in front says that the path was quoted */
	for (char *l = strtok_r(out.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		l += *l == '\\';
		l[strcspn(l, " ")] = '\0';
		strvec_add(sums, l);
	}
	if (sums->n == n)
		return 0;
	return err_set(err, ERR_ENGINE, "%s: unexpected output", tool);
}

/* The file that a line "SUM  NAME", "SUM *NAME" or "SUM  ./NAME" is about; NULL: none. */
static const char *line_name(const char *line)
{
	const char *name = strchr(line, ' ');

	if (!name || (name[1] != ' ' && name[1] != '*'))
		return NULL;
	name += 2;
	return strncmp(name, "./", 2) == 0 ? name + 2 : name;
}

struct edit {
	const struct ptcl_swap *s;
	size_t n; /* new partition files */
	const struct strvec *sums;
	struct buf out;
	bool done; /* the new lines are in it */
};

/* In the place of the first old line come all new ones, written as it was. */
static void add_lines(struct edit *e, const char *line)
{
	const char *name = line_name(line), *blank = strchr(line, ' ');
	int between = (int)(name - blank);

	for (size_t i = 0; i < e->n && !e->done; i++)
		buf_addf(&e->out, "%s%.*s%s\n", e->sums->v[i], between, blank, e->s->fresh.v[i]);
	e->done = true;
}

static int make_anew(
    struct ptcl_swap *s, size_t n, size_t kind, struct buf *text, struct error *err)
{
	CLEANUP(strvec) struct strvec sums = STRVEC_INIT;
	CLEANUP(free) char *path = path_join(s->staging, kinds[kind].file);
	struct edit e = {.s = s, .n = n, .sums = &sums, .out = BUF_INIT};
	char *save = NULL;

	if (run_sum(s, n, kinds[kind].tool, &sums, err) != 0)
		return -1;
	for (char *l = strtok_r(text->data, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		const char *name = line_name(l);

		if (name && strvec_has(&s->old, name))
			add_lines(&e, l);
		else
			buf_addf(&e.out, "%s\n", l);
	}
	int rc = write_file_atomic(path, e.out.data, e.out.len, 0600, err);
	buf_free(&e.out);
	return rc;
}

static bool mentions(const struct buf *text, const struct strvec *names)
{
	CLEANUP(free) char *copy = xstrndup(text->data, text->len);
	char *save = NULL;

	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		const char *name = line_name(l);

		if (name && strvec_has(names, name))
			return true;
	}
	return false;
}

int ptcl_swap_checksums(struct ptcl_swap *s, struct error *err)
{
	size_t n = s->fresh.n;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		CLEANUP(free) char *path = path_join(s->dir, kinds[i].file);
		CLEANUP(buf) struct buf text = BUF_INIT;

		if (access(path, F_OK) != 0)
			continue;
		if (read_whole_file(path, FILE_MAX, &text, err) != 0)
			return -1;
		if (!text.len || !mentions(&text, &s->old))
			continue;
		if (make_anew(s, n, i, &text, err) != 0)
			return err_context(err, "%s", kinds[i].file);
		strvec_add(&s->old, kinds[i].file);
		strvec_add(&s->fresh, kinds[i].file);
	}
	return 0;
}
