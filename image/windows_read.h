/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the files windows_*.c read facts: every question gives an answer or "not there".
 * What cannot be read because the image is damaged becomes a refusal, once; what
 * fails for another reason (I/O, an engine that died) is kept in @error and ends windows_read().
 * So a fact is one line where it is read, and none is read from a half-open image.
 */
#ifndef W7PREP_IMAGE_WINDOWS_READ_H
#define W7PREP_IMAGE_WINDOWS_READ_H

#include "image/hive.h"
#include "image/windows.h"

enum win_hive { WIN_SYSTEM, WIN_SOFTWARE, WIN_HIVES };

struct win_reader {
	struct image *im;
	size_t vol;
	struct windows *win;
	struct hive *hives[WIN_HIVES];	/* NULL: cannot be opened, a refusal says why */
	bool damaged[WIN_HIVES];	/* said already */
	struct error error;		/* the first that is not the image's fault */
};

/* Subtrees of the hives that several files look into. */
#define KEY_CURRENT_VERSION "Microsoft\\Windows NT\\CurrentVersion"
#define KEY_CBS "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"
#define KEY_TASK_CACHE KEY_CURRENT_VERSION "\\Schedule\\TaskCache"

/* Nothing that Windows itself keeps in these places is larger. */
#define WIN_HIVE_MAX (512ull << 20)
#define WIN_TEXT_MAX (1u << 20)
#define WIN_NAMES_MAX 4096	/* of entries listed as a fact: more is ERR_LIMIT */

/* Add a refusal; they are kept with the wrong kind before the wrong state. */
void win_refuse(struct windows *win, enum err_code code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* One more sign of servicing that is not finished, as a few words. */
void win_pending(struct windows *win, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Take note of @e (emptied): a refusal or the reader's error. */
void win_note_error(struct win_reader *r, struct error *e);

/* Files. A reparse point is not there: neither file nor directory. */
bool win_stat(struct win_reader *r, const char *path, struct image_stat *st);
bool win_is_file(struct win_reader *r, const char *path);
bool win_is_dir(struct win_reader *r, const char *path);
/* Names in a directory that can be a path's component, sorted. */
void win_list(struct win_reader *r, const char *dir, struct strvec *names);
/*
 * Files below @dir whose name ends in @suffix (NULL: all), at most @depth directories
 * deep, as full paths; nothing where @dir is not a directory.
 */
void win_find(struct win_reader *r, const char *dir, const char *suffix, unsigned depth,
	      struct strvec *paths);
/* At most @max bytes of the beginning; false when there is no such file. */
bool win_head(struct win_reader *r, const char *path, size_t max, struct buf *out);

/* The registry. Strings and lists are owned by the caller; NULL and empty: not there. */
bool win_key(struct win_reader *r, enum win_hive hive, const char *key);
char *win_string(struct win_reader *r, enum win_hive hive, const char *key, const char *value);
bool win_dword(struct win_reader *r, enum win_hive hive, const char *key, const char *value,
	       uint32_t *out);
void win_strings(struct win_reader *r, enum win_hive hive, const char *key, const char *value,
		 struct strvec *out);
void win_subkeys(struct win_reader *r, enum win_hive hive, const char *key,
		 struct strvec *names);
/* A REG_BINARY value of at least @min bytes. */
bool win_binary(struct win_reader *r, enum win_hive hive, const char *key, const char *value,
		size_t min, struct hive_value *out);
/* Key of the control set in use (the first where none is named); the caller frees it. */
char *win_control(const struct windows *win, const char *rest);

/* "{8-4-4-4-12}" in hexadecimal, braces as asked. */
bool win_is_guid(const char *s, bool braces);

/* The facts, one file each. */
void windows_read_identity(struct win_reader *r);
void windows_read_seal(struct win_reader *r);
void windows_read_kb971033(struct win_reader *r);
void windows_read_spp(struct win_reader *r);
void windows_read_state(struct win_reader *r);

/* Free what the parts of the facts own. */
void kb971033_free(struct kb971033 *kb);
void spp_free(struct spp *spp);

#endif
