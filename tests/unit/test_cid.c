/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of confirmation IDs, and lists of them as CSV. */
#include "common/fsutil.h"
#include "common/text.h"
#include "profiles/cid.h"
#include "tests/unit/unit.h"

#define IID "000112223334445556667778889990001112223334445556667778"
#define IID_GROUPS "000112-223334-445556-667778-889990-001112-223334-445556-667778"
#define CID "998877665544332211009988776655443322110099887766"
#define CID_GROUPS "998877 665544 332211 009988 776655 443322 110099 887766"

static void assert_becomes(enum cid_field f, const char *text, const char *want)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_row row = {.line = 0};

	assert_ok(cid_set(&row, f, text, &err), err);
	ck_assert_str_eq(cid_get(&row, f), want);
}

/* Refused, and the row is as it was. */
static void assert_wrong(enum cid_field f, const char *text, const char *part)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_row row = {.line = 7}, before = row;

	ck_assert_msg(
	    cid_set(&row, f, text, &err) < 0, "%s: taken as '%s'", text, cid_get(&row, f));
	ck_assert_int_eq(err.code, ERR_LAB_DATA);
	ck_assert_msg(name_contains(err.message, part), "%s: %s", text, err.message);
	ck_assert_int_eq(memcmp(&row, &before, sizeof(row)), 0);
}

START_TEST(computer_names)
{
	assert_becomes(CID_COMPUTER, "pc07", "PC07");
	assert_becomes(CID_COMPUTER, "Room-12_pc.schule.example", "ROOM-12_PC");
	assert_becomes(CID_COMPUTER, "ABCDEFGHIJKLMNO", "ABCDEFGHIJKLMNO");
	assert_becomes(CID_COMPUTER, "", "");
	assert_wrong(CID_COMPUTER, "ABCDEFGHIJKLMNOP", "too long");
	assert_wrong(CID_COMPUTER, "pc 7", "not a computer name");
	assert_wrong(CID_COMPUTER, ".schule.example", "not a computer name");
	assert_wrong(CID_COMPUTER, "192.0.2.7", "not a computer name");
	assert_wrong(CID_COMPUTER, "=cmd|x", "not a computer name");
	assert_wrong(CID_COMPUTER, "pc\xc3\xbc", "not a computer name");
}
END_TEST

START_TEST(mac_addresses)
{
	assert_becomes(CID_MAC, "00:1b:21:aa:bb:cc", "00:1B:21:AA:BB:CC");
	assert_becomes(CID_MAC, "00-1B-21-AA-BB-CC", "00:1B:21:AA:BB:CC");
	assert_becomes(CID_MAC, "001b.21aa.bbcc", "00:1B:21:AA:BB:CC");
	assert_becomes(CID_MAC, "001B21AABBCC", "00:1B:21:AA:BB:CC");
	assert_wrong(CID_MAC, "00:1b:21:aa:bb", "10 digits of 12");
	assert_wrong(CID_MAC, "00:1b:21:aa:bb:cc:dd", "not a MAC");
	assert_wrong(CID_MAC, "00:1b:21:aa:bb:cg", "not a MAC");
	assert_wrong(CID_MAC, "00:00:00:00:00:00", "one network card");
	assert_wrong(CID_MAC, "ff:ff:ff:ff:ff:ff", "one network card");
	assert_wrong(CID_MAC, "01:00:5e:00:00:01", "one network card");
}
END_TEST

START_TEST(ids_are_digits_in_any_grouping)
{
	assert_becomes(CID_IID, IID, IID);
	assert_becomes(CID_IID, IID_GROUPS, IID);
	assert_becomes(CID_CID, CID_GROUPS, CID);
	assert_wrong(CID_IID, IID "1", "55 digits instead of 54");
	assert_wrong(CID_CID, IID, "54 digits instead of 48");
	assert_wrong(CID_IID, "1.23457E+53", "not made of digits");
	assert_wrong(CID_CID, "-", "0 digits instead of 48");
	assert_wrong(CID_IID, IID "123456789", "63 digits");
}
END_TEST

START_TEST(a_whole_key_is_refused_and_not_quoted)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_row row = {.line = 0};

	assert_becomes(CID_PARTIAL_KEY, "9b6t4", "9B6T4");
	assert_wrong(CID_PARTIAL_KEY, "9b6", "3 characters");
	assert_wrong(CID_PARTIAL_KEY, "9b6-4", "no product key");
	ck_assert_int_lt(cid_set(&row, CID_PARTIAL_KEY, "BCDFG-HJKMP-QRTVW-XY234-6789B", &err), 0);
	ck_assert(!name_contains(err.message, "BCDFG") && !name_contains(err.message, "6789B"));
	ck_assert(!name_contains(err.hint, "6789B"));
}
END_TEST

START_TEST(names_for_people)
{
	struct cid_row row = {.computer = "PC07"};
	CLEANUP(free) char *one = cid_row_pc(&row);
	strcpy(row.mac, "00:1B:21:AA:BB:CC");
	CLEANUP(free) char *both = cid_row_pc(&row);
	CLEANUP(free) char *id = cid_short(IID), *tiny = cid_short("123");

	ck_assert_str_eq(one, "PC07");
	ck_assert_str_eq(both, "PC07 (00:1B:21:AA:BB:CC)");
	ck_assert_str_eq(id, "000112…667778");
	ck_assert_str_eq(tiny, "123");
}
END_TEST

