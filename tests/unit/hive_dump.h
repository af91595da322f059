/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All that a hive holds, one line a key and a value, read with libhivex: not with our own
 * reader. With @times the times of the keys too.
 */
#ifndef W7PREP_TESTS_HIVE_DUMP_H
#define W7PREP_TESTS_HIVE_DUMP_H

#include <hivex.h>
#include <inttypes.h>

#include "common/text.h"
#include "tests/unit/unit.h"

static inline void dump_key(hive_h *h, hive_node_h node, const char *path, bool times,
    struct strvec *out)
{
	CLEANUP(free) hive_value_h *values = hivex_node_values(h, node);
	CLEANUP(free) hive_node_h *subkeys = hivex_node_children(h, node);

	ck_assert_msg(values && subkeys, "hivex cannot read %s", path);
	strvec_addf(out, "%s %" PRId64, path, times ? hivex_node_timestamp(h, node) : 0);
	for (size_t i = 0; values[i]; i++) {
		hive_type type;
		size_t len;
		CLEANUP(free) char *name = hivex_value_key(h, values[i]);
		CLEANUP(free) char *data = hivex_value_value(h, values[i], &type, &len);

		ck_assert_msg(name && data, "hivex cannot read a value of %s", path);
		CLEANUP(free) char *hex = to_hex(data, len);
		strvec_addf(out, "%s!%s %u %s", path, name, (unsigned)type, hex);
	}
	for (size_t i = 0; subkeys[i]; i++) {
		CLEANUP(free) char *name = hivex_node_name(h, subkeys[i]);
		CLEANUP(free) char *below = xasprintf("%s\\%s", path, name);

		dump_key(h, subkeys[i], below, times, out);
	}
}

static inline void dump_hive(int fd, bool times, struct strvec *out)
{
	CLEANUP(free) char *path = xasprintf("/proc/self/fd/%d", fd);
	hive_h *h = hivex_open(path, 0);

	ck_assert_msg(h, "hivex cannot open the hive");
	dump_key(h, hivex_root(h), "", times, out);
	hivex_close(h);
	strvec_sort(out);
}

/* Lines that only one of two sorted dumps has: "-line" of the first, "+line" of the second. */
static inline void dump_diff(const struct strvec *a, const struct strvec *b, struct strvec *out)
{
	size_t i = 0, j = 0;

	while (i < a->n || j < b->n) {
		int d = i == a->n ? 1 : j == b->n ? -1 : strcmp(a->v[i], b->v[j]);

		if (d < 0)
			strvec_addf(out, "-%s", a->v[i++]);
		else if (d > 0)
			strvec_addf(out, "+%s", b->v[j++]);
		else
			i++, j++;
	}
}

static inline bool line_is(const char *line, const char *want)
{
	size_t n = strlen(want);

	return n && want[n - 1] == '*' ? strncmp(line, want, n - 1) == 0 : strcmp(line, want) == 0;
}

/*
 * The hives in @before and @after differ in exactly these lines (up to a NULL, in this
 * order; a "*" at the end stands for any rest).
 */
static inline void assert_diff(int before, int after, bool times, const char *const want[])
{
	CLEANUP(strvec) struct strvec a = STRVEC_INIT;
	CLEANUP(strvec) struct strvec b = STRVEC_INIT;
	CLEANUP(strvec) struct strvec diff = STRVEC_INIT;
	size_t n = 0;

	dump_hive(before, times, &a);
	dump_hive(after, times, &b);
	dump_diff(&a, &b, &diff);
	for (; n < diff.n && want[n]; n++)
		ck_assert_msg(line_is(diff.v[n], want[n]), "got %s, want %s", diff.v[n], want[n]);
	ck_assert_msg(n == diff.n, "unplanned: %s", n < diff.n ? diff.v[n] : "");
	ck_assert_msg(!want[n], "missing: %s", want[n] ? want[n] : "");
}

#endif
