/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/csv.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"

#define FIELDS_MAX 64
#define FIELD_MAX 4096
#define BOM "\xef\xbb\xbf"

static int wrong(const struct csv *csv, const char *what, struct error *err)
{
	return err_set(err, ERR_LAB_DATA, "%s:%u: %s", csv->name, csv->line, what);
}

static char detect_separator(const struct csv *csv)
{
	size_t commas = 0, semicolons = 0;
	bool quoted = false;

	for (const char *p = csv->p; p < csv->end && (quoted || (*p != '\r' && *p != '\n')); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (!quoted && *p == ',')
			commas++;
		else if (!quoted && *p == ';')
			semicolons++;
	}
	return semicolons > commas ? ';' : ',';
}

/* PowerShell's Export-Csv writes such a line first unless it is told not to. */
static void skip_type_line(struct csv *csv)
{
	static const char type[] = "#TYPE ";
	const size_t n = sizeof(type) - 1;

	if ((size_t)(csv->end - csv->p) < n || memcmp(csv->p, type, n) != 0)
		return;
	const char *eol = memchr(csv->p, '\n', (size_t)(csv->end - csv->p));
	csv->p = eol ? eol + 1 : csv->end;
	csv->line++;
}

int csv_start(struct csv *csv, const char *name, const struct buf *text, struct error *err)
{
	const char *data = text->len ? text->data : "";

	*csv = (struct csv){.p = data, .end = data + text->len, .name = name, .line = 1};
	if (text->len >= 2 &&
	    (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0)) {
		err_set(err, ERR_LAB_DATA, "%s: this is UTF-16 text", name);
		return err_hint(err, "save it as UTF-8, or as plain CSV");
	}
	if (memchr(data, '\0', text->len) || !utf8_valid(data, text->len)) {
		err_set(err, ERR_LAB_DATA, "%s: this is no UTF-8 text", name);
		return err_hint(err, "save it as CSV in UTF-8");
	}
	if (text->len >= strlen(BOM) && memcmp(data, BOM, strlen(BOM)) == 0)
		csv->p += strlen(BOM);
	skip_type_line(csv);
	csv->separator = detect_separator(csv);
	return 0;
}

/* Past the line end at csv->p, if there is one. */
static bool take_line_end(struct csv *csv)
{
	const char *p = csv->p;

	if (p < csv->end && *p == '\r')
		p++;
	if (p == csv->end || *p != '\n')
		return false;
	csv->p = p + 1;
	csv->line++;
	return true;
}

static int take_quoted(struct csv *csv, struct buf *out, struct error *err)
{
	unsigned start = csv->line;

	for (csv->p++; csv->p < csv->end; csv->p++) {
		if (*csv->p == '"') {
			csv->p++;
			if (csv->p == csv->end || *csv->p != '"')
				return 0;
		}
		csv->line += *csv->p == '\n';
		if (out->len == FIELD_MAX)
			return wrong(csv, "a field of more than 4096 bytes", err);
		buf_add(out, csv->p, 1);
	}
	csv->line = start;
	return wrong(csv, "a quotation mark opens a field and nothing closes it", err);
}

static int take_plain(struct csv *csv, struct buf *out, struct error *err)
{
	const char *start = csv->p;

	while (csv->p < csv->end && !strchr("\r\n\"", *csv->p) && *csv->p != csv->separator)
		csv->p++;
	if (csv->p < csv->end && *csv->p == '"') {
		wrong(csv, "a quotation mark within a field", err);
		return err_hint(
		    err, "put the whole field in quotation marks and double those in it");
	}
	if (csv->p - start > FIELD_MAX)
		return wrong(csv, "a field of more than 4096 bytes", err);
	buf_add(out, start, (size_t)(csv->p - start));
	return 0;
}

/* 1: another field follows in this record; 0: it was the last. */
static int take_field(struct csv *csv, struct strvec *fields, struct error *err)
{
	struct buf field = BUF_INIT;
	int rc = csv->p < csv->end && *csv->p == '"' ? take_quoted(csv, &field, err)
						     : take_plain(csv, &field, err);

	strvec_take(fields, buf_steal(&field));
	if (rc < 0)
		return -1;
	if (csv->p == csv->end || take_line_end(csv))
		return 0;
	if (*csv->p == csv->separator) {
		csv->p++;
		return 1;
	}
	return wrong(csv,
	    *csv->p == '\r' ? "a carriage return without a line feed"
			    : "text after the quotation mark that closes a field",
	    err);
}

int csv_next(struct csv *csv, struct strvec *fields, unsigned *line, struct error *err)
{
	int rc;

	while (take_line_end(csv))
		;
	*line = csv->line;
	if (csv->p == csv->end)
		return 0;
	while ((rc = take_field(csv, fields, err)) == 1)
		if (fields->n == FIELDS_MAX)
			return wrong(csv, "more than 64 fields", err);
	return rc < 0 ? -1 : 1;
}

/* Also what csv_start() or csv_next() would pass over where a file or a record begins. */
static bool must_quote(const char *field, bool alone)
{
	return field[strcspn(field, ",;\"\r\n")] || (alone && !*field) || *field == '#' ||
	       strncmp(field, BOM, strlen(BOM)) == 0;
}

void csv_add(struct buf *out, const char *const *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *f = fields[i];

		if (i)
			buf_adds(out, ",");
		if (!must_quote(f, n == 1)) {
			buf_adds(out, f);
			continue;
		}
		buf_adds(out, "\"");
		for (; *f; f++)
			buf_add(out, *f == '"' ? "\"\"" : f, *f == '"' ? 2 : 1);
		buf_adds(out, "\"");
	}
	buf_adds(out, "\r\n");
}
