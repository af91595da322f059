/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes to answer files leave every other byte alone. */
#include "tests/unit/unattend_text.h"

START_TEST(set_keeps_the_rest)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
	    {"<SkipRearm>1</SkipRearm>", "<SkipRearm>0</SkipRearm>"},
	    {"<SkipRearm >\r\n\t1  </SkipRearm\n>", "<SkipRearm >\r\n\t0  </SkipRearm\n>"},
	    {"<SkipRearm/>", "<SkipRearm>0</SkipRearm>"},
	    {"<SkipRearm />", "<SkipRearm>0</SkipRearm>"},
	    {"<SkipRearm></SkipRearm>", "<SkipRearm>0</SkipRearm>"},
	    {"<SkipRearm><!-- once --></SkipRearm>", "<SkipRearm><!-- once -->0</SkipRearm>"},
	    {"<SkipRearm> <!-- <1> & --> 1 <?x 1?></SkipRearm>",
		"<SkipRearm> <!-- <1> & --> 0 <?x 1?></SkipRearm>"},
	    {"<SkipRearm><![CDATA[1]]></SkipRearm>", "<SkipRearm>0</SkipRearm>"},
	    {"<SkipRearm>&#49;</SkipRearm>", "<SkipRearm>0</SkipRearm>"},
	    {"<SkipRearm x='>' y=\"/>\">1</SkipRearm>", "<SkipRearm x='>' y=\"/>\">0</SkipRearm>"},
	    {"<u:SkipRearm xmlns:u=\"urn:schemas-microsoft-com:unattend\"/>",
		"<u:SkipRearm xmlns:u=\"urn:schemas-microsoft-com:unattend\">0</u:SkipRearm>"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const char frame[] = "<?xml version='1.0'?><!-- \xc3\xa4 -->\n" UNATTEND(
		    SETTINGS("generalize", SPP("%s<Other a='1' b=\"2\"/>"))) "\n<!-- end -->\r\n";
		CLEANUP(free) char *before = xasprintf(frame, cases[i].before);
		CLEANUP(free) char *after = xasprintf(frame, cases[i].after);
		struct unattend u;

		parse(before, &u);
		set(&u, UNATTEND_SKIP_REARM, "0");
		is_now(&u, after);
		unattend_free(&u);
	}
}
END_TEST

START_TEST(set_all_of_them)
{
	struct unattend u;
	struct error e = ERROR_INIT;

	parse(UNATTEND(SETTINGS("generalize", SPP("<SkipRearm>1</SkipRearm>") SPP("<SkipRearm/>"))
		      SETTINGS("generalize",
			  SPP("<SkipRearm>true</SkipRearm><SkipRearm>0</SkipRearm>"))),
	    &u);
	set(&u, UNATTEND_SKIP_REARM, "0");
	is_now(&u,
	    UNATTEND(SETTINGS("generalize", SPP("<SkipRearm>0</SkipRearm>") SPP(
						"<SkipRearm>0</SkipRearm>")) SETTINGS("generalize",
		SPP("<SkipRearm>0</SkipRearm><SkipRearm>0</SkipRearm>"))));
	ck_assert_int_eq(unattend_remove(&u, UNATTEND_SKIP_REARM, ARCH_X86, &e), 0);
	ck_assert_int_eq(unattend_remove(&u, UNATTEND_SKIP_REARM, ARCH_AMD64, &e), 1);
	is_now(
	    &u, UNATTEND(SETTINGS("generalize", SPP("") SPP("")) SETTINGS("generalize", SPP(""))));
	ck_assert_int_eq(unattend_remove(&u, UNATTEND_SKIP_REARM, ARCH_AMD64, &e), 0);
	unattend_free(&u);
}
END_TEST

START_TEST(refuses_elements_for_a_value)
{
	struct unattend u;
	struct error e = ERROR_INIT;

	parse(UNATTEND(SETTINGS("generalize", SPP("<SkipRearm>\n<b/></SkipRearm>"))), &u);
	assert_fails(
	    unattend_set(&u, UNATTEND_SKIP_REARM, ARCH_AMD64, "0", &e), e, ERR_UNKNOWN_SHAPE);
	assert_fails(unattend_set(&u, UNATTEND_SKIP_AUTO_ACTIVATION, ARCH_AMD64, "true", &e), e,
	    ERR_UNKNOWN_SHAPE);
	unattend_free(&u);
}
END_TEST

