/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a directory holds, to be compared before and after. */
#ifndef W7PREP_TESTS_TREE_STATE_H
#define W7PREP_TESTS_TREE_STATE_H

#include "common/proc.h"
#include "tests/unit/unit.h"

/* Everything about every file, as tools that are not ours see it. */
static inline char *state_of(const char *dir)
{
	CLEANUP(free)
	char *cmd = xasprintf(
	    "cd '%s' && find . ! -type d -printf '%%p %%s %%m %%T@ %%n %%l\\n' | sort;"
	    "find . -type d | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum",
	    dir);
	const char *const argv[] = {"sh", "-c", cmd, NULL};
	CLEANUP(error) struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;

	assert_ok(run_tool(argv, &out, &err), err);
	return buf_steal(&out);
}

#endif