/* ---- lists ---- */

static int read_text(const char *text, struct cid_csv *out, struct error *err)
{
	char path[] = "/tmp/w7prep-cid.XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	int rc = cid_csv_read(path, out, err);
	unlink(path);
	return rc;
}

static void assert_list_wrong(const char *text, const char *part)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_csv csv;

	ck_assert_msg(read_text(text, &csv, &err) < 0, "taken: %s", text);
	ck_assert_int_eq(err.code, ERR_LAB_DATA);
	ck_assert_msg(name_contains(err.message, part), "%s", err.message);
	ck_assert_uint_eq(csv.rows.list.n, 0);
}

START_TEST(a_list_is_read)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_csv csv;

	assert_ok(read_text("Confirmation ID;Room;MAC address;Computer "
			    "Name;OfflineInstallationId\r\n" CID_GROUPS
			    ";12;00-1b-21-aa-bb-cc;pc07;" IID_GROUPS "\r\n"
			    ";12;;pc08;" IID "\r\n",
		      &csv, &err),
	    err);
	ck_assert_uint_eq(csv.rows.list.n, 1);
	const struct cid_row *r = &csv.rows.list.v[0];
	ck_assert_str_eq(r->computer, "PC07");
	ck_assert_str_eq(r->mac, "00:1B:21:AA:BB:CC");
	ck_assert_str_eq(r->iid, IID);
	ck_assert_str_eq(r->cid, CID);
	ck_assert_str_eq(r->partial_key, "");
	ck_assert_uint_eq(r->line, 2);
	ck_assert_uint_eq(csv.without_cid, 1);
	ck_assert_uint_eq(csv.ignored.n, 1);
	ck_assert_str_eq(csv.ignored.v[0], "Room");
	cid_csv_free(&csv);
}
END_TEST

START_TEST(headers_are_checked)
{
	assert_list_wrong("", "no column installation_id");
	assert_list_wrong("computer,installation_id\r\n", ":1: there is no column confirmation_id");
	assert_list_wrong("iid,cid\r\n", ":1: there is no column computer or mac");
	assert_list_wrong(
	    "computer,iid,cid,Installation ID\r\n", ":1: two columns hold the installation_id");
	assert_list_wrong("computer,iid,cidx\r\n", "no column confirmation_id");
}
END_TEST

START_TEST(rows_are_checked_and_named_by_line)
{
	assert_list_wrong("mac,iid,cid\r\n\r\n,1,\r\n", ":3: installation ID: 1 digits");
	assert_list_wrong(
	    "mac,iid,cid\r\n," IID "," CID "\r\n", ":2: neither a computer nor a MAC");
	assert_list_wrong("computer,iid,cid\r\nPC07,," CID "\r\n", ":2: a confirmation ID without");
	assert_list_wrong(
	    "computer,iid,cid\r\nPC07," IID "\r\n", ":2: 2 fields, but the header has 3");
	assert_list_wrong("computer,iid,cid\r\nPC07," IID "," CID ",\r\n", ":2: 4 fields");
	assert_list_wrong("computer,iid,cid\r\nPC07," IID "," CID "\r\nPC08,\"x\r\n", ":3: ");
}
END_TEST

START_TEST(files_that_are_no_list)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct cid_csv csv;

	assert_fails(cid_csv_read("/nonexistent/x.csv", &csv, &err), err, ERR_NO_SUCH_FILE);
	assert_fails(cid_csv_read("/tmp", &csv, &err), err, ERR_USAGE);
	char path[] = "/tmp/w7prep-cid.XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_eq(ftruncate(fd, (16 << 20) + 1), 0);
	close(fd);
	assert_fails(cid_csv_read(path, &csv, &err), err, ERR_LAB_DATA);
	unlink(path);
}
END_TEST

START_TEST(a_list_that_was_written_is_read_again)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(cid_rows) struct cid_rows rows = {0};
	CLEANUP(buf) struct buf text = BUF_INIT;
	struct cid_csv csv;

	*VEC_PUSH(&rows.list) = (struct cid_row){"PC07", "", IID, CID, "9B6T4", 5, 0};
	*VEC_PUSH(&rows.list) = (struct cid_row){"", "00:1B:21:AA:BB:CC", IID, CID, "", 6, 0};
	cid_csv_write(&rows, &text);
	ck_assert_str_eq(text.data,
	    "computer,mac,installation_id,confirmation_id,partial_product_key\r\n"
	    "PC07,," IID "," CID ",9B6T4\r\n"
	    ",00:1B:21:AA:BB:CC," IID "," CID ",\r\n");
	assert_ok(read_text(text.data, &csv, &err), err);
	ck_assert_uint_eq(csv.rows.list.n, 2);
	for (size_t i = 0; i < 2; i++)
		for (int f = 0; f < CID_FIELDS; f++)
			ck_assert_str_eq(cid_get(&csv.rows.list.v[i], (enum cid_field)f),
			    cid_get(&rows.list.v[i], (enum cid_field)f));
	cid_csv_free(&csv);
}
END_TEST

SUITE("cid", computer_names, mac_addresses, ids_are_digits_in_any_grouping,
    a_whole_key_is_refused_and_not_quoted, names_for_people, a_list_is_read, headers_are_checked,
    rows_are_checked_and_named_by_line, files_that_are_no_list,
    a_list_that_was_written_is_read_again)
