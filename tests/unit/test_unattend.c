/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answer files: what is found in them, and that a change leaves every other byte alone. */
#include <time.h>

#include "common/fsutil.h"
#include "common/text.h"
#include "image/unattend.h"
#include "tests/unit/unit.h"

#define NS "xmlns=\"urn:schemas-microsoft-com:unattend\""
#define COMPONENT(name, arch, content)                                                             \
	"<component name=\"" name "\" processorArchitecture=\"" arch "\">" content "</component>"
#define SHELL(arch, content) COMPONENT("Microsoft-Windows-Shell-Setup", arch, content)
#define UX(content) COMPONENT("Microsoft-Windows-Security-SPP-UX", "amd64", content)
#define SPP(content) COMPONENT("Microsoft-Windows-Security-SPP", "amd64", content)
#define SETTINGS(pass, content) "<settings pass=\"" pass "\">" content "</settings>"
#define UNATTEND(content) "<unattend " NS ">" content "</unattend>"
#define KEY "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH"
#define OTHER "FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4"
#define KB_NAME "Microsoft-Windows-Security-WindowsActivationTechnologies-Package"
#define KB KB_NAME "~31bf3856ad364e35~amd64~~7.1.7600.16395"
#define KB_IDENTITY                                                                                \
	"<assemblyIdentity name=\"" KB_NAME "\" version=\"7.1.7600.16395\" "                       \
	"processorArchitecture=\"amd64\" publicKeyToken=\"31bf3856ad364e35\" language=\"\"/>"

static struct buf bytes(const char *s)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, s);
	return b;
}

static void parse(const char *s, struct unattend *u)
{
	CLEANUP(buf) struct buf b = bytes(s);
	struct error e = ERROR_INIT;

	assert_ok(unattend_read(&b, u, &e), e);
}

static void refused(const struct buf *b, enum err_code code, const char *message)
{
	struct unattend u;
	struct error e = ERROR_INIT;

	ck_assert_int_eq(unattend_read(b, &u, &e), -1);
	ck_assert_msg(e.code == code, "%s: %s", err_code_name(e.code), e.message);
	ck_assert_msg(strstr(e.message, message) != NULL, "%s", e.message);
	ck_assert_ptr_null(strchr(e.message, '\n'));
	err_clear(&e);
}

static void refused_text(const char *s, enum err_code code, const char *message)
{
	CLEANUP(buf) struct buf b = bytes(s);

	refused(&b, code, message);
}

/* What the file is now, compared. */
static void is_now(const struct unattend *u, const char *want)
{
	CLEANUP(buf) struct buf b = BUF_INIT;

	unattend_write(u, &b);
	ck_assert_str_eq(b.data, want);
}

static void set(struct unattend *u, enum unattend_item item, const char *value)
{
	struct error e = ERROR_INIT;

	ck_assert_int_eq(unattend_set(u, item, ARCH_AMD64, value, &e), 1);
	ck_assert_str_eq(unattend_value(u, item, ARCH_AMD64, 0, NULL), value);
	/* again: nothing to do */
	ck_assert_int_eq(unattend_set(u, item, ARCH_AMD64, value, &e), 0);
}

/* ---- finding ---- */

