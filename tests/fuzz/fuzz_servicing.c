/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KB971033 out of a servicing store that was changed first: keys, values and files come and go,
 * with names and data that other places of the store have. Either it is refused, with the
 * image as it was, or it is carried out: then the self-check says afterwards what it said before,
 * and nothing is gone that does not name the package.
 *
 * The input: for each change a byte (what), and numbers of 16 bits (where, which name, …).
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "image/reg_key.h"
#include "image/servicing.h"
#include "plugin/job.h"
#include "tests/fixtures/phony_parts.h"
#include "tests/fuzz/fuzz_tree.h"

#define CHANGES_MAX 6
#define CONFIG "Windows/System32/config/"
#define SERVICING "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"
#define SIDE_BY_SIDE "Microsoft\\Windows\\CurrentVersion\\SideBySide"

enum { SOFTWARE, COMPONENTS, SYSTEM, HIVES };
static const char *const hive_names[HIVES] = {"SOFTWARE", "COMPONENTS", "SYSTEM"};

/* What the sound store is made of. */
static struct {
	char *dir;
	struct phony_options o;
	char *catalog; /* hash of KB971033's */
	struct strvec keys[2], names, files;
	VEC(struct buf) data;
} sound;

static unsigned number(struct fuzz_bytes *b, size_t n)
{
	unsigned v = fuzz_byte(b);

	v |= (unsigned)fuzz_byte(b) << 8;
	return n ? v % (unsigned)n : 0;
}

/* ---- reading a tree ---- */

static struct {
	struct strvec *out;
	size_t skip;

} listing;

static int add_file(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)f;
	if (type == FTW_F && !name_contains(path, "/config/"))
		strvec_add(listing.out, path + listing.skip);
	return 0;
}

static void list_files(const char *dir, struct strvec *out)
{
	listing.out = out;
	listing.skip = strlen(dir) + 1;
	FUZZ_CHECK(nftw(dir, add_file, 16, FTW_PHYS) == 0);
	strvec_sort(out);
}

static int add_line(void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	struct strvec *out = opaque;

	(void)err;
	strvec_addf(out, "%s", path);
	for (size_t i = 0; i < key->values.n; i++) {
		const struct reg_value *v = &key->values.v[i];
		CLEANUP(free) char *hex = to_hex(v->data.data, v->data.len);

		strvec_addf(out, "%s!%s %u %s", path, v->name, v->type, hex);
	}
	return 1;
}

static void map_hive(const char *dir, int hive, struct regf *r)
{
	CLEANUP(free) char *path = xasprintf("%s/" CONFIG "%s", dir, hive_names[hive]);
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && regf_map(r, fd, NULL) == 0);
}

/* Every key and value of servicing, one a line. */
static void list_registry(const char *dir, struct strvec *out)
{
	struct regf r;

	map_hive(dir, SOFTWARE, &r);
	FUZZ_CHECK(reg_walk(&r, SERVICING, add_line, out, NULL) == 0);
	FUZZ_CHECK(reg_walk(&r, SIDE_BY_SIDE, add_line, out, NULL) == 0);
	regf_unmap(&r);
	map_hive(dir, COMPONENTS, &r);
	FUZZ_CHECK(reg_walk(&r, "", add_line, out, NULL) == 0);
	regf_unmap(&r);
	strvec_sort(out);
}

/* ---- the sound store ---- */

static void add_name(const char *name)
{
	if (*name && !strvec_has(&sound.names, name))
		strvec_add(&sound.names, name);
}

static int add_parts(void *opaque, const char *path, const struct reg_key *key, struct error *err)
{
	const char *base = strrchr(path, '\\');

	(void)err;
	strvec_add(opaque, path);
	add_name(base ? base + 1 : path);
	if (name_contains(path, "Catalogs\\") && key->values.n &&
	    name_contains(key->values.v[0].name, "gies-deploy_"))
		sound.catalog = xstrdup(base + 1);
	for (size_t i = 0; i < key->values.n; i++) {
		add_name(key->values.v[i].name);
		buf_add(
		    VEC_PUSH(&sound.data), key->values.v[i].data.data, key->values.v[i].data.len);
	}
	return 1;
}

