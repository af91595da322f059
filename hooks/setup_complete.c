/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our line in SetupComplete.cmd.
 *
 * The file may be somebody else's (MDT, ConfigMgr, a vendor) and may end with `exit`, with
 * `goto :eof` or with an error, so a line at its end might never be reached. The line goes
 * to the top instead: it runs the same file again in a child cmd, where a variable makes it pass
 * over this line, and when that has ended, however it did, calls firstboot.cmd and stops.
 * Nothing below it is changed or moved within the file.
 */
#include <string.h>

#include "common/cleanup.h"
#include "hooks/parts.h"

#define MARK "& rem w7prep"
#define LINE                                                                                       \
	"@if not defined W7PREP_CHAIN (set W7PREP_CHAIN=1& \"%ComSpec%\" /d /c \"\"%~f0\"\" & "    \
	"call \"%~dp0w7prep\\firstboot.cmd\" & exit /b) " MARK

/*
 * cmd.exe takes a UTF-8 BOM for the beginning of a command's name and does not find that
 * command: the BOM keeps its place and gets the first line to itself.
 */
#define BOM "\xef\xbb\xbf"

static size_t bom_length(const struct buf *b)
{
	return b->len >= 3 && memcmp(b->data, BOM, 3) == 0 ? 3 : 0;
}

/* Length of the line at offset @at, its end included. */
static size_t line_length(const struct buf *b, size_t at)
{
	const char *newline = b->len > at ? memchr(b->data + at, '\n', b->len - at) : NULL;

	return newline ? (size_t)(newline + 1 - b->data) - at : b->len - at;
}

static bool is_our_line(const char *line, size_t n)
{
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	return n >= strlen(MARK) && memcmp(line + n - strlen(MARK), MARK, strlen(MARK)) == 0;
}

/* How many bytes after the BOM, if any, are ours; 0: none. */
static size_t our_length(const struct buf *b, size_t bom)
{
	/* after a BOM the end of its own line is ours too */
	size_t before = bom ? line_length(b, bom) : 0;
	size_t n = line_length(b, bom + before);

	if (before > 2 || n == 0 || !is_our_line(b->data + bom + before, n))
		return 0;
	return before + n;
}

bool setup_complete_unchain(const struct buf *old, struct buf *out)
{
	if (old->len == 0)
		return false;
	size_t bom = bom_length(old);
	size_t ours = our_length(old, bom);

	buf_add(out, old->data, bom);
	buf_add(out, old->data + bom + ours, old->len - bom - ours);
	return ours > 0;
}

static const char *line_end(const char *text, size_t n)
{
	const char *newline = n ? memchr(text, '\n', n) : NULL;

	return newline && (newline == text || newline[-1] != '\r') ? "\n" : "\r\n";
}

static int refuse_utf16(const struct buf *b, struct error *err)
{
	if (!b->len || !memchr(b->data, '\0', b->len))
		return 0;
	err_set(err, ERR_UNKNOWN_SHAPE,
	    "SetupComplete.cmd is not a text that cmd.exe can run (UTF-16, or NUL bytes in it)");
	return err_hint(err, "save it as ANSI text in the image, or remove it");
}

int setup_complete_chain(const struct buf *old, struct buf *out, struct error *err)
{
	CLEANUP(buf) struct buf body = BUF_INIT;

	if (old) {
		if (refuse_utf16(old, err) < 0)
			return -1;
		setup_complete_unchain(old, &body);
	}
	size_t bom = bom_length(&body);
	const char *rest = body.len > bom ? body.data + bom : "";
	const char *end = line_end(rest, body.len - bom);

	if (bom)
		buf_addf(out, BOM "%s", end);
	buf_addf(out, "%s%s", LINE, end);
	buf_add(out, rest, body.len - bom);
	return 0;
}
