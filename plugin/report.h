/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a command found or did, on standard output: for a person, or as JSON. */
#ifndef W7PREP_PLUGIN_REPORT_H
#define W7PREP_PLUGIN_REPORT_H

#include <jansson.h>

#include "plugin/job.h"

/* What a report shows of a job. */
enum report_parts {
	REPORT_FACTS = 1 << 0,
	REPORT_PLAN = 1 << 1,
	REPORT_APPLY = 1 << 2,
};

void report_text(const struct job *job, unsigned parts);

/* The element of "images" for this job; see plugin/schema/. */
json_t *report_json(const struct job *job, unsigned parts);
json_t *report_json_error(const struct error *err);
/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. NULL gives null. */
json_t *report_json_text(const char *s);
json_t *report_json_texts(const struct strvec *list);

/* What is in an installation's answer files, one element each; no product key. */
json_t *report_json_answers(const struct windows *win);
/* The same as one short line each, in the order of win->answer_files. */
void report_text_answers(const struct windows *win, struct strvec *lines);

/*
 * Print {"schema": 1, "w7prep": version, "command": …, "status": …, "images": [...]}. @images is taken
 * over; @err (may be NULL) is a failure that belongs to no image.
 */
void report_json_print(const char *command, int status, json_t *images, const struct error *err);

/* The same for a command that is not about images: its list as @key ("profiles"). @list is
 * taken over. */
void report_json_result(const char *command, int status, const char *key, json_t *list);

#endif
