/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a person sees while w7prep works: messages, errors, progress, on standard error. */
#ifndef W7PREP_PLUGIN_UI_H
#define W7PREP_PLUGIN_UI_H

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

#endif
