/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/cid.h"

#include <string.h>

#include "common/cleanup.h"

/* Of a message's quotation: what somebody typed may be anything. */
#define QUOTED 40
#define SPREADSHEET "a spreadsheet rounds long numbers: have it keep the column as text"

static const struct {
	const char *name;
	size_t offset;
} fields[CID_FIELDS] = {
    [CID_COMPUTER] = {"computer", offsetof(struct cid_row, computer)},
    [CID_MAC] = {"mac", offsetof(struct cid_row, mac)},
    [CID_IID] = {"installation_id", offsetof(struct cid_row, iid)},
    [CID_CID] = {"confirmation_id", offsetof(struct cid_row, cid)},
    [CID_PARTIAL_KEY] = {"partial_product_key", offsetof(struct cid_row, partial_key)},
};

const char *cid_field_name(enum cid_field f)
{
	return fields[f].name;
}

const char *cid_get(const struct cid_row *row, enum cid_field f)
{
	return (const char *)row + fields[f].offset;
}

void cid_rows_free(struct cid_rows *rows)
{
	free(rows->list.v);
	*rows = (struct cid_rows){0};
}

/* Not toupper(): names are ASCII whatever the locale. */
static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int set_computer(char out[static 16], const char *text, struct error *err)
{
	size_t n = strcspn(text, ".");
	bool other = false;

	for (size_t i = 0; i < n; i++) {
		char c = upper(text[i]);

		if (!(c >= 'A' && c <= 'Z') && !is_digit(c) && c != '-' && c != '_')
			return err_set(err, ERR_LAB_DATA,
			    "'%.*s' is not a computer name: letters, digits, - and _ only", QUOTED,
			    text);
		other = other || !is_digit(c);
		if (i < 15)
			out[i] = c;
	}
	/* an IPv4 address is no name that a PC has, and Windows refuses one of digits alone */
	if (n == 0 || !other)
		return err_set(err, ERR_LAB_DATA, "'%.*s' is not a computer name", QUOTED, text);
	if (n > 15)
		return err_set(err, ERR_LAB_DATA,
		    "'%.*s' is too long for a computer name: Windows has 15 characters at most",
		    QUOTED, text);
	out[n] = '\0';
	return 0;
}

static int set_mac(char out[static 18], const char *text, struct error *err)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char byte[6] = {0};
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		const char *digit = strchr(hex, upper(*p));

		if (strchr(":-. ", *p))
			continue;
		if (!digit || n == 12)
			return err_set(err, ERR_LAB_DATA,
			    "'%.*s' is not a MAC address: twelve hexadecimal digits, as in "
			    "00:1B:21:AA:BB:CC",
			    QUOTED, text);
		byte[n / 2] = (unsigned char)(byte[n / 2] << 4 | (unsigned)(digit - hex));
		n++;
	}
	if (n != 12)
		return err_set(err, ERR_LAB_DATA,
		    "'%.*s' is not a MAC address: it has %zu digits of 12", QUOTED, text, n);
	if (byte[0] & 1 || !(byte[0] | byte[1] | byte[2] | byte[3] | byte[4] | byte[5]))
		return err_set(err, ERR_LAB_DATA,
		    "'%.*s' is not the MAC address of one network card", QUOTED, text);
	snprintf(out, 18, "%02X:%02X:%02X:%02X:%02X:%02X", byte[0], byte[1], byte[2], byte[3],
	    byte[4], byte[5]);
	return 0;
}

static int set_digits(char *out, const char *text, size_t want, const char *what, struct error *err)
{
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		if (*p == ' ' || *p == '-' || *p == '\t')
			continue;
		if (!is_digit(*p)) {
			err_set(err, ERR_LAB_DATA, "%s: '%.*s' is not made of digits", what, QUOTED,
			    text);
			return err_hint(err, SPREADSHEET);
		}
		if (n < want)
			out[n] = *p;
		n++;
	}
	if (n != want) {
		err_set(err, ERR_LAB_DATA, "%s: %zu digits instead of %zu", what, n, want);
		if (want == CID_IID_DIGITS && n == 63)
			err_hint(err, "63 digits has the ID of Windows 8 and later");
		else
			err_hint(err, SPREADSHEET);
		return -1;
	}
	out[n] = '\0';
	return 0;
}

/* What it is instead may be a key: never quoted. */
static int set_partial_key(char out[static 6], const char *text, struct error *err)
{
	size_t n = strlen(text);

	if (n > 5) {
		err_set(err, ERR_LAB_DATA, "partial product key: %zu characters instead of 5", n);
		return err_hint(
		    err, "a whole key has no place in this list: keep the last five characters");
	}
	for (size_t i = 0; i < n; i++) {
		out[i] = upper(text[i]);
		if (!(out[i] >= 'A' && out[i] <= 'Z') && !is_digit(out[i]))
			return err_set(err, ERR_LAB_DATA,
			    "partial product key: a character that no product key has");
	}
	if (n != 5)
		return err_set(
		    err, ERR_LAB_DATA, "partial product key: %zu characters instead of 5", n);
	out[n] = '\0';
	return 0;
}

int cid_set(struct cid_row *row, enum cid_field f, const char *text, struct error *err)
{
	struct cid_row new = *row;
	int rc = -1;

	if (!*text) {
		((char *)row)[fields[f].offset] = '\0';
		return 0;
	}
	switch (f) {
	case CID_COMPUTER:
		rc = set_computer(new.computer, text, err);
		break;
	case CID_MAC:
		rc = set_mac(new.mac, text, err);
		break;
	case CID_IID:
		rc = set_digits(new.iid, text, CID_IID_DIGITS, "installation ID", err);
		break;
	case CID_CID:
		rc = set_digits(new.cid, text, CID_CID_DIGITS, "confirmation ID", err);
		break;
	case CID_PARTIAL_KEY:
		rc = set_partial_key(new.partial_key, text, err);
		break;
	case CID_FIELDS:
		return err_set(err, ERR_INTERNAL, "no such field");
	}
	if (rc == 0)
		*row = new;
	return rc;
}

int cid_check(const struct cid_row *row, struct error *err)
{
	if (!*row->iid)
		return err_set(err, ERR_LAB_DATA, "a confirmation ID without its installation ID");
	if (!*row->cid)
		return err_set(err, ERR_LAB_DATA, "an installation ID without a confirmation ID");
	if (!*row->computer && !*row->mac)
		return err_set(err, ERR_LAB_DATA, "neither a computer nor a MAC address");
	return 0;
}

char *cid_row_pc(const struct cid_row *row)
{
	if (*row->computer && *row->mac)
		return xasprintf("%s (%s)", row->computer, row->mac);
	return xstrdup(*row->computer ? row->computer : row->mac);
}

char *cid_short(const char *id)
{
	size_t n = strlen(id);

	return n <= 12 ? xstrdup(id) : xasprintf("%.6s…%s", id, id + n - 6);
}
