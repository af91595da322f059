/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hook answer_file: what it mends in which file, and what it only tells. */
#include "common/text.h"
#include "hooks/answer_file.h"
#include "hooks/parts.h"
#include "tests/unit/unit.h"

#define ENTERPRISE_KEY "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH"
#define PROFESSIONAL_KEY "FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4"
#define MAK "BCDFG-HJKMP-QRTVW-XY234-6789B"
#define SECOND "/Windows/Panther/Unattend/Unattend.xml"
#define CACHED "/Windows/Panther/unattend.xml"
#define SYSPREP "/Windows/System32/Sysprep/Unattend.xml"
#define DRIVE "/Unattend.xml"

#define FRAME(settings)                                                                            \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"                                           \
	"<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\r\n" settings "</unattend>\r\n"
#define SETTINGS(pass, component, content)                                                         \
	" <settings pass=\"" pass "\">\r\n"                                                        \
	"  <component name=\"Microsoft-Windows-" component                                         \
	"\" processorArchitecture=\"amd64\">\r\n" content "  </component>\r\n </settings>\r\n"
#define KEY(key)                                                                                   \
	FRAME(SETTINGS("specialize", "Shell-Setup",                                                \
	    "   <!-- a room -->\r\n   <ProductKey>" key "</ProductKey>\r\n"))
#define NO_KEY FRAME(SETTINGS("specialize", "Shell-Setup", "   <!-- a room -->\r\n"))
#define SKIP_REARM(value)                                                                          \
	FRAME(SETTINGS("generalize", "Security-SPP", "   <SkipRearm>" value "</SkipRearm>\r\n"))
#define SKIP_AUTO(value)                                                                           \
	FRAME(SETTINGS("specialize", "Security-SPP-UX",                                            \
	    "   <SkipAutoActivation>" value "</SkipAutoActivation>\r\n"))

struct lab {
	struct windows win;
	struct profile profile;
	struct plan_context c;
	struct buf mak;
};

static void lab_new(struct lab *lab, enum strategy strategy)
{
	*lab = (struct lab){0};
	lab->win.root = xstrdup("/Windows");
	lab->win.arch = ARCH_AMD64;
	lab->win.sealed = SEALED_YES;
	lab->profile.strategy = strategy;
	lab->profile.activate_at_first_boot = true;
	lab->c = (struct plan_context){
	    .win = &lab->win,
	    .profile = &lab->profile,
	    .strategy = strategy,
	    .edition = edition_find("Enterprise"),
	};
	if (strategy == STRATEGY_MAK) {
		buf_adds(&lab->mak, MAK);
		lab->c.mak = &lab->mak;
	}
}

static void lab_free(struct lab *lab)
{
	buf_free(&lab->mak);
	windows_free(&lab->win);
}

/* Files are added in Windows' search order. */
static struct win_file *put(struct lab *lab, const char *path, const char *content)
{
	struct win_file *f = VEC_PUSH(&lab->win.answer_files);

	f->path = xstrdup(path);
	buf_adds(&f->content, content);
	f->has_sd = f->safe_secret = true;
	return f;
}

static struct plan run(struct lab *lab)
{
	struct plan p = {0};
	struct error e = ERROR_INIT;

	ck_assert(hook_answer_file.applies(&lab->c));
	assert_ok(hook_answer_file.plan(&lab->c, &p, &e), e);
	for (size_t i = 0; i < p.notes.n; i++)
		ck_assert_msg(!strstr(p.notes.v[i], "BCDFG") && !strstr(p.notes.v[i], "FJ82H"),
		    "%s", p.notes.v[i]);
	for (size_t i = 0; i < p.changes.list.n; i++) {
		const struct change *c = &p.changes.list.v[i];

		ck_assert(c->op == CHANGE_WRITE_FILE && c->keep_metadata && c->secret);
		ck_assert_str_eq(c->hook, "answer_file");
		ck_assert(!strstr(c->reason, "BCDFG") && !strstr(c->reason, "FJ82H"));
	}
	return p;
}

