/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which answer files there are and which of them Windows uses.
 *
 * "Methods for Running Windows Setup" (Microsoft, for Windows 7): Setup looks at each pass, in the
 * order in which struct windows lists the places; KB939289: it takes a file it finds only when
 * that has settings for the pass.
 */
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "hooks/answer_file.h"

#define BLANKED "*SENSITIVE*DATA*DELETED*"

const char *answer_key_name(enum answer_key key)
{
	static const char *const names[] = {
	    [ANSWER_KEY_NONE] = "none",
	    [ANSWER_KEY_CLIENT] = "client-key",
	    [ANSWER_KEY_OTHER_EDITION] = "client-key-of-another-edition",
	    [ANSWER_KEY_OTHER] = "other",
	    [ANSWER_KEY_BLANKED] = "blanked",
	    [ANSWER_KEY_INVALID] = "invalid",
	};

	return names[key];
}

enum answer_key answer_key_of(const char *value, const struct edition *edition)
{
	if (!value || !*value)
		return ANSWER_KEY_NONE;
	if (name_eq(value, BLANKED))
		return ANSWER_KEY_BLANKED;
	if (!product_key_valid(value))
		return ANSWER_KEY_INVALID;
	/* full installation and Server Core are two editions with one key */
	if (edition && edition->client_key && name_eq(value, edition->client_key))
		return ANSWER_KEY_CLIENT;
	return edition_of_key(value) ? ANSWER_KEY_OTHER_EDITION : ANSWER_KEY_OTHER;
}

static bool is_cached(const struct windows *win, const char *path)
{
	static const char *const copies[] = {"/Panther/unattend.xml", "/Panther/autounattend.xml"};

	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		CLEANUP(free) char *copy = windows_path(win, copies[i]);

		if (name_eq(copy, path))
			return true;
	}
	return false;
}

static bool load(const struct win_file *file, struct unattend *xml, struct error *err)
{
	if (file->too_large) {
		err_set(err, ERR_LIMIT, "larger than any answer file");
		return false;
	}
	return unattend_read(&file->content, xml, err) == 0;
}

void answer_files_read(const struct windows *win, struct answer_files *out)
{
	*out = (struct answer_files){0};
	for (size_t i = 0; i < win->answer_files.n; i++) {
		struct answer_file *f = VEC_PUSH(&out->list);

		f->file = &win->answer_files.v[i];
		f->cached = is_cached(win, f->file->path);
		f->readable = load(f->file, &f->xml, &f->error);
	}
}

void answer_files_free(struct answer_files *a)
{
	for (size_t i = 0; i < a->list.n; i++) {
		unattend_free(&a->list.v[i].xml);
		err_clear(&a->list.v[i].error);
	}
	free(a->list.v);
	*a = (struct answer_files){0};
}

const struct answer_file *answer_file_for(const struct answer_files *a, enum unattend_pass pass)
{
	for (size_t i = 0; i < a->list.n; i++)
		if (a->list.v[i].readable && unattend_has_pass(&a->list.v[i].xml, pass))
			return &a->list.v[i];
	return NULL;
}

char *answer_file_path(const struct answer_file *f)
{
	char *path = xstrdup(f->file->path);

	for (char *p = path; (p = strchr(p, '/')); p++)
		*p = '\\';
	return path;
}
