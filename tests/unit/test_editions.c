/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>

#include "profiles/editions.h"
#include "tests/unit/unit.h"

/* As KB4487266 prints them. */
/* clang-format off */
static const struct {
	const char *name, *key;
} kb4487266[] = {
	{"Windows 7 Professional", "FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4"},
	{"Windows 7 Professional N", "MRPKT-YTG23-K7D7T-X2JMM-QY7MG"},
	{"Windows 7 Professional E", "W82YF-2Q76Y-63HXB-FGJG9-GF7QX"},
	{"Windows 7 Enterprise", "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH"},
	{"Windows 7 Enterprise N", "YDRBP-3D83W-TY26F-D46B2-XCKRJ"},
	{"Windows 7 Enterprise E", "C29WB-22CC8-VJ326-GHFJW-H9DH4"},
};
/* clang-format on */

START_TEST(windows_7_is_the_table_of_the_kb)
{
	size_t n, volume = 0;
	const struct edition *e = edition_table(&n);

	for (size_t i = 0; i < n; i++)
		volume += !e[i].server && e[i].client_key;
	ck_assert_uint_eq(volume, 6);
	for (size_t i = 0; i < 6; i++) {
		const struct edition *found = edition_of_key(kb4487266[i].key);

		ck_assert_ptr_nonnull(found);
		ck_assert_str_eq(found->name, kb4487266[i].name);
	}
}
END_TEST

START_TEST(every_row_is_well_formed)
{
	size_t n;
	const struct edition *e = edition_table(&n);

	for (size_t i = 0; i < n; i++) {
		ck_assert_msg(edition_find(e[i].id) == &e[i], "%s: twice", e[i].id);
		ck_assert_msg(!e[i].client_key == !e[i].activation_id, "%s", e[i].id);
		ck_assert_msg(e[i].server == (strstr(e[i].name, "Server") != NULL), "%s", e[i].id);
		if (!e[i].client_key)
			continue;
		ck_assert_msg(product_key_valid(e[i].client_key), "%s", e[i].id);
		ck_assert_uint_eq(strlen(e[i].activation_id), 36);
		for (const char *p = e[i].activation_id; *p; p++)
			ck_assert_msg(
			    *p == '-' || isdigit(*p) || (*p >= 'a' && *p <= 'f'), "%s", e[i].id);
		/* one key has one licence, and only Server Core shares it */
		for (size_t j = 0; j < i; j++) {
			bool same_key =
			    e[j].client_key && strcmp(e[i].client_key, e[j].client_key) == 0;

			ck_assert_msg(!same_key || strstr(e[i].id, "Core"), "%s", e[i].id);
			if (e[j].activation_id)
				ck_assert_msg(same_key == (strcmp(e[i].activation_id,
							       e[j].activation_id) == 0),
				    "%s and %s", e[i].id, e[j].id);
		}
	}
}
END_TEST

START_TEST(consumer_editions_have_no_client_key)
{
	static const char *const ids[] = {"Starter", "HomeBasic", "HomePremium", "Ultimate"};

	for (size_t i = 0; i < 4; i++) {
		for (const char *suffix = "NE"; *suffix; suffix++) {
			CLEANUP(free) char *variant = xasprintf("%s%c", ids[i], *suffix);

			ck_assert_ptr_nonnull(edition_find(variant));
			ck_assert_ptr_null(edition_find(variant)->client_key);
		}
		ck_assert_ptr_nonnull(edition_find(ids[i]));
		ck_assert_ptr_null(edition_find(ids[i])->client_key);
	}
}
END_TEST

START_TEST(lookups_ignore_case_and_say_no)
{
	ck_assert_str_eq(edition_find("enterprise")->id, "Enterprise");
	ck_assert_ptr_null(edition_find("Enterpris"));
	ck_assert_ptr_null(edition_find(""));
	ck_assert_str_eq(edition_of_key("33pxh-7y6kf-2vjc9-xbbr8-hvthh")->id, "Enterprise");
	ck_assert_ptr_null(edition_of_key("33PXH-7Y6KF-2VJC9-XBBR8-HVTHG"));
	/* the full installation stands for the key that Server Core shares */
	ck_assert_str_eq(edition_of_key("YC6KT-GKW9T-YTKYR-T4X34-R7VHC")->id, "ServerStandard");
}
END_TEST

START_TEST(product_keys_have_five_groups)
{
	static const char *const bad[] = {
	    "",
	    "-",
	    "BCDFG",
	    "BCDFG-HJKMP-QRTVW-XY234-6789",
	    "BCDFG-HJKMP-QRTVW-XY234-6789BC",
	    "BCDFGHJKMPQRTVWXY2346789B",
	    "BCDFG HJKMP QRTVW XY234 6789B",
	    "BCDFA-HJKMP-QRTVW-XY234-6789B",
	    "BCDFN-HJKMP-QRTVW-XY234-6789B",
	    "BCDF0-HJKMP-QRTVW-XY234-6789B",
	    "BCDFG-HJKMP-QRTVW-XY234-6789B ",
	    " BCDFG-HJKMP-QRTVW-XY234-6789",
	};

	ck_assert(product_key_valid("BCDFG-HJKMP-QRTVW-XY234-6789B"));
	ck_assert(product_key_valid("bcdfg-hjkmp-qrtvw-xy234-6789b"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!product_key_valid(bad[i]), "'%s'", bad[i]);
}
END_TEST

START_TEST(keys_are_found_however_they_were_typed)
{
	static const char *const keys[] = {
	    "BCDFG-HJKMP-QRTVW-XY234-6789B",
	    "key is bcdfg-hjkmp-qrtvw-xy234-6789b, keep it",
	    "BCDFG HJKMP  QRTVW XY234\t6789B",
	    "BCDFGHJKMPQRTVWXY2346789B",
	    "BCDFG\xe2\x80\x93HJKMP\xe2\x80\x93QRTVW\xe2\x80\x93XY234\xe2\x80\x93"
	    "6789B",
	    "BCDFG - HJKMP - QRTVW - XY234 - 6789B",
	    "BCDFG_HJKMP_QRTVW_XY234_6789B",
	    "NPPR9-FWDCX-D2C8J-H872K-2YT43", /* Windows 8 and later have an N */
	    "BCDFO-HJKMP-QRTVW-XY234-6789B", /* mistyped */
	    "x=BCDFG-HJKMP-QRTVW-XY234-6789B-QQQQQ",
	};
	static const char *const texts[] = {
	    "",
	    "-",
	    "five short words every child knows",
	    "every fifth class reset their",
	    "room-lower-floor-north-south",
	    "hallo-class-rooms-first-floor",
	    "55c92734-d682-4d71-983e-d6ec3f16059f",
	    "S-1-5-21-12345-67890-54321-1000",
	    "BCDFG-HJKMP-QRTVW-XY234",
	    "BCDFGHJKMPQRTVWXY2346789BC",
	    "kms.school.example",
	    "2001:db8:85a3:8d3:1319:8a2e:370:7348",
	    "/etc/w7prep/mak/room-101.key",
	    "amd64_microsoft-windows-s..ivationtechnologies_31bf3856ad364e35_7.1.7600.16395",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ck_assert_msg(product_key_inside(keys[i], strlen(keys[i])), "'%s'", keys[i]);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(!product_key_inside(texts[i], strlen(texts[i])), "'%s'", texts[i]);
}
END_TEST

SUITE("editions", windows_7_is_the_table_of_the_kb, every_row_is_well_formed,
    consumer_editions_have_no_client_key, lookups_ignore_case_and_say_no,
    product_keys_have_five_groups, keys_are_found_however_they_were_typed)