/* Carry out, and plan again: nothing may be left to do. */
static void carry_out(struct lab *lab, const struct plan *p)
{
	for (size_t i = 0; i < p->changes.list.n; i++)
		for (size_t k = 0; k < lab->win.answer_files.n; k++) {
			struct win_file *f = &lab->win.answer_files.v[k];
			const struct change *c = &p->changes.list.v[i];

			if (!name_eq(f->path, c->path))
				continue;
			buf_reset(&f->content);
			buf_add(&f->content, c->content.data, c->content.len);
		}
	struct plan again = run(lab);
	ck_assert_uint_eq(again.changes.list.n, 0);
	plan_free(&again);
}

static bool noted(const struct plan *p, const char *part)
{
	for (size_t i = 0; i < p->notes.n; i++)
		if (strstr(p->notes.v[i], part))
			return true;
	return false;
}

/* One file in Panther\Unattend under @strategy: @after, or left alone when that is NULL. */
static void mends(enum strategy strategy, const char *before, const char *after)
{
	struct lab lab;

	lab_new(&lab, strategy);
	put(&lab, SECOND, before);
	struct plan p = run(&lab);
	ck_assert_msg(p.changes.list.n == (after ? 1 : 0), "%s: %zu changes: %s",
	    strategy_name(strategy), p.changes.list.n, before);
	if (after) {
		ck_assert_str_eq(p.changes.list.v[0].path, SECOND);
		ck_assert_str_eq(p.changes.list.v[0].content.data, after);
		ck_assert_uint_eq(p.changes.list.v[0].content.len, strlen(after));
	}
	carry_out(&lab, &p);
	plan_free(&p);
	lab_free(&lab);
}

/* ---- the product key ---- */

START_TEST(kms_gets_its_key)
{
	mends(STRATEGY_KMS, KEY(PROFESSIONAL_KEY), KEY(ENTERPRISE_KEY));
	mends(STRATEGY_KMS, KEY(MAK), KEY(ENTERPRISE_KEY));
	mends(STRATEGY_KMS, KEY("%PRODUCTKEY%"), KEY(ENTERPRISE_KEY));
	mends(STRATEGY_KMS, KEY(ENTERPRISE_KEY), NULL);
	mends(STRATEGY_KMS, KEY("33pxh-7y6kf-2vjc9-xbbr8-hvthh"), NULL);
	mends(STRATEGY_KMS, KEY(""), NULL);
	mends(STRATEGY_KMS, NO_KEY, NULL);
}
END_TEST

START_TEST(mak_comes_from_its_file)
{
	mends(STRATEGY_MAK, KEY(MAK), NO_KEY);
	mends(STRATEGY_MAK, KEY(PROFESSIONAL_KEY), NO_KEY);
	mends(STRATEGY_MAK, KEY(ENTERPRISE_KEY), NULL);
}
END_TEST

START_TEST(oem_and_single_are_told)
{
	static const enum strategy quiet[] = {STRATEGY_OEM, STRATEGY_SINGLE};

	for (size_t i = 0; i < 2; i++) {
		struct lab lab;

		mends(quiet[i], KEY(MAK), NULL);
		mends(quiet[i], SKIP_AUTO("false"), NULL);
		mends(quiet[i], SKIP_REARM("1"), NULL);
		lab_new(&lab, quiet[i]);
		put(&lab, SECOND, KEY(PROFESSIONAL_KEY));
		struct plan p = run(&lab);
		ck_assert_uint_eq(p.changes.list.n, 0);
		ck_assert(noted(&p, "another edition, with which Setup fails"));
		ck_assert(!noted(&p, "taken out"));
		plan_free(&p);
		lab_free(&lab);
	}
}
END_TEST

