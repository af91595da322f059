/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/cid_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/fsutil.h"

#define APPLICATION_ID 0x77374964 /* "w7Id", in the file's header (sqlite.org/fileformat) */
#define BUSY_MS 3000
#define UNSOUND "put it back from a copy, or move it away and import the lists again"

struct cid_store {
	sqlite3 *db;
	char *path;
};

/* What brings a store from version N (PRAGMA user_version) to N + 1. Rows here are never changed.
 */
static const char *const migrations[] = {
    /* seq: the order of import, which a row imported again takes anew */
    "CREATE TABLE confirmation ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " installation_id TEXT NOT NULL UNIQUE,"
    " confirmation_id TEXT NOT NULL,"
    " computer TEXT NOT NULL,"
    " mac TEXT NOT NULL,"
    " partial_product_key TEXT NOT NULL,"
    " imported INTEGER NOT NULL,"
    " CHECK (length(installation_id) = 54 AND installation_id NOT GLOB '*[^0-9]*'),"
    " CHECK (length(confirmation_id) = 48 AND confirmation_id NOT GLOB '*[^0-9]*'),"
    " CHECK (computer <> '' OR mac <> '')"
    ") STRICT;"
    "CREATE INDEX confirmation_computer ON confirmation (computer);"
    "CREATE INDEX confirmation_mac ON confirmation (mac);",
};
#define VERSION ((int)(sizeof(migrations) / sizeof(*migrations)))

static void cleanup_statement(sqlite3_stmt **q)
{
	sqlite3_finalize(*q);
}

static int failed(const struct cid_store *s, struct error *err)
{
	switch (sqlite3_errcode(s->db) & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		err_set(err, ERR_LOCKED, "%s: another program is writing to it", s->path);
		return err_hint(err, "try again when that import is done");
	case SQLITE_FULL:
		return err_set(err, ERR_NO_SPACE, "%s: no space left for it", s->path);
	case SQLITE_ERROR: /* a table is not there, or not as we made it */
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		err_set(err, ERR_LAB_DATA, "%s: not a sound store of confirmation IDs: %s", s->path,
		    sqlite3_errmsg(s->db));
		return err_hint(err, UNSOUND);
	default:
		return err_set(err, ERR_IO, "%s: %s", s->path, sqlite3_errmsg(s->db));
	}
}

static int run(struct cid_store *s, const char *sql, struct error *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(s, err);
}

static sqlite3_stmt *prepare(struct cid_store *s, const char *sql, struct error *err)
{
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		failed(s, err);
	return q;
}

/* 1: a row, 0: no more, -1 */
static int step(struct cid_store *s, sqlite3_stmt *q, struct error *err)
{
	int rc = sqlite3_step(q);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : failed(s, err);
}

static int ask_number(struct cid_store *s, const char *sql, int *out, struct error *err)
{
	CLEANUP(statement) sqlite3_stmt *q = prepare(s, sql, err);

	if (!q || step(s, q, err) < 0)
		return -1;
	*out = sqlite3_column_int(q, 0);
	return 0;
}

/* ---- the file ---- */

char *cid_store_default(struct error *err)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	/* the XDG specification: a relative path is to be ignored */
	if (data && *data == '/')
		return path_join(data, "w7prep/cid.sqlite");
	if (home && *home == '/')
		return path_join(home, ".local/share/w7prep/cid.sqlite");
	err_set(
	    err, ERR_USAGE, "neither XDG_DATA_HOME nor HOME says where confirmation IDs are kept");
	err_hint(err, "name the file with --store");
	return NULL;
}

static int check_file(const char *path, const struct stat *st, struct error *err)
{
	if (!S_ISREG(st->st_mode)) {
		err_set(err, ERR_LAB_DATA, "%s: not a regular file", path);
		return err_hint(err, "name the store, a file, with --store");
	}
	if (st->st_uid != geteuid() && st->st_uid != 0 && geteuid() != 0) {
		err_set(err, ERR_LAB_DATA, "%s: the confirmation IDs belong to another user", path);
		return err_hint(err, "chown it to yourself or root, and chmod 600 it");
	}
	if (st->st_mode & (S_IRWXG | S_IRWXO)) {
		err_set(err, ERR_LAB_DATA, "%s: others may read the confirmation IDs (mode %04o)",
		    path, (unsigned)st->st_mode & 07777);
		return err_hint(err, "chmod 600 %s", path);
	}
	return 0;
}

/* SQLite would make it with the umask's mode. Its journal takes the mode of the file. */
static int make_file(const char *path, struct error *err)
{
	if (make_parents(path, err) != 0)
		return -1;
	CLEANUP(close) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EEXIST)
		return err_errno(err, "cannot make %s", path);
	return 0;
}

