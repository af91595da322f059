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
 * cmd.exe takes a UTF-8 BOM for the beginning of a command's name. What follows it on that
 * line is lost, but not what follows an ampersand.
 */
#define BOM "\xef\xbb\xbf"
#define AFTER_BOM " & "

static size_t bom_length(const struct buf *b)
{
	return b->len >= 3 && memcmp(b->data, BOM, 3) == 0 ? 3 : 0;
}

/* Length of our line at offset @at, line end included; 0 when another line is there. */
static size_t our_line(const struct buf *b, size_t at)
{
	const char *start = b->data + at;
	const char *newline = b->len > at ? memchr(start, '\n', b->len - at) : NULL;
	size_t n = newline ? (size_t)(newline - start) : b->len - at;
	size_t whole = newline ? n + 1 : n;

	if (n > 0 && start[n - 1] == '\r')
		n--;
	if (n < strlen(MARK) || memcmp(start + n - strlen(MARK), MARK, strlen(MARK)) != 0)
		return 0;
	return whole;
}

bool setup_complete_unchain(const struct buf *old, struct buf *out)
{
	size_t bom = bom_length(old);
	size_t ours = our_line(old, bom);

	buf_add(out, old->data, ours ? bom : old->len);
	if (ours)
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

	if (bom)
		buf_adds(out, BOM AFTER_BOM);
	buf_adds(out, LINE);
	buf_adds(out, line_end(rest, body.len - bom));
	buf_add(out, rest, body.len - bom);
	return 0;
}