START_TEST(finds_settings)
{
	struct unattend u;
	unsigned line = 0;

	parse("<?xml version=\"1.0\"?>\n" UNATTEND("<servicing/>\n" SETTINGS("specialize",
		  SHELL("x86", "<ProductKey>" OTHER "</ProductKey>") "\n" SHELL("amd64",
		      "<ComputerName>*</ComputerName>\n<ProductKey> " KEY "\n</ProductKey>")
			  UX("<SkipAutoActivation>true</SkipAutoActivation>"))
		  SETTINGS("generalize", SPP("<SkipRearm>1</SkipRearm>")) SETTINGS("windowsPE",
		      COMPONENT("Microsoft-Windows-Setup", "x86",
			  "<UserData><ProductKey><WillShowUI>Never</WillShowUI><Key>" OTHER
			  "</Key></ProductKey></UserData>"))),
	    &u);
	ck_assert_str_eq(unattend_value(&u, UNATTEND_PRODUCT_KEY, ARCH_AMD64, 0, &line), KEY);
	ck_assert_uint_eq(line, 5);
	ck_assert_ptr_null(unattend_value(&u, UNATTEND_PRODUCT_KEY, ARCH_AMD64, 1, NULL));
	ck_assert_str_eq(unattend_value(&u, UNATTEND_PRODUCT_KEY, ARCH_UNKNOWN, 0, NULL), OTHER);
	ck_assert_str_eq(unattend_value(&u, UNATTEND_PRODUCT_KEY, ARCH_UNKNOWN, 1, NULL), KEY);
	ck_assert_str_eq(unattend_value(&u, UNATTEND_SETUP_KEY, ARCH_UNKNOWN, 0, NULL), OTHER);
	ck_assert_ptr_null(unattend_value(&u, UNATTEND_SETUP_KEY, ARCH_AMD64, 0, NULL));
	ck_assert_str_eq(unattend_value(&u, UNATTEND_SKIP_REARM, ARCH_AMD64, 0, NULL), "1");
	ck_assert_str_eq(
	    unattend_value(&u, UNATTEND_SKIP_AUTO_ACTIVATION, ARCH_AMD64, 0, NULL), "true");
	ck_assert(unattend_has_pass(&u, UNATTEND_WINDOWS_PE));
	ck_assert(!unattend_has_pass(&u, UNATTEND_OOBE_SYSTEM));
	unattend_free(&u);
}
END_TEST

/* Settings elsewhere, of another name, in another namespace or over and done with do not count. */
START_TEST(finds_no_others)
{
	static const char *const texts[] = {
	    UNATTEND(SETTINGS("oobeSystem", SHELL("amd64", "<ProductKey>" KEY "</ProductKey>"))),
	    UNATTEND(SETTINGS("specialize", COMPONENT("Microsoft-Windows-Shell-Setup-Other", "amd64",
		"<ProductKey>" KEY "</ProductKey>"))),
	    UNATTEND(SETTINGS("specialize", SHELL("amd64", "<A><ProductKey>" KEY "</ProductKey></A>"))),
	    UNATTEND(SETTINGS("specialize", SHELL("amd64", "<!--<ProductKey>" KEY "</ProductKey>-->"))),
	    UNATTEND(SETTINGS("specialize", SHELL("amd64", "<![CDATA[<ProductKey>" KEY "</ProductKey>]]>"))),
	    UNATTEND(SETTINGS("specialize",
		SHELL("amd64", "<o:ProductKey xmlns:o=\"urn:other\">" KEY "</o:ProductKey>"))),
	    UNATTEND("<settings pass=\"specialize\" wasPassProcessed=\"true\">"
		SHELL("amd64", "<ProductKey>" KEY "</ProductKey>") "</settings>"),
	    UNATTEND("<x>" SETTINGS("specialize", SHELL("amd64", "<ProductKey>" KEY "</ProductKey>")) "</x>"),
	};
	struct unattend u;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		parse(texts[i], &u);
		ck_assert_msg(!unattend_value(&u, UNATTEND_PRODUCT_KEY, ARCH_UNKNOWN, 0, NULL),
		    "%s", texts[i]);
		ck_assert(unattend_pass_processed(&u, UNATTEND_SPECIALIZE) ==
		    (strstr(texts[i], "wasPassProcessed") != NULL));
		is_now(&u, texts[i]);
		unattend_free(&u);
	}
}
END_TEST

START_TEST(values_as_xml_means_them)
{
	static const char *const forms[] = {"true", " true\r\n", "&#116;rue", "<![CDATA[true]]>",
	    "t<!-- x -->rue", "<!-- <a> -->true<?pi ?>", "tr<![CDATA[u]]>e"};
	struct unattend u;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		CLEANUP(free)
		char *s = xasprintf(UNATTEND(SETTINGS("specialize",
				UX("<SkipAutoActivation>%s</SkipAutoActivation>"))), forms[i]);

		parse(s, &u);
		ck_assert_str_eq(
		    unattend_value(&u, UNATTEND_SKIP_AUTO_ACTIVATION, ARCH_AMD64, 0, NULL), "true");
		unattend_free(&u);
	}
}
END_TEST

