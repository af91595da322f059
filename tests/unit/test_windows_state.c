/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The licence store, and the state that forbids or shapes a change. */
#include "tests/unit/windows_fixture.h"

START_TEST(licensing)
{
	WINDOWS("channel=gvlk");
	const struct spp *spp = &win->spp;

	ck_assert(spp->tokens && spp->cache);
	ck_assert_uint_eq(spp->store_files.n, 4);
	ck_assert(has_file(&spp->store_files, "5P-1.C7483456-A289-439d-8115-601632D005A0"));
	ck_assert_uint_eq(spp->xrm_ms, 5);
	ck_assert_str_eq(spp->key_channel, "Volume:GVLK");
	ck_assert_str_eq(spp->activation_id, "ae2ee509-1b34-41c0-acb7-6d4650168915");
	ck_assert_ptr_null(spp->kms_host);
	ck_assert_ptr_null(spp->kms_port);
	ck_assert_uint_eq(spp->kms_keys.n, 0);
	ck_assert(!spp->skip_rearm && !spp->oem_certificate);
	ck_assert_uint_eq(spp->sppuinotify_start, 3);
	ck_assert_uint_eq(spp->sppuinotify_disabled.n, 0);
}
END_TEST

START_TEST(licensing_otherwise)
{
	WINDOWS("channel=oem", "tokens=no", "xrm=no", "kms-host=kms.old.example", "kms-port=1689",
	    "kms-app-host=other.example", "skip-rearm=yes", "sppuinotify-disabled=yes");
	const struct spp *spp = &win->spp;

	ck_assert(!spp->tokens && !spp->cache);
	ck_assert_uint_eq(spp->store_files.n, 0);
	ck_assert_uint_eq(spp->xrm_ms, 0);
	ck_assert_str_eq(spp->key_channel, "OEM:SLP");
	ck_assert(spp->oem_certificate);
	ck_assert_str_eq(spp->kms_host, "kms.old.example");
	ck_assert_str_eq(spp->kms_port, "1689");
	ck_assert_uint_eq(spp->kms_keys.n, 2);
	ck_assert_str_eq(spp->kms_keys.v[0], SPP);
	ck_assert_str_eq(spp->kms_keys.v[1], SPP "\\55c92734-d682-4d71-983e-d6ec3f16059f");
	ck_assert(spp->skip_rearm);
	ck_assert_uint_eq(spp->sppuinotify_start, 4);
	ck_assert_uint_eq(spp->sppuinotify_disabled.n, 2);
}
END_TEST

START_TEST(no_product_key)
{
	WINDOWS("channel=none");

	ck_assert_ptr_null(win->spp.key_channel);
	ck_assert_ptr_null(win->spp.activation_id);
	/* too short, then of another type */
	merge(&f, "SOFTWARE", "[HIVE\\" NT "]\n\"DigitalProductId4\"=hex:f8,04,00,00\n");
	look(&f);
	ck_assert_ptr_null(win->spp.key_channel);
	merge(&f, "SOFTWARE", "[HIVE\\" NT "]\n\"DigitalProductId4\"=\"Volume:GVLK\"\n");
	look(&f);
	ck_assert_ptr_null(win->spp.key_channel);
	expect_no_refusal(&f);
}
END_TEST

START_TEST(odd_product_key)
{
	WINDOWS("activation-id=not a GUID, but something long");

	ck_assert_str_eq(win->spp.key_channel, "Volume:GVLK");
	ck_assert_ptr_null(win->spp.activation_id);
}
END_TEST

START_TEST(activation_id_is_lower_case)
{
	WINDOWS("activation-id=AE2EE509-1B34-41C0-ACB7-6D4650168915");

	ck_assert_str_eq(win->spp.activation_id, "ae2ee509-1b34-41c0-acb7-6d4650168915");
}
END_TEST

