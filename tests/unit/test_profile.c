/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>

#include "common/fsutil.h"
#include "profiles/editions.h"
#include "profiles/ini_scan.h"
#include "profiles/profile.h"
#include "tests/unit/unit.h"

#define MAK "BCDFG-HJKMP-QRTVW-XY234-6789B"

/* One scratch directory a test; every case is a process of its own, so nothing leaks over. */
static char *dir;

static void setup(void)
{
	struct error err = ERROR_INIT;

	dir = scratch_create(NULL, &err);
	ck_assert_msg(dir, "%s", err.message);
	/* what is installed on the machine must not matter */
	setenv("W7PREP_PROFILES", dir, 1);
	setenv("XDG_CONFIG_HOME", dir, 1);
}

static void teardown(void)
{
	scratch_remove(dir);
	free(dir);
}

static char *put(const char *name, const void *text, size_t n)
{
	char *path = path_join(dir, name);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
	return path;
}

static char *puts_file(const char *name, const char *text)
{
	return put(name, text, strlen(text));
}

/* All complaints about a profile of these bytes, with the hints, one a line. "" for none. */
static char *complaints_of(const char *name, const void *text, size_t n)
{
	CLEANUP(free) char *path = put(name, text, n);
	CLEANUP(strvec) struct strvec more = STRVEC_INIT;
	struct error err = ERROR_INIT;
	struct profile p;
	struct buf all = BUF_INIT;

	if (profile_read(path, &p, &more, &err) == 0) {
		profile_free(&p);
		return xstrdup("");
	}
	ck_assert_msg(err.code == ERR_PROFILE, "%s: %s", err_code_name(err.code), err.message);
	ck_assert_ptr_nonnull(err.hint);
	buf_addf(&all, "%s (%s)\n", err.message, err.hint);
	for (size_t i = 0; i < more.n; i++)
		buf_addf(&all, "%s\n", more.v[i]);
	err_clear(&err);
	return buf_steal(&all);
}

static char *complaints(const char *text)
{
	return complaints_of("lab.ini", text, strlen(text));
}

