/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/profiles.h"

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
		"licence = kms\ndomain = school.example",
	    &p);
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
			CLEANUP(free)
			char *text = xasprintf("[%s]\n%s = %s\n%s", k->section, k->name,
			    k->choices[j],
			    strcmp(k->choices[j], "mak") == 0 && strcmp(k->name, "strategy") == 0
				? "mak_key_file = x\n"
				: "");
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
    {"[activation]\nkms_hots = a\n",
	":2: ", "unknown key 'kms_hots' in [activation]; did you mean 'kms_host'?"},
    {"[activation]\n\nzzzzzzzz = a\n", ":3: ", "unknown key 'zzzzzzzz' in [activation] (keys of"},
    {"[lab]\nkms_host = a\n", ":2: ", "it belongs into [activation]"},
    {"[activtion]\nkms_host = a\n",
	":1: ", "unknown section [activtion]; did you mean [activation]?"},
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
    {"[profile]\nname = a\xc2\x9b"
     "2J\n",
	":2: ", "control character"},
    {"[profile]\rname = a\r", ":1: ", "carriage return"},
    /* values */
    {"[activation]\nstrategy = kmss\n", ":2: ",
	"strategy = 'kmss': must be auto, kms, mak-proxy, mak, none, oem or single; did you mean "
	"'kms'?"},
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
    {"[tokens]\nstrip = image\n[activation]\nstrategy = none\n",
	":2: ", "strip = image contradicts strategy = none ("},
    {"[tokens]\nstrip = first-boot\n[activation]\nstrategy = oem\n", ":2: ", "lab.ini:4)"},
    {"[tokens]\nstrip = image\n[activation]\nstrategy = single\n",
	":2: ", "what Windows counts by"},
    {"[activation]\nstrategy = mak-proxy\nactivate_at_first_boot = yes\n",
	":3: ", "activate_at_first_boot = yes contradicts strategy = mak-proxy ("},
    {"[clone]\nfirst_boot = setup-cmdline\n",
	":2: ", "contradicts require_sealed = yes (the default): a sealed image"},
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
	CLEANUP(free)
	char *said = complaints("[lab]\nseets = 1\nmobile = perhaps\n[activation]\n"
				"kms_port = 70000\nflag\n[nonsense]\nx = y\n");

	static const char *const order[] = {"lab.ini:2: unknown key 'seets'",
	    "lab.ini:3: mobile = 'perhaps'", "lab.ini:5: kms_port", "lab.ini:6: 'flag'",
	    "lab.ini:7: unknown section [nonsense]"};
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
	static const char *const hosts[] = {
	    "kms", "KMS-1.school.example", "10.0.0.1", "[2001:db8::1]", "1st.example", "[::1]"};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		CLEANUP(free)
		char *text = xasprintf("[activation]\nstrategy = kms\nkms_host = %s\n", hosts[i]);
		struct profile p;

		read_ok(text, &p);
		ck_assert_str_eq(p.kms_host, hosts[i]);
		profile_free(&p);
	}
}
END_TEST

START_TEST(shares)
{
	static const char *const good[] = {"\\\\srv\\logs$", "\\\\10.0.0.1\\a\\room 12\\w7-prep_2.0"};
	static const char *const bad[] = {"//srv/logs", "\\\\srv", "\\srv\\logs", "\\\\\\logs",
	    "\\\\srv\\..\\x", "\\\\srv\\a\\\\b", "\\\\srv\\100%", "\\\\srv\\a&b", "\\\\srv\\\"a",
	    "\\\\srv\\b\xc3\xbcro", "\\\\?\\C:\\x", "\\\\a b\\x", "\\\\srv\\x.", "logs"};
	struct profile p;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CLEANUP(free) char *text = xasprintf("[clone]\nreport_share = %s\n", good[i]);

		read_ok(text, &p);
		ck_assert_str_eq(p.report_share, good[i]);
		profile_free(&p);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CLEANUP(free) char *text = xasprintf("[clone]\nreport_share = '%s'\n", bad[i]);
		CLEANUP(free) char *said = complaints(text);

		ck_assert_msg(strstr(said, "lab.ini:2: report_share = '") &&
				  strstr(said, "must be a share, \\\\server\\share"),
		    "%s: %s", bad[i], said);
	}
	CLEANUP(free) char *longest = xcalloc(202, 1);
	memset(longest, 'x', 201);
	memcpy(longest, "\\\\s\\", 4);
	CLEANUP(free) char *text = xasprintf("[clone]\nreport_share = %s\n", longest);
	CLEANUP(free) char *said = complaints(text);
	ck_assert_msg(strstr(said, "too long"), "%s", said);
	text[strlen(text) - 2] = '\0';
	read_ok(text, &p);
	profile_free(&p);
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
	    "[activation]\nmak_key_file = " MAK "\n",
	    "[activation]\nmak = " MAK "\n",
	    "[profile]\nname = x " MAK "\n",
	    "; " MAK "\n",
	    "[" MAK "]\n",
	    MAK "\n",
	    MAK " = x\n",
	    "[profile]\nname = \"" MAK "\n",
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

START_TEST(oddities_warn)
{
	static const struct {
		const char *text, *says;
	} odd[] = {
	    {"[activation]\nstrategy = none\nkms_host = a\n",
		"lab.ini:3: kms_host has no effect under strategy = none ("},
	    {"[activation]\nstrategy = mak-proxy\nkms_host = k\nkms_port = 1\n",
		"lab.ini:4: kms_port has no effect under"},
	    {"[activation]\nstrategy = kms\nrearm_when_days_left = 5\n",
		"lab.ini:3: rearm_when_days_left has no effect under strategy = kms ("},
	    {"[activation]\nstrategy = oem\n[clone]\nreport_share = \\\\s\\l\n",
		"lab.ini:4: report_share has no effect under strategy = oem"},
	    {"[activation]\nstrategy = kms\nvamt_host = a\n",
		"lab.ini:3: vamt_host has no effect under"},
	    {"[activation]\nstrategy = kms\nmak_key_file = a\n",
		"lab.ini:3: mak_key_file has no effect under"},
	    {"[activation]\nstrategy = kms\nkms_port = 1688\n",
		"lab.ini:3: kms_port has no effect without kms_host"},
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
		ck_assert_msg(
		    found, "%s\n-> %s", odd[i].text, p.warnings.n ? p.warnings.v[0] : "nothing");
		profile_free(&p);
	}
}
END_TEST

PROFILE_SUITE("profile", everything_said, nothing_said, table_of_keys, each_fault_is_told,
    all_complaints_come_at_once, complaints_are_bounded, good_hosts, shares, encodings,
    long_lines_and_files, what_is_no_readable_file, a_key_is_refused_and_not_repeated,
    oddities_warn)
