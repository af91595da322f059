/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The self-check of the servicing store: each fault named, and nothing where there is none. */
#include "tests/unit/servicing_fixture.h"

#include "image/wat_package.h"
#include "tests/fixtures/phony_store.h"

static char *findings_of(const struct servicing *s)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < s->findings.n; i++)
		buf_addf(&b, "%s: %s\n", servicing_kind_name(s->findings.v[i].kind),
		    s->findings.v[i].path);
	return buf_steal(&b);
}

static void assert_sound(const struct servicing *s)
{
	CLEANUP(free) char *all = findings_of(s);

	ck_assert_msg(!*all, "findings in a sound store:\n%s", all);
}

START_TEST(sound_store_has_no_findings)
{
	STORE("kb971033=installed");

	assert_sound(s);
	ck_assert(!s->more);
	/* 12 others, the foundation, KB971033; three components each, four of KB971033 */
	ck_assert_uint_eq(s->packages, 14);
	ck_assert_uint_eq(s->components, 12 * 3 + 4);
}
END_TEST

START_TEST(sound_store_of_x86_and_in_lower_case)
{
	STORE("arch=x86", "lower-case=yes");

	assert_sound(s);
	ck_assert_uint_eq(s->components, 12 * 3 + 3);
}
END_TEST

/* Exactly one kind is found, at a path with the part. */
static void assert_found(const char *option, enum servicing_kind kind, size_t n, const char *part)
{
	STORE(option);
	CLEANUP(free) char *all = findings_of(s);

	ck_assert_msg(s->findings.n == n, "%s: %zu findings instead of %zu:\n%s", option,
	    s->findings.n, n, all);
	for (size_t i = 0; i < n; i++) {
		ck_assert_msg(s->findings.v[i].kind == kind, "%s:\n%s", option, all);
		ck_assert_msg(name_contains(s->findings.v[i].path, part), "%s:\n%s", option, all);
	}
	/* somebody else's fault is no reason to refuse KB971033 */
	ck_assert_msg(!s->unknown.n, "%s: %s", option, s->unknown.n ? s->unknown.v[0] : "");
}

START_TEST(every_fault_is_found)
{
	assert_found("store-fault=mum-missing", SERVICING_MUM_MISSING, 1, ".mum");
	assert_found("store-fault=mum-zeroes", SERVICING_MUM_CORRUPT, 1, ".mum");
	assert_found("store-fault=mum-unregistered", SERVICING_REGISTRY_ERROR, 1, "KB1234567");
	assert_found("store-fault=catalog-missing", SERVICING_CATALOG_MISSING, 1,
	    "/servicing/Packages/Package_for_KB2480902");
	assert_found("store-fault=catalog-empty", SERVICING_CATALOG_CORRUPT, 1, ".cat");
	assert_found(
	    "store-fault=store-catalog-missing", SERVICING_CATALOG_MISSING, 1, "/winsxs/Catalogs/");
	assert_found("store-fault=index-dangling", SERVICING_REGISTRY_ERROR, 1, "PackageIndex");
	assert_found("store-fault=package-watch", SERVICING_WATCHLIST, 1, "PackageDetect");
	assert_found("store-fault=component-watch", SERVICING_WATCHLIST, 1, "ComponentDetect");
	assert_found("store-fault=manifest-missing", SERVICING_MANIFEST_MISSING, 3, "part007");
	assert_found("store-fault=manifest-zeroes", SERVICING_MANIFEST_ZEROES, 3, "part007");
	assert_found("store-fault=directory-missing", SERVICING_DIRECTORY_MISSING, 2, "part007");
	assert_found("store-fault=payload-missing", SERVICING_PAYLOAD_MISSING, 2, "part007");
	assert_found(
	    "store-fault=deployment-missing", SERVICING_DEPLOYMENT_MISSING, 3, "that-is-gone");
	assert_found("store-fault=thumbprint", SERVICING_THUMBPRINT, 1, "part007");
	assert_found("store-fault=winner-missing", SERVICING_WINNER_MISSING, 3, "part007");
}
END_TEST

START_TEST(store_without_the_package_has_no_places)
{
	STORE("kb971033=absent");

	assert_sound(s);
	ck_assert_uint_eq(s->places.n, 0);
	ck_assert_msg(!s->unknown.n, "%s", s->unknown.n ? s->unknown.v[0] : "");
}
END_TEST

/* Which part of the package a reading found, as often. */
static size_t parts(const struct servicing *s, enum wat_part part)
{
	size_t n = 0;

	for (size_t i = 0; i < s->places.n; i++)
		n += s->places.v[i].part == part;
	return n;
}