/* Two of them: neither stays. */
START_TEST(second_key)
{
	mends(STRATEGY_KMS,
	    FRAME(SETTINGS("specialize", "Shell-Setup",
		"<ProductKey>" ENTERPRISE_KEY "</ProductKey>\r\n<ProductKey>" MAK
		"</ProductKey>\r\n")),
	    FRAME(SETTINGS("specialize", "Shell-Setup",
		"<ProductKey>" ENTERPRISE_KEY "</ProductKey>\r\n<ProductKey>" ENTERPRISE_KEY
		"</ProductKey>\r\n")));
}
END_TEST

START_TEST(mak_without_activation)
{
	static const char skip[] =
	    "  <component name=\"Microsoft-Windows-Security-SPP-UX\" "
	    "processorArchitecture=\"amd64\">\r\n<SkipAutoActivation>true</SkipAutoActivation>\r\n"
	    "  </component>\r\n </settings>\r\n</unattend>\r\n";
	static const char end[] = " </settings>\r\n</unattend>\r\n";
	CLEANUP(free)
	char *before = xasprintf("%.*s%s", (int)(strlen(KEY(MAK)) - strlen(end)), KEY(MAK), skip);
	CLEANUP(free)
	char *after = xasprintf("%.*s%s", (int)(strlen(NO_KEY) - strlen(end)), NO_KEY, skip);

	mends(STRATEGY_NONE, before, after);
}
END_TEST

/* Without volume activation a key can only have been bought for it. */
START_TEST(retail_key_of_a_home_edition)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_NONE);
	lab.c.edition = edition_find("HomePremium");
	put(&lab, SECOND, KEY(MAK));
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n, 1);
	ck_assert_ptr_nonnull(strstr(p.changes.list.v[0].content.data, MAK));
	ck_assert_ptr_nonnull(strstr(
	    p.changes.list.v[0].content.data, "<SkipAutoActivation>true</SkipAutoActivation>"));
	carry_out(&lab, &p);
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

START_TEST(mak_proxy_may_install_a_mak)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_MAK_PROXY);
	put(&lab, SECOND, KEY(MAK));
	lab.win.answer_files.v[0].safe_secret = false;
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n, 1);
	ck_assert_ptr_nonnull(strstr(p.changes.list.v[0].content.data, MAK));
	ck_assert(noted(&p, "users of a clone can read"));
	plan_free(&p);
	/* but for one that the profile names */
	buf_adds(&lab.mak, MAK);
	lab.c.mak = &lab.mak;
	p = run(&lab);
	ck_assert_ptr_null(strstr(p.changes.list.v[0].content.data, MAK));
	ck_assert(!noted(&p, "users of a clone can read"));
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

/* ---- the other settings ---- */

START_TEST(superseded_data)
{
	static const struct {
		const char *file;
		bool noted;
	} cases[] = {{KEY(MAK), true}, {KEY(PROFESSIONAL_KEY), false}, {KEY("%KEY%"), false}};

	for (size_t i = 0; i < 3; i++) {
		struct lab lab;

		lab_new(&lab, STRATEGY_KMS);
		put(&lab, SECOND, cases[i].file);
		struct plan p = run(&lab);
		ck_assert(noted(&p, "--rebuild") == cases[i].noted);
		plan_free(&p);
		lab_free(&lab);
	}
}
END_TEST

START_TEST(automatic_activation)
{
	mends(STRATEGY_KMS, SKIP_AUTO("true"), SKIP_AUTO("false"));
	mends(STRATEGY_KMS, SKIP_AUTO("false"), NULL);
	mends(STRATEGY_MAK, SKIP_AUTO("1"), SKIP_AUTO("false"));
	mends(STRATEGY_NONE, SKIP_AUTO("false"), SKIP_AUTO("true"));
	mends(STRATEGY_NONE, SKIP_AUTO("true"), NULL);
	mends(STRATEGY_MAK_PROXY, SKIP_AUTO("false"), SKIP_AUTO("true"));
}
END_TEST

START_TEST(mak_that_is_not_to_be_activated_yet)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_MAK);
	lab.profile.activate_at_first_boot = false;
	put(&lab, SECOND, SKIP_AUTO("true"));
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n, 0);
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

