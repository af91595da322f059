/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/profiles.h"

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
	CLEANUP(free)
	char *path = puts_file("room.ini",
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
	CLEANUP(free)
	char *said = complaints("[profile]\nextends = base.ini\n[lab]\nseats = 3\nx = 1\n");

	ck_assert_msg(lines(said) == 2, "%s", said);
	ck_assert_ptr_nonnull(strstr(said, "lab.ini:5: unknown key 'x'"));
	ck_assert_ptr_nonnull(strstr(said, "base.ini:2: seats = 'none'"));

	/* a contradiction across files has both places */
	free(puts_file("base.ini", "[tokens]\nstrip = image\n"));
	free(said);
	said = complaints("[profile]\nextends = base.ini\n[activation]\nstrategy = none\n");
	ck_assert_msg(
	    strstr(said, "base.ini:2: strip = image contradicts strategy = none ("), "%s", said);
	ck_assert_msg(strstr(said, "lab.ini:4)"), "%s", said);
}
END_TEST

START_TEST(extends_in_a_circle)
{
	free(puts_file("b.ini", "[profile]\nextends = ./c.ini\n"));
	free(puts_file("c.ini", "[profile]\nextends = lab\n"));
	CLEANUP(free) char *said = complaints("[profile]\nextends = b\n");
	CLEANUP(free)
	char *chain = xasprintf("%s/lab.ini -> %s/b.ini -> %s/./c.ini -> ", dir, dir, dir);

	ck_assert_msg(lines(said) == 1, "%s", said);
	ck_assert_msg(
	    strstr(said, "c.ini:2: the profiles extend each other in a circle: "), "%s", said);
	ck_assert_msg(strstr(said, chain), "%s", said);

	free(said);
	said = complaints("[profile]\nextends = lab.ini\n");
	ck_assert_msg(
	    strstr(said, "lab.ini:2: the profiles extend each other in a circle"), "%s", said);
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
		CLEANUP(free)
		char *text = i == 8 ? xstrdup("[lab]\nseats = 8\n")
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
	CLEANUP(free)
	char *path = puts_file("own/kms.ini", "[profile]\nextends = kms\n[lab]\nseats = 99\n");
	assert_ok(profile_read(path, &p, NULL, &err), err);
	ck_assert_int_eq(p.strategy, STRATEGY_KMS);
	ck_assert_uint_eq(p.seats, 99);
	profile_free(&p);
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
	free(puts_file("room-2.ini", ""));
	free(puts_file(".hidden.ini", ""));
	free(puts_file("readme.txt", ""));

	CLEANUP(free) char *room = profile_find("room", &err), *zoo = profile_find("zoo", &err);
	CLEANUP(free)
	char *expect = path_join(dir, "room.ini"), *second = path_join(other, "zoo.ini");
	ck_assert_str_eq(room, expect);
	ck_assert_str_eq(zoo, second);
	/* paths are not looked for */
	CLEANUP(free)
	char *path = profile_find("./room", &err), *file = profile_find("zoo.ini", &err);
	ck_assert_str_eq(path, "./room");
	ck_assert_str_eq(file, "zoo.ini");

	ck_assert_ptr_null(profile_find("rooom", &err));
	ck_assert_int_eq(err.code, ERR_NO_SUCH_FILE);
	ck_assert_str_eq(err.message, "no profile is called 'rooom'");
	ck_assert_msg(
	    strstr(err.hint, "did you mean 'room'? There are: ") == err.hint, "%s", err.hint);
	ck_assert_msg(strstr(err.hint, "room, room-2, "), "%s", err.hint);
	err_clear(&err);
	ck_assert_ptr_null(profile_find("", &err));
	ck_assert_int_eq(err.code, ERR_NO_SUCH_FILE);
	err_clear(&err);

	CLEANUP(strvec) struct strvec all = STRVEC_INIT;
	char last[256];
	profile_list(&all);
	/* each name once, the one that counts, sorted; the machine may have more */
	ck_assert(strvec_has(&all, expect) && strvec_has(&all, second));
	for (size_t i = 0; i < all.n; i++) {
		CLEANUP(free) char *name = xstrdup(path_base(all.v[i]));

		ck_assert_ptr_null(strstr(name, "hidden"));
		*strrchr(name, '.') = '\0';
		if (i)
			ck_assert_msg(strcmp(last, name) < 0, "%s before %s", last, name);
		snprintf(last, sizeof(last), "%s", name);
	}
}
END_TEST

START_TEST(shipped_profiles_are_valid)
{
	static const struct {
		const char *name;
		enum strategy strategy;
	} shipped[] = {
	    {"kms", STRATEGY_KMS},
	    {"mak-proxy", STRATEGY_MAK_PROXY},
	    {"mak", STRATEGY_MAK},
	    {"no-activation", STRATEGY_NONE},
	    {"oem", STRATEGY_OEM},
	    {"single", STRATEGY_SINGLE},
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
			bool suggestion = sscanf(line, "# %63[a-z_] = ", key) == 1 &&
					  strstr(line, " = ") && profile_key_find(key);

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
		ck_assert_msg(strstr(entry, *k[i].fallback ? fallback : "Default: "), "%s: default",
		    k[i].name);
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

PROFILE_SUITE("profile_files", extends_a_file, complaints_of_an_extended_file_name_it,
    extends_in_a_circle, extends_too_deep, a_name_passes_over_the_file_itself,
    profiles_are_found_by_name, shipped_profiles_are_valid,
    suggestions_in_shipped_profiles_are_valid, manual_has_every_key)
