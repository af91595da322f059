/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The .cmd that has wdsutil export the images, replace them and give them their answer files.
 * Commands and options: Microsoft's reference of wdsutil (/Export-Image, /Replace-Image,
 * /Add-Image, /Set-Image).
 */
#include <string.h>

#include "common/cleanup.h"
#include "hooks/wds.h"

/*
 * Two readers: cmd.exe, for which a quote switches the meaning of & | < > ( ) ^ on and off and
 * which expands % everywhere, and the program, which splits what it gets by the rules of
 * Microsoft's C library (\" is a quote, a backslash before one is doubled). A name without quotes
 * goes between plain ones; with a quote in it cmd.exe is never let into its quoted state.
 */
void wds_quote(struct buf *out, const char *s)
{
	bool caret = strchr(s, '"') != NULL;
	const char *quote = caret ? "^\"" : "\"";
	size_t backslashes = 0;

	buf_adds(out, quote);
	for (; *s; s++) {
		for (; *s == '"' && backslashes; backslashes--)
			buf_adds(out, "\\");
		backslashes = *s == '\\' ? backslashes + 1 : 0;
		if (*s == '"')
			buf_adds(out, "\\^\"");
		else if (*s == '%')
			buf_adds(out, "%%");
		else if (caret && strchr("&|<>()^", *s))
			buf_addf(out, "^%c", *s);
		else
			buf_add(out, s, 1);
	}
	for (; backslashes; backslashes--)
		buf_adds(out, "\\");
	buf_adds(out, quote);
}

static bool is_ascii(const struct wds_kit *kit)
{
	for (const char *p = kit->wim; *p; p++)
		if ((unsigned char)*p >= 0x80)
			return false;
	for (size_t i = 0; i < kit->images.n; i++)
		for (const char *p = kit->images.v[i].name; *p; p++)
			if ((unsigned char)*p >= 0x80)
				return false;
	return true;
}

static const char head[] =
    "@echo off\r\n"
    "rem Made by w7prep wds kit. Run it on the WDS server, as administrator:\r\n"
    "rem   " WDS_KIT_CMD
    " export   GROUP             images out of WDS, into a WIM of their own\r\n"
    "rem   " WDS_KIT_CMD
    " replace  GROUP [overwrite] prepared images in the place of the old ones\r\n"
    "rem   " WDS_KIT_CMD " add      GROUP             images that WDS does not have yet\r\n"
    "rem   " WDS_KIT_CMD " unattend GROUP [overwrite] only their answer files\r\n"
    "rem GROUP is the image group, in quotes where there are blanks in it.\r\n"
    "setlocal EnableExtensions DisableDelayedExpansion\r\n"
    "set \"rc=2\"\r\n"
    "set \"cp=\"\r\n"
    "if \"%~2\"==\"\" goto :usage\r\n"
    "set \"group=%~2\"\r\n";

/* Names that are not ASCII are in UTF-8 here; cmd.exe reads each line anew, in the page of the
 * moment. */
static const char code_page[] =
    "for /f \"tokens=2 delims=:.\" %%c in ('chcp') do set \"cp=%%c\"\r\n"
    "chcp 65001 >nul\r\n";

static const char choice[] =
    "if /i \"%~3\"==\"overwrite\" set \"overwrite=Yes\"\r\n"
    "if /i \"%~1\"==\"export\" goto :export\r\n"
    "if /i \"%~1\"==\"replace\" goto :replace\r\n"
    "if /i \"%~1\"==\"add\" goto :add\r\n"
    "if /i \"%~1\"==\"unattend\" goto :unattend\r\n"
    ":usage\r\n"
    "echo Usage: %~nx0 export^|replace^|add^|unattend GROUP [overwrite]\r\n"
    "goto :end\r\n";

static const char tail[] = ":done\r\n"
			   "set \"rc=0\"\r\n"
			   "goto :end\r\n"
			   ":failed\r\n"
			   "set \"rc=%ERRORLEVEL%\"\r\n"
			   "echo wdsutil failed (%rc%): see above and README.txt\r\n"
			   ":end\r\n"
			   "if defined cp chcp %cp% >nul\r\n"
			   "exit /b %rc%\r\n";

#define CHECK "\r\nif not \"%ERRORLEVEL%\"==\"0\" goto :failed\r\n"
#define GROUP " /ImageType:Install /ImageGroup:\"%group%\""

static void command(struct buf *out, const char *verb, const char *name)
{
	buf_addf(out, "wdsutil /%s /Image:", verb);
	wds_quote(out, name);
	buf_adds(out, GROUP);
}

static void add_exports(const struct wds_kit *kit, struct buf *out)
{
	buf_adds(out, ":export\r\n");
	for (size_t i = 0; i < kit->images.n; i++) {
		command(out, "Export-Image", kit->images.v[i].name);
		buf_addf(out, " /DestinationImage /FilePath:\"%%wim%%\" /Overwrite:%s",
		    i ? "Append" : "No");
		buf_adds(out, CHECK);
	}
	buf_adds(out, "goto :done\r\n");
}

/* Whether an image keeps its answer file when it is replaced is not documented: it is set again. */
static void add_replacements(const struct wds_kit *kit, struct buf *out)
{
	buf_adds(out, ":replace\r\n");
	for (size_t i = 0; i < kit->images.n; i++) {
		command(out, "Replace-Image", kit->images.v[i].name);
		buf_adds(out, " /ReplacementImage /ImageFile:\"%wim%\" /SourceImage:");
		wds_quote(out, kit->images.v[i].name);
		buf_adds(out, CHECK);
	}
	buf_adds(out, "goto :unattend\r\n");
}

static void add_additions(const struct wds_kit *kit, struct buf *out)
{
	buf_adds(out, ":add\r\n");
	for (size_t i = 0; i < kit->images.n; i++) {
		const struct wds_image *im = &kit->images.v[i];

		buf_adds(out, "wdsutil /Add-Image /ImageFile:\"%wim%\"" GROUP " /SingleImage:");
		wds_quote(out, im->name);
		if (im->unattend)
			buf_addf(
			    out, " /UnattendFile:\"%%~dp0image%u\\ImageUnattend.xml\"", im->index);
		buf_adds(out, CHECK);
	}
	buf_adds(out, "goto :done\r\n");
}

static void add_answer_files(const struct wds_kit *kit, struct buf *out)
{
	buf_adds(out, ":unattend\r\n");
	for (size_t i = 0; i < kit->images.n; i++) {
		const struct wds_image *im = &kit->images.v[i];

		if (!im->unattend)
			continue;
		command(out, "Set-Image", im->name);
		buf_addf(out,
		    " /UnattendFile:\"%%~dp0image%u\\ImageUnattend.xml\" "
		    "/OverwriteUnattend:%%overwrite%%",
		    im->index);
		buf_adds(out, CHECK);
	}
	buf_adds(out, "goto :done\r\n");
}

void wds_cmd(const struct wds_kit *kit, struct buf *out)
{
	buf_adds(out, head);
	if (!is_ascii(kit))
		buf_adds(out, code_page);
	buf_adds(out, "set \"wim=%~dp0");
	for (const char *p = kit->wim; *p; p++)
		buf_add(out, *p == '%' ? "%%" : p, *p == '%' ? 2 : 1);
	buf_addf(out, "\"\r\nset \"overwrite=%s\"\r\n", kit->merged ? "Yes" : "No");
	buf_adds(out, choice);
	add_exports(kit, out);
	add_replacements(kit, out);
	add_additions(kit, out);
	add_answer_files(kit, out);
	buf_adds(out, tail);
}