START_TEST(kms_host_of_one_product)
{
	WINDOWS("kb971033=absent");

	merge(&f, "SOFTWARE", "[HIVE\\" SPP "\\55c92734-d682-4d71-983e-d6ec3f16059f"
	    "\\ae2ee509-1b34-41c0-acb7-6d4650168915]\n\"KeyManagementServicePort\"=\"1700\"\n"
	    "[HIVE\\" SPP "\\Plugins]\n\"KeyManagementServiceName\"=\"none.example\"\n");
	look(&f);
	ck_assert_uint_eq(win->spp.kms_keys.n, 1);
	ck_assert(name_has_suffix(win->spp.kms_keys.v[0], "6d4650168915"));
	ck_assert_ptr_null(win->spp.kms_host);
}
END_TEST

/* ---- what Windows is in the middle of ---- */

START_TEST(pending_servicing)
{
	static const struct {
		const char *arg, *part;
	} kinds[] = {{"pending=reboot-pending", "RebootPending"},
	    {"pending=reboot-in-progress", "RebootInProgress"},
	    {"pending=packages-pending", "PackagesPending"},
	    {"pending=sessions-pending", "SessionsPending"}, {"pending=pending-xml", "pending.xml"},
	    {"pending=setup-execute", "SetupExecute"},
	    {"pending=reboot-pending,setup-execute", "RebootPending, SetupExecute"}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		WINDOWS(kinds[i].arg);

		ck_assert(win->pending_servicing);
		ck_assert_msg(name_contains(win->pending_reason, kinds[i].part), "%s",
		    win->pending_reason);
		expect_refusal(&f, ERR_PENDING, kinds[i].part);
	}
}
END_TEST

START_TEST(hibernated)
{
	static const struct {
		const char *arg;
		bool want;
	} kinds[] = {{"hiberfil=hibr", true}, {"hiberfil=wake", false}, {"hiberfil=zero", false},
	    {"hiberfil=none", false}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		WINDOWS(kinds[i].arg);

		ck_assert_msg(win->hibernated == kinds[i].want, "%s", kinds[i].arg);
		if (kinds[i].want)
			expect_refusal(&f, ERR_HIBERNATED, "hibernated");
		else
			expect_no_refusal(&f);
	}
	WINDOWS("kb971033=absent");
	put_text(&f, "hiberfil.sys", "HIBR");
	look(&f);
	ck_assert(win->hibernated);
	put_text(&f, "hiberfil.sys", "hi");
	look(&f);
	ck_assert(!win->hibernated);
}
END_TEST

START_TEST(several_refusals_kind_first)
{
	WINDOWS("version=6.3", "hiberfil=hibr", "dirty-hive=SYSTEM", "pending=reboot-pending");

	ck_assert_uint_eq(win->refusals.n, 4);
	ck_assert_int_eq(win->refusals.v[0].code, ERR_NOT_WINDOWS_7);
	for (size_t i = 1; i < win->refusals.n; i++)
		ck_assert_int_lt(win->refusals.v[i - 1].code, win->refusals.v[i].code);
}
END_TEST

/* ---- what it reads at the next boot ---- */

START_TEST(setup_complete)
{
	WINDOWS("setup-complete=crlf");

	ck_assert_str_eq(win->setup_complete.path, "/Windows/Setup/Scripts/SetupComplete.cmd");
	ck_assert(name_has_prefix(win->setup_complete.content.data, "@echo off\r\n"));
	ck_assert(!win->setup_complete.has_sd && !win->setup_complete.too_large);
	ck_assert_uint_eq(win->placed.n, 0);
	put_text(&f, "Windows/Setup/Scripts/w7prep/firstboot.cmd", "@echo off");
	put_text(&f, "Windows/Setup/Scripts/w7prep/deeper/x", "");
	look(&f);
	ck_assert_uint_eq(win->placed.n, 1);
	ck_assert_str_eq(win->placed.v[0].path, "/Windows/Setup/Scripts/w7prep/firstboot.cmd");
	ck_assert_str_eq(win->placed.v[0].content.data, "@echo off");
	remove_path(&f, "Windows/Setup");
	look(&f);
	ck_assert_ptr_null(win->setup_complete.path);
}
END_TEST