START_TEST(automatic_activation_is_added)
{
	mends(STRATEGY_NONE, NO_KEY,
	    FRAME(" <settings pass=\"specialize\">\r\n"
		  "  <component name=\"Microsoft-Windows-Shell-Setup\" "
		  "processorArchitecture=\"amd64\">\r\n"
		  "   <!-- a room -->\r\n  </component>\r\n"
		  "  <component name=\"Microsoft-Windows-Security-SPP-UX\" "
		  "processorArchitecture=\"amd64\" "
		  "publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" "
		  "versionScope=\"nonSxS\">\r\n"
		  "   <SkipAutoActivation>true</SkipAutoActivation>\r\n  </component>\r\n "
		  "</settings>\r\n"));
	/* there is no specialize pass to put it in */
	mends(STRATEGY_NONE, SKIP_REARM("0"), NULL);
}
END_TEST

START_TEST(skip_rearm)
{
	mends(STRATEGY_KMS, SKIP_REARM("1"), SKIP_REARM("0"));
	mends(STRATEGY_KMS, SKIP_REARM("0"), NULL);
	mends(STRATEGY_MAK, SKIP_REARM("1"), SKIP_REARM("0"));
	mends(STRATEGY_MAK_PROXY, SKIP_REARM("true"), SKIP_REARM("0"));
	/* sealed with it, clones go on with the grace period of the reference PC */
	mends(STRATEGY_NONE, SKIP_REARM("1"), SKIP_REARM("0"));
}
END_TEST

/* ---- which file ---- */

START_TEST(only_the_file_in_use)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_KMS);
	put(&lab, SECOND, SKIP_REARM("0")); /* nothing for specialize: passed over */
	put(&lab, SYSPREP, KEY(PROFESSIONAL_KEY));
	put(&lab, DRIVE, KEY(MAK));
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n, 1);
	ck_assert_str_eq(p.changes.list.v[0].path, SYSPREP);
	ck_assert(noted(&p, "\\Unattend.xml: product key that is not the KMS client's"));
	ck_assert(noted(&p, "not the file that Windows uses"));
	carry_out(&lab, &p);
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

START_TEST(cached_copy_is_not_edited)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_KMS);
	put(&lab, CACHED, KEY(PROFESSIONAL_KEY));
	put(&lab, SYSPREP, KEY(PROFESSIONAL_KEY));
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n, 0);
	ck_assert(noted(&p, "\\Windows\\Panther\\unattend.xml: product key of another edition"));
	ck_assert(noted(&p, "cached copy"));
	ck_assert(noted(&p, "\\Windows\\Panther\\Unattend, where"));
	plan_free(&p);
	/* SkipAutoActivation is set in the registry: its absence there is not worth a note */
	lab_free(&lab);
	lab_new(&lab, STRATEGY_NONE);
	put(&lab, CACHED, NO_KEY);
	p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n + p.notes.n, 0);
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

/* What Windows has gone through does not keep the next file from being used. */
START_TEST(processed_passes)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_KMS);
	put(&lab, CACHED,
	    FRAME(" <settings pass=\"specialize\" wasPassProcessed=\"true\"><component "
		  "name=\"Microsoft-Windows-Shell-Setup\" "
		  "processorArchitecture=\"amd64\"><ProductKey>"
		  "*SENSITIVE*DATA*DELETED*</ProductKey></component></settings>\r\n"));
	put(&lab, SYSPREP, KEY(MAK));
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n, 1);
	ck_assert_str_eq(p.changes.list.v[0].path, SYSPREP);
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

START_TEST(unsealed_images_have_no_setup_pass)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_KMS);
	lab.win.sealed = SEALED_NO;
	put(&lab, SECOND, KEY(MAK));
	put(&lab, SYSPREP, SKIP_REARM("1"));
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n, 1);
	ck_assert_str_eq(p.changes.list.v[0].path, SYSPREP);
	ck_assert(noted(&p, "unsealed image"));
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

