/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/mft_scan.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/bytes.h"
#include "image/ntfs_record.h"

#define RECORD_ROOT 5u
#define RECORD_LOGFILE 2u
#define RECORD_BADCLUS 8u
#define RECORDS_SYSTEM 24u      /* the first of a user is 24 */
#define SYSTEM_MAX (1ull << 30) /* of a file of NTFS's own: $MFT is the largest */
#define LOGFILE_MAX 65536u      /* its restart pages: the rest is written, never read */
#define NAMES_MAX 200000u

/* Files beside one that nobody said would be read: who reads one of them reads more of them. */
#define SIBLING_MAX 65536u
#define SIBLINGS_MAX (128u << 20)

#define FILE_NAME_LENGTH 0x40
#define FILE_NAME_TEXT 0x42
#define MFT_REF(p) (get_le64(p) & 0xffffffffffffull)

struct record {
	uint64_t number, owner; /* owner: the base record, or itself */
	const uint8_t *p;
	size_t size;
};

typedef void (*record_fn)(void *opaque, const struct record *r);

struct walk {
	const struct mft_scan *s;
	record_fn fn;
	void *opaque;
	uint8_t *rec;  /* one record, fixed up */
	size_t have;   /* bytes of it so far, where it takes several clusters */
	uint64_t next; /* cluster that continues it */
};

static void on_record(struct walk *w)
{
	size_t size = w->s->record_size;

	if (memcmp(w->rec, "FILE", 4) != 0 || !ntfs_fix_up(w->rec, size) ||
	    !(get_le16(w->rec + 0x16) & 1))
		return;
	struct record r = {.number = get_le32(w->rec + 0x2c), .p = w->rec, .size = size};
	uint64_t base = MFT_REF(w->rec + 0x20);
	r.owner = base ? base : r.number;
	w->fn(w->opaque, &r);
}

static void on_block(void *opaque, uint64_t block, const uint8_t *p)
{
	struct walk *w = opaque;
	size_t cluster = w->s->cluster_size, record = w->s->record_size;

	for (size_t at = 0; cluster >= record && at < cluster; at += record) {
		memcpy(w->rec, p + at, record);
		on_record(w);
	}
	if (cluster >= record)
		return;
	if (w->have == 0 || block != w->next)
		w->have = 0;
	memcpy(w->rec + w->have, p, cluster);
	w->have += cluster;
	w->next = block + 1;
	if (memcmp(w->rec, "FILE", 4) != 0)
		w->have = 0;
	if (w->have < record)
		return;
	w->have = 0;
	on_record(w);
}

static void each_record(const struct mft_scan *s, record_fn fn, void *opaque)
{
	CLEANUP(free) uint8_t *rec = xcalloc(s->record_size + s->cluster_size, 1);
	struct walk w = {.s = s, .fn = fn, .opaque = opaque, .rec = rec};

	block_cache_each(s->cache, on_block, &w);
}

/* ---- names ---- */

struct name {
	uint64_t record, parent;
	const char *text; /* a component of a path that is wanted */
};

struct target {
	uint64_t record, from, max; /* first cluster of the file, bytes */
	bool below;                 /* a directory: its files */
};

struct search {
	const struct mft_scan *s;
	struct strvec components;
	VEC(struct name) names;
	VEC(struct target) targets;
	uint64_t cluster; /* whose owner is looked for */
	bool found;
	uint64_t parent;   /* of that owner */
	uint64_t siblings; /* clusters of the small files in there */
};

/* Equal without regard to case, the name being as NTFS has it. */
static bool text_is(const uint8_t *name, size_t length, const char *text)
{
	if (strlen(text) != length)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned a = get_le16(name + 2 * i), b = (unsigned char)text[i];

		if (a != b && (a > 127 || (a | 32) != (b | 32) || (b | 32) < 'a' || (b | 32) > 'z'))
			return false;
	}
	return true;
}

