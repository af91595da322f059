/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What answer files say about activation. Keys are told by their kind only. */
#include <string.h>

#include "common/cleanup.h"
#include "hooks/answer_file.h"
#include "hooks/parts.h"
#include "plugin/report.h"

/* Of one file. */
struct answer {
	const struct answer_file *file;
	struct strvec passes, processed, used_for;
	enum answer_key key, setup_key;
	int skip_rearm, skip_auto_activation; /* -1: not there */
	bool removes_kb971033;
};

static void answer_free(struct answer *a)
{
	strvec_free(&a->passes);
	strvec_free(&a->processed);
	strvec_free(&a->used_for);
}

static int flag(const struct unattend *u, enum unattend_item item, enum win_arch arch)
{
	const char *value = unattend_value(u, item, arch, 0, NULL);

	return value ? unattend_is_true(value) : -1;
}

static void answer_read(const struct windows *win, const struct answer_files *all,
    const struct answer_file *f, struct answer *out)
{
	const struct edition *edition = win->edition ? edition_find(win->edition) : NULL;
	const struct unattend *u = &f->xml;

	*out = (struct answer){.file = f};
	if (!f->readable)
		return;
	for (int i = 0; i < UNATTEND_PASSES; i++) {
		enum unattend_pass pass = (enum unattend_pass)i;
		const char *name = unattend_pass_name(pass);

		if (unattend_has_pass(u, pass))
			strvec_add(&out->passes, name);
		if (unattend_pass_processed(u, pass))
			strvec_add(&out->processed, name);
		/* these two run before there is a Windows to boot */
		if (pass != UNATTEND_WINDOWS_PE && pass != UNATTEND_OFFLINE_SERVICING &&
		    answer_file_for(all, pass) == f)
			strvec_add(&out->used_for, name);
	}
	out->key =
	    answer_key_of(unattend_value(u, UNATTEND_PRODUCT_KEY, win->arch, 0, NULL), edition);
	out->setup_key =
	    answer_key_of(unattend_value(u, UNATTEND_SETUP_KEY, ARCH_UNKNOWN, 0, NULL), edition);
	out->skip_rearm = flag(u, UNATTEND_SKIP_REARM, win->arch);
	out->skip_auto_activation = flag(u, UNATTEND_SKIP_AUTO_ACTIVATION, win->arch);
	CLEANUP(free) char *package = kb971033_package(win);
	out->removes_kb971033 = unattend_removes_package(u, package);
}

static void each(const struct windows *win, void (*show)(const struct answer *, void *), void *to)
{
	struct answer_files all;

	answer_files_read(win, &all);
	for (size_t i = 0; i < all.list.n; i++) {
		struct answer a;

		answer_read(win, &all, &all.list.v[i], &a);
		show(&a, to);
		answer_free(&a);
	}
	answer_files_free(&all);
}

static json_t *maybe(int flag)
{
	return flag < 0 ? json_null() : json_boolean(flag);
}

static void add_json(const struct answer *a, void *to)
{
	const struct win_file *file = a->file->file;
	json_t *o = json_object();

	json_array_append_new(to, o);
	json_object_set_new(o, "path", report_json_text(file->path));
	json_object_set_new(o, "cached", json_boolean(a->file->cached));
	json_object_set_new(
	    o, "users_can_read", file->has_sd ? json_boolean(!file->safe_secret) : json_null());
	json_object_set_new(
	    o, "error", a->file->readable ? json_null() : report_json_error(&a->file->error));
	if (!a->file->readable)
		return;
	json_object_set_new(
	    o, "encoding", json_string(xml_encoding_name(a->file->xml.text.encoding)));
	json_object_set_new(o, "passes", report_json_texts(&a->passes));
	json_object_set_new(o, "processed_passes", report_json_texts(&a->processed));
	json_object_set_new(o, "used_for", report_json_texts(&a->used_for));
	json_object_set_new(o, "product_key", json_string(answer_key_name(a->key)));
	json_object_set_new(o, "setup_product_key", json_string(answer_key_name(a->setup_key)));
	json_object_set_new(o, "skip_rearm", maybe(a->skip_rearm));
	json_object_set_new(o, "skip_auto_activation", maybe(a->skip_auto_activation));
	json_object_set_new(o, "removes_kb971033", json_boolean(a->removes_kb971033));
}

json_t *report_json_answers(const struct windows *win)
{
	json_t *list = json_array();

	each(win, add_json, list);
	return list;
}

static void add_part(struct buf *b, const char *part, const char *value)
{
	buf_addf(b, "%s%s%s", b->len ? "; " : "", part, value);
}

static void add_line(const struct answer *a, void *to)
{
	CLEANUP(buf) struct buf b = BUF_INIT;

	if (a->file->cached)
		add_part(&b, "Windows' copy", "");
	if (!a->file->readable)
		add_part(&b, "cannot be read: ", a->file->error.message);
	for (size_t i = 0; i < a->used_for.n; i++)
		if (i)
			buf_addf(&b, ", %s", a->used_for.v[i]);
		else
			add_part(&b, "used for ", a->used_for.v[i]);
	if (a->key != ANSWER_KEY_NONE)
		add_part(&b, "product key: ", answer_key_name(a->key));
	if (a->setup_key != ANSWER_KEY_NONE)
		add_part(&b, "product key for windowsPE: ", answer_key_name(a->setup_key));
	if (a->skip_rearm == 1)
		add_part(&b, "SkipRearm", "");
	if (a->skip_auto_activation == 1)
		add_part(&b, "SkipAutoActivation", "");
	if (a->removes_kb971033)
		add_part(&b, "removes KB971033", "");
	strvec_addf(to, "%s%s%s%s", a->file->file->path, b.len ? " (" : "", b.len ? b.data : "",
	    b.len ? ")" : "");
}

void report_text_answers(const struct windows *win, struct strvec *lines)
{
	each(win, add_line, lines);
}
