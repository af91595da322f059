/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a tool: an argument vector, never a shell; no secret in an argument. */
#ifndef W7PREP_COMMON_PROC_H
#define W7PREP_COMMON_PROC_H

#include "common/buf.h"
#include "common/error.h"

/*
 * Run argv[0] (looked up in PATH and in the sbin directories) to its end with
 * standard input from /dev/null and LC_ALL=C. Up to 16 MiB of its output go to
 * @out (NULL: dropped). A status other than 0 is ERR_ENGINE with the last line
 * that it wrote to standard error; a tool that is not there is ERR_ENGINE with
 * the Debian package in the hint. The child dies with us.
 */
int run_tool(const char *const argv[], struct buf *out, struct error *err);

/* Full path of @tool as run_tool would find it, or NULL. The caller frees it. */
char *find_tool(const char *tool);

#endif