START_TEST(a_huge_script_is_not_read)
{
	WINDOWS("setup-complete=crlf");
	CLEANUP(free) char *path = path_join(f.dir, "Windows/Setup/Scripts/SetupComplete.cmd");

	ck_assert_int_eq(truncate(path, (1 << 20) + 1), 0);
	look(&f);
	ck_assert(win->setup_complete.too_large);
	ck_assert_uint_eq(win->setup_complete.content.len, 0);
	ck_assert_int_eq(truncate(path, 1 << 20), 0);
	look(&f);
	ck_assert(!win->setup_complete.too_large);
	ck_assert_uint_eq(win->setup_complete.content.len, 1 << 20);
}
END_TEST

START_TEST(answer_files_in_order)
{
	static const char *const order[] = {"/lab/answers.xml", "/Windows/Panther/Unattend/Unattend.xml",
	    "/Windows/Panther/Unattend/Autounattend.xml", "/Windows/Panther/unattend.xml",
	    "/Windows/Panther/autounattend.xml", "/Windows/System32/Sysprep/Unattend.xml",
	    "/Unattend.xml", "/Autounattend.xml"};
	WINDOWS("kb971033=absent");

	ck_assert_uint_eq(win->answer_files.n, 0);
	for (size_t i = sizeof(order) / sizeof(order[0]); i-- > 0;)
		put_text(&f, order[i] + 1, order[i]);
	merge(&f, "SYSTEM", "[HIVE\\Setup]\n\"UnattendFile\"=\"D:\\\\lab\\\\answers.xml\"\n");
	look(&f);
	ck_assert_uint_eq(win->answer_files.n, sizeof(order) / sizeof(order[0]));
	for (size_t i = 0; i < win->answer_files.n; i++) {
		ck_assert_str_eq(win->answer_files.v[i].path, order[i]);
		ck_assert_str_eq(win->answer_files.v[i].content.data, order[i]);
	}
}
END_TEST

START_TEST(answer_file_named_in_the_registry)
{
	static const struct {
		const char *value, *want;
	} names[] = {
	    {"%WINDIR%\\\\Panther\\\\unattend.xml", "/Windows/Panther/unattend.xml"},
	    {"%SystemDrive%\\\\x.xml", "/x.xml"},
	    {"C:\\\\WINDOWS\\\\PANTHER\\\\UNATTEND.XML", "/WINDOWS/PANTHER/UNATTEND.XML"},
	    {"\\\\\\\\server\\\\share\\\\unattend.xml", NULL},
	    {"C:\\\\Windows\\\\..\\\\..\\\\x.xml", NULL},
	    {"x.xml", NULL},
	    {"C:", NULL},
	};
	WINDOWS("kb971033=absent");

	put_text(&f, "x.xml", "");
	put_text(&f, "Windows/Panther/unattend.xml", "");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CLEANUP(free) char *text =
		    xasprintf("[HIVE\\Setup]\n\"UnattendFile\"=\"%s\"\n", names[i].value);

		merge(&f, "SYSTEM", text);
		look(&f);
		ck_assert_uint_ge(win->answer_files.n, 1);
		const char *first = win->answer_files.v[0].path;
		ck_assert_str_eq(first, names[i].want ? names[i].want : "/Windows/Panther/unattend.xml");
		/* found twice under two spellings is one file */
		ck_assert_uint_le(win->answer_files.n, 2);
	}
	expect_no_refusal(&f);
}
END_TEST

SUITE("windows_state", licensing, licensing_otherwise, no_product_key, odd_product_key,
    activation_id_is_lower_case, kms_host_of_one_product, pending_servicing, hibernated,
    several_refusals_kind_first, setup_complete, a_huge_script_is_not_read, answer_files_in_order,
    answer_file_named_in_the_registry)