static size_t lines(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void read_ok(const char *text, struct profile *p)
{
	CLEANUP(free) char *path = puts_file("lab.ini", text);
	struct error err = ERROR_INIT;

	assert_ok(profile_read(path, p, NULL, &err), err);
}

START_TEST(everything_said)
{
	struct profile p;

	read_ok("; a comment; with = everything [in] it\n"
		"# another\r\n"
		"[profile]\n"
		"name = Room 101\n"
		"\tdescription = \"umlauts: \xc3\xa4; no comment\" # a comment\n"
		"[Activation]\n"
		"STRATEGY = KMS\r\n"
		"kms_host=kms.school.example\n"
		"  kms_port  =  1689  \n"
		"activate_at_first_boot = no\n"
		"[kb971033]\nremove = offline\n"
		"[tokens]\nstrip = first-boot\n"
		"[clone]\nrequire_sealed = no\nfirst_boot = setup-cmdline\n"
		"[ lab ]\nseats = 30\nkms_clients = 60\nreclone_days = 7\nmobile = yes\n"
		"licence = kms\ndomain = school.example", &p);
	ck_assert_str_eq(p.name, "Room 101");
	ck_assert_str_eq(p.description, "umlauts: \xc3\xa4; no comment");
	ck_assert_int_eq(p.strategy, STRATEGY_KMS);
	ck_assert_str_eq(p.kms_host, "kms.school.example");
	ck_assert_uint_eq(p.kms_port, 1689);
	ck_assert(!p.activate_at_first_boot);
	ck_assert_int_eq(p.kb971033, KB971033_OFFLINE);
	ck_assert_int_eq(p.strip, STRIP_FIRST_BOOT);
	ck_assert(p.strip_set);
	ck_assert(!p.require_sealed);
	ck_assert_int_eq(p.first_boot, FIRST_BOOT_SETUP_CMDLINE);
	ck_assert_uint_eq(p.seats, 30);
	ck_assert_uint_eq(p.kms_clients, 60);
	ck_assert_uint_eq(p.reclone_days, 7);
	ck_assert_int_eq(p.mobile, YES);
	ck_assert_int_eq(p.licence, LICENCE_KMS);
	ck_assert_str_eq(p.domain, "school.example");
	ck_assert_uint_eq(p.warnings.n, 0);
	ck_assert_uint_eq(profile_source(&p, profile_key_find("kms_port"))->line, 9);
	profile_free(&p);
}
END_TEST

START_TEST(nothing_said)
{
	struct profile p;

	read_ok("", &p);
	ck_assert_str_eq(p.name, "lab");
	ck_assert_int_eq(p.strategy, STRATEGY_AUTO);
	ck_assert_ptr_null(p.kms_host);
	ck_assert_ptr_null(p.mak_key_file);
	ck_assert_uint_eq(p.kms_port, 0);
	ck_assert(p.activate_at_first_boot);
	ck_assert_int_eq(p.kb971033, KB971033_WINDOWS);
	ck_assert_int_eq(p.strip, STRIP_IMAGE);
	ck_assert(!p.strip_set);
	ck_assert(p.require_sealed);
	ck_assert_int_eq(p.mobile, UNSET);
	ck_assert_int_eq(p.licence, LICENCE_UNKNOWN);
	ck_assert_uint_eq(p.warnings.n, 1);
	ck_assert_ptr_nonnull(strstr(p.warnings.v[0], "fill in seats"));
	profile_free(&p);
}
END_TEST

/* Every row of the table: its default is a value, shown as such, and its values are taken. */
START_TEST(table_of_keys)
{
	size_t n;
	const struct profile_key *k = profile_keys(&n);
	struct profile p;

	read_ok("", &p);
	for (size_t i = 0; i < n; i++, k++) {
		CLEANUP(free) char *value = profile_value(&p, k);
		CLEANUP(free) char *allowed = profile_key_allowed(k);

		ck_assert_ptr_eq(profile_key_find(k->name), k);
		ck_assert_msg(strlen(k->help) > 10, "%s", k->name);
		ck_assert_ptr_null(profile_source(&p, k));
		if (strcmp(k->name, "name") != 0)
			ck_assert_str_eq(value ? value : "", k->fallback);
		for (size_t j = 0; k->choices && k->choices[j]; j++) {
			CLEANUP(free) char *text = xasprintf("[%s]\n%s = %s\n%s", k->section, k->name,
			    k->choices[j], strcmp(k->choices[j], "mak") == 0 &&
			    strcmp(k->name, "strategy") == 0 ? "mak_key_file = x\n" : "");
			struct profile said;

			if (strcmp(k->choices[j], "setup-cmdline") == 0)
				continue; /* needs another key: everything_said has it */
			ck_assert_ptr_nonnull(strstr(allowed, k->choices[j]));
			read_ok(text, &said);
			CLEANUP(free) char *shown = profile_value(&said, k);
			ck_assert_str_eq(shown, k->choices[j]);
			ck_assert_uint_eq(profile_source(&said, k)->line, 2);
			profile_free(&said);
		}
	}
	profile_free(&p);
}
END_TEST

/* Text, and what one complaint about it has to say. */
static const struct {
	const char *text, *line, *says;
} faults[] = {
	/* names */
	{"[activation]\nkms_hots = a\n", ":2: ",
	    "unknown key 'kms_hots' in [activation]; did you mean 'kms_host'?"},
	{"[activation]\n\nzzzzzzzz = a\n", ":3: ", "unknown key 'zzzzzzzz' in [activation] (keys of"},
	{"[lab]\nkms_host = a\n", ":2: ", "it belongs into [activation]"},
	{"[activtion]\nkms_host = a\n", ":1: ", "unknown section [activtion]; did you mean [activation]?"},
	{"[zzz]\n", ":1: ", "unknown section [zzz] (there are [profile], [activation], [kb971033], "},
	{"[lab]\nseats:x = 1\n", ":2: ", "'seats:x' cannot be a key"},
	{"[lab]\n= 1\n", ":2: ", "'' cannot be a key"},
	{"[a:b]\n", ":1: ", "'a:b' cannot be a section's name"},
	{"[]\n", ":1: ", "'' cannot be a section's name"},
	{"[lab\n", ":1: ", "the ']'"},
	{"[lab] ; comment\n", ":1: ", "nothing may follow the ']'"},
	{"[", ":1: ", "the ']'"},
	/* what iniparser merges, drops or joins */
	{"[lab]\nseats = 1\nSEATS = 2\n", ":3: ", "key 'seats' a second time; the first is in line 2"},
	{"[lab]\n[tokens]\n[Lab]\n", ":3: ", "section [lab] a second time; the first is in line 1"},
	{"seats = 1\n", ":1: ", "key 'seats' stands before the first [section]"},
	{"[lab]\nmobile\n", ":2: ", "'mobile' has no '='"},
	{"[lab]\ndomain =\n", ":2: ", "no value after the '='"},
	{"[lab]\ndomain = a;b\n", ":2: ", "would cut the value"},
	{"[profile]\nname = a # b\n", ":2: ", "would cut the value"},
	{"[profile]\nname = \"a\n", ":2: ", "begins with \" and does not end with it"},
	{"[profile]\nname = 'it''s'\n", ":2: ", "text after the closing '"},
	{"[profile]\nname = \"say \\\"hi\\\" x\"\n", ":2: ", "text after the closing \""},
	{"[profile]\nname = \"\" ; c\n", ":2: ", "text after the empty value"},
	{"[profile]\nname = C:\\x\\\n", ":2: ", "would join the next line"},
	{"[profile]\nname = C:\\x\\ \t\r\n", ":2: ", "would join the next line"},
	{"; comment \\\n[lab]\n", ":1: ", "would join the next line"},
	/* bytes */
	{"[profile]\nname = f\xfcr\n", ":2: ", "not valid UTF-8 (convert the file: iconv"},
	{"[profile]\nname = a\x1b[2J\n", ":2: ", "control character"},
	{"[profile]\nname = a\xc2\x9b" "2J\n", ":2: ", "control character"},
	{"[profile]\rname = a\r", ":1: ", "carriage return"},
	/* values */
	{"[activation]\nstrategy = kmss\n", ":2: ",
	    "strategy = 'kmss': must be auto, kms, mak-proxy, mak, none, oem or single; did you mean 'kms'?"},
	{"[activation]\nstrategy = quux\n", ":2: ", "mak, none, oem or single ("},
	{"[clone]\nrequire_sealed = true\n", ":2: ", "must be yes or no"},
	{"[activation]\nkms_port = 0\n", ":2: ", "must be 1 to 65535"},
	{"[activation]\nkms_port = 65536\n", ":2: ", "must be 1 to 65535"},
	{"[activation]\nkms_port = 12abc\n", ":2: ", "must be 1 to 65535"},
	{"[lab]\nseats = 99999999999999999999\n", ":2: ", "must be 1 to 100000"},
	{"[lab]\nseats = -1\n", ":2: ", "must be 1 to 100000"},
	{"[lab]\nreclone_days = 30 days\n", ":2: ", "must be 1 to 3650"},
	{"[lab]\nmobile = maybe\n", ":2: ", "must be no or yes"},
	{"[lab]\ndomain = 10.0.0.1\n", ":2: ", "must be a DNS name"},
	{"[activation]\nmak_key_file = ~/mak\n", ":2: ", "'~' is not expanded"},
	{"[activation]\nkms_host = kms:1688\n", ":2: ", "a port goes into kms_port"},
	{"[activation]\nkms_host = http://kms\n", ":2: ", "not an address of the web"},
	{"[activation]\nkms_host = 2001:db8::1\n", ":2: ", "in brackets"},
	{"[activation]\nkms_host = [2001:db8::g]\n", ":2: ", "no IPv6 address between"},
	{"[activation]\nkms_host = [\n", ":2: ", "no IPv6 address between"},
	{"[activation]\nkms_host = 300.1.1.1\n", ":2: ", "no IPv4 address"},
	{"[activation]\nkms_host = a b\n", ":2: ", "letters, digits"},
	{"[activation]\nkms_host = kms_1\n", ":2: ", "letters, digits"},
	{"[activation]\nkms_host = -a\n", ":2: ", "letters, digits"},
	{"[activation]\nkms_host = a-.b\n", ":2: ", "letters, digits"},
	{"[activation]\nkms_host = a..b\n", ":2: ", "letters, digits"},
	{"[activation]\nkms_host = a.\n", ":2: ", "letters, digits"},
	/* together */
	{"[activation]\nstrategy = mak\n", ":2: ", "strategy = mak needs mak_key_file"},
	{"[tokens]\nstrip = image\n[activation]\nstrategy = none\n", ":2: ",
	    "strip = image contradicts strategy = none ("},
	{"[tokens]\nstrip = first-boot\n[activation]\nstrategy = oem\n", ":2: ", "lab.ini:4)"},
	{"[tokens]\nstrip = image\n[activation]\nstrategy = single\n", ":2: ", "what Windows counts by"},
	{"[activation]\nstrategy = mak-proxy\nactivate_at_first_boot = yes\n", ":3: ",
	    "activate_at_first_boot = yes contradicts strategy = mak-proxy ("},
	{"[clone]\nfirst_boot = setup-cmdline\n", ":2: ",
	    "contradicts require_sealed = yes (the default): a sealed image"},
	{"[lab]\nseats = 30\nkms_clients = 29\n", ":3: ", "kms_clients = 29 contradicts seats = 30 ("},
};

START_TEST(each_fault_is_told)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		CLEANUP(free) char *said = complaints(faults[i].text);
		CLEANUP(free) char *start = xasprintf("%s/lab.ini%s", dir, faults[i].line);

		ck_assert_msg(lines(said) == 1, "%s\n-> %s", faults[i].text, said);
		ck_assert_msg(strstr(said, start) == said, "%s\n-> %s", faults[i].text, said);
		ck_assert_msg(strstr(said, faults[i].says), "%s\n-> %s", faults[i].text, said);
	}
}
END_TEST