static void make_sound(void)
{
	static const char *const args[] = {"servicing=full", "store-packages=8", NULL};
	struct regf r;

	sound.dir = fuzz_tree(args);
	phony_init(&sound.o);
	for (size_t i = 0; args[i]; i++)
		FUZZ_CHECK(phony_set(&sound.o, args[i], NULL) == 0);
	map_hive(sound.dir, SOFTWARE, &r);
	FUZZ_CHECK(reg_walk(&r, SERVICING, add_parts, &sound.keys[SOFTWARE], NULL) == 0);
	FUZZ_CHECK(reg_walk(&r, SIDE_BY_SIDE, add_parts, &sound.keys[SOFTWARE], NULL) == 0);
	regf_unmap(&r);
	map_hive(sound.dir, COMPONENTS, &r);
	FUZZ_CHECK(reg_walk(&r, "", add_parts, &sound.keys[COMPONENTS], NULL) == 0);
	regf_unmap(&r);
	list_files(sound.dir, &sound.files);
	FUZZ_CHECK(sound.catalog);
}

/* ---- a store that was changed ---- */

/* A link to a file of the sound store. */
static void put_link(const char *dir, const char *name)
{
	CLEANUP(free) char *from = path_join(sound.dir, name);
	CLEANUP(free) char *path = path_join(dir, name);

	if (link(from, path) == 0)
		return;
	FUZZ_CHECK(errno == ENOENT);
	FUZZ_CHECK(make_parents(path, NULL) == 0 && link(from, path) == 0);
}

static void change_key(struct fuzz_bytes *b, struct hivegen *const hives[])
{
	unsigned hive = number(b, 2);
	const struct strvec *keys = &sound.keys[hive];
	const char *key = keys->v[number(b, keys->n)];
	const char *name = sound.names.v[number(b, sound.names.n)];
	const struct buf *data = &sound.data.v[number(b, sound.data.n)];

	if (fuzz_byte(b) & 1) {
		CLEANUP(free) char *sub = xasprintf("%s\\%s", key, name);

		hivegen_key(hives[hive], sub);
		return;
	}
	hivegen_set(
	    hives[hive], key, name, 1 + fuzz_byte(b) % 4u, data->len ? data->data : "", data->len);
}

/* A file is gone, or one is there by the name of another, or by a name of the registry. */
static void change_file(struct fuzz_bytes *b, const char *dir, unsigned how)
{
	const char *file = sound.files.v[number(b, sound.files.n)];
	CLEANUP(free) char *path = path_join(dir, file);

	if (how == 0) {
		unlink(path);
		return;
	}
	CLEANUP(free) char *folder = path_dir(file);
	const char *name = how == 1 ? path_base(sound.files.v[number(b, sound.files.n)])
				    : sound.names.v[number(b, sound.names.n)];
	CLEANUP(free) char *fresh = path_join(folder, name);
	CLEANUP(free) char *full = path_join(dir, fresh);
	if (!strpbrk(name, "/\\") && strlen(name) < 200 && access(full, F_OK) != 0)
		FUZZ_CHECK(write_file_atomic(full, "MZ", 2, 0600, NULL) == 0);
}

