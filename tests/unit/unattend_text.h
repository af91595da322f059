/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answer files as texts, for the tests of unattend.c and unattend_edit.c. */
#ifndef W7PREP_TESTS_UNATTEND_TEXT_H
#define W7PREP_TESTS_UNATTEND_TEXT_H

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

static inline struct buf bytes(const char *s)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, s);
	return b;
}

static inline void parse(const char *s, struct unattend *u)
{
	CLEANUP(buf) struct buf b = bytes(s);
	struct error e = ERROR_INIT;

	assert_ok(unattend_read(&b, u, &e), e);
}

static inline void refused(const struct buf *b, enum err_code code, const char *message)
{
	struct unattend u;
	struct error e = ERROR_INIT;

	ck_assert_int_eq(unattend_read(b, &u, &e), -1);
	ck_assert_msg(e.code == code, "%s: %s", err_code_name(e.code), e.message);
	ck_assert_msg(strstr(e.message, message) != NULL, "%s", e.message);
	ck_assert_ptr_null(strchr(e.message, '\n'));
	err_clear(&e);
}

static inline void refused_text(const char *s, enum err_code code, const char *message)
{
	CLEANUP(buf) struct buf b = bytes(s);

	refused(&b, code, message);
}

/* What the file is now, compared. */
static inline void is_now(const struct unattend *u, const char *want)
{
	CLEANUP(buf) struct buf b = BUF_INIT;

	unattend_write(u, &b);
	ck_assert_str_eq(b.data, want);
}

static inline void set(struct unattend *u, enum unattend_item item, const char *value)
{
	struct error e = ERROR_INIT;

	ck_assert_int_eq(unattend_set(u, item, ARCH_AMD64, value, &e), 1);
	ck_assert_str_eq(unattend_value(u, item, ARCH_AMD64, 0, NULL), value);
	/* again: nothing to do */
	ck_assert_int_eq(unattend_set(u, item, ARCH_AMD64, value, &e), 0);
}

#define SAMPLE(encoding, umlaut)                                                                   \
	"<?xml version=\"1.0\"" encoding "?>\r\n<!-- " umlaut                                      \
	" -->" UNATTEND(SETTINGS("generalize", SPP("<SkipRearm>1</SkipRearm>")))

static inline struct buf utf16(const char *s, bool big, bool bom)
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

#endif