START_TEST(all_complaints_come_at_once)
{
	CLEANUP(free) char *said = complaints("[lab]\nseets = 1\nmobile = perhaps\n[activation]\n"
					      "kms_port = 70000\nflag\n[nonsense]\nx = y\n");

	static const char *const order[] = {"lab.ini:2: unknown key 'seets'", "lab.ini:3: mobile = 'perhaps'",
		"lab.ini:5: kms_port", "lab.ini:6: 'flag'", "lab.ini:7: unknown section [nonsense]"};
	const char *at = said;

	ck_assert_msg(lines(said) == 5, "%s", said);
	for (size_t i = 0; i < 5; i++) {
		at = strstr(at, order[i]);
		ck_assert_msg(at, "%s is not there or in a wrong place:\n%s", order[i], said);
	}
}
END_TEST

START_TEST(complaints_are_bounded)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "[lab]\n");
	for (unsigned i = 0; i < 5000; i++)
		buf_addf(&b, "key%u = x\n", i);
	CLEANUP(free) char *said = complaints_of("many.ini", b.data, b.len);
	ck_assert_uint_eq(lines(said), 51);
	ck_assert_ptr_nonnull(strstr(said, "and 4950 more\n"));
	buf_free(&b);
}
END_TEST

START_TEST(good_hosts)
{
	static const char *const hosts[] = {"kms", "KMS-1.school.example", "10.0.0.1", "[2001:db8::1]",
		"1st.example", "[::1]"};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		CLEANUP(free) char *text = xasprintf("[activation]\nstrategy = kms\nkms_host = %s\n",
		    hosts[i]);
		struct profile p;

		read_ok(text, &p);
		ck_assert_str_eq(p.kms_host, hosts[i]);
		profile_free(&p);
	}
}
END_TEST

START_TEST(encodings)
{
	static const char bom[] = "\xef\xbb\xbf[lab]\r\nseats = 3\r\n";
	static const char le[] = "\xff\xfe[\0l\0a\0b\0]\0\n\0";
	static const char be[] = "\xfe\xff\0[\0l\0a\0b\0]\0\n";
	static const char bare[] = "[\0l\0a\0b\0]\0\n";
	static const char nul[] = "[lab]\nseats = 3\0\n";
	struct profile p;

	read_ok(bom, &p);
	ck_assert_uint_eq(p.seats, 3);
	profile_free(&p);

	const struct {
		const char *bytes;
		size_t n;
	} utf16[] = {{le, sizeof(le) - 1}, {be, sizeof(be) - 1}, {bare, sizeof(bare)}};
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(free) char *said = complaints_of("u.ini", utf16[i].bytes, utf16[i].n);

		ck_assert_msg(strstr(said, "is UTF-16 text"), "%s", said);
		ck_assert_msg(strstr(said, "iconv -f UTF-16 -t UTF-8"), "%s", said);
	}
	CLEANUP(free) char *said = complaints_of("n.ini", nul, sizeof(nul) - 1);
	ck_assert_msg(strstr(said, "n.ini:2: there is a NUL byte"), "%s", said);
}
END_TEST

