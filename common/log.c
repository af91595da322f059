/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"

static log_sink current_sink;
static void *current_opaque;
static progress_sink current_progress;
static void *current_progress_opaque;
static volatile sig_atomic_t cancelled;

void log_set_sink(log_sink sink, void *opaque)
{
	current_sink = sink;
	current_opaque = opaque;
}

void progress_set_sink(progress_sink sink, void *opaque)
{
	current_progress = sink;
	current_progress_opaque = opaque;
}

void progress(const char *step, unsigned long long done, unsigned long long total)
{
	if (current_progress)
		current_progress(step, done, total, current_progress_opaque);
}

void cancel_request(void)
{
	cancelled = 1;
}

int cancel_requested(void)
{
	return cancelled;
}

static void log_v(enum log_level level, const char *fmt, va_list ap)
{
	char *line;

	if (!current_sink || vasprintf(&line, fmt, ap) < 0)
		return;
	text_one_line(line);
	current_sink(level, line, current_opaque);
	free(line);
}

#define LOG_FUNCTION(name, level) \
	void name(const char *fmt, ...) \
	{ \
		va_list ap; \
\
		va_start(ap, fmt); \
		log_v(level, fmt, ap); \
		va_end(ap); \
	}

LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)