START_TEST(package_is_found_in_every_place)
{
	STORE("kb971033=installed");

	ck_assert_msg(!s->unknown.n, "%s", s->unknown.n ? s->unknown.v[0] : "");
	ck_assert_uint_eq(parts(s, WAT_PACKAGE_KEY), 1);
	ck_assert_uint_eq(parts(s, WAT_PACKAGE_INDEX), 1);
	ck_assert_uint_eq(parts(s, WAT_DETECT), 3);
	ck_assert_uint_eq(parts(s, WAT_EVALUATION), 1);
	ck_assert_uint_eq(parts(s, WAT_PACKAGE_FILE), 2);
	ck_assert_uint_eq(parts(s, WAT_CATALOG), 3);
	ck_assert_uint_eq(parts(s, WAT_DEPLOYMENT), 1);
	ck_assert_uint_eq(parts(s, WAT_COMPONENT), 8);
	ck_assert_uint_eq(parts(s, WAT_WINNER), 8);
	ck_assert_uint_eq(parts(s, WAT_PAYLOAD), 3);
	ck_assert_uint_eq(parts(s, WAT_FILE_MAP), 2);
	ck_assert_uint_eq(parts(s, WAT_PROGRAM), 2);
	ck_assert_uint_eq(parts(s, WAT_SERVICE), 2);
	ck_assert_uint_eq(parts(s, WAT_EVENT_SOURCE), 2);
	ck_assert_uint_eq(parts(s, WAT_TASK), 6);
	ck_assert_uint_ge(parts(s, WAT_CLASS), 15);
	ck_assert_uint_eq(parts(s, WAT_STATE), 1);
}
END_TEST

START_TEST(places_are_this_package_and_no_other)
{
	STORE("arch=x86");

	ck_assert_msg(!s->unknown.n, "%s", s->unknown.n ? s->unknown.v[0] : "");
	ck_assert_uint_eq(parts(s, WAT_COMPONENT), 6);
	ck_assert_uint_eq(parts(s, WAT_PAYLOAD), 2);
	ck_assert_uint_eq(parts(s, WAT_PROGRAM), 1);
	for (size_t i = 0; i < s->places.n; i++) {
		const struct wat_place *p = &s->places.v[i];
		const char *what = p->path ? p->path : p->key;

		ck_assert_msg(!name_contains(what, "part0") &&
				  !name_contains(what, "Package_for") &&
				  !name_contains(what, "amd64"),
		    "%s", what);
	}
}
END_TEST

START_TEST(staged_package_is_taken_out_too)
{
	STORE("kb971033=staged");

	ck_assert_msg(!s->unknown.n, "%s", s->unknown.n ? s->unknown.v[0] : "");
	ck_assert_uint_eq(parts(s, WAT_PACKAGE_KEY), 1);
	ck_assert_uint_eq(parts(s, WAT_PROGRAM), 0);
}
END_TEST

/* The package is refused, for this reason. */
static void assert_unknown(const char *option, const char *part)
{
	STORE(option);
	bool found = false;

	ck_assert_msg(s->unknown.n, "%s: nothing unknown", option);
	for (size_t i = 0; i < s->unknown.n; i++)
		found |= name_contains(s->unknown.v[i], part);
	ck_assert_msg(found, "%s: %s", option, s->unknown.v[0]);
}

START_TEST(every_unknown_shape_is_named_in_software)
{
	assert_unknown("store-shape=package-value", "!Surprise: not a value");
	assert_unknown("store-shape=package-key", "\\Surprise: not a key");
	assert_unknown("store-shape=package-state", "CurrentState 0x65");
	assert_unknown("store-shape=other-owner", "Package_for_KB2480354");
	assert_unknown("store-shape=foreign-owner", "Owners!Package_for_KB2480354");
	assert_unknown(
	    "store-shape=watcher", "another package waits for this one, Package_for_KB2480354");
	assert_unknown("store-shape=second-version", "~7.1.7601.1: names the package");
	assert_unknown("store-shape=second-index", "another version of the package");
	assert_unknown("store-shape=winner-version", "another version of this component");
	assert_unknown("store-shape=family-name", "Winners\\amd64_microsoft-windows-s..");
	assert_unknown("store-shape=unknown-list", "UpdateDetect\\somewhere");
	assert_unknown("store-shape=class-program",
	    "{F1CA3CE9-57E0-4862-B35F-C55328F05F1C}\\InprocServer32: not a program");
}
END_TEST

