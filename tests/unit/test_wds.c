/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names in the .cmd of a WDS kit, read back by what reads them: cmd.exe, then the C library of the
 * program that is started. Both are modelled here by Microsoft's description, not by our code; that
 * Wine's cmd.exe agrees tests/cli/wds_wine.sh says.
 */
#include "hooks/wds.h"
#include "tests/unit/unit.h"

/* What cmd.exe makes of a line in a batch file; false: it would start another command, or redirect.
 */
static bool through_cmd(const char *line, struct buf *out)
{
	bool quoted = false;

	for (; *line; line++) {
		char c = *line;

		if (c == '%') {
			if (line[1] != '%')
				return false; /* the beginning of a variable */
			line++;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (c == '^' && !quoted) {
			c = *++line;
			if (!c)
				return false;
		} else if (!quoted && strchr("&|<>()", c)) {
			return false;
		}
		buf_add(out, &c, 1);
	}
	return !quoted;
}

/* The first argument by the rules of Microsoft's C library, where it ends at the line's end. */
static bool through_argv(const char *s, struct buf *out)
{
	bool quoted = false;

	while (*s) {
		size_t n = strspn(s, "\\");

		if (s[n] == '"') {
			for (size_t i = 0; i < n / 2; i++)
				buf_adds(out, "\\");
			if (n % 2)
				buf_adds(out, "\"");
			else
				quoted = !quoted;
			s += n + 1;
		} else if (n) {
			buf_add(out, s, n);
			s += n;
		} else {
			if (!quoted && (*s == ' ' || *s == '\t'))
				return false;
			buf_add(out, s++, 1);
		}
	}
	return !quoted;
}

static void assert_survives(const char *name)
{
	CLEANUP(buf) struct buf line = BUF_INIT;
	CLEANUP(buf) struct buf command = BUF_INIT;
	CLEANUP(buf) struct buf argument = BUF_INIT;

	buf_adds(&command, "");
	buf_adds(&argument, "");
	wds_quote(&line, name);
	ck_assert_msg(
	    through_cmd(line.data, &command), "cmd.exe acts on <%s> as <%s>", name, line.data);
	ck_assert_msg(
	    through_argv(command.data, &argument), "<%s> is not one argument", command.data);
	ck_assert_str_eq(argument.data, name);
}

START_TEST(names_of_all_kinds)
{
	static const char *const names[] = {
	    "Windows 7",
	    "a & b",
	    "100%",
	    "%PATH%",
	    "\"",
	    "\"\"",
	    "a\"b&c\"d|e",
	    "\\",
	    "x\\",
	    "x\\\"",
	    "\\\\\"\\\\",
	    "(x)",
	    "^",
	    "^^\"^",
	    "Büro 12",
	    "<in >out",
	    "!a!",
	    "%",
	    "%%",
	    "\"%\"",
	    "/Force",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_survives(names[i]);
}
END_TEST

START_TEST(names_at_random)
{
	static const char letters[] = "aZ \"\"\\\\%&|<>()^!;,=";
	unsigned state = 1;

	for (int i = 0; i < 20000; i++) {
		char name[12];
		size_t n = 1 + (size_t)i % (sizeof(name) - 1);

		for (size_t k = 0; k < n; k++) {
			state = state * 1103515245 + 12345;
			name[k] = letters[(state >> 16) % (sizeof(letters) - 1)];
		}
		name[n] = '\0';
		assert_survives(name);
	}
}
END_TEST

START_TEST(file_names_that_windows_cannot_have)
{
	static const char *const bad[] = {
	    "/x/a:b.wim", "a\"b.wim", "a\nb.wim", "a\\b.wim", "a\xff.wim", "a?b"};
	struct wds_kit kit;
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(wds_kit_begin(&kit, bad[i], &err), -1);
		ck_assert_int_eq(err.code, ERR_USAGE);
		wds_kit_free(&kit);
	}
	err_clear(&err);
	assert_ok(wds_kit_begin(&kit, "/srv/install one & 100%.wim", &err), err);
	ck_assert_str_eq(kit.wim, "install one & 100%.wim");
	wds_kit_free(&kit);
}
END_TEST

SUITE("wds", names_of_all_kinds, names_at_random, file_names_that_windows_cannot_have)
