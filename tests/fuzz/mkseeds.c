/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkseeds DIR: the first inputs of the targets that read something binary, as DIR/TARGET/NAME.
 * Those of the targets that read text are in ci/fuzz.sh.
 */
#include <fcntl.h>

#include "image/hive.h"
#include "image/secdesc.h"
#include "image/wim.h"
#include "profiles/cid_store.h"
#include "tests/fixtures/hivegen.h"
#include "tests/fixtures/phony.h"
#include "tests/fixtures/winsd.h"
#include "tests/fuzz/mkseeds_disk.h"

/* ---- hives ---- */

/* What fuzz_hive_edit.c edits, with every kind of cell. */
static struct hivegen *small_hive(bool big)
{
	static char data[20000];
	struct hivegen *g = hivegen_new();

	hivegen_set_dword(g, "A", "n", 1);
	hivegen_set_sz(g, "A", "s", "string of some length");
	hivegen_set_multi_sz(g, "A", "m", (const char *const[]){"one", "two", NULL});
	hivegen_set_sz(g, "A\\B", "s", "string");
	hivegen_set_binary(g, "A\\B\\C", "b", "binary data", 11);
	if (big)
		hivegen_set_binary(g, "A\\Big", "big", data, sizeof(data));
	hivegen_key(g, "D\\E\\F");
	for (int i = 0; i < 12; i++) {
		CLEANUP(free) char *key = xasprintf("List\\k%02d", i);

		hivegen_key(g, key);
	}
	return g;
}

static void hive_bytes(const struct hivegen_options *o, bool big, struct buf *out)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = memfile("hive", &err);
	struct hivegen *g = small_hive(big);

	check(fd, &err);
	check(hivegen_write_fd(g, fd, o, &err), &err);
	check(read_whole_fd(fd, 1 << 20, out, &err), &err);
	hivegen_free(g);
}

static void hives(void)
{
	/* make and delete keys, set and delete values: see edit_one() */
	static const char script[] = "\6\3\7\1\2\1\1\1\4\2\0\2\0\0\12\0\3\11\5";

	for (int i = 0; i < 6; i++) {
		const struct hivegen_options o = {
		    .list = (enum hivegen_list)(i % 3),
		    .index_root = i >= 3,
		    .minor = i == 1 ? 3 : 5,
		};
		CLEANUP(free) char *name = xasprintf("hive%d", i);
		CLEANUP(buf) struct buf hive = BUF_INIT;
		CLEANUP(buf) struct buf edit = BUF_INIT;

		hive_bytes(&o, i == 0, &hive);
		seed("hive_read", name, -1, hive.data, hive.len);
		buf_add(&edit, script, sizeof(script) - 1);
		buf_add(&edit, hive.data, hive.len);
		seed("hive_edit", name, -1, edit.data, edit.len);
	}
}

/* ---- a whole Windows ---- */

/* For fuzz_facts.c: number of the place, type of the value, its data. */
static void fact(const char *name, int place, uint32_t type, const void *p, size_t n)
{
	CLEANUP(buf) struct buf b = BUF_INIT;
	const char byte = (char)type;

	buf_add(&b, &byte, 1);
	buf_add(&b, p, n);
	seed("facts", name, place, b.data, b.len);
}

