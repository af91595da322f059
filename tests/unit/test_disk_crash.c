/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disk images when something goes wrong: the run is killed, the disk is full, the image was changed
 * since, the record is damaged. Afterwards the image is the original or what was planned.
 */
#include "tests/unit/disk_fixture.h"

#include <jansson.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "image/nbd.h"

/* Where the state of the one record says "done", say @state. */
static void set_state(const struct fixture *f, const char *state)
{
	run("sed -i 's/\"state\": \"[a-z]*\"/\"state\": \"%s\"/' %s/.w7prep/%s/0001/record.json", state,
	    dir, path_base(f->path));
}

/* Write to the disk as a commit or a rollback would that does not come to its end. */
static void scribble(const struct fixture *f, const char *from, uint64_t off, size_t n)
{
	const struct nbd_source src = {.path = f->path, .format = f->kind->qemu, .writable = true};
	struct error err = ERROR_INIT;
	CLEANUP(free) char *p = xcalloc(1, n);
	struct blockdev *d = nbd_open(&src, &err);

	ck_assert_ptr_nonnull(d);
	if (from) {
		struct blockdev *s = blockdev_file(from, 0, &err);

		assert_ok(blockdev_read(s, p, n, off, &err), err);
		blockdev_close(s);
	} else {
		memset(p, 0xdb, n);
	}
	assert_ok(blockdev_write(d, p, n, off, &err), err);
	assert_ok(nbd_finish(d, &err), err);
}

static void roll_back(struct fixture *f)
{
	struct error err = ERROR_INIT;
	struct txn *t = txn_open(f->path, &err);

	ck_assert_msg(t != NULL, "%s", err.message);
	txn_close(t);
	ck_assert_uint_eq(txn_records(f->path), 0);
	ck_assert_msg(same_content(f, f->raw), "%s: not the original", f->kind->qemu);
	run("test ! -e %s/.w7prep", dir);
}

/* Cut short at any point of writing: some blocks new, some old, one torn. */
START_TEST(a_half_written_commit_is_rolled_back)
{
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct fixture f = make_fixture(&kinds[i]);

		assert_ok(apply(&f, &err), err);
		scribble(&f, f.raw, edits[0].off, edits[0].n);
		scribble(&f, NULL, edits[1].off + 3000, 1000);
		set_state(&f, "committing");
		ck_assert_int_eq(txn_interrupted(f.path, &err), 1);
		err_clear(&err);
		roll_back(&f);
		end_fixture(&f);
	}
}
END_TEST

/* The rollback itself is cut short: the next one begins again, from the same record. */
START_TEST(a_half_written_rollback_is_repeated)
{
	struct fixture f = make_fixture(&kinds[1]);
	struct error err = ERROR_INIT;

	assert_ok(apply(&f, &err), err);
	run("cp -a %s/.w7prep %s/saved", dir, dir);
	assert_ok(txn_undo(f.path, false, &err), err);
	run("cp -a %s/saved %s/.w7prep", dir, dir);
	set_state(&f, "committing");
	scribble(&f, NULL, edits[2].off, 100);
	roll_back(&f);
	end_fixture(&f);
}
END_TEST

START_TEST(an_undo_that_was_cut_short_is_repeated)
{
	struct fixture f = make_fixture(&kinds[1]);
	struct error err = ERROR_INIT;

	assert_ok(apply(&f, &err), err);
	/* half the extents are back, and a torn block: neither before nor after */
	scribble(&f, f.raw, edits[0].off, edits[0].n);
	scribble(&f, NULL, edits[1].off, 100);
	assert_fails(txn_undo(f.path, false, &err), err, ERR_CHANGED_SINCE);
	/* this is how an undo says that it began */
	run("touch %s/.w7prep/%s/0001/undo-started", dir, path_base(f.path));
	assert_ok(txn_undo(f.path, false, &err), err);
	ck_assert(same_content(&f, f.raw));
	end_fixture(&f);
}
END_TEST

START_TEST(an_image_changed_since_is_left_alone)
{
	struct fixture f = make_fixture(&kinds[1]);
	struct error err = ERROR_INIT;

	assert_ok(apply(&f, &err), err);
	scribble(&f, NULL, edits[3].off + 10, 10);
	run("cp %s %s/copy", f.path, dir);
	assert_fails(txn_undo(f.path, false, &err), err, ERR_CHANGED_SINCE);
	ck_assert(same_file(&f));
	ck_assert_uint_eq(txn_records(f.path), 1);
	/* another format, another size: not the image of the record either */
	run("qemu-img convert -f vpc -O qcow2 %s %s/other && mv %s/other %s", f.path, dir, dir, f.path);
	assert_fails(txn_undo(f.path, false, &err), err, ERR_CHANGED_SINCE);
	run("qemu-img create -q -f vpc %s 64M", f.path);
	assert_fails(txn_undo(f.path, false, &err), err, ERR_CHANGED_SINCE);
	end_fixture(&f);
}
END_TEST

/* A record that does not hold what it should: nothing is written. */
static void damaged_record(const char *command)
{
	struct fixture f = make_fixture(&kinds[1]);
	struct error err = ERROR_INIT;

	assert_ok(apply(&f, &err), err);
	run("cd %s/.w7prep/%s/0001 && %s", dir, path_base(f.path), command);
	run("cp %s %s/copy", f.path, dir);
	assert_fails(txn_undo(f.path, false, &err), err, ERR_DAMAGED);
	ck_assert(same_file(&f));
	ck_assert_uint_eq(txn_records(f.path), 1);
	end_fixture(&f);
}