#define UX_HEAD                                                                                    \
	"<component name=\"Microsoft-Windows-Security-SPP-UX\" processorArchitecture=\"amd64\" "   \
	"publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" versionScope=\"nonSxS\">"
#define SKIP "<SkipAutoActivation>true</SkipAutoActivation>"

START_TEST(adds_as_the_file_is_laid_out)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
	    /* a component with tabs and CRLF, in the first settings of the pass */
	    {"<unattend " NS ">\r\n\t<settings pass=\"specialize\">\r\n\t\t<component a=\"b\"/>\r\n"
	     "\t</settings>\r\n</unattend>\r\n",
		"<unattend " NS
		">\r\n\t<settings pass=\"specialize\">\r\n\t\t<component a=\"b\"/>\r\n"
		"\t\t" UX_HEAD "\r\n\t\t\t" SKIP
		"\r\n\t\t</component>\r\n\t</settings>\r\n</unattend>\r\n"},
	    /* blanks and LF; the pass is empty */
	    {"<unattend " NS ">\n  <settings pass=\"specialize\" />\n</unattend>",
		"<unattend " NS ">\n  <settings pass=\"specialize\">\n    " UX_HEAD "\n      " SKIP
		"\n    </component>\n  </settings>\n</unattend>"},
	    {"<unattend " NS ">\n  <settings pass=\"specialize\"></settings>\n</unattend>",
		"<unattend " NS ">\n  <settings pass=\"specialize\">\n    " UX_HEAD "\n      " SKIP
		"\n    </component>\n  </settings>\n</unattend>"},
	    /* all on one line */
	    {UNATTEND(SETTINGS("specialize", SHELL("amd64", ""))),
		UNATTEND(SETTINGS("specialize", SHELL("amd64", "") UX_HEAD SKIP "</component>"))},
	    /* the component is there, of the right architecture */
	    {UNATTEND(SETTINGS("specialize", UX("<A/>"))),
		UNATTEND(SETTINGS("specialize", UX("<A/>" SKIP)))},
	    /* a comment at the end stays where it is */
	    {"<unattend " NS
	     ">\n<settings pass=\"specialize\">\n <x/><!-- end -->\n</settings>\n</unattend>",
		"<unattend " NS ">\n<settings pass=\"specialize\">\n <x/><!-- end -->\n " UX_HEAD
		"\n  " SKIP "\n </component>\n</settings>\n</unattend>"},
	    /* a prefix */
	    {"<u:unattend xmlns:u=\"urn:schemas-microsoft-com:unattend\"><u:settings "
	     "pass=\"specialize\"/></u:unattend>",
		"<u:unattend xmlns:u=\"urn:schemas-microsoft-com:unattend\"><u:settings "
		"pass=\"specialize\"><u:component name=\"Microsoft-Windows-Security-SPP-UX\" "
		"processorArchitecture=\"amd64\" publicKeyToken=\"31bf3856ad364e35\" "
		"language=\"neutral\" versionScope=\"nonSxS\"><u:SkipAutoActivation>true"
		"</u:SkipAutoActivation></u:component></u:settings></u:unattend>"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct unattend u;

		parse(cases[i].before, &u);
		set(&u, UNATTEND_SKIP_AUTO_ACTIVATION, "true");
		is_now(&u, cases[i].after);
		unattend_free(&u);
	}
}
END_TEST

START_TEST(removes_the_line)
{
	struct unattend u;
	struct error e = ERROR_INIT;

	parse(
	    UNATTEND("\r\n" SETTINGS("specialize",
		SHELL("amd64", "\r\n  <A/>\r\n  <ProductKey>" KEY
			       "</ProductKey>  \r\n  <B/> <ProductKey>" KEY "</ProductKey>\r\n"))),
	    &u);
	ck_assert_int_eq(unattend_remove(&u, UNATTEND_PRODUCT_KEY, ARCH_AMD64, &e), 1);
	is_now(&u,
	    UNATTEND("\r\n" SETTINGS("specialize", SHELL("amd64", "\r\n  <A/>\r\n  <B/> \r\n"))));
	unattend_free(&u);
}
END_TEST

