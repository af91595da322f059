/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libwim's messages and error numbers, in our words. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libxml/xmlerror.h>
#include <ntfs-3g/logging.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "image/wim.h"

/* The first release whose append, NTFS capture and per-file replace were measured. */
#define OLDEST_MAJOR 1
#define OLDEST_MINOR 13

#define SAID_MAX 65536u

/*
 * The highest of libwim's levels that does not search for the best encoding (its default, 50,
 * does): on a 60 MB hive 1.0 s of processor time against 6.4 s, for 2 % more bytes. Windows
 * reads both alike.
 */
#define LZX_LEVEL 34

/* What the library wrote to its error file since wim_lib_quiet(); one process, one library. */
static struct buf said;

static ssize_t hear(void *cookie, const char *text, size_t n)
{
	(void)cookie;
	if (said.len + n <= SAID_MAX)
		buf_add(&said, text, n);
	return (ssize_t)n;
}

/* libwim has libxml2 read the description, and that prints unless it is told otherwise. */
static void hear_xml(void *opaque, const char *fmt, ...)
{
	va_list ap;
	char text[512];

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		hear(opaque, text, strlen(text));
}

static int start_library(struct error *err)
{
	uint32_t version = wimlib_get_version();

	/* Debian's wimlib.pc names another version: ask the library itself */
	if (version >> 20 < OLDEST_MAJOR ||
	    (version >> 20 == OLDEST_MAJOR && ((version >> 10) & 0x3ff) < OLDEST_MINOR)) {
		err_set(err, ERR_ENGINE, "libwim %u.%u.%u is too old, 1.13 is needed",
		    version >> 20, (version >> 10) & 0x3ff, version & 0x3ff);
		return err_hint(err, "install the libwim15 of Debian 12 or newer");
	}
	cookie_io_functions_t io = {.write = hear};
	FILE *ear = fopencookie(NULL, "w", io);
	if (!ear)
		return err_errno(err, "cannot listen to libwim");
	setvbuf(ear, NULL, _IOLBF, 4096);
	/* both stay for the life of the process, as the library's state does */
	wimlib_set_error_file(ear);
	xmlSetGenericErrorFunc(NULL, hear_xml);
	ntfs_log_set_handler(ntfs_log_handler_null);
	int code = wimlib_global_init(WIMLIB_INIT_FLAG_DEFAULT_CASE_INSENSITIVE);
	if (!code)
		code = wimlib_set_default_compression_level(WIMLIB_COMPRESSION_TYPE_LZX, LZX_LEVEL);
	return code ? wim_lib_error(code, err, "libwim does not start") : 0;
}

int wim_lib_init(struct error *err)
{
	static bool started;

	if (!started && start_library(err) != 0)
		return -1;
	started = true;
	return 0;
}

void wim_lib_quiet(void)
{
	buf_reset(&said);
}

/* Each line to the debug log; the last error is returned without its tag, for the message. */
static char *last_words(void)
{
	char *save = NULL, *last = NULL;

	if (!said.len)
		return NULL;
	for (char *line = strtok_r(said.data, "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save)) {
		log_debug("libwim: %s", line);
		if (strncmp(line, "[ERROR] ", 8) == 0)
			last = line + 8;
	}
	return last ? xstrdup(last) : NULL;
}

/* clang-format off */
static const struct {
	int code;
	enum err_code as;
	const char *words, *hint;
} errors[] = {
#define DAMAGED ERR_DAMAGED, "it is damaged", \
	"compare with the original; wimlib-imagex verify FILE says where"
	{WIMLIB_ERR_DECOMPRESSION, DAMAGED},
	{WIMLIB_ERR_INVALID_RESOURCE_HASH, DAMAGED},
	{WIMLIB_ERR_INVALID_METADATA_RESOURCE, DAMAGED},
	{WIMLIB_ERR_INVALID_LOOKUP_TABLE_ENTRY, DAMAGED},
	{WIMLIB_ERR_INVALID_HEADER, DAMAGED},
	{WIMLIB_ERR_INVALID_INTEGRITY_TABLE, DAMAGED},
	{WIMLIB_ERR_INTEGRITY, DAMAGED},
	{WIMLIB_ERR_INVALID_CHUNK_SIZE, DAMAGED},
	{WIMLIB_ERR_INVALID_COMPRESSION_TYPE, DAMAGED},
	{WIMLIB_ERR_INVALID_REPARSE_DATA, DAMAGED},
	{WIMLIB_ERR_INVALID_PART_NUMBER, DAMAGED},
	{WIMLIB_ERR_IMAGE_COUNT, DAMAGED},
	{WIMLIB_ERR_METADATA_NOT_FOUND, DAMAGED},
	{WIMLIB_ERR_UNEXPECTED_END_OF_FILE, DAMAGED},
	{WIMLIB_ERR_UNICODE_STRING_NOT_REPRESENTABLE, DAMAGED},
	{WIMLIB_ERR_XML, DAMAGED},
#undef DAMAGED
	{WIMLIB_ERR_ALREADY_LOCKED, ERR_LOCKED, "another program has it open for writing",
	    "wait for it to end, then try again"},
	{WIMLIB_ERR_NOT_A_WIM_FILE, ERR_NOT_AN_IMAGE, "it is not a WIM file", NULL},
	{WIMLIB_ERR_UNKNOWN_VERSION, ERR_FORMAT, "the WIM is of an unknown version", NULL},
	{WIMLIB_ERR_WIM_IS_ENCRYPTED, ERR_FORMAT, "the WIM is encrypted (ESD)",
	    "decrypt it first, then export it to an ordinary WIM"},
	{WIMLIB_ERR_RESOURCE_NOT_FOUND, ERR_METADATA_ONLY_WIM, "data is missing from this WIM",
	    "export the image to a WIM of its own first"},
	{WIMLIB_ERR_NOMEM, ERR_NO_MEMORY, "out of memory", NULL},
	{WIMLIB_ERR_ABORTED_BY_PROGRESS, ERR_INTERRUPT, "interrupted", NULL},
	{WIMLIB_ERR_WIM_IS_READONLY, ERR_IO, "it cannot be written to",
	    "make the file writable, or use -o OUT"},
	{WIMLIB_ERR_OPEN, ERR_IO, "it cannot be opened", NULL},
	{WIMLIB_ERR_READ, ERR_IO, "it cannot be read", NULL},
	{WIMLIB_ERR_WRITE, ERR_IO, "it cannot be written", NULL},
};
/* clang-format on */

static bool no_space(const char *words)
{
	return words && (strstr(words, strerror(ENOSPC)) || strstr(words, strerror(EDQUOT)) ||
			    strstr(words, strerror(EFBIG)));
}

int wim_lib_error(int code, struct error *err, const char *fmt, ...)
{
	CLEANUP(free) char *words = last_words();
	const char *why = wimlib_get_error_string((enum wimlib_error_code)code), *hint = NULL;
	enum err_code as = ERR_ENGINE;
	va_list ap;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].code != code)
			continue;
		as = errors[i].as;
		why = errors[i].words;
		hint = errors[i].hint;
	}
	if (no_space(words)) {
		as = ERR_NO_SPACE;
		why = "no space left";
		hint = "free some space, or use -o OUT on another file system";
	}
	va_start(ap, fmt);
	err_vset(err, as, fmt, ap);
	va_end(ap);
	CLEANUP(free) char *what = xstrdup(err && err->message ? err->message : "");
	err_set(err, as, words ? "%s: %s (%s)" : "%s: %s", what, why, words);
	if (hint)
		err_hint(err, "%s", hint);
	return -1;
}