/* ---- changing ---- */

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
		  SETTINGS("generalize", SPP("<SkipRearm>true</SkipRearm><SkipRearm>0</SkipRearm>"))),
	    &u);
	set(&u, UNATTEND_SKIP_REARM, "0");
	is_now(&u,
	    UNATTEND(SETTINGS("generalize", SPP("<SkipRearm>0</SkipRearm>") SPP("<SkipRearm>0</SkipRearm>"))
		    SETTINGS("generalize", SPP("<SkipRearm>0</SkipRearm><SkipRearm>0</SkipRearm>"))));
	ck_assert_int_eq(unattend_remove(&u, UNATTEND_SKIP_REARM, ARCH_X86, &e), 0);
	ck_assert_int_eq(unattend_remove(&u, UNATTEND_SKIP_REARM, ARCH_AMD64, &e), 1);
	is_now(&u, UNATTEND(SETTINGS("generalize", SPP("") SPP("")) SETTINGS("generalize", SPP(""))));
	ck_assert_int_eq(unattend_remove(&u, UNATTEND_SKIP_REARM, ARCH_AMD64, &e), 0);
	unattend_free(&u);
}
END_TEST

START_TEST(refuses_elements_for_a_value)
{
	struct unattend u;
	struct error e = ERROR_INIT;

	parse(UNATTEND(SETTINGS("generalize", SPP("<SkipRearm>\n<b/></SkipRearm>"))), &u);
	assert_fails(unattend_set(&u, UNATTEND_SKIP_REARM, ARCH_AMD64, "0", &e), e, ERR_UNKNOWN_SHAPE);
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
		"<unattend " NS ">\r\n\t<settings pass=\"specialize\">\r\n\t\t<component a=\"b\"/>\r\n"
		"\t\t" UX_HEAD "\r\n\t\t\t" SKIP "\r\n\t\t</component>\r\n\t</settings>\r\n</unattend>\r\n"},
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
	    {UNATTEND(SETTINGS("specialize", UX("<A/>"))), UNATTEND(SETTINGS("specialize", UX("<A/>" SKIP)))},
	    /* a comment at the end stays where it is */
	    {"<unattend " NS ">\n<settings pass=\"specialize\">\n <x/><!-- end -->\n</settings>\n</unattend>",
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

	parse(UNATTEND("\r\n" SETTINGS("specialize", SHELL("amd64",
		  "\r\n  <A/>\r\n  <ProductKey>" KEY "</ProductKey>  \r\n  <B/> <ProductKey>" KEY
		  "</ProductKey>\r\n"))), &u);
	ck_assert_int_eq(unattend_remove(&u, UNATTEND_PRODUCT_KEY, ARCH_AMD64, &e), 1);
	is_now(&u, UNATTEND("\r\n" SETTINGS("specialize", SHELL("amd64",
		  "\r\n  <A/>\r\n  <B/> \r\n"))));
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
		CLEANUP(free) char *before = xasprintf(
		    UNATTEND("%s" SETTINGS("windowsPE", "")), cases[i].before);
		CLEANUP(free) char *after = xasprintf(
		    UNATTEND("%s" SETTINGS("windowsPE", "")), inner);
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
	is_now(&u, "<unattend " NS ">\r\n  <servicing>\r\n    <package action=\"remove\">\r\n      "
	    KB_IDENTITY "\r\n    </package>\r\n  </servicing>\r\n  <settings pass=\"specialize\"/>\r\n"
	    "</unattend>\r\n");
	ck_assert(unattend_servicing_needs_pass(&u));
	unattend_free(&u);
}
END_TEST