START_TEST(every_unknown_shape_is_named_in_the_component_store)
{
	assert_unknown(
	    "store-shape=component-used", "another deployment uses it, microsoft-w..-part003-x");
	assert_unknown(
	    "store-shape=component-unlinked", "not linked with the package's deployment");
	assert_unknown("store-shape=component-value", "!surprise: not a value");
	assert_unknown("store-shape=component-gone", "this component of it is not");
	assert_unknown("store-shape=identity-scope", "!identity: not a value");
	assert_unknown(
	    "store-shape=deployment-held", "something else needs it, p!CBS_package_1_for");
	assert_unknown("store-shape=deployment-value", "!Surprise: not a value");
	assert_unknown(
	    "store-shape=reference-version", "something else needs it, p!CBS_microsoft-windows-");
	assert_unknown("store-shape=catalog-shared", "not for this package alone");
	assert_unknown("store-shape=catalog-named", "!CatalogThumbprint: names the package");
	assert_unknown("store-shape=family-version", "more than this version");
	assert_unknown("store-shape=family-name", "ComponentFamilies\\amd64_microsoft-windows-s..");
	assert_unknown("dirty-hive=COMPONENTS", "had not finished writing it");
	assert_unknown("missing-hive=COMPONENTS", "COMPONENTS: not there");
	assert_unknown("broken-hive=COMPONENTS", "COMPONENTS: ");
	assert_unknown("looped-hive=COMPONENTS", "COMPONENTS\\CanonicalData");
}
END_TEST

START_TEST(every_unknown_shape_is_named_elsewhere)
{
	assert_unknown("store-shape=catroot-differs", "not the catalog of the package");
	assert_unknown("store-shape=payload-extra", "/other.dll: not a file of the package");
	assert_unknown("store-shape=wat-file", "/Wat/other.exe: not a file of KB971033");
	assert_unknown("store-shape=wat-task", "/WatTask: not a file of KB971033");
	assert_unknown("store-shape=service-program", "ImagePath: not the program of KB971033");
	assert_unknown("store-shape=service-key", "WatAdminSvc\\Surprise: no such key");
}
END_TEST

/* Files of the package gone without its keys: neither there nor not there. */
START_TEST(half_of_a_package_is_unknown)
{
	assert_unknown("kb971033=no-cbs", "its key is not");
	STORE("kb971033=installed");
	CLEANUP(free)
	char *mum = xasprintf(
	    "%s/Windows/servicing/Packages/%s.mum", f.dir, wat_package(ARCH_AMD64)->identity);
	ck_assert_int_eq(unlink(mum), 0);
	store_look(&f);
	s = f.win.servicing;
	ck_assert_uint_eq(s->findings.n, 1);
	ck_assert_int_eq(s->findings.v[0].kind, SERVICING_MUM_MISSING);
	ck_assert_uint_ge(s->unknown.n, 1);
}
END_TEST

/* A processor for which Microsoft made no package: nothing can be known of it. */
START_TEST(other_processors_have_no_package)
{
	ck_assert_ptr_null(wat_package(ARCH_IA64));
	ck_assert_ptr_null(wat_package(ARCH_UNKNOWN));
}
END_TEST

static struct servicing report(const char *const paths[])
{
	struct servicing s = {0};

	for (size_t i = 0; paths[i]; i++) {
		struct servicing_finding *f = VEC_PUSH(&s.findings);

		f->kind = SERVICING_MUM_MISSING;
		f->path = xstrdup(paths[i]);
	}
	return s;
}

static void drop_report(struct servicing *s)
{
	for (size_t i = 0; i < s->findings.n; i++)
		free(s->findings.v[i].path);
	free(s->findings.v);
}

static void assert_compared(const char *const a[], const char *const b[], const char *message)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct servicing before = report(a), after = report(b);
	int rc = servicing_compare(&before, &after, &err);

	if (!message) {
		ck_assert_int_eq(rc, 0);
	} else {
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(err.code, ERR_VERIFY);
		ck_assert_msg(name_contains(err.message, message), "%s", err.message);
	}
	drop_report(&before);
	drop_report(&after);
}

START_TEST(reports_are_compared_both_ways)
{
	const char *const none[] = {NULL}, *const a[] = {"/a", "/c", NULL},
			  *const b[] = {"/a", "/b", "/c", NULL},
			  *const twice[] = {"/a", "/a", "/c", NULL};

	assert_compared(none, none, NULL);
	assert_compared(a, a, NULL);
	assert_compared(a, b, "left damaged: CBS MUM Missing: /b");
	assert_compared(b, a, "not to be changed: no more \"CBS MUM Missing: /b");
	assert_compared(none, a, "/a");
	assert_compared(a, twice, "/a");
}
END_TEST