static int settle_file(const char *path, enum cid_store_mode mode, struct error *err)
{
	struct stat st = {0};

	if (stat(path, &st) == 0) {
		if (check_file(path, &st, err) < 0)
			return -1;
	} else if (errno != ENOENT && errno != ENOTDIR) {
		return err_errno(err, "%s", path);
	}
	/* an empty one: the first import was cut short */
	if (st.st_size > 0)
		return 0;
	if (mode == CID_STORE_WRITE)
		return make_file(path, err);
	err_set(err, ERR_NO_SUCH_FILE, "%s: there are no confirmation IDs yet", path);
	return err_hint(err, "w7prep cid import FILE.csv, or name the store with --store");
}

/* ---- what is in it ---- */

static int migrate(struct cid_store *s, int from, struct error *err)
{
	CLEANUP(free)
	char *mark = xasprintf(
	    "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID, VERSION);

	for (int v = from; v < VERSION; v++)
		if (run(s, migrations[v], err) < 0)
			return -1;
	return run(s, mark, err);
}

static int foreign(const struct cid_store *s, struct error *err)
{
	err_set(err, ERR_LAB_DATA, "%s: not a store of confirmation IDs", s->path);
	return err_hint(err, "name another file with --store");
}

/* Within a transaction that keeps another first import out. */
static int settle_version(struct cid_store *s, struct error *err)
{
	int id, version, tables;

	if (ask_number(s, "PRAGMA application_id", &id, err) < 0 ||
	    ask_number(s, "PRAGMA user_version", &version, err) < 0 ||
	    ask_number(s, "SELECT count(*) FROM sqlite_schema", &tables, err) < 0)
		return -1;
	/* our mark and version are set with the first table, all or none of them */
	bool ours = id == APPLICATION_ID && version > 0, empty = !id && !version && !tables;
	if (!ours && !empty)
		return foreign(s, err);
	if (version > VERSION) {
		err_set(err, ERR_LAB_DATA, "%s: made by a later version of w7prep (its version %d)",
		    s->path, version);
		return err_hint(err, "use that version of w7prep");
	}
	return version == VERSION ? 0 : migrate(s, version, err);
}

/* End the transaction: what was done holds when @rc is 0, and nothing else. */
static int end(struct cid_store *s, int rc, struct error *err)
{
	if (rc == 0)
		rc = run(s, "COMMIT", err);
	if (rc < 0)
		run(s, "ROLLBACK", NULL);
	return rc;
}

static int settle(struct cid_store *s, enum cid_store_mode mode, struct error *err)
{
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (run(s, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY", err) < 0 ||
	    run(s, mode == CID_STORE_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", err) < 0)
		return -1;
	return end(s, settle_version(s, err), err);
}

struct cid_store *cid_store_open(const char *path, enum cid_store_mode mode, struct error *err)
{
	struct cid_store *s;

	if (settle_file(path, mode, err) < 0)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->path = xstrdup(path);
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		err_set(err, ERR_IO, "cannot open %s: %s", path,
		    s->db ? sqlite3_errmsg(s->db) : "no memory");
	else if (settle(s, mode, err) == 0)
		return s;
	cid_store_close(s);
	return NULL;
}

void cid_store_close(struct cid_store *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

#define COLUMNS "computer, mac, installation_id, confirmation_id, partial_product_key"

/* A row of COLUMNS, imported: checked as if it came from a file. */
static int take_row(struct cid_store *s, sqlite3_stmt *q, struct cid_row *row, struct error *err)
{
	int rc = 0;

	for (int f = 0; rc == 0 && f < CID_FIELDS; f++) {
		const char *text = (const char *)sqlite3_column_text(q, f);

		rc = cid_set(row, (enum cid_field)f, text ? text : "", err);
	}
	if (rc == 0)
		rc = cid_check(row, err);
	if (rc < 0) {
		err_context(err, "%s", s->path);
		return err_hint(err, UNSOUND);
	}
	row->imported = sqlite3_column_int64(q, CID_FIELDS);
	return 0;
}

int cid_store_find(struct cid_store *s, const char *computer, const char *mac, struct cid_rows *out,
    struct error *err)
{
	CLEANUP(statement)
	sqlite3_stmt *q = prepare(s,
	    "SELECT " COLUMNS ", imported FROM confirmation"
	    " WHERE (?1 IS NULL AND ?2 IS NULL) OR computer = ?1 OR mac = ?2 ORDER BY seq DESC",
	    err);
	int rc;

	if (!q)
		return -1;
	sqlite3_bind_text(q, 1, computer, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, mac, -1, SQLITE_STATIC);
	while ((rc = step(s, q, err)) == 1)
		if (take_row(s, q, VEC_PUSH(&out->list), err) < 0)
			return -1;
	return rc;
}

/* ---- import ---- */

struct import {
	struct cid_store *s;
	const char *name;
	bool replace;
	int64_t now;
	sqlite3_stmt *known, *others, *put;
	struct cid_import *out;
};

/* The row of this installation ID as it is stored. 1/0/-1 */
static int find_known(
    struct import *im, const struct cid_row *row, struct cid_row *out, struct error *err)
{
	sqlite3_reset(im->known);
	sqlite3_bind_text(im->known, 1, row->iid, -1, SQLITE_STATIC);
	int rc = step(im->s, im->known, err);

	if (rc == 1 && take_row(im->s, im->known, out, err) < 0)
		return -1;
	return rc;
}

static int compare(
    struct import *im, const struct cid_row *row, const struct cid_row *known, struct error *err)
{
	if (strcmp(row->cid, known->cid) == 0) {
		im->out->known++;
		return 0;
	}
	if (im->replace) {
		im->out->replaced++;
		return 0;
	}
	CLEANUP(free) char *iid = cid_short(row->iid), *pc = cid_row_pc(known);
	err_set(err, ERR_LAB_DATA,
	    "%s:%u: installation ID %s of %s is known with another confirmation ID", im->name,
	    row->line, iid, pc);
	return err_hint(err, "see which is right; --force takes the one of the list");
}

/* Not wrong (another key, other hardware), but two PCs of one name or address would look so too. */
static int note_others(struct import *im, const struct cid_row *row, struct error *err)
{
	sqlite3_reset(im->others);
	sqlite3_bind_text(im->others, 1, row->iid, -1, SQLITE_STATIC);
	sqlite3_bind_text(im->others, 2, *row->computer ? row->computer : NULL, -1, SQLITE_STATIC);
	sqlite3_bind_text(im->others, 3, *row->mac ? row->mac : NULL, -1, SQLITE_STATIC);
	if (step(im->s, im->others, err) < 0)
		return -1;
	int n = sqlite3_column_int(im->others, 0);
	if (n == 0)
		return 0;
	CLEANUP(free) char *pc = cid_row_pc(row);
	strvec_addf(&im->out->notes,
	    "%s:%u: %s has %d other installation ID%s, of another key or other hardware: its first "
	    "boot "
	    "takes the one that fits",
	    im->name, row->line, pc, n, n == 1 ? "" : "s");
	return 0;
}

static int put(struct import *im, const struct cid_row *row, struct error *err)
{
	sqlite3_reset(im->put);
	for (int f = 0; f < CID_FIELDS; f++)
		sqlite3_bind_text(
		    im->put, f + 1, cid_get(row, (enum cid_field)f), -1, SQLITE_STATIC);
	sqlite3_bind_int64(im->put, CID_FIELDS + 1, im->now);
	return step(im->s, im->put, err);
}

static int import_row(struct import *im, const struct cid_row *row, struct error *err)
{
	struct cid_row known = {.line = 0}, merged = *row;
	int rc = find_known(im, row, &known, err);

	if (rc < 0)
		return -1;
	if (rc == 1 && compare(im, row, &known, err) < 0)
		return -1;
	im->out->added += rc == 0;
	for (int f = 0; f < CID_FIELDS; f++)
		if (!*cid_get(row, (enum cid_field)f) &&
		    cid_set(&merged, (enum cid_field)f, cid_get(&known, (enum cid_field)f), err) <
			0)
			return -1;
	if (rc == 0 && note_others(im, &merged, err) < 0)
		return -1;
	return put(im, &merged, err);
}

static int import_rows(struct import *im, const struct cid_rows *rows, struct error *err)
{
	struct cid_store *s = im->s;

	im->known = prepare(
	    s, "SELECT " COLUMNS ", imported FROM confirmation WHERE installation_id = ?1", err);
	im->others = prepare(s,
	    "SELECT count(*) FROM confirmation"
	    " WHERE installation_id <> ?1 AND (computer = ?2 OR mac = ?3)",
	    err);
	/* replaced is deleted and inserted, so that it gets a new seq */
	im->put = prepare(s,
	    "INSERT OR REPLACE INTO confirmation (" COLUMNS
	    ", imported) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	    err);
	int rc = im->known && im->others && im->put ? 0 : -1;
	for (size_t i = 0; rc == 0 && i < rows->list.n; i++)
		rc = import_row(im, &rows->list.v[i], err);
	sqlite3_finalize(im->known);
	sqlite3_finalize(im->others);
	sqlite3_finalize(im->put);
	return rc;
}

int cid_store_import(struct cid_store *s, const char *name, const struct cid_rows *rows,
    bool replace, struct cid_import *out, struct error *err)
{
	struct import im = {
	    .s = s,
	    .name = name,
	    .replace = replace,
	    .now = (int64_t)time(NULL),
	    .out = out,
	};

	*out = (struct cid_import){0};
	if (run(s, "BEGIN IMMEDIATE", err) < 0)
		return -1;
	return end(s, import_rows(&im, rows, err), err);
}
