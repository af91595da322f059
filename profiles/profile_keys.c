/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys of a profile: one table, and what it says a value may be. */
#include <arpa/inet.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "profiles/profile_priv.h"

/* In the order of the enumerations of profile.h. */
/* clang-format off */
static const char *const strategies[] = {
	"auto", "kms", "mak-proxy", "mak", "none", "oem", "single", NULL,
};
/* clang-format on */
static const char *const vamt_accesses[] = {"no", "domain", "workgroup", NULL};
static const char *const kb971033_modes[] = {"windows", "offline", "no", NULL};
static const char *const strip_modes[] = {"image", "first-boot", "no", NULL};
static const char *const first_boot_modes[] = {"auto", "setupcomplete", "setup-cmdline", NULL};
static const char *const licences[] = {"unknown", "kms", "mak", "oem", "retail", NULL};
static const char *const mobilities[] = {"no", "yes", NULL};

/* choices are stored as the position in these lists */
_Static_assert(sizeof(enum strategy) == sizeof(int) && sizeof(enum tristate) == sizeof(int),
    "enumerations are as wide as an int");

#define MEMBER(m) .offset = offsetof(struct profile, m)
#define CHOICES(c) .type = PROFILE_CHOICE, .choices = (c)
#define NUMBER(low, high) .type = PROFILE_NUMBER, .min = (low), .max = (high)

/* clang-format off */
static const struct profile_key keys[] = {
	{"profile", "name", .own = true, .fallback = "", MEMBER(name),
	    .help = "what reports call the profile; else the file's name"},
	{"profile", "description", .own = true, .fallback = "", MEMBER(description),
	    .help = "one line for people"},
	{"profile", "extends", .own = true, .fallback = "", MEMBER(extends),
	    .help = "name or path of a profile whose values hold where this one says nothing"},

	{"activation", "strategy", CHOICES(strategies), .fallback = "auto", MEMBER(strategy),
	    .help = "how the clones are to be activated; auto decides from [lab]"},
	{"activation", "kms_host", .type = PROFILE_HOST, .fallback = "", MEMBER(kms_host),
	    .help = "the school's KMS host; without it clients look in DNS (_vlmcs._tcp)"},
	{"activation", "kms_port", NUMBER(1, 65535), .fallback = "", MEMBER(kms_port),
	    .help = "its TCP port; without it 1688"},
	{"activation", "mak_key_file", .type = PROFILE_PATH, .fallback = "", MEMBER(mak_key_file),
	    .help = "file that holds the MAK and that only its owner can read"},
	{"activation", "vamt_host", .type = PROFILE_HOST, .fallback = "", MEMBER(vamt_host),
	    .help = "the PC that runs VAMT and activates the clones by proxy"},
	{"activation", "vamt_access", CHOICES(vamt_accesses), .fallback = "no", MEMBER(vamt_access),
	    .help = "open the clones to VAMT, as a domain or a workgroup needs it"},
	{"activation", "activate_at_first_boot", .type = PROFILE_YESNO, .fallback = "yes",
	    MEMBER(activate_at_first_boot),
	    .help = "have the first boot try to activate (kms and mak)"},
	{"activation", "rearm_when_days_left", NUMBER(1, 29), .fallback = "3",
	    MEMBER(rearm_when_days_left),
	    .help = "rearm when fewer days of the grace period are left (none)"},

	{"kb971033", "remove", CHOICES(kb971033_modes), .fallback = "windows", MEMBER(kb971033),
	    .help = "how the update KB971033 leaves the image"},

	{"tokens", "strip", CHOICES(strip_modes), .fallback = "image", MEMBER(strip),
	    .help = "where stale licence store files are removed"},

	{"clone", "require_sealed", .type = PROFILE_YESNO, .fallback = "yes",
	    MEMBER(require_sealed),
	    .help = "refuse an image that sysprep /generalize did not seal"},
	{"clone", "first_boot", CHOICES(first_boot_modes), .fallback = "auto", MEMBER(first_boot),
	    .help = "what starts the first-boot script"},
	{"clone", "report_share", .type = PROFILE_SHARE, .fallback = "", MEMBER(report_share),
	    .help = "share that each clone copies its activation.log to"},

	{"lab", "seats", NUMBER(1, 100000), .fallback = "", MEMBER(seats),
	    .help = "PCs that get this image"},
	{"lab", "kms_clients", NUMBER(1, 100000), .fallback = "", MEMBER(kms_clients),
	    .help = "PCs that ask the same KMS host, these included; without it seats"},
	{"lab", "reclone_days", NUMBER(1, 3650), .fallback = "", MEMBER(reclone_days),
	    .help = "days between two clonings of a PC; without it never"},
	{"lab", "mobile", CHOICES(mobilities), .fallback = "", MEMBER(mobile),
	    .help = "whether these PCs are rarely on the school's network"},
	{"lab", "licence", CHOICES(licences), .fallback = "unknown", MEMBER(licence),
	    .help = "which key the school has for them"},
	{"lab", "domain", .type = PROFILE_DOMAIN, .fallback = "", MEMBER(domain),
	    .help = "DNS domain of the Active Directory they join; without it a workgroup"},
};
/* clang-format on */

