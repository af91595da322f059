/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of confirmation IDs as CSV. */
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "profiles/cid.h"
#include "profiles/csv.h"

#define FILE_MAX (16u << 20)
#define ROWS_MAX 100000u

static const struct {
	const char *name; /* lower case, without blanks, - and _ */
	enum cid_field field;
} columns[] = {
    {"computer", CID_COMPUTER},
    {"computername", CID_COMPUTER},
    {"mac", CID_MAC},
    {"macaddress", CID_MAC},
    {"installationid", CID_IID},
    {"offlineinstallationid", CID_IID},
    {"iid", CID_IID},
    {"confirmationid", CID_CID},
    {"cid", CID_CID},
    {"partialproductkey", CID_PARTIAL_KEY},
};

/* Which field each column holds; CID_FIELDS: none of ours. */
struct layout {
	VEC(enum cid_field) list;
};

static bool is_column(const char *title, const char *name)
{
	for (; *title; title++) {
		char c = *title >= 'A' && *title <= 'Z' ? (char)(*title + 32) : *title;

		if (strchr(" _-", c))
			continue;
		if (c != *name++)
			return false;
	}
	return !*name;
}

static enum cid_field find_column(const char *title)
{
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		if (is_column(title, columns[i].name))
			return columns[i].field;
	return CID_FIELDS;
}

static int read_header(
    struct csv *csv, struct layout *layout, struct cid_csv *out, struct error *err)
{
	CLEANUP(strvec) struct strvec titles = STRVEC_INIT;
	bool seen[CID_FIELDS] = {false};
	unsigned line;
	int rc = csv_next(csv, &titles, &line, err);

	if (rc < 0)
		return -1;
	for (size_t i = 0; i < titles.n; i++) {
		enum cid_field f = find_column(titles.v[i]);

		*VEC_PUSH(&layout->list) = f;
		if (f == CID_FIELDS) {
			strvec_add(&out->ignored, titles.v[i]);
			continue;
		}
		if (seen[f])
			return err_set(err, ERR_LAB_DATA, "%s:%u: two columns hold the %s",
			    csv->name, line, cid_field_name(f));
		seen[f] = true;
	}
	if (seen[CID_IID] && seen[CID_CID] && (seen[CID_COMPUTER] || seen[CID_MAC]))
		return 0;
	err_set(err, ERR_LAB_DATA, "%s:%u: there is no column %s", csv->name, line,
	    !seen[CID_IID]   ? "installation_id"
	    : !seen[CID_CID] ? "confirmation_id"
			     : "computer or mac");
	return err_hint(
	    err, "the first line names the columns: computer,mac,installation_id,confirmation_id");
}

/* 1: a row; 0: nothing was confirmed for it yet. */
static int read_row(const struct layout *layout, const struct strvec *fields, struct cid_row *row,
    struct error *err)
{
	if (fields->n != layout->list.n)
		return err_set(err, ERR_LAB_DATA, "%zu fields, but the header has %zu", fields->n,
		    layout->list.n);
	for (size_t i = 0; i < fields->n; i++)
		if (layout->list.v[i] != CID_FIELDS &&
		    cid_set(row, layout->list.v[i], fields->v[i], err) < 0)
			return -1;
	if (!*row->cid)
		return 0;
	return cid_check(row, err) < 0 ? -1 : 1;
}

static int read_rows(
    struct csv *csv, const struct layout *layout, struct cid_csv *out, struct error *err)
{
	for (;;) {
		CLEANUP(strvec) struct strvec fields = STRVEC_INIT;
		struct cid_row row = {.line = 0};
		int rc = csv_next(csv, &fields, &row.line, err);

		if (rc <= 0)
			return rc;
		rc = read_row(layout, &fields, &row, err);
		if (rc < 0)
			return err_context(err, "%s:%u", csv->name, row.line);
		if (out->rows.list.n == ROWS_MAX)
			return err_set(err, ERR_LAB_DATA, "%s:%u: more than %u rows", csv->name,
			    row.line, ROWS_MAX);
		if (rc == 0)
			out->without_cid++;
		else
			*VEC_PUSH(&out->rows.list) = row;
	}
}

static int read_text(const char *path, struct buf *text, struct error *err)
{
	if (read_whole_file(path, FILE_MAX, text, err) == 0)
		return 0;
	if (err->code == ERR_LIMIT)
		err_set(err, ERR_LAB_DATA, "%s: larger than %u MiB", path, FILE_MAX >> 20);
	return -1;
}

int cid_csv_read(const char *path, struct cid_csv *out, struct error *err)
{
	CLEANUP(buf) struct buf text = BUF_INIT;
	struct layout layout = {0};
	struct csv csv;

	*out = (struct cid_csv){0};
	int rc = read_text(path, &text, err);
	if (rc == 0)
		rc = csv_start(&csv, path, &text, err);
	if (rc == 0)
		rc = read_header(&csv, &layout, out, err);
	if (rc == 0)
		rc = read_rows(&csv, &layout, out, err);
	free(layout.list.v);
	if (rc < 0)
		cid_csv_free(out);
	return rc;
}

void cid_csv_free(struct cid_csv *csv)
{
	cid_rows_free(&csv->rows);
	strvec_free(&csv->ignored);
	csv->without_cid = 0;
}

void cid_csv_write(const struct cid_rows *rows, struct buf *out)
{
	const char *fields[CID_FIELDS];

	for (size_t f = 0; f < CID_FIELDS; f++)
		fields[f] = cid_field_name((enum cid_field)f);
	csv_add(out, fields, CID_FIELDS);
	for (size_t i = 0; i < rows->list.n; i++) {
		for (size_t f = 0; f < CID_FIELDS; f++)
			fields[f] = cid_get(&rows->list.v[i], (enum cid_field)f);
		csv_add(out, fields, CID_FIELDS);
	}
}
