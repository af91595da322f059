/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images made to harm: the facts are absent, nothing else happens. */
#include "tests/unit/windows_fixture.h"

START_TEST(mutated_hives)
{
	static const char *const names[] = {"SYSTEM", "SOFTWARE"};
	WINDOWS("setup-complete=crlf");
	CLEANUP(error) struct error err = ERROR_INIT;
	uint32_t seed = 20090714;

	for (size_t h = 0; h < 2; h++) {
		CLEANUP(free) char *path =
		    xasprintf("%s/Windows/System32/config/%s", f.dir, names[h]);
		CLEANUP(buf) struct buf good = BUF_INIT;

		assert_ok(read_whole_file(path, 64 << 20, &good, &err), err);
		for (int round = 0; round < 150; round++) {
			CLEANUP(free) char *bad = xmemdup(good.data, good.len);
			size_t n = good.len;

			for (int i = 0; i < 40; i++) {
				seed = seed * 1664525u + 1013904223u;
				size_t at = round % 2 ? seed % n : seed % (n < 65536 ? n : 65536);
				bad[at] = (char)(seed >> 24);
			}
			if (round % 10 == 9)
				n = seed % n;
			CLEANUP(close) int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
			assert_ok(write_all(fd, bad, n, &err), err);
			look(&f);	/* any answer is good, a crash is not */
			ck_assert(f.rc == 1);
		}
		assert_ok(write_file_atomic(path, good.data, good.len, 0644, &err), err);
	}
	look(&f);
	expect_no_refusal(&f);
}
END_TEST

START_TEST(mutated_files)
{
	static const char *const paths[] = {"Windows/Setup/State/State.ini", "Windows/System32/cmd.exe",
	    "hiberfil.sys"};
	WINDOWS("arch=x86");
	CLEANUP(error) struct error err = ERROR_INIT;
	uint32_t seed = 7601;

	/* so that the program is asked for the processor */
	merge(&f, "SYSTEM", "[HIVE\\ControlSet001\\Control\\Session Manager\\Environment]\n"
	    "\"PROCESSOR_ARCHITECTURE\"=dword:00000000\n");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		CLEANUP(free) char *path = path_join(f.dir, paths[i]);
		char junk[600] = "MZ";

		for (int round = 0; round < 100; round++) {
			size_t n = round * 6u;

			for (size_t k = round % 2 ? 2 : 0x3c; k < n; k++) {
				seed = seed * 1664525u + 1013904223u;
				junk[k] = (char)(seed >> (round % 4 ? 24 : 30));
			}
			CLEANUP(close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
			assert_ok(write_all(fd, junk, n, &err), err);
			look(&f);
			ck_assert_int_eq(f.rc, 1);
		}
	}
}
END_TEST

START_TEST(looped_hives)
{
	static const char *const names[] = {"SYSTEM", "SOFTWARE"};

	for (size_t i = 0; i < 2; i++) {
		CLEANUP(free) char *arg = xasprintf("looped-hive=%s", names[i]);
		WINDOWS(arg);

			ck_assert_int_eq(f.rc, 1);
	}
}
END_TEST

START_TEST(directories_where_files_should_be)
{
	static const char *const paths[] = {"Windows/Setup/State/State.ini",
	    "Windows/Setup/Scripts/SetupComplete.cmd", "Windows/Panther/unattend.xml",
	    "Windows/System32/cmd.exe", "hiberfil.sys", "Windows/winsxs/pending.xml"};
	WINDOWS("setup-complete=crlf");

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		CLEANUP(free) char *inside = path_join(paths[i], "x");

		remove_path(&f, paths[i]);
		put_text(&f, inside, "");
	}
	look(&f);
	expect_no_refusal(&f);
	ck_assert_ptr_null(win->setup_complete.path);
	ck_assert_uint_eq(win->answer_files.n, 0);
	ck_assert(!win->pending_servicing && !win->hibernated);
}
END_TEST

START_TEST(strings_of_an_image_are_one_line)
{
	WINDOWS("version=6.3", "product-name=Evil\nrefusal: none\x1b[2J");

	ck_assert_ptr_null(strchr(win->refusals.v[0].message, '\n'));
	ck_assert_ptr_null(strchr(win->refusals.v[0].message, '\x1b'));
}
END_TEST

SUITE("windows_hostile", mutated_hives, mutated_files, looped_hives,
    directories_where_files_should_be, strings_of_an_image_are_one_line)