#define MAX_SHARE 200 /* leaves room for \\COMPUTERNAME.log in MAX_PATH */

#define KEYS (sizeof(keys) / sizeof(keys[0]))

const struct profile_key *profile_keys(size_t *n)
{
	*n = KEYS;
	return keys;
}

const struct profile_key *profile_key_find(const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

const char *strategy_name(enum strategy s)
{
	return strategies[s];
}

static char *list_choices(const char *const *choices)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; choices[i]; i++)
		buf_addf(&b, "%s%s", !i ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
	return buf_steal(&b);
}

char *profile_key_allowed(const struct profile_key *k)
{
	switch (k->type) {
	case PROFILE_CHOICE:
		return list_choices(k->choices);
	case PROFILE_YESNO:
		return xstrdup("yes or no");
	case PROFILE_NUMBER:
		return xasprintf("%lu to %lu", k->min, k->max);
	case PROFILE_HOST:
		return xstrdup("a host name, an IPv4 address or an [IPv6 address]");
	case PROFILE_DOMAIN:
		return xstrdup("a DNS name");
	case PROFILE_PATH:
		return xstrdup("the path of a file");
	case PROFILE_SHARE:
		return xstrdup("a share, \\\\server\\share, or a folder in it");
	case PROFILE_TEXT:
		break;
	}
	return xstrdup("text");
}

/* Position in a list of choices, -1: not there. */
static int choice_of(const char *const *choices, const char *value)
{
	for (int i = 0; choices[i]; i++)
		if (name_eq(choices[i], value))
			return i;
	return -1;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Labels of letters, digits and inner dashes, as RFC 1123 has them. */
static bool is_dns_name(const char *s)
{
	size_t label = 0, i;

	for (i = 0; s[i]; i++) {
		if (s[i] == '.') {
			if (!label || s[i - 1] == '-')
				return false;
			label = 0;
		} else if (is_letter_or_digit(s[i]) || (s[i] == '-' && label)) {
			label++;
		} else {
			return false;
		}
		if (label > 63)
			return false;
	}
	return i && i <= 253 && label && s[i - 1] != '-';
}

/* Why @value is no host, or NULL when it is one. */
static const char *host_fault(const char *value)
{
	struct in6_addr address;
	size_t n = strlen(value);

	if (value[0] == '[') {
		CLEANUP(free) char *inside = xstrndup(value + 1, n > 2 ? n - 2 : 0);

		return value[n - 1] == ']' && inet_pton(AF_INET6, inside, &address) == 1
			   ? NULL
			   : "there is no IPv6 address between the brackets";
	}
	if (strstr(value, "://"))
		return "give the host alone, not an address of the web";
	if (inet_pton(AF_INET6, value, &address) == 1)
		return "put an IPv6 address in brackets: [2001:db8::1]";
	if (strchr(value, ':'))
		return "give the host alone; a port goes into kms_port";
	if (!value[strspn(value, "0123456789.")])
		return inet_pton(AF_INET, value, &address) == 1 ? NULL : "this is no IPv4 address";
	return is_dns_name(value) ? NULL : "a host name has letters, digits, '-' and '.' only";
}

/* One name in a share's path; what cmd.exe or a file system would take for something else is out. */
static bool is_share_part(const char *s, size_t n)
{
	static const char others[] = "-_.$ ";
	size_t dots = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_letter_or_digit(s[i]) && !strchr(others, s[i]))
			return false;
		dots += s[i] == '.';
	}
	return n && dots < n && s[0] != ' ' && s[n - 1] != ' ' && s[n - 1] != '.';
}

/* Why @value is no share, or NULL when it is one. */
static const char *share_fault(const char *value)
{
	size_t parts = 0;

	if (strncmp(value, "\\\\", 2) != 0)
		return "write it as Windows does: \\\\server\\share";
	if (strlen(value) > MAX_SHARE)
		return "it is too long: with the computer's name Windows takes 259 characters";
	for (const char *p = value + 2;; parts++) {
		size_t n = strcspn(p, "\\");

		if (!is_share_part(p, n))
			return "letters, digits, '-', '_', '.', '$' and blanks between backslashes, "
			       "and no backslash at the end";
		if (parts == 0) {
			CLEANUP(free) char *server = xstrndup(p, n);

			if (host_fault(server))
				return "after the two backslashes comes the server's name";
		}
		p += n;
		if (!*p)
			break;
		p++;
	}
	return parts ? NULL : "name the share too: \\\\server\\share";
}

