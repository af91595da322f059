/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/ui.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"
#include "plugin/report.h"

static struct {
	bool quiet, verbose;
	enum progress_mode mode;
	FILE *log;
	char *step;		/* whose progress is being shown, NULL: none */
	double last;		/* when it was last shown, seconds */
} ui;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void clear_bar(void)
{
	if (ui.mode == PROGRESS_BAR && ui.step)
		fputs("\r\033[K", stderr);
}

static void to_log_file(const char *level, const char *line)
{
	char stamp[32];
	time_t t = time(NULL);
	struct tm tm;

	if (!ui.log)
		return;
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	fprintf(ui.log, "%s %s: %s\n", stamp, level, line);
	fflush(ui.log);
}

/* Print one JSON object as a line of standard error; takes @j over. */
static void json_line(json_t *j)
{
	char *s = j ? json_dumps(j, JSON_COMPACT) : NULL;

	if (s)
		fprintf(stderr, "%s\n", s);
	free(s);
	json_decref(j);
}

static void on_log(enum log_level level, const char *line, void *opaque)
{
	static const char *const names[] = {"warning", "info", "debug"};

	(void)opaque;
	to_log_file(names[level], line);
	if ((level == LOG_INFO && ui.quiet) || (level == LOG_DEBUG && !ui.verbose))
		return;
	clear_bar();
	if (ui.mode == PROGRESS_JSON)
		json_line(json_pack("{ss so}", "type", names[level], "message", report_json_text(line)));
	else
		fprintf(stderr, "w7prep: %s%s\n", level == LOG_WARN ? "warning: " : "", line);
}

static void draw_bar(const char *step, double part)
{
	enum { WIDTH = 30 };
	int filled = part > 1 ? WIDTH : (int)(part * WIDTH);

	fprintf(stderr, "\r\033[K%-28s [%.*s%*s] %3d%%", step, filled,
	    "##############################", WIDTH - filled, "", (int)(part * 100));
	fflush(stderr);
}

static void on_progress(const char *step, unsigned long long done, unsigned long long total,
    void *opaque)
{
	bool first = !ui.step || strcmp(ui.step, step) != 0, last = total && done >= total;
	double t = now();

	(void)opaque;
	/* at most twice a second, but always the beginning and the end of a step */
	if (!first && !last && t - ui.last < 0.5)
		return;
	ui.last = t;
	if (first) {
		free(ui.step);
		ui.step = xstrdup(step);
	}
	if (ui.mode == PROGRESS_JSON)
		json_line(json_pack("{ss so sI sI}", "type", "progress", "step", report_json_text(step),
		    "done", (json_int_t)done, "total", (json_int_t)total));
	else if (ui.mode == PROGRESS_BAR)
		draw_bar(step, total ? (double)done / (double)total : 0);
	else if (first)
		fprintf(stderr, "w7prep: %s\n", step);
	if (last) {
		clear_bar();
		free(ui.step);
		ui.step = NULL;
	}
}

int ui_start(const struct cli *cli, struct error *err)
{
	ui.quiet = cli->quiet;
	ui.verbose = cli->verbose;
	ui.mode = cli->progress;
	if (ui.mode == PROGRESS_AUTO)
		ui.mode = cli->quiet || !isatty(2) ? PROGRESS_NONE : PROGRESS_BAR;
	log_set_sink(on_log, NULL);
	if (ui.mode != PROGRESS_NONE)
		progress_set_sink(on_progress, NULL);
	if (!cli->log_file)
		return 0;
	int fd = open(cli->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0)
		ui.log = fdopen(fd, "a");
	if (ui.log)
		return 0;
	err_errno(err, "cannot open the log file %s", cli->log_file);
	return err_hint(err, "name a file in a directory that you may write to");
}

void ui_stop(void)
{
	log_set_sink(NULL, NULL);
	progress_set_sink(NULL, NULL);
	clear_bar();
	free(ui.step);
	ui.step = NULL;
	if (ui.log)
		fclose(ui.log);
	ui.log = NULL;
}

static void error_line(const char *code, const char *text)
{
	to_log_file("error", text);
	clear_bar();
	if (ui.mode == PROGRESS_JSON)
		json_line(json_pack("{ss ss so}", "type", "error", "code", code, "message",
		    report_json_text(text)));
	else
		fprintf(stderr, "w7prep: error: %s\n", text);
}

void ui_error(const struct error *err, const struct strvec *more)
{
	const char *code = err_code_name(err->code);

	error_line(code, err->message ? err->message : "out of memory");
	for (size_t i = 0; more && i < more->n; i++)
		error_line(code, more->v[i]);
	if (ui.mode == PROGRESS_JSON)
		return;
	if (err_hint_text(err))
		fprintf(stderr, "  hint: %s\n", err_hint_text(err));
	if (err_status(err) == EXIT_FAILED_CHANGED)
		fprintf(stderr, "  the image may have changed; to put it back: w7prep undo IMAGE\n");
}

void ui_vline(const char *before, const char *fmt, va_list ap)
{
	CLEANUP(free) char *line = xvasprintf(fmt, ap);

	text_one_line(line);
	printf("%s%s\n", before, line);
}

void ui_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ui_vline("", fmt, ap);
	va_end(ap);
}

int ui_width(const char *text, int columns)
{
	for (; text && *text; text++)
		columns += ((unsigned char)*text & 0xc0) == 0x80;
	return columns;
}
