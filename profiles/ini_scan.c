/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/ini_scan.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "profiles/editions.h"

#define MAX_COMPLAINTS 50

struct scanner {
	const char *path;
	unsigned line;
	char *section;    /* NULL: none yet */
	bool section_bad; /* its header was complained about: its keys are not looked at */
	struct ini_file *out;
	struct complaints *complaints;
};

void complain(
    struct complaints *c, const char *file, unsigned line, const char *hint, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	char *text;
	va_list ap;

	if (c->n == MAX_COMPLAINTS) {
		c->dropped++;
		return;
	}
	buf_adds(&b, file);
	if (line)
		buf_addf(&b, ":%u", line);
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	buf_addf(&b, ": %s", n < 0 ? "out of memory" : text);
	if (n >= 0)
		free(text);
	for (char *p = b.data; (p = strchr(p, '\t'));)
		*p = ' ';
	struct complaint *new = VEC_PUSH(c);
	new->message = buf_steal(&b);
	new->hint = hint ? xstrdup(hint) : NULL;
	new->line = line;
}

void complaints_sort(struct complaints *c, size_t first)
{
	/* by insertion: equal lines keep their order, and there are at most MAX_COMPLAINTS */
	for (size_t i = first + 1; i < c->n; i++) {
		struct complaint moving = c->v[i];
		size_t j = i;

		for (; j > first && c->v[j - 1].line > moving.line; j--)
			c->v[j] = c->v[j - 1];
		c->v[j] = moving;
	}
}

void complaints_free(struct complaints *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].message);
		free(c->v[i].hint);
	}
	free(c->v);
	*c = (struct complaints){0};
}

void ini_file_free(struct ini_file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].section);
		free(f->v[i].key);
		free(f->v[i].value);
	}
	free(f->v);
	buf_free(&f->text);
	*f = (struct ini_file){0};
}

