/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a person sees while w7prep works: messages, errors, progress, on standard error. */
#ifndef W7PREP_PLUGIN_UI_H
#define W7PREP_PLUGIN_UI_H

#include <stdarg.h>

#include "common/error.h"
#include "plugin/options.h"

/* Connect the log and progress sinks. ERR_IO when the log file cannot be opened. */
int ui_start(const struct cli *cli, struct error *err);
void ui_stop(void);

/*
 * "w7prep: error: …", further errors of the same thing (@more may be NULL), "  hint: …"; also
 * to the log file.
 */
void ui_error(const struct error *err, const struct strvec *more);

/*
 * A line of standard output for people: what stands in an image, and names of files, may hold
 * what a terminal would obey, so every line with any of them goes through here.
 */
void ui_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void ui_vline(const char *before, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* For "%-*s": the field that gives @text, in UTF-8, so many columns. */
int ui_width(const char *text, int columns);

#endif