START_TEST(a_damaged_record_is_not_used)
{
	static const char repack[] = "mkdir t && zstd -dcq data.tar.zst | tar -x -C t && %s && "
				     "tar -c -C t $(ls t) | zstd -q -o data.tar.zst -f";
	static const char *const changes[] = {
	    "truncate -s -50 data.tar.zst",
	    "rm data.tar.zst",
	    "echo x >data.tar.zst",
	    "sed -i 's/\"before\": \"../\"before\": \"zz/' record.json",
	    "sed -i '/\"after\"/d; s/\\(\"before\".*\\),/\\1/' record.json",
	    "sed -i 's/1048576/99999999999/' record.json",
	    "sed -i 's/1048576/-1/' record.json",
	};
	static const char *const members[] = {
	    "mv t/0000000000100000 t/0000000000200000",
	    "rm t/0000000000100000",
	    "echo >t/ffffffffffffffff",
	    "truncate -s +4096 t/0000000000100000",
	    "mkdir t/x",
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		damaged_record(changes[i]);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		CLEANUP(free) char *command = xasprintf(repack, members[i]);

		damaged_record(command);
	}
}
END_TEST

/* 3: clusters that nothing uses; 63: not a format that qemu-img checks */
static void check_container(const struct fixture *f)
{
	run("qemu-img check -q -f %s %s >%s/check 2>&1; rc=$?; [ $rc = 0 ] || [ $rc = 3 ] || [ $rc = 63 ]",
	    f->kind->qemu, f->path, dir);
}

/* kill -9 at whatever point the time falls on; the next run finds a whole image. */
START_TEST(a_killed_run_is_rolled_back_or_done)
{
	struct error err = ERROR_INIT;
	unsigned original = 0, done = 0;
	struct fixture whole = make_fixture(&kinds[1]);
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_ok(apply(&whole, &err), err);
	clock_gettime(CLOCK_MONOTONIC, &to);
	end_fixture(&whole);
	unsigned took = (unsigned)((to.tv_sec - from.tv_sec) * 1000000 +
	    (to.tv_nsec - from.tv_nsec) / 1000);

	for (unsigned i = 0; i < 28; i++) {
		struct fixture f = make_fixture(&kinds[i % 7]);
		CLEANUP(free) char *expect = edited_raw(&f);
		pid_t pid = fork();

		if (pid == 0) {
			setpgid(0, 0);
			apply(&f, NULL);
			_exit(0);
		}
		unsigned when = took * i / 20;

		usleep(when);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		/* a tool that was just being started holds the lock until it runs, or dies */
		struct txn *t = txn_open(f.path, &err);
		for (int try = 0; !t && err.code == ERR_LOCKED && try < 100; try++) {
			usleep(10000);
			t = txn_open(f.path, &err);
		}
		ck_assert_msg(t != NULL, "%s", err.message);
		txn_close(t);
		check_container(&f);
		if (txn_records(f.path) == 0) {
			ck_assert_msg(same_content(&f, f.raw), "%s after %u us", f.kind->qemu, when);
			original++;
		} else {
			ck_assert_msg(same_content(&f, expect), "%s after %u us", f.kind->qemu, when);
			done++;
		}
		end_fixture(&f);
	}
	printf("killed: %u times the original, %u times done\n", original, done);
	ck_assert_uint_gt(original, 0);
}
END_TEST

/*
 * No room for the image to grow: qemu-nbd fails (or is killed) in the middle of the commit. The image
 * is put back at once, the error says that it is unchanged.
 */
START_TEST(a_full_disk_leaves_the_image_unchanged)
{
	struct fixture f = make_fixture(&kinds[1]);
	struct stat st;

	ck_assert_int_eq(stat(f.path, &st), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit limit = {(rlim_t)st.st_size + 700000, RLIM_INFINITY};
		struct error err = ERROR_INIT;

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
			_exit(2);
		int rc = apply(&f, &err);
		printf("%s\n", err.message ? err.message : "no error");
		fflush(stdout);
		_exit(rc != 0 && !err.image_changed ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(txn_records(f.path), 0);
	ck_assert(same_content(&f, f.raw));
	/* and it is a VHD that Windows attaches: with a footer at its end */
	run("tail -c 512 %s | head -c 8 | grep -q conectix", f.path);
	enum image_format format;
	struct error err = ERROR_INIT;
	assert_ok(image_probe(f.path, &format, &err), err);
	assert_ok(apply(&f, &err), err);
	end_fixture(&f);
}
END_TEST

/* The same found by the next run, after a crash at the moment when the VHD grows. */
START_TEST(a_vhd_that_lost_its_footer_is_mended)
{
	struct fixture f = make_fixture(&kinds[1]);
	struct error err = ERROR_INIT;
	enum image_format format;

	assert_ok(apply(&f, &err), err);
	run("truncate -s -512 %s", f.path);
	assert_fails(image_probe(f.path, &format, &err), err, ERR_DAMAGED);
	set_state(&f, "committing");
	assert_ok(image_probe(f.path, &format, &err), err);
	roll_back(&f);
	run("tail -c 512 %s | head -c 8 | grep -q conectix", f.path);
	assert_ok(image_probe(f.path, &format, &err), err);
	end_fixture(&f);
}
END_TEST

SUITE("disk_crash", a_half_written_commit_is_rolled_back, a_half_written_rollback_is_repeated,
    an_undo_that_was_cut_short_is_repeated, an_image_changed_since_is_left_alone,
    a_damaged_record_is_not_used, a_killed_run_is_rolled_back_or_done,
    a_full_disk_leaves_the_image_unchanged, a_vhd_that_lost_its_footer_is_mended)