char *ini_excerpt(const char *s)
{
	size_t n = strlen(s);

	if (n <= 60)
		return xstrdup(s);
	for (n = 57; n && (s[n] & 0xc0) == 0x80; n--)
		;
	return xasprintf("%.*s...", (int)n, s);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cut blanks off both ends, in place. */
static char *trim(char *s)
{
	size_t n = strlen(s);

	while (n && is_blank(s[n - 1]))
		s[--n] = '\0';
	while (is_blank(*s))
		s++;
	return s;
}

/* Names of sections and keys: a colon or a bracket would mean something else to iniparser. */
static bool is_name(const char *s)
{
	size_t n = strlen(s);

	return n && n <= 64 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static char *lower_case(const char *s)
{
	char *out = xstrdup(s);

	for (char *p = out; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	return out;
}

static struct ini_entry *add_entry(struct scanner *s, const char *key, const char *value)
{
	struct ini_entry *e = VEC_PUSH(s->out);

	e->line = s->line;
	e->section = xstrdup(s->section);
	e->key = key ? lower_case(key) : NULL;
	e->value = value ? xstrdup(value) : NULL;
	return e;
}

static void scan_header(struct scanner *s, char *line)
{
	size_t n = strlen(line);
	char *name = line + 1;

	s->section_bad = true;
	if (line[n - 1] != ']') {
		complain(s->complaints, s->path, s->line,
		    "a section is a line of its own: [activation]; a comment too",
		    "nothing may follow the ']' of a section, and it must be there");
		return;
	}
	line[n - 1] = '\0';
	name = trim(name);
	if (!is_name(name)) {
		CLEANUP(free) char *shown = ini_excerpt(name);

		complain(s->complaints, s->path, s->line, NULL,
		    "'%s' cannot be a section's name: letters, digits, '_' and '-' only", shown);
		return;
	}
	s->section_bad = false;
	free(s->section);
	s->section = lower_case(name);
	add_entry(s, NULL, NULL);
}

/* Take the quotes off; what follows the closing one may only be a comment. */
static char *unquote(struct scanner *s, char *value)
{
	char *end = strchr(value + 1, *value);

	if (!end) {
		complain(s->complaints, s->path, s->line, NULL,
		    "the value begins with %c and does not end with it", *value);
		return NULL;
	}
	char *rest = trim(end + 1);
	if (*rest && *rest != ';' && *rest != '#') {
		complain(s->complaints, s->path, s->line,
		    "a value has one pair of quotes around all of it and none of that kind inside",
		    "there is text after the closing %c of the value", *value);
		return NULL;
	}
	*end = '\0';
	return value + 1;
}

/*
 * iniparser takes '' and "" for empty only when nothing follows, so a comment there is not
 * accepted; and it cuts an unquoted value at the first ';' or '#'.
 */
static char *scan_value(struct scanner *s, char *value)
{
	if ((*value == '"' || *value == '\'') && value[1] == *value && value[2]) {
		complain(s->complaints, s->path, s->line, "put the comment on a line of its own",
		    "there is text after the empty value");
		return NULL;
	}
	if (*value == '"' || *value == '\'')
		return unquote(s, value);
	if (!*value) {
		complain(s->complaints, s->path, s->line,
		    "leave the line out, or write \"\" to go back to the default",
		    "there is no value after the '='");
		return NULL;
	}
	if (strpbrk(value, ";#")) {
		complain(s->complaints, s->path, s->line,
		    "put the value in \"quotes\", or the comment on a line of its own",
		    "';' and '#' begin a comment and would cut the value");
		return NULL;
	}
	return value;
}

static void scan_key(struct scanner *s, char *line)
{
	char *equals = strchr(line, '=');
	CLEANUP(free) char *shown = NULL;

	if (!equals) {
		shown = ini_excerpt(line);
		complain(s->complaints, s->path, s->line,
		    "a line is [section], key = value, or a comment after ';' or '#'",
		    "'%s' has no '='", shown);
		return;
	}
	*equals = '\0';
	char *key = trim(line), *value = trim(equals + 1);
	shown = ini_excerpt(key);
	if (!is_name(key)) {
		complain(s->complaints, s->path, s->line, NULL,
		    "'%s' cannot be a key: letters, digits, '_' and '-' only", shown);
		return;
	}
	value = scan_value(s, value);
	if (s->section_bad)
		return;
	if (!s->section)
		complain(s->complaints, s->path, s->line, NULL,
		    "key '%s' stands before the first [section]", shown);
	else if (value)
		add_entry(s, key, value);
}

/* What would make a line unreadable, misread or unprintable; true: complained. */
static bool bad_line(struct scanner *s, const char *p, size_t n)
{
	const char *hint = NULL, *what = NULL;
	bool control = false, c1 = false;

	for (size_t i = 0; i < n; i++) {
		control |= ((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f;
		c1 |= i && (unsigned char)p[i - 1] == 0xc2 && (unsigned char)p[i] < 0xa0;
	}
	if (product_key_inside(p, n)) {
		what = "this looks like a product key, and profiles are read by many: "
		       "keys are never in a profile";
		hint = "put a MAK in a file of its own (chmod 600) and name that in mak_key_file; "
		       "KMS client keys come from w7prep itself";
	} else if (n > INI_MAX_LINE) {
		complain(s->complaints, s->path, s->line, NULL,
		    "the line has %zu bytes, more than %d", n, INI_MAX_LINE);
		return true;
	} else if (memchr(p, '\0', n)) {
		what = "there is a NUL byte in the line";
	} else if (memchr(p, '\r', n)) {
		what = "there is a carriage return inside the line";
		hint = "save the file with Unix (LF) or Windows (CR LF) line ends";
	} else if (!utf8_valid(p, n)) {
		what = "the line is not valid UTF-8";
		hint = "convert the file: iconv -f WINDOWS-1252 -t UTF-8 OLD >NEW";
	} else if (control || c1) {
		what = "there is a control character in the line";
	} else if (n && p[n - 1] == '\\') {
		what = "a '\\' at the end of a line would join the next line to it";
		hint = "put a value that ends in '\\' in \"quotes\"; end a comment otherwise";
	}
	if (what)
		complain(s->complaints, s->path, s->line, hint, "%s", what);
	return what != NULL;
}

static void scan_line(struct scanner *s, const char *p, size_t n)
{
	if (n && p[n - 1] == '\r')
		n--;
	while (n && is_blank(p[n - 1]))
		n--;
	if (bad_line(s, p, n))
		return;
	CLEANUP(free) char *copy = xstrndup(p, n);
	char *line = trim(copy);
	if (!*line || *line == ';' || *line == '#')
		return;
	if (*line == '[')
		scan_header(s, line);
	else
		scan_key(s, line);
}

/* UTF-16 has a byte order mark, or a zero beside the first character. */
static bool is_utf16(const struct buf *b)
{
	const unsigned char *p = (const unsigned char *)b->data;

	return b->len >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff) ||
				  (!p[0] != !p[1]));
}

static int load(const char *path, struct ini_file *out, struct complaints *c)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct stat st;

	if (stat(path, &st) != 0 || access(path, R_OK) != 0) {
		complain(c, path, 0, "name a profile that is there: w7prep profile list", "%s",
		    strerror(errno));
		return -1;
	}
	if (S_ISREG(st.st_mode) && st.st_size > INI_MAX_FILE) {
		complain(c, path, 0, "a profile is a small text file; see w7prep-profile(5)",
		    "has %lld bytes, more than a profile may have (%d)", (long long)st.st_size,
		    INI_MAX_FILE);
		return -1;
	}
	if (read_whole_file(path, INI_MAX_FILE, &out->text, &err) != 0) {
		const char *said = err.message ? err.message : "cannot be read";
		size_t n = strlen(path);

		if (strncmp(said, path, n) == 0 && strncmp(said + n, ": ", 2) == 0)
			said += n + 2;
		complain(c, path, 0, "name a profile file: w7prep profile list", "%s", said);
		return -1;
	}
	if (is_utf16(&out->text)) {
		complain(c, path, 0,
		    "convert it: iconv -f UTF-16 -t UTF-8 OLD >NEW; in Notepad: Save As, Encoding "
		    "UTF-8",
		    "is UTF-16 text; a profile is UTF-8");
		return -1;
	}
	if (out->text.len >= 3 && memcmp(out->text.data, "\xef\xbb\xbf", 3) == 0) {
		/* Notepad writes it; iniparser would refuse the whole file */
		memmove(out->text.data, out->text.data + 3, out->text.len - 2);
		out->text.len -= 3;
	}
	return 0;
}

void ini_scan(const char *path, struct ini_file *out, struct complaints *c)
{
	struct scanner s = {.path = path, .out = out, .complaints = c};

	*out = (struct ini_file){0};
	if (load(path, out, c) != 0)
		return;
	const char *p = out->text.data, *end = p + out->text.len;
	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		s.line++;
		scan_line(&s, p, (size_t)((newline ? newline : end) - p));
		p = newline ? newline + 1 : end;
	}
	free(s.section);
}
