/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which files an apply knew: those that it replaced and those that it made. What a run that was cut short
 * has left consists of them; anything else was put there since, by a new capture, and is not ours to
 * replace.
 */
#ifndef W7PREP_IMAGE_PARTCLONE_MARKS_H
#define W7PREP_IMAGE_PARTCLONE_MARKS_H

#include <jansson.h>

#include "common/buf.h"
#include "common/error.h"

/* Add those of the files @names in @dir to the array @marks. */
void ptcl_marks_add(json_t *marks, const char *dir, const struct strvec *names);
/*
 * ERR_CHANGED_SINCE when a file @names in @dir has none of @marks, is not empty, and has not the content
 * of one with its name in @record/old or @record/clear. Without @marks (NULL): 0.
 */
int ptcl_marks_check(const json_t *marks, const char *dir, const struct strvec *names,
    const char *record, struct error *err);

#endif