START_TEST(package_removal_refused)
{
	static const char *const wrong[] = {"", "KB971033", "a~b~c~d", "a~b~c~~\"1", "a~b~~~1", "~b~c~~1"};
	struct unattend u;
	struct error e = ERROR_INIT;

	parse(UNATTEND("<servicing><package action=\"install\">" KB_IDENTITY "</package></servicing>"
		  SETTINGS("offlineServicing", "")), &u);
	ck_assert(!unattend_servicing_needs_pass(&u));
	assert_fails(unattend_add_package_removal(&u, KB, &e), e, ERR_UNKNOWN_SHAPE);
	/* the one of the other architecture is another package */
	ck_assert_int_eq(unattend_add_package_removal(&u, KB_NAME "~31bf3856ad364e35~x86~~7.1.7600.16395", &e), 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_fails(unattend_add_package_removal(&u, wrong[i], &e), e, ERR_INTERNAL);
	unattend_free(&u);
}
END_TEST

/* ---- encodings ---- */

#define SAMPLE(encoding, umlaut)                                                                   \
	"<?xml version=\"1.0\"" encoding "?>\r\n<!-- " umlaut " -->" UNATTEND(                     \
	    SETTINGS("generalize", SPP("<SkipRearm>1</SkipRearm>")))

static struct buf utf16(const char *s, bool big, bool bom)
{
	struct buf b = BUF_INIT;

	if (bom)
		buf_add(&b, "\xff\xfe", 2);
	ck_assert(utf8_to_utf16le(s, &b));
	b.len -= 2;
	for (size_t i = 0; big && i < b.len; i += 2) {
		char c = b.data[i];

		b.data[i] = b.data[i + 1];
		b.data[i + 1] = c;
	}
	return b;
}

/* Read, write: the same; changed: one character is another one. */
static void round_trip(const struct buf *file, enum xml_encoding encoding, bool bom)
{
	CLEANUP(buf) struct buf again = BUF_INIT, changed = BUF_INIT;
	struct unattend u;
	struct error e = ERROR_INIT;
	size_t differ = 0, where = 0;

	assert_ok(unattend_read(file, &u, &e), e);
	ck_assert_int_eq(u.text.encoding, encoding);
	ck_assert_int_eq(u.text.bom, bom);
	unattend_write(&u, &again);
	ck_assert(buf_equal(file, &again));
	set(&u, UNATTEND_SKIP_REARM, "0");
	unattend_write(&u, &changed);
	ck_assert_uint_eq(changed.len, file->len);
	for (size_t i = 0; i < file->len; i++) {
		if (file->data[i] == changed.data[i])
			continue;
		differ++;
		where = i;
	}
	ck_assert_uint_eq(differ, 1);
	ck_assert_int_eq(changed.data[where], '0');
	unattend_free(&u);
}

START_TEST(encodings)
{
	static const char wide[] = SAMPLE(" encoding=\"utf-16\"", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
	struct {
		struct buf file;
		enum xml_encoding encoding;
		bool bom;
	} files[] = {
	    {bytes(SAMPLE("", "\xc3\xa4")), XML_UTF8, false},
	    {bytes(SAMPLE(" encoding='UTF-8'", "\xe2\x82\xac")), XML_UTF8, false},
	    {bytes("\xef\xbb\xbf" SAMPLE(" encoding=\"utf-8\"", "\xc3\xa4")), XML_UTF8, true},
	    {utf16(wide, false, true), XML_UTF16LE, true},
	    {utf16(wide, true, true), XML_UTF16BE, true},
	    {utf16(wide, false, false), XML_UTF16LE, false},
	    {utf16(wide, true, false), XML_UTF16BE, false},
	    {bytes(SAMPLE(" encoding=\"Windows-1252\"", "\xe4 \x80 \xff")), XML_CODE_PAGE, false},
	    {bytes(SAMPLE(" encoding=\"iso-8859-1\"", "\xe4\xc3\xbf")), XML_CODE_PAGE, false},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		round_trip(&files[i].file, files[i].encoding, files[i].bom);
		buf_free(&files[i].file);
	}
}
END_TEST

START_TEST(encodings_refused)
{
	CLEANUP(buf) struct buf lone = utf16(SAMPLE("", "x"), false, true);
	CLEANUP(buf) struct buf odd = utf16(SAMPLE("", "x"), false, true);
	CLEANUP(buf) struct buf contradiction = utf16(SAMPLE(" encoding=\"utf-8\"", "x"), false, true);
	CLEANUP(buf) struct buf nul = bytes(SAMPLE("", "x"));

	lone.data[60] = '\x01';
	lone.data[61] = '\xd8';
	refused(&lone, ERR_DAMAGED, "UTF-16");
	buf_add(&odd, "<", 1);
	refused(&odd, ERR_DAMAGED, "UTF-16");
	refused(&contradiction, ERR_UNKNOWN_SHAPE, "encoding");
	nul.data[40] = '\0';
	refused(&nul, ERR_DAMAGED, "not an XML file");
	refused_text(SAMPLE(" encoding=\"utf-16\"", "x"), ERR_UNKNOWN_SHAPE, "encoding");
	refused_text(SAMPLE(" encoding=\"utf-7\"", "x"), ERR_UNKNOWN_SHAPE, "encoding");
	refused_text(SAMPLE(" encoding=\"../../x\"", "x"), ERR_UNKNOWN_SHAPE, "encoding");
	refused_text("\xef\xbb\xbf" SAMPLE(" encoding=\"windows-1252\"", "x"), ERR_UNKNOWN_SHAPE, "encoding");
	refused_text(SAMPLE("", "\n\xff"), ERR_DAMAGED, "line 3");
	refused_text("\x4c\x6f\xa7\x94", ERR_DAMAGED, "not an XML file");
	refused_text("", ERR_DAMAGED, "not an XML file");
}
END_TEST

/* ---- hostile and broken ---- */

START_TEST(document_types)
{
	refused_text("<!DOCTYPE unattend [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">\n"
		     "<!ENTITY c \"&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;\">]>\n"
		     UNATTEND("&d;"), ERR_UNKNOWN_SHAPE, "line 1: a document type");
	refused_text("<?xml version='1.0'?>\n<!DOCTYPE unattend [<!ENTITY x SYSTEM "
		     "\"file:///etc/passwd\">]>" UNATTEND("&x;"), ERR_UNKNOWN_SHAPE, "line 2: a document type");
	refused_text("<!DOCTYPE unattend SYSTEM \"http://127.0.0.1:1/x.dtd\">" UNATTEND(""),
	    ERR_UNKNOWN_SHAPE, "document type");
	refused_text("<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]>" UNATTEND(""),
	    ERR_UNKNOWN_SHAPE, "document type");
	refused_text(UNATTEND("&undefined;"), ERR_DAMAGED, "line 1");
}
END_TEST

START_TEST(malformed)
{
	refused_text("<unattend " NS ">\n<settings pass=\"x\">\n</unattend>", ERR_DAMAGED, "line 3");
	refused_text("<unattend " NS ">\n\n", ERR_DAMAGED, "line 3");
	refused_text(UNATTEND("") "<x/>", ERR_DAMAGED, "line 1");
	refused_text(UNATTEND("<a b=1/>"), ERR_DAMAGED, "line 1");
	refused_text(UNATTEND("<a b='1' b='2'/>"), ERR_DAMAGED, "line 1");
	refused_text(UNATTEND("<p:a/>"), ERR_DAMAGED, "line 1");
	refused_text(UNATTEND("\x01"), ERR_DAMAGED, "line 1");
	refused_text("[Unattended]\nUnattendMode=FullUnattended\n", ERR_DAMAGED, "not an XML file");
	refused_text("<unattend/>", ERR_UNKNOWN_SHAPE, "not an answer file");
	refused_text("\n<html xmlns=\"http://www.w3.org/1999/xhtml\"/>", ERR_UNKNOWN_SHAPE, "line 2");
}
END_TEST

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void repeat(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_adds(b, s);
}

START_TEST(too_much)
{
	CLEANUP(buf) struct buf deep = BUF_INIT, many = BUF_INIT, wide = BUF_INIT, quoted = BUF_INIT,
				declared = BUF_INIT;
	double start = seconds();

	buf_adds(&deep, "<unattend " NS ">");
	repeat(&deep, "<a>", 100000);
	refused(&deep, ERR_DAMAGED, "line 1");

	buf_adds(&many, "<unattend " NS ">");
	repeat(&many, "<a/>\n", XML_MAP_MAX_ELEMENTS);
	buf_adds(&many, "</unattend>");
	refused(&many, ERR_LIMIT, "more elements");

	buf_adds(&wide, "<unattend " NS "\n");
	for (unsigned i = 0; i < 100000; i++)
		buf_addf(&wide, "a%u='' ", i);
	buf_adds(&wide, "/>");
	refused(&wide, ERR_LIMIT, "line 1: a tag");

	buf_adds(&quoted, "<!-- ' -->\n<unattend " NS " x='>>>>\n>' ");
	repeat(&quoted, "y=\"\" ", 4000);
	buf_adds(&quoted, "/>");
	refused(&quoted, ERR_LIMIT, "line 2: a tag");

	buf_adds(&declared, "<unattend " NS " ");
	for (unsigned i = 0; i < 100000; i++)
		buf_addf(&declared, "xmlns:a%u='u' ", i);
	refused(&declared, ERR_LIMIT, "line 1: a tag");
	ck_assert_msg(seconds() - start < 10, "%.1f s", seconds() - start);
}
END_TEST

/* A long comment, CDATA section or attribute value is no reason to refuse a file. */
START_TEST(long_comments)
{
	CLEANUP(buf) struct buf b = BUF_INIT;
	struct unattend u;
	struct error e = ERROR_INIT;

	buf_adds(&b, "<!--");
	repeat(&b, " a='b' <c> >", 20000);
	buf_adds(&b, "--><unattend " NS "><![CDATA[");
	repeat(&b, " a='b' <c> \"", 20000);
	buf_adds(&b, "]]></unattend>");
	assert_ok(unattend_read(&b, &u, &e), e);
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
			i == 1 ? ARCH_X86 : ARCH_AMD64, i >= 2 ? "false" : "true", &e), 1);
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

/* Whatever is done to a file: it is refused, or read and changed; nothing else. */
static void try_anything(const struct buf *b)
{
	CLEANUP(error) struct error e = ERROR_INIT;
	CLEANUP(buf) struct buf again = BUF_INIT;
	struct unattend u;

	if (unattend_read(b, &u, &e) < 0)
		return;
	unattend_write(&u, &again);
	ck_assert(buf_equal(b, &again));
	for (int item = 0; item < UNATTEND_ITEMS; item++)
		unattend_remove(&u, (enum unattend_item)item, ARCH_UNKNOWN, &e);
	unattend_set(&u, UNATTEND_SKIP_AUTO_ACTIVATION, ARCH_AMD64, "true", &e);
	unattend_add_package_removal(&u, KB, &e);
	unattend_free(&u);
}

START_TEST(mutated)
{
	static const char junk[] = "<>&\"'/=! -[]?\0\xff\xfe\xc3:\n";
	CLEANUP(buf) struct buf base = bytes("\xef\xbb\xbf" SAMPLE(" encoding=\"utf-8\"", "\xc3\xa4"));
	CLEANUP(buf) struct buf wide = utf16(SAMPLE(" encoding=\"utf-16\"", "\xc3\xa4"), false, true);
	const struct buf *const bases[] = {&base, &wide};
	unsigned seed = 1;

	for (size_t which = 0; which < 2; which++) {
		for (size_t cut = 0; cut < bases[which]->len; cut++) {
			struct buf b = BUF_INIT;

			buf_add(&b, bases[which]->data, cut);
			try_anything(&b);
			buf_free(&b);
		}
		for (unsigned round = 0; round < 4000; round++) {
			CLEANUP(buf) struct buf b = BUF_INIT;

			buf_add(&b, bases[which]->data, bases[which]->len);
			for (unsigned n = 0; n < 1 + round % 3; n++) {
				seed = seed * 1103515245 + 12345;
				b.data[(seed >> 8) % b.len] = junk[(seed >> 24) % (sizeof(junk) - 1)];
			}
			try_anything(&b);
		}
	}
}
END_TEST

SUITE("unattend", finds_settings, finds_no_others, values_as_xml_means_them, set_keeps_the_rest,
    set_all_of_them, refuses_elements_for_a_value, adds_as_the_file_is_laid_out, removes_the_line,
    package_removal, package_removal_laid_out, package_removal_refused, encodings,
    encodings_refused, document_types, malformed, too_much, long_comments, real_files,
    real_files_keep_their_bytes, what_real_files_hold, mutated)
