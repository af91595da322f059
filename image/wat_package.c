/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/wat_package.h"

#include <string.h>

#include "common/cleanup.h"

#define MIDDLE "_" WAT_TOKEN "_"
#define STEM(name, hash) name MIDDLE WAT_VERSION "_none_" hash
#define FAMILY(name, hash) name MIDDLE "none_" hash

#define AMD64_DEPLOY "amd64_microsoft-windows-s..technologies-deploy"
#define AMD64_SERVICE "amd64_microsoft-windows-s..ivationtechnologies"
#define AMD64_WEB "amd64_microsoft-windows-s..ologies-webcontrols"
#define X86_DEPLOY "x86_microsoft-windows-s..technologies-deploy"
#define X86_SERVICE "x86_microsoft-windows-s..ivationtechnologies"
#define X86_WEB "x86_microsoft-windows-s..ologies-webcontrols"

/* in an x64 Windows too */
#define X86_WEB_COMPONENT                                                                          \
	{                                                                                          \
		STEM(X86_WEB, "39bc056e339474f4"), FAMILY(X86_WEB, "4c20d34bb99761bf"),            \
		    WAT_NAME "-WebControls", "x86",                                                \
		{                                                                                  \
			"npwatweb.dll", "watweb.dll"                                               \
		}                                                                                  \
	}

static const struct wat_component amd64_components[] = {
    {STEM(AMD64_DEPLOY, "2c8d234281a0eb87"), FAMILY(AMD64_DEPLOY, "41a28948ef8c0b40"),
	WAT_NAME "-Deploy", "amd64", {0}},
    {STEM(AMD64_SERVICE, "89cb1e5f7a64822b"), FAMILY(AMD64_SERVICE, "9644a5b69b0488bc"), WAT_NAME,
	"amd64", {"watadminsvc.exe", "watux.exe"}},
    {STEM(AMD64_WEB, "95daa0f1ebf1e62a"), FAMILY(AMD64_WEB, "a83f6ecf71f4d2f5"),
	WAT_NAME "-WebControls", "amd64", {"npwatweb.dll", "watweb.dll"}},
    X86_WEB_COMPONENT,
    {0},
};

static const struct wat_component x86_components[] = {
    {STEM(X86_DEPLOY, "d06e87bec9437a51"), FAMILY(X86_DEPLOY, "e583edc5372e9a0a"),
	WAT_NAME "-Deploy", "x86", {0}},
    {STEM(X86_SERVICE, "2dac82dbc20710f5"), FAMILY(X86_SERVICE, "3a260a32e2a71786"), WAT_NAME,
	"x86", {"watadminsvc.exe", "watux.exe"}},
    X86_WEB_COMPONENT,
    {0},
};

#define PACKAGE(arch) WAT_NAME "-Package~" WAT_TOKEN "~" arch "~~"
#define APPID(arch)                                                                                \
	WAT_NAME "-Deploy, Culture=neutral, Version=" WAT_VERSION ", PublicKeyToken=" WAT_TOKEN    \
		 ", ProcessorArchitecture=" arch

static const struct wat_package packages[] = {
    {PACKAGE("amd64") WAT_VERSION, PACKAGE("amd64") "0.0.0.0", APPID("amd64"), amd64_components},
    {PACKAGE("x86") WAT_VERSION, PACKAGE("x86") "0.0.0.0", APPID("x86"), x86_components},
};

const char *const wat_files[] = {
    "npwatweb.dll", "watadminsvc.exe", "watux.exe", "watweb.dll", NULL};

const struct wat_package *wat_package(enum win_arch arch)
{
	return arch == ARCH_AMD64 ? &packages[0] : arch == ARCH_X86 ? &packages[1] : NULL;
}

/* All but the hash is the same: the name in it is cut, so another component may have it too. */
static bool is_like(const char *name, const char *family)
{
	size_t n = (size_t)(strrchr(family, '_') + 1 - family);

	return strncasecmp(name, family, n) == 0;
}

enum wat_family wat_family(const struct wat_package *p, const char *name)
{
	enum wat_family found = WAT_FAMILY_OTHER;

	for (const struct wat_component *c = p->components; c->stem; c++) {
		if (strcasecmp(name, c->family) == 0)
			return WAT_FAMILY_OWN;
		if (is_like(name, c->family))
			found = WAT_FAMILY_LIKE;
	}
	return found;
}

/* Lower case, without NULs. */
static void squeeze(const void *text, size_t n, struct buf *out)
{
	const unsigned char *p = text;

	buf_reserve(out, n);
	for (size_t i = 0; i < n; i++)
		if (p[i])
			out->data[out->len++] =
			    (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i]);
	out->data[out->len] = '\0';
}

bool wat_is_named(const void *text, size_t n)
{
	/* what all stems share with nothing else; "s..ivation…" is no other name's short form */
	static const char *const marks[] = {
	    "windowsactivationtechnologies",
	    "s..ivationtechnologies" MIDDLE,
	    "s..technologies-deploy" MIDDLE WAT_VERSION,
	    "s..ologies-webcontrols" MIDDLE WAT_VERSION,
	    "kb971033",
	};
	CLEANUP(buf) struct buf b = BUF_INIT;

	if (n < strlen("kb971033"))
		return false;
	squeeze(text, n, &b);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (memmem(b.data, b.len, marks[i], strlen(marks[i])))
			return true;
	return false;
}

bool wat_has_text(const void *text, size_t n, const char *name)
{
	CLEANUP(buf) struct buf in = BUF_INIT;
	CLEANUP(buf) struct buf what = BUF_INIT;

	if (!name || n < strlen(name))
		return false;
	squeeze(text, n, &in);
	squeeze(name, strlen(name), &what);
	return memmem(in.data, in.len, what.data, what.len) != NULL;
}