static void make_store(struct fuzz_bytes *b, const char *dir)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct hivegen *hives[HIVES] = {hivegen_new(), hivegen_new(), hivegen_new()};
	struct phony p = {.dir = dir, .o = &sound.o, .err = &err};

	for (size_t i = 0; i < sound.files.n; i++)
		put_link(dir, sound.files.v[i]);
	phony_software_hive(&p, hives[SOFTWARE]);
	phony_servicing_components(&sound.o, hives[COMPONENTS]);
	phony_system_hive(&p, hives[SYSTEM]);
	for (int i = 0; i < CHANGES_MAX && b->n; i++) {
		unsigned how = fuzz_byte(b) % 8;

		if (how < 5)
			change_key(b, hives);
		else
			change_file(b, dir, how - 5);
	}
	for (int i = 0; i < HIVES; i++) {
		CLEANUP(free) char *path = xasprintf("%s/" CONFIG "%s", dir, hive_names[i]);

		FUZZ_CHECK(make_parents(path, NULL) == 0);
		FUZZ_CHECK(hivegen_write(hives[i], path, NULL, &err) == 0);
		hivegen_free(hives[i]);
	}
}

/* ---- what came of it ---- */

static bool is_ours(const char *line)
{
	static const char *const marks[] = {"WindowsActivationTechnologies",
	    "Windows Activation Technologies", "s..ivationtechnologies_31bf",
	    "s..ologies-webcontrols_31bf", "s..technologies-deploy_31bf", "gies-deploy_31bf",
	    "_system32_wat_", "_syswow64_wat_", "/Wat/"};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (name_contains(line, marks[i]))
			return true;
	return name_contains(line, sound.catalog);
}

/* Nothing new, nothing of others gone; both are sorted. */
static void check_lost(const struct strvec *before, const struct strvec *after)
{
	size_t k = 0;

	for (size_t i = 0; i < before->n; i++) {
		if (k < after->n && strcmp(before->v[i], after->v[k]) == 0)
			k++;
		else if (!is_ours(before->v[i]))
			fprintf(stderr, "gone: %s\n", before->v[i]), abort();
	}
	if (k < after->n)
		fprintf(stderr, "new: %s\n", after->v[k]), abort();
}

static void check_same(const struct strvec *before, const struct strvec *after)
{
	FUZZ_CHECK(before->n == after->n);
	for (size_t i = 0; i < before->n; i++)
		FUZZ_CHECK(strcmp(before->v[i], after->v[i]) == 0);
}

/* 0: done or nothing to do, -1: refused. */
static int take_out(char *dir)
{
	const struct cli cli = {.root = dir};
	const struct plan_request request = {0};
	const struct profile profile = {
	    .path = (char *)(uintptr_t) "lab.ini",
	    .name = (char *)(uintptr_t) "lab",
	    .strategy = STRATEGY_SINGLE,
	    .kb971033 = KB971033_OFFLINE,
	    .mobile = UNSET,
	};
	/* with an output there is no undo record */
	struct job job = {.request = &request, .output = xstrdup("-")};
	int rc = 0;

	if (job_open(&job, &cli, dir, true) != 0 || job_plan(&job, &cli, &profile) != 0) {
		fuzz_check_error(&job.error);
		FUZZ_CHECK(job.error.hint || err_hint_text(&job.error));
		rc = -1;
	} else if (job_apply(&job, &profile) != 0) {
		fprintf(stderr, "%s\n", job.error.message);
		abort();
	}
	job_free(&job);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes b = {data, size};
	CLEANUP(strvec) struct strvec before = STRVEC_INIT, after = STRVEC_INIT;
	CLEANUP(strvec) struct strvec files = STRVEC_INIT, left = STRVEC_INIT;

	if (!sound.dir)
		make_sound();
	CLEANUP(free) char *top = scratch_create(NULL, NULL);
	CLEANUP(free) char *dir = path_join(top, "win");
	FUZZ_CHECK(mkdir(dir, 0700) == 0);
	make_store(&b, dir);
	list_registry(dir, &before);
	list_files(dir, &files);
	int rc = take_out(dir);
	list_registry(dir, &after);
	list_files(dir, &left);
	(rc == 0 ? check_lost : check_same)(&before, &after);
	(rc == 0 ? check_lost : check_same)(&files, &left);
	scratch_remove(top);
	return 0;
}