/* The parts of a $FILE_NAME; false when it is not one. */
static bool file_name(
    const struct ntfs_attr_view *a, uint64_t *parent, const uint8_t **text, size_t *length)
{
	const uint8_t *p;
	size_t n;

	if (a->type != NTFS_ATTR_FILE_NAME || !ntfs_resident_value(a, &p, &n) ||
	    n < FILE_NAME_TEXT || FILE_NAME_TEXT + 2u * p[FILE_NAME_LENGTH] > n)
		return false;
	*parent = MFT_REF(p);
	*text = p + FILE_NAME_TEXT;
	*length = p[FILE_NAME_LENGTH];
	return true;
}

static void collect_name(void *opaque, const struct record *r)
{
	struct search *f = opaque;
	struct ntfs_attr_view a = {0};
	const uint8_t *text;
	uint64_t parent;
	size_t n;

	while (f->names.n < NAMES_MAX && ntfs_next_attr(r->p, r->size, &a)) {
		if (!file_name(&a, &parent, &text, &n))
			continue;
		for (size_t i = 0; i < f->components.n; i++)
			if (text_is(text, n, f->components.v[i]))
				*VEC_PUSH(&f->names) =
				    (struct name){r->owner, parent, f->components.v[i]};
	}
}

static void add_components(struct search *f, const char *path)
{
	CLEANUP(free) char *copy = xstrdup(path);
	char *save = NULL;

	for (char *c = strtok_r(copy, "/", &save); c; c = strtok_r(NULL, "/", &save)) {
		bool known = false;

		for (size_t i = 0; i < f->components.n && !known; i++)
			known = name_eq(f->components.v[i], c);
		if (!known)
			strvec_add(&f->components, c);
	}
}

/* Every record that @rest leads to from the directory @record becomes a target. */
static void resolve(
    struct search *f, uint64_t record, const char *rest, const struct image_want *want)
{
	rest += strspn(rest, "/");
	size_t n = strcspn(rest, "/");

	if (!n) {
		*VEC_PUSH(&f->targets) = (struct target){record, 0, want->max, want->below};
		return;
	}
	CLEANUP(free) char *component = xstrndup(rest, n);
	for (size_t i = 0; i < f->names.n; i++)
		if (f->names.v[i].parent == record && f->names.v[i].record != record &&
		    name_eq(f->names.v[i].text, component))
			resolve(f, f->names.v[i].record, rest + n, want);
}

/* ---- clusters ---- */

static void want_clusters(const struct mft_scan *s, uint64_t first, uint64_t n)
{
	for (uint64_t i = 0; i < n && first < s->clusters && i < s->clusters - first; i++)
		s->wanted[(first + i) / 8] |= (uint8_t)(1u << ((first + i) % 8));
}

/* The clusters of all non-resident attributes of @r in [from, from + max bytes). */
static void want_record(
    const struct mft_scan *s, const struct record *r, uint64_t from, uint64_t max)
{
	struct ntfs_attr_view a = {0};
	uint64_t end = from + (max + s->cluster_size - 1) / s->cluster_size;

	while (ntfs_next_attr(r->p, r->size, &a)) {
		uint64_t start = a.p[8] && a.length >= 0x40 ? get_le64(a.p + 0x10) : 0;

		for (struct ntfs_run run = NTFS_RUN_INIT; start < end && ntfs_next_run(&a, &run);) {
			uint64_t vcn = start + run.vcn, skip = from > vcn ? from - vcn : 0;

			if (run.hole || vcn >= end || skip >= run.length)
				continue;
			uint64_t left = run.length - skip, room = end - vcn - skip;
			want_clusters(s, run.lcn + skip, left < room ? left : room);
		}
	}
}

static uint64_t system_max(uint64_t record)
{
	return record == RECORD_LOGFILE ? LOGFILE_MAX : record == RECORD_BADCLUS ? 0 : SYSTEM_MAX;
}

static bool is_below(const struct record *r, uint64_t directory)
{
	struct ntfs_attr_view a = {0};
	const uint8_t *text;
	uint64_t parent;
	size_t n;

	while (ntfs_next_attr(r->p, r->size, &a))
		if (file_name(&a, &parent, &text, &n) && parent == directory)
			return true;
	return false;
}

