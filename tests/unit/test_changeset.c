/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/changeset.h"
#include "tests/unit/unit.h"

static void cleanup_changeset(struct changeset *cs)
{
	changeset_free(cs);
}

static void assert_shown(const struct change *c, const char *target, const char *detail)
{
	CLEANUP(free) char *t = change_target(c);
	CLEANUP(free) char *d = change_detail(c);

	ck_assert_str_eq(t, target);
	if (detail)
		ck_assert_str_eq(d, detail);
	else
		ck_assert_ptr_null(d);
}

START_TEST(changes_keep_their_order_and_reason)
{
	CLEANUP(changeset) struct changeset cs = CHANGESET_INIT;

	changeset_delete_file(&cs, "spp_store", "/Windows/a", "%s of %d", "first", 2);
	changeset_delete_tree(&cs, "kb971033", "/Windows/b", "second");
	changeset_delete_key(&cs, "kb971033", CHANGE_SOFTWARE, "K", "100%% %s",
	    "a reason that is longer than any buffer of a fixed size that one would think of");
	ck_assert_uint_eq(cs.list.n, 3);
	ck_assert_int_eq(cs.list.v[0].op, CHANGE_DELETE_FILE);
	ck_assert_str_eq(cs.list.v[0].reason, "first of 2");
	ck_assert_str_eq(cs.list.v[0].hook, "spp_store");
	ck_assert_int_eq(cs.list.v[1].op, CHANGE_DELETE_TREE);
	ck_assert_str_eq(cs.list.v[2].reason,
	    "100% a reason that is longer than any buffer of a fixed size that one would think of");
}
END_TEST

START_TEST(file_changes_are_shown)
{
	CLEANUP(changeset) struct changeset cs = CHANGESET_INIT;
	CLEANUP(buf) struct buf b = BUF_INIT;

	buf_adds(&b, "hello");
	changeset_delete_file(&cs, "h", "/Windows/System32/x", "r");
	assert_shown(&cs.list.v[0], "\\Windows\\System32\\x", NULL);
	struct change *c = changeset_write_file(&cs, "h", "/a", &b, SECDESC_SECRET, "r");
	assert_shown(c, "\\a", "5 bytes");
	ck_assert_int_eq(c->sd, SECDESC_SECRET);
	ck_assert(buf_equal(&c->content, &b));
	c->secret = true;
	assert_shown(c, "\\a", "<secret>");
}
END_TEST

START_TEST(registry_changes_are_shown)
{
	CLEANUP(changeset) struct changeset cs = CHANGESET_INIT;
	CLEANUP(strvec) struct strvec list = STRVEC_INIT;
	struct hive_value raw = {.type = HIVE_BINARY};

	strvec_add(&list, "a");
	strvec_add(&list, "b");
	buf_add(&raw.data, "123", 3);
	struct change *c =
	    changeset_set_value(&cs, "h", CHANGE_SYSTEM, "K\\L", "v", hive_dword(0xabcd1234), "r");
	assert_shown(c, "SYSTEM\\K\\L!v", "0xabcd1234");
	c = changeset_set_value(&cs, "h", CHANGE_SYSTEM, "K", "v", hive_dword(4), "r");
	assert_shown(c, "SYSTEM\\K!v", "0x4");
	c = changeset_set_value(&cs, "h", CHANGE_SOFTWARE, "K", "", hive_sz("Größe"), "r");
	assert_shown(c, "SOFTWARE\\K!(default)", "Größe");
	c = changeset_set_value(&cs, "h", CHANGE_COMPONENTS, "K", "m", hive_multi_sz(&list), "r");
	assert_shown(c, "COMPONENTS\\K!m", "a, b");
	c = changeset_set_value(&cs, "h", CHANGE_SYSTEM, "K", "b", raw, "r");
	assert_shown(c, "SYSTEM\\K!b", "3 bytes");
	c->secret = true;
	assert_shown(c, "SYSTEM\\K!b", "<secret>");
	changeset_delete_value(&cs, "h", CHANGE_SYSTEM, "K", "gone", "r");
	assert_shown(&cs.list.v[5], "SYSTEM\\K!gone", NULL);
	changeset_delete_key(&cs, "h", CHANGE_SYSTEM, "K\\gone", "r");
	assert_shown(&cs.list.v[6], "SYSTEM\\K\\gone", NULL);
}
END_TEST

START_TEST(operations_have_names_for_reports)
{
	ck_assert_str_eq(change_op_name(CHANGE_DELETE_FILE), "delete-file");
	ck_assert_str_eq(change_op_name(CHANGE_DELETE_TREE), "delete-tree");
	ck_assert_str_eq(change_op_name(CHANGE_WRITE_FILE), "write-file");
	ck_assert_str_eq(change_op_name(CHANGE_SET_VALUE), "set-value");
	ck_assert_str_eq(change_op_name(CHANGE_DELETE_VALUE), "delete-value");
	ck_assert_str_eq(change_op_name(CHANGE_DELETE_KEY), "delete-key");
}
END_TEST

SUITE("changeset", changes_keep_their_order_and_reason, file_changes_are_shown,
    registry_changes_are_shown, operations_have_names_for_reports)
