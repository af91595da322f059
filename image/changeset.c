/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/changeset.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/bytes.h"

const char *change_op_name(enum change_op op)
{
	static const char *const names[] = {
	    [CHANGE_DELETE_FILE] = "delete-file",
	    [CHANGE_DELETE_TREE] = "delete-tree",
	    [CHANGE_WRITE_FILE] = "write-file",
	    [CHANGE_SET_VALUE] = "set-value",
	    [CHANGE_DELETE_VALUE] = "delete-value",
	    [CHANGE_DELETE_KEY] = "delete-key",
	};

	return names[op];
}

const char *change_hive_name(enum change_hive hive)
{
	static const char *const names[CHANGE_HIVES] = {
	    [CHANGE_SYSTEM] = "SYSTEM",
	    [CHANGE_SOFTWARE] = "SOFTWARE",
	    [CHANGE_COMPONENTS] = "COMPONENTS",
	};

	return names[hive];
}

void changeset_free(struct changeset *cs)
{
	for (size_t i = 0; i < cs->list.n; i++) {
		struct change *c = &cs->list.v[i];

		free(c->path);
		free(c->key);
		free(c->value);
		buf_wipe_free(&c->data.data);
		buf_wipe_free(&c->content);
		free(c->reason);
	}
	free(cs->list.v);
	*cs = CHANGESET_INIT;
}

static struct change *add(struct changeset *cs, enum change_op op, const char *hook,
    const char *reason, va_list ap)
{
	struct change *c = VEC_PUSH(&cs->list);
	struct buf text = BUF_INIT;
	va_list again;
	char tiny[1];

	va_copy(again, ap);
	int n = vsnprintf(tiny, sizeof(tiny), reason, again);
	va_end(again);
	buf_reserve(&text, n > 0 ? (size_t)n : 0);
	vsnprintf(text.data, text.cap, reason, ap);
	c->op = op;
	c->hook = hook;
	c->reason = text.data;
	return c;
}

struct change *changeset_delete_file(struct changeset *cs, const char *hook, const char *path,
    const char *reason, ...)
{
	va_list ap;

	va_start(ap, reason);
	struct change *c = add(cs, CHANGE_DELETE_FILE, hook, reason, ap);
	va_end(ap);
	c->path = xstrdup(path);
	return c;
}

void changeset_delete_tree(struct changeset *cs, const char *hook, const char *path,
    const char *reason, ...)
{
	va_list ap;

	va_start(ap, reason);
	add(cs, CHANGE_DELETE_TREE, hook, reason, ap)->path = xstrdup(path);
	va_end(ap);
}

struct change *changeset_write_file(struct changeset *cs, const char *hook, const char *path,
    const struct buf *content, enum secdesc_kind sd, const char *reason, ...)
{
	va_list ap;

	va_start(ap, reason);
	struct change *c = add(cs, CHANGE_WRITE_FILE, hook, reason, ap);
	va_end(ap);
	c->path = xstrdup(path);
	buf_add(&c->content, content->data, content->len);
	c->sd = sd;
	return c;
}

static void on_key(struct change *c, enum change_hive hive, const char *key, const char *value)
{
	c->hive = hive;
	c->key = xstrdup(key);
	c->value = value ? xstrdup(value) : NULL;
}

struct change *changeset_set_value(struct changeset *cs, const char *hook, enum change_hive hive,
    const char *key, const char *value, struct hive_value data, const char *reason, ...)
{
	va_list ap;

	va_start(ap, reason);
	struct change *c = add(cs, CHANGE_SET_VALUE, hook, reason, ap);
	va_end(ap);
	on_key(c, hive, key, value);
	c->data = data;
	return c;
}

void changeset_delete_value(struct changeset *cs, const char *hook, enum change_hive hive,
    const char *key, const char *value, const char *reason, ...)
{
	va_list ap;

	va_start(ap, reason);
	on_key(add(cs, CHANGE_DELETE_VALUE, hook, reason, ap), hive, key, value);
	va_end(ap);
}

void changeset_delete_key(struct changeset *cs, const char *hook, enum change_hive hive,
    const char *key, const char *reason, ...)
{
	va_list ap;

	va_start(ap, reason);
	on_key(add(cs, CHANGE_DELETE_KEY, hook, reason, ap), hive, key, NULL);
	va_end(ap);
}

char *change_target(const struct change *c)
{
	if (c->path) {
		char *s = xstrdup(c->path);

		for (char *p = s; (p = strchr(p, '/')); p++)
			*p = '\\';
		return s;
	}
	if (!c->value)
		return xasprintf("%s\\%s", change_hive_name(c->hive), c->key);
	return xasprintf("%s\\%s!%s", change_hive_name(c->hive), c->key,
	    *c->value ? c->value : "(default)");
}

static char *value_detail(const struct hive_value *v)
{
	const char *p = v->data.data;

	if (v->type == HIVE_SZ || v->type == HIVE_EXPAND_SZ)
		return utf16le_to_utf8(p, v->data.len);
	if (v->type == HIVE_DWORD && v->data.len == 4)
		return xasprintf("0x%x", get_le32(p));
	if (v->type == HIVE_MULTI_SZ) {
		CLEANUP(strvec) struct strvec strings = STRVEC_INIT;
		struct buf joined = BUF_INIT;

		hive_split_strings(&v->data, &strings);
		for (size_t i = 0; i < strings.n; i++)
			buf_addf(&joined, "%s%s", i ? ", " : "", strings.v[i]);
		return buf_steal(&joined);
	}
	return xasprintf("%zu bytes", v->data.len);
}

char *change_detail(const struct change *c)
{
	if (c->op != CHANGE_WRITE_FILE && c->op != CHANGE_SET_VALUE)
		return NULL;
	if (c->secret)
		return xstrdup("<secret>");
	if (c->op == CHANGE_WRITE_FILE)
		return xasprintf("%zu bytes", c->content.len);
	return value_detail(&c->data);
}