START_TEST(long_lines_and_files)
{
	CLEANUP(free) char *big = xmalloc(2 << 20);

	memset(big, 'a', 2 << 20);
	CLEANUP(free) char *file = complaints_of("big.ini", big, 2 << 20);
	ck_assert_msg(strstr(file, "more than a profile may have"), "%s", file);

	memcpy(big, "[profile]\nname=", 15);
	CLEANUP(free) char *longest = complaints_of("l.ini", big, 10 + 1000);
	ck_assert_str_eq(longest, "");
	CLEANUP(free) char *longer = complaints_of("l.ini", big, 10 + 1001);
	ck_assert_msg(strstr(longer, "l.ini:2: the line has 1001 bytes"), "%s", longer);
	ck_assert_uint_lt(strlen(longer), 200);
	/* what is quoted is cut */
	CLEANUP(free) char *cut = complaints_of("l.ini", big + 15, 900);
	ck_assert_msg(strstr(cut, "aaa...' has no '='"), "%s", cut);
	ck_assert_uint_lt(strlen(cut), 300);
}
END_TEST

START_TEST(what_is_no_readable_file)
{
	struct error err = ERROR_INIT;
	struct profile p;
	CLEANUP(free) char *missing = path_join(dir, "none.ini");
	CLEANUP(free) char *fifo = path_join(dir, "fifo.ini");
	CLEANUP(free) char *secret = puts_file("secret.ini", "");

	assert_fails(profile_read(missing, &p, NULL, &err), err, ERR_NO_SUCH_FILE);

	ck_assert_int_lt(profile_read(dir, &p, NULL, &err), 0);
	ck_assert_int_eq(err.code, ERR_PROFILE);
	ck_assert_msg(strstr(err.message, ": is a directory"), "%s", err.message);
	err_clear(&err);

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_lt(profile_read(fifo, &p, NULL, &err), 0);
	ck_assert_int_eq(err.code, ERR_PROFILE);
	ck_assert_msg(strstr(err.message, "not a regular file"), "%s", err.message);
	err_clear(&err);

	if (geteuid() == 0) {
		/* root reads anything: become somebody else, in this process of its own */
		ck_assert_int_eq(chmod(dir, 0755), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	} else {
		ck_assert_int_eq(chmod(secret, 0), 0);
	}
	/* access() goes by the real user, so the failing open is what this sees as root */
	ck_assert_int_lt(profile_read(secret, &p, NULL, &err), 0);
	ck_assert_int_eq(err.code, ERR_PROFILE);
	ck_assert_msg(strstr(err.message, "Permission denied"), "%s", err.message);
	err_clear(&err);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(a_key_is_refused_and_not_repeated)
{
	static const char *const places[] = {
		"[activation]\nmak_key_file = " MAK "\n", "[activation]\nmak = " MAK "\n",
		"[profile]\nname = x " MAK "\n", "; " MAK "\n", "[" MAK "]\n", MAK "\n",
		MAK " = x\n", "[profile]\nname = \"" MAK "\n",
		"[profile]\nname = bcdfg hjkmp qrtvw xy234 6789b\n",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		CLEANUP(free) char *said = complaints(places[i]);

		ck_assert_msg(strstr(said, "looks like a product key"), "%s", said);
		ck_assert_msg(strstr(said, "mak_key_file"), "%s", said);
		ck_assert_msg(!strcasestr(said, "HJKMP"), "%s", said);
		ck_assert_msg(lines(said) == 1, "%s", said);
	}
}
END_TEST

START_TEST(extends_a_file)
{
	struct error err = ERROR_INIT;
	struct profile p;
	CLEANUP(free) char *sub = path_join(dir, "sub");

	ck_assert_int_eq(mkdir(sub, 0700), 0);
	free(puts_file("sub/base.ini", "[profile]\nname = Base\ndescription = of all\n"
				       "[activation]\nstrategy = mak\nmak_key_file = school.key\n"
				       "[tokens]\nstrip = image\n[lab]\nseats = 12\n"));
	free(puts_file("mid.ini", "[profile]\nextends = sub/base.ini\n[lab]\nseats = 13\n"
				  "reclone_days = 9\n"));
	CLEANUP(free) char *path = puts_file("room.ini",
	    "[profile]\nextends = mid\n[lab]\nreclone_days = \"\"\n[tokens]\nstrip = \"\"\n");
	assert_ok(profile_read(path, &p, NULL, &err), err);
	CLEANUP(free) char *key = path_join(sub, "school.key");
	ck_assert_str_eq(p.name, "room");
	ck_assert_ptr_null(p.description);
	ck_assert_str_eq(p.extends, "mid");
	ck_assert_int_eq(p.strategy, STRATEGY_MAK);
	/* a path is of the file that says it, and an override takes effect */
	ck_assert_str_eq(p.mak_key_file, key);
	ck_assert_uint_eq(p.seats, 13);
	ck_assert_uint_eq(p.reclone_days, 0);
	ck_assert(!p.strip_set);
	const struct profile_source *at = profile_source(&p, profile_key_find("seats"));
	ck_assert_ptr_nonnull(strstr(at->file, "mid.ini"));
	ck_assert_uint_eq(at->line, 4);
	ck_assert_ptr_null(profile_source(&p, profile_key_find("reclone_days")));
	profile_free(&p);
}
END_TEST

START_TEST(complaints_of_an_extended_file_name_it)
{
	free(puts_file("base.ini", "[lab]\nseats = none\n"));
	CLEANUP(free) char *said = complaints("[profile]\nextends = base.ini\n[lab]\nseats = 3\nx = 1\n");

	ck_assert_msg(lines(said) == 2, "%s", said);
	ck_assert_ptr_nonnull(strstr(said, "lab.ini:5: unknown key 'x'"));
	ck_assert_ptr_nonnull(strstr(said, "base.ini:2: seats = 'none'"));

	/* a contradiction across files has both places */
	free(puts_file("base.ini", "[tokens]\nstrip = image\n"));
	free(said);
	said = complaints("[profile]\nextends = base.ini\n[activation]\nstrategy = none\n");
	ck_assert_msg(strstr(said, "base.ini:2: strip = image contradicts strategy = none ("), "%s", said);
	ck_assert_msg(strstr(said, "lab.ini:4)"), "%s", said);
}
END_TEST

START_TEST(extends_in_a_circle)
{
	free(puts_file("b.ini", "[profile]\nextends = ./c.ini\n"));
	free(puts_file("c.ini", "[profile]\nextends = lab\n"));
	CLEANUP(free) char *said = complaints("[profile]\nextends = b\n");
	CLEANUP(free) char *chain = xasprintf("%s/lab.ini -> %s/b.ini -> %s/./c.ini -> ", dir, dir, dir);

	ck_assert_msg(lines(said) == 1, "%s", said);
	ck_assert_msg(strstr(said, "c.ini:2: the profiles extend each other in a circle: "), "%s", said);
	ck_assert_msg(strstr(said, chain), "%s", said);

	free(said);
	said = complaints("[profile]\nextends = lab.ini\n");
	ck_assert_msg(strstr(said, "lab.ini:2: the profiles extend each other in a circle"), "%s", said);
	free(said);
	said = complaints("[profile]\nextends = nobody\n");
	ck_assert_msg(strstr(said, "lab.ini:2: there is no profile to extend: "), "%s", said);
	ck_assert_msg(strstr(said, "lab.ini -> nobody"), "%s", said);
}
END_TEST

START_TEST(extends_too_deep)
{
	for (unsigned i = 1; i <= 8; i++) {
		CLEANUP(free) char *name = xasprintf("d%u.ini", i);
		CLEANUP(free) char *text = i == 8 ? xstrdup("[lab]\nseats = 8\n")
						  : xasprintf("[profile]\nextends = d%u.ini\n", i + 1);

		free(puts_file(name, text));
	}
	CLEANUP(free) char *deep = complaints("[profile]\nextends = d1.ini\n");
	ck_assert_msg(strstr(deep, "over more than 8 files: "), "%s", deep);
	ck_assert_msg(strstr(deep, "d7.ini -> "), "%s", deep);
	CLEANUP(free) char *not_too_deep = complaints("[profile]\nextends = d2.ini\n");
	ck_assert_str_eq(not_too_deep, "");
}
END_TEST

/* The school's own kms.ini may extend the shipped profile of that name. */
START_TEST(a_name_passes_over_the_file_itself)
{
	CLEANUP(free) char *own = path_join(dir, "own");
	struct error err = ERROR_INIT;
	struct profile p;

	ck_assert_int_eq(mkdir(own, 0700), 0);
	free(puts_file("kms.ini", "[activation]\nstrategy = kms\n"));
	CLEANUP(free) char *path = puts_file("own/kms.ini", "[profile]\nextends = kms\n[lab]\nseats = 99\n");
	assert_ok(profile_read(path, &p, NULL, &err), err);
	ck_assert_int_eq(p.strategy, STRATEGY_KMS);
	ck_assert_uint_eq(p.seats, 99);
	profile_free(&p);
}
END_TEST

START_TEST(oddities_warn)
{
	static const struct {
		const char *text, *says;
	} odd[] = {
		{"[activation]\nstrategy = none\nkms_host = a\n", "lab.ini:3: kms_host has no effect under strategy = none ("},
		{"[activation]\nstrategy = mak-proxy\nkms_host = k\nkms_port = 1\n", "lab.ini:4: kms_port has no effect under"},
		{"[activation]\nstrategy = kms\nvamt_host = a\n", "lab.ini:3: vamt_host has no effect under"},
		{"[activation]\nstrategy = kms\nmak_key_file = a\n", "lab.ini:3: mak_key_file has no effect under"},
		{"[activation]\nstrategy = kms\nkms_port = 1688\n", "lab.ini:3: kms_port has no effect without kms_host"},
		{"[clone]\nrequire_sealed = no\nfirst_boot = setupcomplete\n[lab]\nseats = 1\n",
		    "lab.ini:3: first_boot = setupcomplete starts nothing"},
		{"[activation]\nstrategy = auto\n", "lab.ini:2: strategy = auto decides from [lab]"},
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct profile p;

		read_ok(odd[i].text, &p);
		bool found = false;
		for (size_t j = 0; j < p.warnings.n; j++)
			found |= strstr(p.warnings.v[j], odd[i].says) != NULL;
		ck_assert_msg(found, "%s\n-> %s", odd[i].text, p.warnings.n ? p.warnings.v[0] : "nothing");
		profile_free(&p);
	}
}
END_TEST

START_TEST(profiles_are_found_by_name)
{
	CLEANUP(free) char *other = xasprintf("%s/w7prep/profiles", dir);
	CLEANUP(free) char *parent = path_join(dir, "w7prep");
	struct error err = ERROR_INIT;

	ck_assert_int_eq(mkdir(parent, 0700), 0);
	ck_assert_int_eq(mkdir(other, 0700), 0);
	free(puts_file("w7prep/profiles/room.ini", ""));
	free(puts_file("w7prep/profiles/zoo.ini", ""));
	free(puts_file("room.ini", ""));
	free(puts_file(".hidden.ini", ""));
	free(puts_file("readme.txt", ""));

	CLEANUP(free) char *room = profile_find("room", &err), *zoo = profile_find("zoo", &err);
	CLEANUP(free) char *expect = path_join(dir, "room.ini"), *second = path_join(other, "zoo.ini");
	ck_assert_str_eq(room, expect);
	ck_assert_str_eq(zoo, second);
	/* paths are not looked for */
	CLEANUP(free) char *path = profile_find("./room", &err), *file = profile_find("zoo.ini", &err);
	ck_assert_str_eq(path, "./room");
	ck_assert_str_eq(file, "zoo.ini");

	ck_assert_ptr_null(profile_find("rooom", &err));
	ck_assert_int_eq(err.code, ERR_NO_SUCH_FILE);
	ck_assert_str_eq(err.message, "no profile is called 'rooom'");
	ck_assert_msg(strstr(err.hint, "did you mean 'room'? There are: ") == err.hint, "%s", err.hint);
	ck_assert_msg(strstr(err.hint, "room, zoo"), "%s", err.hint);
	err_clear(&err);
	ck_assert_ptr_null(profile_find("", &err));
	ck_assert_int_eq(err.code, ERR_NO_SUCH_FILE);
	err_clear(&err);

	CLEANUP(strvec) struct strvec all = STRVEC_INIT;
	profile_list(&all);
	/* each name once, the one that counts, sorted; the machine may have more */
	ck_assert(strvec_has(&all, expect) && strvec_has(&all, second));
	for (size_t i = 0; i < all.n; i++) {
		ck_assert_ptr_null(strstr(all.v[i], "hidden"));
		if (i)
			ck_assert_int_lt(strcmp(path_base(all.v[i - 1]), path_base(all.v[i])), 0);
	}
}
END_TEST

static int read_mak_of(const char *content, size_t n, unsigned mode, struct buf *out, struct error *err)
{
	CLEANUP(free) char *key = put("mak.key", content, n);
	struct profile p = {.path = dir, .mak_key_file = key};

	ck_assert_int_eq(chmod(key, mode), 0);
	return profile_read_mak(&p, out, err);
}

START_TEST(mak_is_read)
{
	static const char *const good[] = {MAK, MAK "\n", "\xef\xbb\xbf" MAK "\r\n", "  " MAK " \n\n",
		"bcdfg-hjkmp-qrtvw-xy234-6789b\n"};
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct buf out = BUF_INIT;

		assert_ok(read_mak_of(good[i], strlen(good[i]), i ? 0600 : 0400, &out, &err), err);
		ck_assert_str_eq(out.data, MAK);
		ck_assert_uint_eq(out.len, 29);
		buf_wipe_free(&out);
	}
}
END_TEST

START_TEST(bad_mak_files_are_refused_without_the_key)
{
	static const struct {
		const char *content;
		size_t n;
		unsigned mode;
		const char *says, *hint;
	} bad[] = {
		{MAK, 29, 0640, "others may read", "chmod 600 "},
		{MAK, 29, 0604, "(mode 0604)", "chmod 600 "},
		{MAK, 29, 0620, "others may read", "chmod 600 "},
		{MAK, 29, 0601, "others may read", "chmod 600 "},
		{"", 0, 0600, "no product key", "five groups"},
		{MAK "\n" MAK "\n", 60, 0600, "no product key", "five groups"},
		{"key=" MAK, 33, 0600, "no product key", "five groups"},
		{"BCDFA-HJKMP-QRTVW-XY234-6789B", 29, 0600, "no product key", "five groups"},
		{"BCDFGHJKMPQRTVWXY2346789B", 25, 0600, "no product key", "five groups"},
		{MAK "\0x", 31, 0600, "no file with a MAK", "nothing else"},
		{"33pxh-7y6kf-2vjc9-xbbr8-hvthh", 29, 0600,
		    "the public KMS client key of Windows 7 Enterprise", "strategy = kms"},
	};
	struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(read_mak_of(bad[i].content, bad[i].n, bad[i].mode, &out, &err) < 0, "case %zu", i);
		ck_assert_int_eq(err.code, ERR_PROFILE);
		ck_assert_msg(strstr(err.message, bad[i].says), "%s", err.message);
		ck_assert_msg(strstr(err.hint, bad[i].hint), "%s", err.hint);
		ck_assert_msg(!strcasestr(err.message, "-7Y6KF") && !strcasestr(err.message, "HJKMP"), "%s", err.message);
		ck_assert_uint_eq(out.len, 0);
		err_clear(&err);
	}
	CLEANUP(free) char *long_file = xcalloc(1, 1000);
	memset(long_file, '\n', 1000);
	assert_fails(read_mak_of(long_file, 1000, 0600, &out, &err), err, ERR_PROFILE);
}
END_TEST