START_TEST(components_of_another_architecture)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_KMS);
	lab.win.arch = ARCH_X86;
	put(&lab, SECOND, KEY(MAK));
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n + p.notes.n, 0);
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

START_TEST(broken_files_are_named)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_KMS);
	put(&lab, SECOND, "<?xml version=\"1.0\"?>\n<unattend>\n<a></b>\n</unattend>\n");
	put(&lab, SYSPREP, "<!DOCTYPE unattend [<!ENTITY a \"b\">]>\n" NO_KEY);
	put(&lab, DRIVE, "")->too_large = true;
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n, 0);
	ck_assert(noted(&p, "\\Windows\\Panther\\Unattend\\Unattend.xml: line 3: "));
	ck_assert(noted(&p, "\\Windows\\System32\\Sysprep\\Unattend.xml: line 1: a document type"));
	ck_assert(noted(&p, "\\Unattend.xml: larger than"));
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

START_TEST(shape_that_cannot_be_mended)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_KMS);
	put(&lab, SECOND,
	    FRAME(SETTINGS("generalize", "Security-SPP",
		"<SkipRearm>1</SkipRearm><SkipRearm><a/></SkipRearm>")));
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n, 0);
	ck_assert(noted(&p, "has elements in it; left alone"));
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

START_TEST(readable_key_for_windows_pe)
{
	struct lab lab;

	lab_new(&lab, STRATEGY_KMS);
	put(&lab, DRIVE,
	    FRAME(SETTINGS("windowsPE", "Setup",
		"<UserData><ProductKey><Key>" MAK "</Key></ProductKey></UserData>\r\n")))
	    ->safe_secret = false;
	struct plan p = run(&lab);
	ck_assert_uint_eq(p.changes.list.n, 0);
	ck_assert(noted(&p, "\\Unattend.xml holds a product key, and users of a clone can read"));
	plan_free(&p);
	/* where the engine cannot tell, nothing is claimed */
	lab.win.answer_files.v[0].has_sd = false;
	p = run(&lab);
	ck_assert_uint_eq(p.notes.n, 0);
	plan_free(&p);
	lab_free(&lab);
}
END_TEST

START_TEST(kinds_of_keys)
{
	const struct edition *core = edition_find("ServerStandardCore");

	ck_assert_int_eq(answer_key_of(NULL, core), ANSWER_KEY_NONE);
	ck_assert_int_eq(answer_key_of("", core), ANSWER_KEY_NONE);
	ck_assert_int_eq(answer_key_of(core->client_key, core), ANSWER_KEY_CLIENT);
	ck_assert_int_eq(
	    answer_key_of(core->client_key, edition_find("ServerStandard")), ANSWER_KEY_CLIENT);
	ck_assert_int_eq(answer_key_of(ENTERPRISE_KEY, core), ANSWER_KEY_OTHER_EDITION);
	ck_assert_int_eq(answer_key_of(ENTERPRISE_KEY, NULL), ANSWER_KEY_OTHER_EDITION);
	ck_assert_int_eq(answer_key_of(MAK, core), ANSWER_KEY_OTHER);
	ck_assert_int_eq(answer_key_of("*SENSITIVE*DATA*DELETED*", core), ANSWER_KEY_BLANKED);
	ck_assert_int_eq(answer_key_of("XXXXX-XXXXX", core), ANSWER_KEY_INVALID);
}
END_TEST

SUITE("answer_file", kms_gets_its_key, mak_comes_from_its_file, oem_and_single_are_told, second_key,
    mak_without_activation, retail_key_of_a_home_edition, mak_proxy_may_install_a_mak,
    superseded_data, automatic_activation, mak_that_is_not_to_be_activated_yet,
    automatic_activation_is_added, skip_rearm, only_the_file_in_use, cached_copy_is_not_edited,
    processed_passes, unsealed_images_have_no_setup_pass, components_of_another_architecture,
    broken_files_are_named, shape_that_cannot_be_mended, readable_key_for_windows_pe, kinds_of_keys)
