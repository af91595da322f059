/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answer files: what is not changed goes back byte for byte, an edit touches the element it is
 * about and nothing else, and a second edit finds nothing to do. The first byte of the input
 * chooses the edit, the rest is the file.
 */
#include "image/unattend_internal.h"
#include "tests/fuzz/fuzz.h"

#define PACKAGE                                                                                    \
	"Microsoft-Windows-Security-WindowsActivationTechnologies-Package~31bf3856ad364e35~"       \
	"amd64~~7.1.7600.16395"

/* The text less every element that is @item, and less all blanks where @squeeze. */
static void rest_of(
    const struct unattend *u, enum unattend_item item, bool squeeze, struct buf *out)
{
	const struct buf *text = &u->text.utf8;
	const struct xml_element *e;
	size_t at = 0;

	for (size_t nth = 0; at <= text->len; nth++) {
		e = unattend_find(u, item, ARCH_UNKNOWN, nth);
		for (size_t end = e ? e->start : text->len; at < end; at++)
			if (!squeeze || !strchr(" \t\r\n", text->data[at]) || !text->data[at])
				buf_add(out, text->data + at, 1);
		if (!e)
			break;
		if (!squeeze)
			buf_adds(out, "|");
		at = e->end;
	}
}

/* @fresh is @old with one stretch of it replaced by a longer one. */
static bool only_inserted(const struct buf *old, const struct buf *fresh)
{
	size_t head = 0, tail = 0, replaced = strlen("/>");

	while (head < old->len && head < fresh->len && old->data[head] == fresh->data[head])
		head++;
	while (tail < old->len - head &&
	       old->data[old->len - 1 - tail] == fresh->data[fresh->len - 1 - tail])
		tail++;
	/* <a  /> loses its blanks as well */
	for (size_t i = head; i < old->len - tail; i++)
		replaced += strchr(" \t\r\n", old->data[i]) != NULL;
	return fresh->len >= old->len && old->len - head - tail <= replaced;
}

static void check_set(struct unattend *u, enum unattend_item item, const char *value)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf old = BUF_INIT;
	CLEANUP(buf) struct buf before = BUF_INIT;
	CLEANUP(buf) struct buf after = BUF_INIT;
	bool there = unattend_find(u, item, ARCH_AMD64, 0) != NULL;

	buf_add(&old, u->text.utf8.data, u->text.utf8.len);
	/* only an item directly below its component can be added */
	if (!there && unattend_places[item].path[1])
		return;
	rest_of(u, item, false, &before);
	int rc = unattend_set(u, item, ARCH_AMD64, value, &err);
	if (rc < 0) {
		fuzz_check_error(&err);
		return;
	}
	rest_of(u, item, false, &after);
	FUZZ_CHECK(there || rc == 1);
	FUZZ_CHECK(strcmp(unattend_value(u, item, ARCH_AMD64, 0, NULL), value) == 0);
	if (there)
		FUZZ_CHECK(buf_equal(&before, &after));
	else
		FUZZ_CHECK(only_inserted(&old, &u->text.utf8));
	FUZZ_CHECK(unattend_set(u, item, ARCH_AMD64, value, &err) == 0);
}

static void check_remove(struct unattend *u, enum unattend_item item)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf before = BUF_INIT;
	CLEANUP(buf) struct buf after = BUF_INIT;

	rest_of(u, item, true, &before);
	if (unattend_remove(u, item, ARCH_UNKNOWN, &err) < 0) {
		fuzz_check_error(&err);
		return;
	}
	rest_of(u, item, true, &after);
	FUZZ_CHECK(buf_equal(&before, &after));
	FUZZ_CHECK(!unattend_find(u, item, ARCH_UNKNOWN, 0));
	FUZZ_CHECK(unattend_remove(u, item, ARCH_UNKNOWN, &err) == 0);
}

static void check_package(struct unattend *u)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	int rc = unattend_add_package_removal(u, PACKAGE, &err);

	if (rc < 0) {
		fuzz_check_error(&err);
		return;
	}
	FUZZ_CHECK(unattend_removes_package(u, PACKAGE));
	FUZZ_CHECK(unattend_add_package_removal(u, PACKAGE, &err) == 0);
}

static void edit(struct unattend *u, uint8_t how)
{
	enum unattend_item item = (enum unattend_item)(how % UNATTEND_ITEMS);

	switch (how / UNATTEND_ITEMS % 4) {
	case 0:
		check_set(u, item, "1");
		break;
	case 1:
		check_set(u, item, "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH");
		break;
	case 2:
		check_remove(u, item);
		break;
	default:
		check_package(u);
	}
}

/* What is written can be read, and is then the same text. */
static void check_written(const struct unattend *u)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf file = BUF_INIT;
	struct unattend again;

	unattend_write(u, &file);
	FUZZ_CHECK(unattend_read(&file, &again, &err) == 0);
	FUZZ_CHECK(buf_equal(&u->text.utf8, &again.text.utf8));
	unattend_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf file = BUF_INIT;
	CLEANUP(buf) struct buf same = BUF_INIT;
	struct unattend u;

	if (size == 0)
		return 0;
	buf_add(&file, data + 1, size - 1);
	if (unattend_read(&file, &u, &err) != 0) {
		fuzz_check_error(&err);
		return 0;
	}
	unattend_write(&u, &same);
	FUZZ_CHECK(buf_equal(&file, &same));
	edit(&u, data[0]);
	check_written(&u);
	unattend_free(&u);
	return 0;
}
