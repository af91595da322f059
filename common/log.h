/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages to a person. The library below plugin/ never prints: it hands each
 * line to the sink that plugin/ sets (none: lines are dropped). Secrets are
 * never passed here; see SECURITY.md.
 */
#ifndef W7PREP_COMMON_LOG_H
#define W7PREP_COMMON_LOG_H

#include <stdarg.h>

enum log_level {
	LOG_WARN,	/* something the admin should know, even with -q */
	LOG_INFO,	/* what is being done, one line a step */
	LOG_DEBUG,	/* -v */
};

typedef void (*log_sink)(enum log_level level, const char *line, void *opaque);

/* Set the one sink; NULL for none. Not thread-safe: call once, at start. */
void log_set_sink(log_sink sink, void *opaque);

void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Progress of one long step: @done of @total (0: unknown) of @unit ("bytes",
 * "files"). Rate limiting is the sink's business.
 */
typedef void (*progress_sink)(const char *step, unsigned long long done, unsigned long long total,
			      void *opaque);
void progress_set_sink(progress_sink sink, void *opaque);
void progress(const char *step, unsigned long long done, unsigned long long total);

/*
 * Set by plugin/ on SIGINT or SIGTERM; long loops look here between two safe
 * points and give up with ERR_INTERRUPT. Never looked at during a commit.
 */
void cancel_request(void);	/* async-signal-safe */
int cancel_requested(void);

#endif
