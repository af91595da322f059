/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Descriptors, times and attributes of files that were written. guestfs_lsetxattr cannot carry
 * a NUL byte, so they go through setfattr of the appliance, for all files at once at
 * the end: a process there takes 0.1 s. Nothing of this is trusted: every one is read back.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"
#include "image/guestfs_internal.h"
#include "image/guestfs_launch.h"
#include "image/secdesc.h"

#define SD_XATTR "system.ntfs_acl"
#define ATTRIBUTES_XATTR "system.ntfs_attrib"
#define TIMES_XATTR "system.ntfs_times"	/* creation, last write, last access, (change) */
#define TIMES_SET 24u	/* bytes of it that can be set */

/* Linux takes 128 KiB for one argument, which is what the shell gets all this as. */
#define SCRIPT_MAX (96u << 10)
#define SCRIPT_START "cd / && setfattr --no-dereference --restore=- <<'w7prep end'\n"
#define SCRIPT_END "w7prep end\n"

static struct gfs_meta *find(struct gfs *f, const char *path)
{
	for (size_t i = 0; i < f->meta.n; i++)
		if (strcmp(f->meta.v[i].path, path) == 0)
			return &f->meta.v[i];
	return NULL;
}

static void entry_free(struct gfs_meta *m)
{
	free(m->path);
	buf_free(&m->sd);
	buf_free(&m->times);
	buf_free(&m->attributes);
}

void gfs_meta_free(struct gfs *f)
{
	for (size_t i = 0; i < f->meta.n; i++)
		entry_free(&f->meta.v[i]);
	free(f->meta.v);
	memset(&f->meta, 0, sizeof(f->meta));
}

static int get_xattr(struct gfs *f, const char *path, const char *name, struct buf *out,
    struct error *err)
{
	size_t n;
	CLEANUP(free) char *value = guestfs_lgetxattr(f->g, path, name, &n);

	if (!value)
		return appliance_err(f->g, err, "cannot read %s of %s", name, path);
	if (n > 64)
		return err_set(err, ERR_ENGINE, "%s: %s of %zu bytes", path, name, n);
	buf_reset(out);
	buf_add(out, value, n);
	return 0;
}

int gfs_meta_keep(struct gfs *f, const char *path, struct error *err)
{
	CLEANUP(buf) struct buf times = BUF_INIT;
	CLEANUP(buf) struct buf attributes = BUF_INIT;

	if (find(f, path))
		return 0;	/* written before: what counts is how it was before that */
	if (get_xattr(f, path, TIMES_XATTR, &times, err) != 0 ||
	    get_xattr(f, path, ATTRIBUTES_XATTR, &attributes, err) != 0)
		return -1;
	if (times.len < TIMES_SET)
		return err_set(err, ERR_ENGINE, "%s: its times cannot be read", path);
	struct gfs_meta *m = VEC_PUSH(&f->meta);
	m->path = xstrdup(path);
	buf_add(&m->times, times.data, TIMES_SET);
	buf_add(&m->attributes, attributes.data, attributes.len);
	return 0;
}

void gfs_meta_sd(struct gfs *f, const char *path, const struct buf *sd)
{
	struct gfs_meta *m = find(f, path);

	if (!m) {
		m = VEC_PUSH(&f->meta);
		m->path = xstrdup(path);
	}
	buf_reset(&m->sd);
	buf_add(&m->sd, sd->data, sd->len);
}

void gfs_meta_drop(struct gfs *f, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < f->meta.n;) {
		const char *p = f->meta.v[i].path;

		if (strncmp(p, path, n) == 0 && (p[n] == '\0' || p[n] == '/')) {
			entry_free(&f->meta.v[i]);
			f->meta.v[i] = f->meta.v[--f->meta.n];
		} else {
			i++;
		}
	}
}

/* As getfattr --dump writes it and setfattr --restore reads it. */
static void add_path(struct buf *script, const char *path)
{
	buf_adds(script, "# file: sysroot");
	for (; *path; path++) {
		if (*path == '\n' || *path == '\r' || *path == '\\')
			buf_addf(script, "\\%03o", (unsigned char)*path);
		else
			buf_add(script, path, 1);
	}
	buf_adds(script, "\n");
}