START_TEST(names_are_told_from_others)
{
	const char wide[] = "W\0i\0n\0d\0o\0w\0s\0A\0c\0t\0i\0v\0a\0t\0i\0o\0n\0"
			    "T\0e\0c\0h\0n\0o\0l\0o\0g\0i\0e\0s";
	const char *const others[] = {"", "a", "Microsoft-Windows-Foundation-Package",
	    "amd64_microsoft-windows-s..ologies-webcontrols_31bf3856ad364e35_6.1.7601.17514_none_1",
	    "amd64_microsoft-windows-s..technologies-deploy_31bf3856ad364e35_6.1.7601.17514_none_"
	    "1"};

	ck_assert(wat_is_named(wide, sizeof(wide)));
	ck_assert(wat_is_named("Package_for_KB971033~", 21));
	for (enum win_arch arch = ARCH_X86; arch <= ARCH_AMD64; arch++) {
		const struct wat_package *p = wat_package(arch);

		ck_assert(wat_is_named(p->identity, strlen(p->identity)));
		for (const struct wat_component *c = p->components; c->stem; c++) {
			ck_assert(wat_is_named(c->stem, strlen(c->stem)));
			ck_assert(name_has_prefix(c->stem, "x86_") || arch == ARCH_AMD64);
		}
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(!wat_is_named(others[i], strlen(others[i])), "%s", others[i]);
}
END_TEST

static void assert_hash(const char *name, const char *version, const char *arch, const char *want)
{
	CLEANUP(free) char *hex = xasprintf("%016llx", store_name_hash(name, version, arch));

	ck_assert_str_eq(hex, strlen(want) > 16 ? want + strlen(want) - 16 : want);
}

/*
 * Names of components and families follow from their identities, by an algorithm that is not ours.
 * It is tried on a component of a real Windows 7 (6.1.7602.20587) and its family, and on a
 * reference in a pending.xml of Windows Vista.
 */
START_TEST(names_follow_from_identities)
{
	const char *esu = "Microsoft-Windows-SLC-Component-ExtendedSecurityUpdatesAI";

	assert_hash(esu, "6.1.7602.20587", "amd64", "c8993b883659a816");
	assert_hash(esu, NULL, "amd64", "0e8b36cfce2fb332");
	ck_assert_uint_eq(store_text_hash("Package_4_for_KB948610~31bf3856ad364e35~x86~~6.0.6001."
					  "2123.948610-236_neutral_GDR"),
	    0xea595459ef79236full);
	for (enum win_arch arch = ARCH_X86; arch <= ARCH_AMD64; arch++) {
		const struct wat_package *p = wat_package(arch);

		for (const struct wat_component *c = p->components; c->stem; c++) {
			assert_hash(c->name, WAT_VERSION, c->arch, c->stem);
			assert_hash(c->name, NULL, c->arch, c->family);
			ck_assert_int_eq(wat_family(p, c->family), WAT_FAMILY_OWN);
		}
		ck_assert_int_eq(wat_family(p, "x86_microsoft-windows-s..ologies-webcontrols_"
					       "31bf3856ad364e35_none_0123456789abcdef"),
		    WAT_FAMILY_LIKE);
		ck_assert_int_eq(wat_family(p, "x86_microsoft-windows-shell"), WAT_FAMILY_OTHER);
	}
}
END_TEST

/* Service and event source of a real Windows 7 have the shape that is taken for known. */
START_TEST(real_service_keys_are_known)
{
	CLEANUP(free) char *hive = real_data("hives/win7sp1-x86-kb971033-SYSTEM.xz");

	if (!hive)
		return;
	CLEANUP(free) char *option = xasprintf("system-hive=%s", hive);
	STORE("arch=x86", option);
	ck_assert_msg(!s->unknown.n, "%s", s->unknown.n ? s->unknown.v[0] : "");
	ck_assert_uint_eq(parts(s, WAT_SERVICE), 2);
	ck_assert_uint_eq(parts(s, WAT_EVENT_SOURCE), 2);
	unlink(hive);
}
END_TEST

SUITE("servicing", sound_store_has_no_findings, sound_store_of_x86_and_in_lower_case,
    every_fault_is_found, store_without_the_package_has_no_places, package_is_found_in_every_place,
    places_are_this_package_and_no_other, staged_package_is_taken_out_too,
    every_unknown_shape_is_named_in_software, every_unknown_shape_is_named_in_the_component_store,
    every_unknown_shape_is_named_elsewhere, half_of_a_package_is_unknown,
    other_processors_have_no_package, reports_are_compared_both_ways, names_are_told_from_others,
    names_follow_from_identities, real_service_keys_are_known)