static void facts(const char *software)
{
	static const char rule[] =
	    "v\0002\0.\0001\0000\0|\0A\0c\0t\0i\0v\0e\0=\0F\0A\0L\0S\0E\0|\0\0";
	static const char *const files[] = {"[State]\r\nImageState=IMAGE_STATE_COMPLETE\r\n",
	    "@echo off\r\ncall setup.exe\r\n",
	    "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"/>", "hibr"};
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(close) int fd = open(software, O_RDONLY | O_CLOEXEC);
	struct hive *h = fd < 0 ? NULL : hive_open(fd, "SOFTWARE", false, true, &err);
	struct hive_value id;

	check(
	    h ? hive_get(h, "Microsoft\\Windows NT\\CurrentVersion", "DigitalProductId4", &id, &err)
	      : -1,
	    &err);
	fact("product-id", 0, id.type, id.data.data, id.data.len);
	fact("edition", 1, HIVE_SZ, "E\0n\0t\0\0\0", 8);
	fact("current", 10, HIVE_DWORD, "\2\0\0\0", 4);
	fact("rule", 16, HIVE_SZ, rule, sizeof(rule));
	for (int i = 0; i < 4; i++) {
		CLEANUP(free) char *name = xasprintf("file%d", i);

		seed("facts", name, 17 + i, files[i], strlen(files[i]));
	}
	hive_value_free(&id);
	hive_close(h);
}

/* For fuzz_servicing.c: how many changes, and which, is all in the numbers. */
static void servicing(void)
{
	uint8_t b[64];

	for (unsigned i = 0; i < 16; i++) {
		CLEANUP(free) char *name = xasprintf("changes%u", i);

		for (unsigned k = 0; k < sizeof(b); k++)
			b[k] = (uint8_t)(k * k * (i + 3) + k * 7);
		b[0] = (uint8_t)i;
		seed("servicing", name, -1, b, i == 0 ? 0 : 9 * (i % 7));
	}
}

static void windows(void)
{
	static const char *const names[] = {"SOFTWARE", "SYSTEM", "COMPONENTS"};
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *dir = scratch_create(NULL, &err);
	struct phony_options o;

	check(dir ? 0 : -1, &err);
	phony_init(&o);
	check(phony_set(&o, "servicing=full", &err), &err);
	check(phony_set(&o, "store-packages=8", &err), &err);
	check(phony_tree(dir, &o, &err), &err);
	phony_free(&o);
	for (int i = 0; i < 3; i++) {
		CLEANUP(free)
		char *path = xasprintf("%s/Windows/System32/config/%s", dir, names[i]);
		CLEANUP(buf) struct buf hive = BUF_INIT;

		check(read_whole_file(path, 16 << 20, &hive, &err), &err);
		seed("windows", names[i], i, hive.data, hive.len);
		if (i == 0)
			facts(path);
	}
	scratch_remove(dir);
}

/* ---- the rest ---- */

static void wim_header(void)
{
	uint8_t h[2 + WIM_HEADER_SIZE] = "\4\0MSWIM";

	put_le32(h + 2 + 8, WIM_HEADER_SIZE);
	put_le32(h + 2 + 12, 0x10d00);
	put_le32(h + 2 + 16, 0x20082);
	put_le32(h + 2 + 20, 32768);
	put_le32(h + 2 + 40, 0x10001);
	put_le32(h + 2 + 44, 1);
	for (unsigned i = 0; i < 2; i++) { /* table of contents, XML data */
		put_le32(h + 2 + 48 + 24 * i, 100);
		put_le32(h + 2 + 56 + 24 * i, 300 + 100 * i);
		put_le32(h + 2 + 64 + 24 * i, 100);
	}
	seed("wim_header", "plain", -1, h, sizeof(h));
	memcpy(h + 2, "WLPWM", 5);
	seed("wim_header", "pipable", -1, h, sizeof(h));
}

static void store_of_ids(void)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *dir = scratch_create(NULL, &err);
	CLEANUP(buf) struct buf file = BUF_INIT;
	CLEANUP(cid_rows) struct cid_rows rows = {0};
	struct cid_row *row = VEC_PUSH(&rows.list);
	struct cid_import done = {0};

	check(dir ? 0 : -1, &err);
	CLEANUP(free) char *path = path_join(dir, "store");
	struct cid_store *s = cid_store_open(path, CID_STORE_WRITE, &err);
	check(s ? 0 : -1, &err);
	check(cid_set(row, CID_COMPUTER, "pc01", &err), &err);
	memset(row->iid, '1', CID_IID_DIGITS);
	memset(row->cid, '2', CID_CID_DIGITS);
	check(cid_store_import(s, "list", &rows, false, &done, &err), &err);
	strvec_free(&done.notes);
	cid_store_close(s);
	check(read_whole_file(path, 1 << 20, &file, &err), &err);
	seed("cid_store", "store", 1, file.data, file.len);
	scratch_remove(dir);
}

static void descriptors(void)
{
	for (int i = 0; i < 3 + WINSD_COUNT; i++) {
		CLEANUP(free) char *name = xasprintf("sd%d", i);
		CLEANUP(buf) struct buf sd = BUF_INIT;

		if (i < 3)
			secdesc_make((enum secdesc_kind)i, &sd);
		else
			winsd_make((enum winsd)(i - 3), &sd);
		seed("secdesc", name, -1, sd.data, sd.len);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: mkseeds DIR\n");
		return 2;
	}
	top = argv[1];
	hives();
	windows();
	servicing();
	mbr_disk();
	gpt_disk();
	volumes();
	descriptors();
	wim_header();
	store_of_ids();
	extents();
	partclone_v2();
	partclone_v1();
	return 0;
}