/* libxml2 moves a large text through its window: what it tells of its place must hold there too. */
START_TEST(at_the_end_of_a_large_file)
{
	CLEANUP(buf) struct buf file = BUF_INIT, now = BUF_INIT;
	struct unattend u;
	struct error e = ERROR_INIT;

	buf_adds(&file, "<unattend " NS ">");
	for (unsigned i = 0; i < 30000; i++)
		buf_addf(&file, "<x a='%u'>\xc3\xa4 &lt; %u</x>\r\n", i, i);
	buf_adds(&file, SETTINGS("generalize", SPP("<SkipRearm>1</SkipRearm>")) "</unattend>");
	size_t at = (size_t)(strstr(file.data, ">1<") - file.data) + 1;
	assert_ok(unattend_read(&file, &u, &e), e);
	set(&u, UNATTEND_SKIP_REARM, "0");
	unattend_write(&u, &now);
	file.data[at] = '0';
	ck_assert(buf_equal(&file, &now));
	unattend_free(&u);
}
END_TEST

/* ---- packages ---- */

START_TEST(package_removal)
{
	static const char removal[] = "<package action=\"remove\">" KB_IDENTITY "</package>";
	static const struct {
		const char *before, *after;
	} cases[] = {
	    {"<servicing/>", "<servicing>%s</servicing>"},
	    {"<servicing></servicing>", "<servicing>%s</servicing>"},
	    {"", "<servicing>%s</servicing>"},
	    {"<servicing><package action=\"install\"><assemblyIdentity name=\"Other\" "
	     "processorArchitecture=\"amd64\"/></package></servicing>",
		"<servicing><package action=\"install\"><assemblyIdentity name=\"Other\" "
		"processorArchitecture=\"amd64\"/></package>%s</servicing>"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(free) char *inner = xasprintf(cases[i].after, removal);
		CLEANUP(free)
		char *before = xasprintf(UNATTEND("%s" SETTINGS("windowsPE", "")), cases[i].before);
		CLEANUP(free)
		char *after = xasprintf(UNATTEND("%s" SETTINGS("windowsPE", "")), inner);
		struct unattend u;
		struct error e = ERROR_INIT;

		parse(before, &u);
		ck_assert(!unattend_removes_package(&u, KB));
		ck_assert_int_eq(unattend_add_package_removal(&u, KB, &e), 1);
		is_now(&u, after);
		ck_assert(unattend_removes_package(&u, KB));
		ck_assert_int_eq(unattend_add_package_removal(&u, KB, &e), 0);
		is_now(&u, after);
		unattend_free(&u);
	}
}
END_TEST

START_TEST(package_removal_laid_out)
{
	struct unattend u;
	struct error e = ERROR_INIT;

	parse("<unattend " NS ">\r\n  <settings pass=\"specialize\"/>\r\n</unattend>\r\n", &u);
	ck_assert_int_eq(unattend_add_package_removal(&u, KB, &e), 1);
	is_now(&u, "<unattend " NS
		   ">\r\n  <servicing>\r\n    <package action=\"remove\">\r\n      " KB_IDENTITY
		   "\r\n    </package>\r\n  </servicing>\r\n  <settings pass=\"specialize\"/>\r\n"
		   "</unattend>\r\n");
	ck_assert(unattend_servicing_needs_pass(&u));
	unattend_free(&u);
}
END_TEST

START_TEST(package_removal_refused)
{
	static const char *const wrong[] = {
	    "", "KB971033", "a~b~c~d", "a~b~c~~\"1", "a~b~~~1", "~b~c~~1"};
	struct unattend u;
	struct error e = ERROR_INIT;

	parse(UNATTEND("<servicing><package action=\"install\">" KB_IDENTITY
		       "</package></servicing>" SETTINGS("offlineServicing", "")),
	    &u);
	ck_assert(!unattend_servicing_needs_pass(&u));
	assert_fails(unattend_add_package_removal(&u, KB, &e), e, ERR_UNKNOWN_SHAPE);
	/* the one of the other architecture is another package */
	ck_assert_int_eq(
	    unattend_add_package_removal(&u, KB_NAME "~31bf3856ad364e35~x86~~7.1.7600.16395", &e),
	    1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_fails(unattend_add_package_removal(&u, wrong[i], &e), e, ERR_INTERNAL);
	unattend_free(&u);
}
END_TEST

/* ---- real files ---- */

static const char *const real[] = {"unattend/win7x64-enterprise.xml", "unattend/win7x86-pro.xml",
    "unattend/win7-packer.xml", "unattend/win10x64-negative.xml"};
#define REAL (sizeof(real) / sizeof(real[0]))

static bool load(const char *name, struct buf *out)
{
	CLEANUP(free) char *path = real_data(name);
	struct error e = ERROR_INIT;

	if (path)
		assert_ok(read_whole_file(path, 1 << 20, out, &e), e);
	return path != NULL;
}

/* Bytes of @a that are not at the beginning or at the end of @b too. */
static size_t lost(const struct buf *a, const struct buf *b)
{
	size_t n = a->len < b->len ? a->len : b->len, head = 0, tail = 0;

	while (head < n && a->data[head] == b->data[head])
		head++;
	while (tail < n - head && a->data[a->len - 1 - tail] == b->data[b->len - 1 - tail])
		tail++;
	return a->len - head - tail;
}

START_TEST(real_files)
{
	for (size_t i = 0; i < REAL; i++) {
		CLEANUP(buf) struct buf file = BUF_INIT, again = BUF_INIT, more = BUF_INIT;
		struct unattend u;
		struct error e = ERROR_INIT;

		if (!load(real[i], &file))
			continue;
		assert_ok(unattend_read(&file, &u, &e), e);
		unattend_write(&u, &again);
		ck_assert(buf_equal(&file, &again));
		ck_assert(unattend_has_pass(&u, UNATTEND_SPECIALIZE));
		ck_assert(unattend_has_pass(&u, UNATTEND_WINDOWS_PE));
		ck_assert_int_eq(unattend_add_package_removal(&u, KB, &e), 1);
		unattend_write(&u, &more);
		/* <servicing/> is in win7-packer.xml */
		ck_assert_uint_eq(lost(&file, &more), i == 2 ? strlen("/") : 0);
		ck_assert(unattend_removes_package(&u, KB));
		unattend_free(&u);
		assert_ok(unattend_read(&more, &u, &e), e);
		unattend_free(&u);
	}
}
END_TEST

START_TEST(real_files_keep_their_bytes)
{
	for (size_t i = 0; i < REAL; i++) {
		CLEANUP(buf) struct buf file = BUF_INIT, now = BUF_INIT;
		struct unattend u;
		struct error e = ERROR_INIT;

		if (!load(real[i], &file))
			continue;
		assert_ok(unattend_read(&file, &u, &e), e);
		ck_assert_int_eq(unattend_set(&u, UNATTEND_SKIP_AUTO_ACTIVATION,
				     i == 1 ? ARCH_X86 : ARCH_AMD64, i >= 2 ? "false" : "true", &e),
		    1);
		unattend_write(&u, &now);
		/* where "true" was, its e is in "false" too */
		ck_assert_uint_eq(lost(&file, &now), i >= 2 ? strlen("tru") : 0);
		unattend_free(&u);
	}
}
END_TEST

START_TEST(what_real_files_hold)
{
	CLEANUP(buf) struct buf packer = BUF_INIT, ten = BUF_INIT;
	struct unattend u;
	struct error e = ERROR_INIT;

	if (!load(real[2], &packer) || !load(real[3], &ten))
		return;
	assert_ok(unattend_read(&packer, &u, &e), e);
	ck_assert_str_eq(
	    unattend_value(&u, UNATTEND_SKIP_AUTO_ACTIVATION, ARCH_AMD64, 0, NULL), "true");
	/* its key is in a comment */
	ck_assert_ptr_null(unattend_value(&u, UNATTEND_SETUP_KEY, ARCH_UNKNOWN, 0, NULL));
	unattend_free(&u);
	assert_ok(unattend_read(&ten, &u, &e), e);
	ck_assert_str_eq(unattend_value(&u, UNATTEND_SKIP_REARM, ARCH_AMD64, 0, NULL), "1");
	ck_assert_ptr_nonnull(unattend_value(&u, UNATTEND_SETUP_KEY, ARCH_AMD64, 0, NULL));
	unattend_free(&u);
}
END_TEST

/* Whatever is done to a file: it is refused, or read and changed as asked; nothing else. */
static void try_anything(const struct buf *b)
{
	CLEANUP(error) struct error e = ERROR_INIT;
	CLEANUP(buf) struct buf again = BUF_INIT, changed = BUF_INIT;
	struct unattend u;

	if (unattend_read(b, &u, &e) < 0)
		return;
	unattend_write(&u, &again);
	ck_assert(buf_equal(b, &again));
	for (int i = 0; i < UNATTEND_ITEMS; i++) {
		enum unattend_item item = (enum unattend_item)i;

		if (unattend_remove(&u, item, ARCH_UNKNOWN, &e) >= 0)
			ck_assert_ptr_null(unattend_value(&u, item, ARCH_UNKNOWN, 0, NULL));
	}
	if (unattend_set(&u, UNATTEND_SKIP_AUTO_ACTIVATION, ARCH_AMD64, "true", &e) >= 0)
		ck_assert_str_eq(
		    unattend_value(&u, UNATTEND_SKIP_AUTO_ACTIVATION, ARCH_AMD64, 0, NULL), "true");
	if (unattend_add_package_removal(&u, KB, &e) >= 0)
		ck_assert(unattend_removes_package(&u, KB));
	unattend_write(&u, &changed);
	unattend_free(&u);
	assert_ok(unattend_read(&changed, &u, &e), e);
	unattend_free(&u);
}

static unsigned next_random(void)
{
	static unsigned seed = 1;

	seed = seed * 1103515245 + 12345;
	return seed >> 8;
}

static void mutate(const struct buf *base, unsigned rounds)
{
	static const char junk[] = "<>&\"'/=! -[]?\0\xff\xfe\xc3:\n";

	for (unsigned round = 0; round < rounds; round++) {
		CLEANUP(buf) struct buf b = BUF_INIT;

		buf_add(&b, base->data, base->len);
		for (unsigned n = 0; n < 1 + round % 3; n++) {
			size_t at = next_random() % b.len;

			b.data[at] = junk[next_random() % (sizeof(junk) - 1)];
		}
		try_anything(&b);
	}
}

static void truncate_each(const struct buf *base)
{
	for (size_t cut = 0; cut < base->len; cut++) {
		CLEANUP(buf) struct buf b = BUF_INIT;

		buf_add(&b, base->data, cut);
		try_anything(&b);
	}
}

START_TEST(mutated)
{
	CLEANUP(buf)
	struct buf narrow = bytes("\xef\xbb\xbf" SAMPLE(" encoding=\"utf-8\"", "\xc3\xa4"));
	CLEANUP(buf)
	struct buf wide = utf16(SAMPLE(" encoding=\"utf-16\"", "\xc3\xa4"), false, true);

	truncate_each(&narrow);
	truncate_each(&wide);
	mutate(&narrow, 4000);
	mutate(&wide, 4000);
}
END_TEST

START_TEST(mutated_real_files)
{
	for (size_t i = 0; i < REAL; i++) {
		CLEANUP(buf) struct buf file = BUF_INIT;

		if (load(real[i], &file))
			mutate(&file, 300);
	}
}
END_TEST

SUITE("unattend_edit", set_keeps_the_rest, set_all_of_them, refuses_elements_for_a_value,
    adds_as_the_file_is_laid_out, removes_the_line, at_the_end_of_a_large_file, package_removal,
    package_removal_laid_out, package_removal_refused, real_files, real_files_keep_their_bytes,
    what_real_files_hold, mutated, mutated_real_files)