static void want_targets(void *opaque, const struct record *r)
{
	const struct search *f = opaque;

	for (size_t i = 0; i < f->targets.n; i++) {
		const struct target *t = &f->targets.v[i];

		if (r->owner == t->record || (t->below && is_below(r, t->record)))
			want_record(f->s, r, t->from, t->max);
	}
}

static void want_system(void *opaque, const struct record *r)
{
	const struct search *f = opaque;

	if (r->owner < RECORDS_SYSTEM)
		want_record(f->s, r, 0, system_max(r->owner));
	want_targets(opaque, r);
}

static void search_free(struct search *f)
{
	strvec_free(&f->components);
	free(f->names.v);
	free(f->targets.v);
}

void mft_scan_paths(const struct mft_scan *s, const struct image_want *want, size_t n)
{
	struct search f = {.s = s};

	for (size_t i = 0; i < n; i++)
		add_components(&f, want[i].path);
	if (n)
		each_record(s, collect_name, &f);
	for (size_t i = 0; i < n; i++)
		resolve(&f, RECORD_ROOT, want[i].path, &want[i]);
	each_record(s, want_system, &f);
	search_free(&f);
}

static void look_for_owner(void *opaque, const struct record *r)
{
	struct search *f = opaque;
	struct ntfs_attr_view a = {0};

	while (!f->found && ntfs_next_attr(r->p, r->size, &a)) {
		uint64_t start = a.p[8] && a.length >= 0x40 ? get_le64(a.p + 0x10) : 0;

		for (struct ntfs_run run = NTFS_RUN_INIT; !f->found && ntfs_next_run(&a, &run);) {
			if (run.hole || f->cluster - run.lcn >= run.length)
				continue;
			f->found = true;
			*VEC_PUSH(&f->targets) = (struct target){
			    .record = r->owner, .from = start + run.vcn + (f->cluster - run.lcn)};
		}
	}
}

static void look_for_parent(void *opaque, const struct record *r)
{
	struct search *f = opaque;
	struct ntfs_attr_view a = {0};
	const uint8_t *text;
	size_t n;

	while (
	    r->owner == f->targets.v[0].record && !f->parent && ntfs_next_attr(r->p, r->size, &a))
		if (!file_name(&a, &f->parent, &text, &n))
			f->parent = 0;
}

/* Clusters of its unnamed data, where that is small and not in the record itself. */
static uint64_t small_data(const struct mft_scan *s, const struct record *r)
{
	struct ntfs_attr_view a = {0};

	while (ntfs_next_attr(r->p, r->size, &a))
		if (a.type == NTFS_ATTR_DATA && a.p[8] && a.p[9] == 0 && a.length >= 0x40 &&
		    get_le64(a.p + 0x30) <= SIBLING_MAX)
			return get_le64(a.p + 0x30) / s->cluster_size + 1;
	return 0;
}

static void count_sibling(void *opaque, const struct record *r)
{
	struct search *f = opaque;

	if (is_below(r, f->parent))
		f->siblings += small_data(f->s, r);
}

static void want_sibling(void *opaque, const struct record *r)
{
	struct search *f = opaque;

	if (is_below(r, f->parent) && small_data(f->s, r))
		want_record(f->s, r, 0, SIBLING_MAX);
}

static void want_siblings(struct search *f)
{
	each_record(f->s, look_for_parent, f);
	if (f->parent < RECORDS_SYSTEM && f->parent != RECORD_ROOT)
		return;
	each_record(f->s, count_sibling, f);
	if (f->siblings * f->s->cluster_size <= SIBLINGS_MAX)
		each_record(f->s, want_sibling, f);
}

void mft_scan_owner(const struct mft_scan *s, uint64_t cluster, uint64_t max)
{
	struct search f = {.s = s, .cluster = cluster};

	want_clusters(s, cluster, 1);
	each_record(s, look_for_owner, &f);
	if (f.found) {
		f.targets.v[0].max = max;
		each_record(s, want_targets, &f);
		want_siblings(&f);
	}
	search_free(&f);
}
