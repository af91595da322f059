/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is found in answer files of every encoding, and what is refused. */
#include <time.h>

#include "tests/unit/unattend_text.h"

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
	    UNATTEND(SETTINGS("specialize", COMPONENT("Microsoft-Windows-Shell-Setup-Other",
						"amd64", "<ProductKey>" KEY "</ProductKey>"))),
	    UNATTEND(
		SETTINGS("specialize", SHELL("amd64", "<A><ProductKey>" KEY "</ProductKey></A>"))),
	    UNATTEND(
		SETTINGS("specialize", SHELL("amd64", "<!--<ProductKey>" KEY "</ProductKey>-->"))),
	    UNATTEND(SETTINGS(
		"specialize", SHELL("amd64", "<![CDATA[<ProductKey>" KEY "</ProductKey>]]>"))),
	    UNATTEND(SETTINGS("specialize",
		SHELL("amd64", "<o:ProductKey xmlns:o=\"urn:other\">" KEY "</o:ProductKey>"))),
	    UNATTEND("<settings pass=\"specialize\" wasPassProcessed=\"true\">" SHELL(
		"amd64", "<ProductKey>" KEY "</ProductKey>") "</settings>"),
	    UNATTEND("<x>" SETTINGS(
		"specialize", SHELL("amd64", "<ProductKey>" KEY "</ProductKey>")) "</x>"),
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
					UX("<SkipAutoActivation>%s</SkipAutoActivation>"))),
		    forms[i]);

		parse(s, &u);
		ck_assert_str_eq(
		    unattend_value(&u, UNATTEND_SKIP_AUTO_ACTIVATION, ARCH_AMD64, 0, NULL), "true");
		unattend_free(&u);
	}
}
END_TEST

/* ---- encodings ---- */

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
	static const char wide[] =
	    SAMPLE(" encoding=\"utf-16\"", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
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
	CLEANUP(buf)
	struct buf contradiction = utf16(SAMPLE(" encoding=\"utf-8\"", "x"), false, true);
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
	refused_text("\xef\xbb\xbf" SAMPLE(" encoding=\"windows-1252\"", "x"), ERR_UNKNOWN_SHAPE,
	    "encoding");
	refused_text(SAMPLE("", "\n\xff"), ERR_DAMAGED, "line 3");
	refused_text("\x4c\x6f\xa7\x94", ERR_DAMAGED, "not an XML file");
	refused_text("", ERR_DAMAGED, "not an XML file");
}
END_TEST

/* ---- hostile and broken ---- */

START_TEST(document_types)
{
	refused_text(
	    "<!DOCTYPE unattend [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">\n"
	    "<!ENTITY c \"&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;\">]>\n" UNATTEND(
		"&d;"),
	    ERR_UNKNOWN_SHAPE, "line 1: a document type");
	refused_text("<?xml version='1.0'?>\n<!DOCTYPE unattend [<!ENTITY x SYSTEM "
		     "\"file:///etc/passwd\">]>" UNATTEND("&x;"),
	    ERR_UNKNOWN_SHAPE, "line 2: a document type");
	refused_text("<!DOCTYPE unattend SYSTEM \"http://127.0.0.1:1/x.dtd\">" UNATTEND(""),
	    ERR_UNKNOWN_SHAPE, "document type");
	refused_text("<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]>" UNATTEND(""),
	    ERR_UNKNOWN_SHAPE, "document type");
	refused_text(UNATTEND("&undefined;"), ERR_DAMAGED, "line 1");
}
END_TEST

START_TEST(malformed)
{
	refused_text("<unattend " NS ">\n<settings pass=\"x\">\n</unattend>", ERR_DAMAGED,
	    "line 3: an end tag");
	refused_text("<unattend " NS ">\n\n", ERR_DAMAGED, "line 3: the end of the file");
	refused_text(UNATTEND("") "<x/>", ERR_DAMAGED, "line 1: something follows");
	refused_text(UNATTEND("<a b=1/>"), ERR_DAMAGED, "line 1: an attribute's value without");
	refused_text(UNATTEND("<a b='1' b='2'/>"), ERR_DAMAGED, "there twice");
	refused_text(UNATTEND("<p:a/>"), ERR_DAMAGED, "prefix");
	refused_text(UNATTEND("\n\x01"), ERR_DAMAGED, "line 2: a character");
	refused_text(UNATTEND("AT&T"), ERR_DAMAGED, "bare \"&\"");
	refused_text(UNATTEND("a & b"), ERR_DAMAGED, "bare \"&\" or");
	refused_text(UNATTEND("<!-- "), ERR_DAMAGED, "comment without an end");
	refused_text("[Unattended]\nUnattendMode=FullUnattended\n", ERR_DAMAGED, "not an XML file");
	refused_text("<unattend/>", ERR_UNKNOWN_SHAPE, "not an answer file");
	refused_text(
	    "\n<html xmlns=\"http://www.w3.org/1999/xhtml\"/>", ERR_UNKNOWN_SHAPE, "line 2");
}
END_TEST

/* Wherever a key got to in a broken file, the complaint does not quote it. */
START_TEST(broken_around_a_key)
{
	static const char *const texts[] = {"<ProductKey " KEY "/>", "<" KEY "></x>",
	    "<a></B" KEY ">", "&B" KEY ";", "<a B" KEY "=1/>", "<a B" KEY "='1' B" KEY "='1'/>",
	    "<B" KEY ":a/>", "<a xmlns:B" KEY "=''/>", "<?B" KEY, "<B" KEY, "<a b=\"" KEY};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CLEANUP(free) char *s = xasprintf("<unattend " NS ">%s</unattend>", texts[i]);
		CLEANUP(buf) struct buf b = bytes(s);
		CLEANUP(error) struct error e = ERROR_INIT;
		struct unattend u;

		ck_assert_int_eq(unattend_read(&b, &u, &e), -1);
		ck_assert_msg(!strstr(e.message, "7Y6KF"), "%s", e.message);
	}
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
	CLEANUP(buf)
	struct buf deep = BUF_INIT, many = BUF_INIT, wide = BUF_INIT, quoted = BUF_INIT,
		   declared = BUF_INIT, same = BUF_INIT;
	double start = seconds();

	buf_adds(&deep, "<unattend " NS ">");
	repeat(&deep, "<a>", 100000);
	refused(&deep, ERR_LIMIT, "line 1: elements nested deeper");

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

	buf_adds(&same,
	    "<unattend " NS "><settings pass=\"generalize\"><component "
	    "name=\"Microsoft-Windows-Security-SPP\" processorArchitecture=\"amd64\">\n");
	repeat(&same, "<SkipRearm/>", 80000);
	buf_adds(&same, "</component></settings></unattend>");
	refused(&same, ERR_LIMIT, "line 2: <SkipRearm> more often");
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

SUITE("unattend", finds_settings, finds_no_others, values_as_xml_means_them, encodings,
    encodings_refused, document_types, malformed, broken_around_a_key, too_much, long_comments)