START_TEST(what_is_no_mak_file)
{
	CLEANUP(free) char *missing = path_join(dir, "nothing");
	CLEANUP(free) char *fifo = path_join(dir, "fifo");
	CLEANUP(free) char *theirs = puts_file("theirs", MAK);
	struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;
	struct profile p = {.path = dir};

	assert_fails(profile_read_mak(&p, &out, &err), err, ERR_PROFILE);
	p.mak_key_file = missing;
	assert_fails(profile_read_mak(&p, &out, &err), err, ERR_PROFILE);
	p.mak_key_file = dir;
	assert_fails(profile_read_mak(&p, &out, &err), err, ERR_PROFILE);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	p.mak_key_file = fifo;
	assert_fails(profile_read_mak(&p, &out, &err), err, ERR_PROFILE);
	if (geteuid() != 0) {
		printf("SKIP: only root can make a file that belongs to somebody else\n");
		return;
	}
	ck_assert_int_eq(chown(theirs, 65534, 65534), 0);
	p.mak_key_file = theirs;
	ck_assert_int_lt(profile_read_mak(&p, &out, &err), 0);
	ck_assert_msg(strstr(err.message, "belongs to another user"), "%s", err.message);
	err_clear(&err);
}
END_TEST

START_TEST(shipped_profiles_are_valid)
{
	static const struct {
		const char *name;
		enum strategy strategy;
	} shipped[] = {
		{"kms", STRATEGY_KMS}, {"mak-proxy", STRATEGY_MAK_PROXY}, {"mak", STRATEGY_MAK},
		{"no-activation", STRATEGY_NONE}, {"oem", STRATEGY_OEM}, {"single", STRATEGY_SINGLE},
		{"auto", STRATEGY_AUTO},
	};

	for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++) {
		CLEANUP(free) char *path = xasprintf("profiles/%s.ini", shipped[i].name);
		struct error err = ERROR_INIT;
		struct profile p;

		assert_ok(profile_read(path, &p, NULL, &err), err);
		ck_assert_str_eq(p.name, shipped[i].name);
		ck_assert_ptr_nonnull(p.description);
		ck_assert_int_eq(p.strategy, shipped[i].strategy);
		/* auto.ini is to be filled in, and says so */
		ck_assert_uint_eq(p.warnings.n, p.strategy == STRATEGY_AUTO);
		profile_free(&p);
	}
}
END_TEST