static bool value_ok(const struct profile_key *k, const char *value, const char **hint)
{
	unsigned long number;

	switch (k->type) {
	case PROFILE_CHOICE:
		return choice_of(k->choices, value) >= 0;
	case PROFILE_YESNO:
		return choice_of(mobilities, value) >= 0;
	case PROFILE_NUMBER:
		return parse_uint(value, k->min, k->max, &number);
	case PROFILE_HOST:
		*hint = host_fault(value);
		return !*hint;
	case PROFILE_DOMAIN:
		*hint = "name the domain as DNS does: school.example";
		return is_dns_name(value) && value[strspn(value, "0123456789.")];
	case PROFILE_PATH:
		*hint = "'~' is not expanded: write the whole path";
		return value[0] != '~';
	case PROFILE_SHARE:
		*hint = share_fault(value);
		return !*hint;
	case PROFILE_TEXT:
		break;
	}
	return true;
}

void profile_check_value(const struct profile_key *k, const char *value, const char *file,
    unsigned line, struct complaints *c)
{
	const char *hint = NULL;

	if (!*value || value_ok(k, value, &hint))
		return;
	CLEANUP(free) char *shown = ini_excerpt(value);
	CLEANUP(free) char *allowed = profile_key_allowed(k);
	struct suggestion near = SUGGESTION_INIT(value);
	for (size_t i = 0; k->type == PROFILE_CHOICE && k->choices[i]; i++)
		suggestion_offer(&near, k->choices[i]);
	if (near.best)
		complain(c, file, line, hint, "%s = '%s': must be %s; did you mean '%s'?", k->name,
		    shown, allowed, near.best);
	else
		complain(c, file, line, hint, "%s = '%s': must be %s", k->name, shown, allowed);
}

static char *resolve(const char *path, const char *file)
{
	if (path[0] == '/')
		return xstrdup(path);
	CLEANUP(free) char *dir = path_dir(file);
	return strcmp(dir, ".") == 0 ? xstrdup(path) : path_join(dir, path);
}

static void set_string(char **member, char *value)
{
	free(*member);
	*member = value;
}

void profile_store(
    struct profile *p, const struct profile_key *k, const char *value, const char *file)
{
	void *member = (char *)p + k->offset;
	unsigned long number = 0;

	if (!*value)
		value = k->fallback;
	switch (k->type) {
	case PROFILE_CHOICE:
		*(int *)member = choice_of(k->choices, value); /* -1 is UNSET */
		break;
	case PROFILE_YESNO:
		*(bool *)member = choice_of(mobilities, value) == YES;
		break;
	case PROFILE_NUMBER:
		parse_uint(value, k->min, k->max, &number);
		*(unsigned *)member = (unsigned)number;
		break;
	case PROFILE_PATH:
		set_string(member, *value ? resolve(value, file) : NULL);
		break;
	case PROFILE_TEXT:
	case PROFILE_HOST:
	case PROFILE_DOMAIN:
	case PROFILE_SHARE:
		set_string(member, *value ? xstrdup(value) : NULL);
		break;
	}
}

void profile_defaults(struct profile *p)
{
	for (size_t i = 0; i < KEYS; i++)
		profile_store(p, &keys[i], "", "");
}

char *profile_value(const struct profile *p, const struct profile_key *k)
{
	const void *member = (const char *)p + k->offset;

	switch (k->type) {
	case PROFILE_CHOICE: {
		int i = *(const int *)member;

		return i < 0 ? NULL : xstrdup(k->choices[i]);
	}
	case PROFILE_YESNO:
		return xstrdup(mobilities[*(const bool *)member]);
	case PROFILE_NUMBER: {
		unsigned n = *(const unsigned *)member;

		return n ? xasprintf("%u", n) : NULL;
	}
	case PROFILE_TEXT:
	case PROFILE_HOST:
	case PROFILE_DOMAIN:
	case PROFILE_PATH:
	case PROFILE_SHARE:
		break;
	}
	const char *text = *(char *const *)member;
	return text ? xstrdup(text) : NULL;
}

const struct profile_source *profile_source(const struct profile *p, const struct profile_key *k)
{
	const struct profile_source *s = &p->sources[k - keys];

	return s->file ? s : NULL;
}