static void add_value(struct buf *script, const char *name, const struct buf *value)
{
	if (!value->len)
		return;
	CLEANUP(free) char *hex = to_hex(value->data, value->len);
	buf_addf(script, "%s=0x%s\n", name, hex);
}

/* Times last: setting anything else changes them. */
static void add_entry(struct buf *script, const struct gfs_meta *m)
{
	add_path(script, m->path);
	add_value(script, SD_XATTR, &m->sd);
	add_value(script, ATTRIBUTES_XATTR, &m->attributes);
	add_value(script, TIMES_XATTR, &m->times);
	buf_adds(script, "\n");
}

static void run_script(struct gfs *f, struct buf *script)
{
	buf_adds(script, SCRIPT_END);
	CLEANUP(free) char *out = gfs_shell(f, script->data);
	buf_reset(script);
}

static void set_all(struct gfs *f)
{
	CLEANUP(buf) struct buf script = BUF_INIT;

	for (size_t i = 0; i < f->meta.n; i++) {
		if (!script.len)
			buf_adds(&script, SCRIPT_START);
		add_entry(&script, &f->meta.v[i]);
		if (script.len > SCRIPT_MAX)
			run_script(f, &script);
	}
	if (script.len)
		run_script(f, &script);
}

/* Nobody else may do with it what the descriptor that was asked for would not let them. */
static bool is_as_closed(const struct buf *sd, const struct buf *wanted)
{
	struct secdesc_access is = secdesc_others(sd->data, sd->len);
	struct secdesc_access may = secdesc_others(wanted->data, wanted->len);

	return (may.others_write || !is.others_write) && (may.others_read || !is.others_read);
}

/* Without setfattr a mode is what is left: ntfs-3g makes a descriptor of it. */
static int check_sd(struct gfs *f, const struct gfs_meta *m, struct error *err)
{
	CLEANUP(buf) struct buf now = BUF_INIT;

	if (!m->sd.len)
		return 0;
	if (gfs_read_sd(f, m->path, &now, err) != 0)
		return -1;
	if (buf_equal(&now, &m->sd))
		return 0;
	bool others_read = secdesc_others(m->sd.data, m->sd.len).others_read;
	if (guestfs_chmod(f->g, others_read ? 0755 : 0700, m->path) != 0)
		return appliance_err(f->g, err, "cannot protect %s", m->path);
	if (gfs_read_sd(f, m->path, &now, err) != 0)
		return -1;
	if (!is_as_closed(&now, &m->sd)) {
		err_set(err, ERR_VERIFY, "%s: others would be able to change or read it", m->path);
		return err_hint(err, "this libguestfs cannot set descriptors: use --engine direct");
	}
	log_debug("%s: its descriptor is another one, and as closed", m->path);
	return 0;
}

int gfs_meta_sd_now(struct gfs *f, const char *path, const struct buf *sd, struct error *err)
{
	CLEANUP(buf) struct buf script = BUF_INIT;
	const struct gfs_meta m = {.path = (char *)path, .sd = *sd};

	buf_adds(&script, SCRIPT_START);
	add_entry(&script, &m);
	run_script(f, &script);
	return check_sd(f, &m, err);
}

static int check_kept(struct gfs *f, const struct gfs_meta *m, struct error *err)
{
	CLEANUP(buf) struct buf times = BUF_INIT;
	CLEANUP(buf) struct buf attributes = BUF_INIT;

	if (!m->times.len)
		return 0;
	if (get_xattr(f, m->path, TIMES_XATTR, &times, err) != 0 ||
	    get_xattr(f, m->path, ATTRIBUTES_XATTR, &attributes, err) != 0)
		return -1;
	if (times.len >= TIMES_SET && memcmp(times.data, m->times.data, TIMES_SET) == 0 &&
	    buf_equal(&attributes, &m->attributes))
		return 0;
	err_set(err, ERR_VERIFY, "%s: its times or attributes cannot be kept", m->path);
	return err_hint(err, "this libguestfs cannot set them: use --engine direct");
}

int gfs_meta_apply(struct gfs *f, struct error *err)
{
	set_all(f);
	for (size_t i = 0; i < f->meta.n; i++)
		if (check_sd(f, &f->meta.v[i], err) != 0 || check_kept(f, &f->meta.v[i], err) != 0)
			return -1;
	gfs_meta_free(f);
	return 0;
}