/* What a commented-out line of a shipped profile suggests has to be right as well. */
START_TEST(suggestions_in_shipped_profiles_are_valid)
{
	CLEANUP(strvec) struct strvec all = STRVEC_INIT;
	unsigned tried = 0;

	setenv("W7PREP_PROFILES", "profiles", 1);
	profile_list(&all);
	for (size_t i = 0; i < all.n; i++) {
		CLEANUP(buf) struct buf text = BUF_INIT, open = BUF_INIT;
		struct error err = ERROR_INIT;

		if (strncmp(all.v[i], "profiles/", 9) != 0)
			continue;
		assert_ok(read_whole_file(all.v[i], 65536, &text, &err), err);
		char *rest = text.data;
		for (char *line; (line = strsep(&rest, "\n"));) {
			char key[64];
			bool suggestion = sscanf(line, "# %63[a-z_] = ", key) == 1 && strstr(line, " = ") &&
			    profile_key_find(key);

			tried += suggestion;
			buf_addf(&open, "%s\n", line + (suggestion ? 2 : 0));
		}
		CLEANUP(free) char *said = complaints_of("open.ini", open.data, open.len);
		ck_assert_msg(!*said, "%s: %s", all.v[i], said);
	}
	ck_assert_uint_gt(tried, 10);
}
END_TEST

START_TEST(manual_has_every_key)
{
	CLEANUP(buf) struct buf man = BUF_INIT;
	struct error err = ERROR_INIT;
	size_t n;
	const struct profile_key *k = profile_keys(&n);

	assert_ok(read_whole_file("plugin/man/w7prep-profile.5.pod", 1 << 20, &man, &err), err);
	for (size_t i = 0; i < n; i++) {
		CLEANUP(free) char *item = xasprintf("\n=item B<%s>\n", k[i].name);
		CLEANUP(free) char *section = xasprintf("\n=head2 [%s]\n", k[i].section);
		CLEANUP(free) char *fallback = xasprintf("Default: C<%s>", k[i].fallback);
		CLEANUP(free) char *range = xasprintf("%lu to %lu", k[i].min, k[i].max);
		const char *at = strstr(man.data, item);

		ck_assert_msg(at, "%s is not in the manual", k[i].name);
		const char *head = strstr(man.data, section);
		ck_assert_msg(head && head < at, "%s", k[i].section);
		/* up to the next item or section */
		const char *end = strstr(at + 2, "\n=item B<"), *next = strstr(at + 2, "\n=head");
		if (!end || (next && next < end))
			end = next;
		CLEANUP(free) char *entry = xstrndup(at, end ? (size_t)(end - at) : strlen(at));
		ck_assert_msg(strstr(entry, *k[i].fallback ? fallback : "Default: "), "%s: default", k[i].name);
		ck_assert_msg(strstr(entry, "Example: "), "%s: example", k[i].name);
		if (k[i].type == PROFILE_NUMBER)
			ck_assert_msg(strstr(entry, range), "%s: %s", k[i].name, range);
		for (size_t j = 0; k[i].choices && k[i].choices[j]; j++) {
			CLEANUP(free) char *choice = xasprintf("C<%s>", k[i].choices[j]);

			ck_assert_msg(strstr(entry, choice), "%s: %s", k[i].name, choice);
		}
	}
}
END_TEST

/*
 * Had the scan let these pass, iniparser would read something else, and that is found out.
 * It says nothing itself, though its message would quote the line.
 */
START_TEST(iniparser_has_to_read_the_same)
{
	static const struct {
		const char *text, *value, *says;
	} laxities[] = {
		{"[lab]\nk = a;b\n", "a;b", "line 2: iniparser reads key 'k' differently"},
		{"[lab]\nk = a\\\nl = b\n", "a\\", "line 2: iniparser reads key 'k' differently"},
		{"[lab]\nk = a\nl = b\n", "a", "iniparser finds 2 keys instead of 1"},
		{"[lab]\nk = a\nsecret\n", "a", "iniparser cannot read it"},
	};
	CLEANUP(free) char *said = path_join(dir, "stderr");
	struct error err = ERROR_INIT;
	struct stat st;
	int saved = dup(2), fd = open(said, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(dup2(fd, 2), 2);
	for (size_t i = 0; i < sizeof(laxities) / sizeof(laxities[0]); i++) {
		struct ini_entry e = {.line = 2, .section = (char *)"lab", .key = (char *)"k",
			.value = (char *)laxities[i].value};
		struct ini_file f = {.v = &e, .n = 1};

		buf_adds(&f.text, laxities[i].text);
		int rc = ini_cross_check(&f, &err);
		buf_free(&f.text);
		ck_assert_int_lt(rc, 0);
		ck_assert_int_eq(err.code, ERR_INTERNAL);
		ck_assert_str_eq(err.message, laxities[i].says);
		err_clear(&err);
	}
	dup2(saved, 2);
	close(saved);
	close(fd);
	ck_assert_int_eq(stat(said, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
}
END_TEST

/* ---- anything at all --------------------------------------------------- */

static const char *const seeds[] = {
	"[profile]\nname = x\nextends = nobody\n; comment\n[activation]\nstrategy = mak\n"
	"kms_host = \"a\"\nmak_key_file = 'k'\n[lab]\nseats = 3\n",
	/* where nearly anything is a value, so that iniparser gets to see it */
	"[profile]\nname = \"anything; that # is = in 'quotes' \"\n"
	"description = or (without) \"them\" = as it's said, [or] not\n; comment\n[lab]\nseats = 3\n",
};

static void mutate(struct buf *b, unsigned *state)
{
	static const char *const bits[] = {"\n", "=", "[", "]", "\"", "'", ";", "#", "\\", "\\\n", "\r",
		"\0", "\xff", "\xc2\x80", " ", "\t", "[lab]", "seats", "\"\"", "= \"", "%s", ":", "extends = lab",
		"\v", "\xef\xbb\xbf", "BCDFG-HJKMP-QRTVW-XY234-6789B"};
	unsigned how = rand_r(state) % 4;
	size_t at = b->len ? (size_t)rand_r(state) % b->len : 0;

	if (how == 0 && b->len) {
		b->data[at] = (char)rand_r(state);
	} else if (how == 1 && b->len) {
		size_t cut = 1 + (size_t)rand_r(state) % (b->len - at);

		memmove(b->data + at, b->data + at + cut, b->len - at - cut);
		b->len -= cut;
	} else {
		const char *bit = bits[(size_t)rand_r(state) % (sizeof(bits) / sizeof(bits[0]))];
		struct buf n = BUF_INIT;

		buf_add(&n, b->data, at);
		buf_add(&n, bit, *bit ? strlen(bit) : 1);
		buf_add(&n, b->data + at, b->len - at);
		buf_free(b);
		*b = n;
	}
}

/*
 * Whatever the bytes, profile_read() returns: a profile, or complaints that are one line of valid
 * text each and have no key in them. Were the scan and iniparser to differ on a file without
 * complaints, the code would be ERR_INTERNAL and complaints_of() would stop.
 */
START_TEST(any_bytes_are_survived)
{
	unsigned state = 20190108, read = 0;

	for (unsigned i = 0; i < 6000; i++) {
		struct buf b = BUF_INIT;

		if (i % 8 == 7) {
			for (unsigned n = (unsigned)rand_r(&state) % 300; n; n--)
				buf_add(&b, (char[]){(char)rand_r(&state)}, 1);
			buf_reserve(&b, 0);
		} else {
			buf_adds(&b, seeds[i % 2]);
			for (unsigned n = 1 + (unsigned)rand_r(&state) % 4; n; n--)
				mutate(&b, &state);
		}
		CLEANUP(free) char *said = complaints_of("lab.ini", b.data, b.len);
		read += !*said;
		for (const char *p = said; *p; p++)
			ck_assert_msg((unsigned char)*p >= 0x20 || *p == '\n', "case %u: %s", i, said);
		ck_assert_msg(!product_key_inside(said, strlen(said)), "case %u: %s", i, said);
		buf_free(&b);
	}
	/* enough of them got as far as iniparser */
	ck_assert_uint_gt(read, 300);
}
END_TEST

int main(void)
{
	const TTest *const cases[] = {everything_said, nothing_said, table_of_keys, each_fault_is_told,
		all_complaints_come_at_once, complaints_are_bounded, good_hosts, encodings,
		long_lines_and_files, what_is_no_readable_file, a_key_is_refused_and_not_repeated,
		extends_a_file, complaints_of_an_extended_file_name_it, extends_in_a_circle,
		extends_too_deep, a_name_passes_over_the_file_itself, oddities_warn,
		profiles_are_found_by_name, mak_is_read, bad_mak_files_are_refused_without_the_key,
		what_is_no_mak_file, shipped_profiles_are_valid,
		suggestions_in_shipped_profiles_are_valid, manual_has_every_key,
		iniparser_has_to_read_the_same, any_bytes_are_survived};
	Suite *s = suite_create("profile");
	TCase *tc = tcase_create("profile");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		tcase_add_test(tc, cases[i]);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
