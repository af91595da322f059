/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The overlay of a disk image: commit, undo, who else has the image open, what is left behind. */
#include "tests/unit/disk_fixture.h"

#include "image/nbd.h"

static void commit_and_undo(const struct kind *k)
{
	struct fixture f = make_fixture(k);
	struct error err = ERROR_INIT;
	CLEANUP(free) char *expect = edited_raw(&f);

	open_fixture(&f, true);
	edit(f.disk);
	ck_assert_msg(same_content(&f, f.raw), "%s: changed before the commit", k->qemu);
	assert_ok(disk_commit(f.disk, &err), err);
	ck_assert_ptr_null(disk_overlay(f.disk));
	close_fixture(&f);
	ck_assert_msg(same_content(&f, expect), "%s: not what was written", k->qemu);
	ck_assert_uint_eq(txn_records(f.path), 1);

	assert_ok(txn_undo(f.path, false, &err), err);
	ck_assert_msg(same_content(&f, f.raw), "%s: not the original", k->qemu);
	ck_assert_uint_eq(txn_records(f.path), 0);
	assert_fails(txn_undo(f.path, false, &err), err, ERR_NO_UNDO);
	end_fixture(&f);
}

START_TEST(every_format_is_committed_and_undone)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		commit_and_undo(&kinds[i]);
}
END_TEST

/* Where the container holds nothing but the disk, the file itself is the original again. */
START_TEST(a_raw_file_is_the_same_file_after_undo)
{
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].format != FORMAT_RAW && kinds[i].format != FORMAT_VHD_FIXED)
			continue;
		struct fixture f = make_fixture(&kinds[i]);

		run("cp %s %s/copy", f.path, dir);
		assert_ok(apply(&f, &err), err);
		ck_assert(!same_file(&f));
		assert_ok(txn_undo(f.path, false, &err), err);
		ck_assert(same_file(&f));
		end_fixture(&f);
	}
}
END_TEST

START_TEST(several_applies_are_undone_one_by_one)
{
	struct fixture f = make_fixture(&kinds[1]);
	struct error err = ERROR_INIT;
	CLEANUP(free) char *expect = edited_raw(&f);

	assert_ok(apply(&f, &err), err);
	open_fixture(&f, true);
	assert_ok(disk_begin(f.disk, &err), err);
	struct blockdev *dev = disk_attach(f.disk, true, &err);
	assert_ok(blockdev_write(dev, "second", 6, 5 * MIB, &err), err);
	assert_ok(disk_commit(f.disk, &err), err);
	close_fixture(&f);
	ck_assert_uint_eq(txn_records(f.path), 2);
	ck_assert(!same_content(&f, expect));
	assert_ok(txn_undo(f.path, false, &err), err);
	ck_assert(same_content(&f, expect));
	assert_ok(txn_undo(f.path, false, &err), err);
	ck_assert(same_content(&f, f.raw));
	end_fixture(&f);
}
END_TEST

START_TEST(an_abort_leaves_no_trace)
{
	struct fixture f = make_fixture(&kinds[1]);

	run("cp %s %s/copy", f.path, dir);
	open_fixture(&f, true);
	edit(f.disk);
	ck_assert_int_eq(access(disk_overlay(f.disk), F_OK), 0);
	disk_abort(f.disk);
	ck_assert_ptr_null(disk_overlay(f.disk));
	close_fixture(&f);
	ck_assert(same_file(&f));
	run("test ! -e %s/.w7prep", dir);
	end_fixture(&f);
}
END_TEST

START_TEST(nothing_changed_is_nothing_written)
{
	struct fixture f = make_fixture(&kinds[3]);
	struct error err = ERROR_INIT;
	char same[4096];

	run("cp %s %s/copy", f.path, dir);
	open_fixture(&f, true);
	assert_ok(disk_begin(f.disk, &err), err);
	struct blockdev *dev = disk_attach(f.disk, true, &err);
	assert_ok(blockdev_read(dev, same, sizeof(same), MIB, &err), err);
	assert_ok(blockdev_write(dev, same, sizeof(same), MIB, &err), err);
	assert_ok(disk_commit(f.disk, &err), err);
	close_fixture(&f);
	ck_assert(same_file(&f));
	run("test ! -e %s/.w7prep", dir);
	end_fixture(&f);
}
END_TEST

START_TEST(without_a_transaction_there_is_no_record)
{
	struct fixture f = make_fixture(&kinds[1]);
	struct error err = ERROR_INIT;
	CLEANUP(free) char *expect = edited_raw(&f);

	open_fixture(&f, false);
	edit(f.disk);
	CLEANUP(free) char *overlay = xstrdup(disk_overlay(f.disk));
	assert_ok(disk_commit(f.disk, &err), err);
	close_fixture(&f);
	ck_assert(same_content(&f, expect));
	ck_assert_int_ne(access(overlay, F_OK), 0);
	run("test ! -e %s/.w7prep", dir);
	end_fixture(&f);
}
END_TEST

START_TEST(the_record_is_private)
{
	struct fixture f = make_fixture(&kinds[1]);
	struct error err = ERROR_INIT;

	open_fixture(&f, true);
	edit(f.disk);
	run("test $(stat -c %%a %s) = 600", disk_overlay(f.disk));
	run("test $(stat -c %%a $(dirname %s)) = 700", disk_overlay(f.disk));
	assert_ok(disk_commit(f.disk, &err), err);
	close_fixture(&f);
	run("cd %s/.w7prep/image.vhd/0001 && test $(stat -c %%a data.tar.zst) = 600 && "
	    "test $(stat -c %%a record.json) = 600 && test ! -e overlay.qcow2", dir);
	/* other tools can read it, too: each member is a piece of the disk at the offset it names */
	run("cd %s && mkdir out && zstd -dcq .w7prep/image.vhd/0001/data.tar.zst | tar -x -C out && "
	    "for m in out/*; do cmp -n $(stat -c %%s $m) -i 0:$((0x${m#out/})) $m %s || exit 1; done",
	    dir, f.raw);
	end_fixture(&f);
}
END_TEST

START_TEST(an_image_in_use_is_left_alone)
{
	struct fixture f = make_fixture(&kinds[6]);
	const struct nbd_source machine = {.path = f.path, .format = "qcow2", .writable = true};
	struct image im = {.path = f.path, .format = FORMAT_QCOW2};
	struct error err = ERROR_INIT;

	struct blockdev *vm = nbd_open(&machine, &err);
	ck_assert_ptr_nonnull(vm);
	ck_assert_ptr_null(disk_open(&im, &err));
	ck_assert_msg(err.code == ERR_LOCKED, "%s", err.message);
	ck_assert_ptr_nonnull(err.hint);
	err_clear(&err);
	blockdev_close(vm);
	struct disk *d = disk_open(&im, &err);
	ck_assert_ptr_nonnull(d);
	disk_close(d);
	for (size_t i = 0; i < im.volumes.n; i++)
		free(im.volumes.v[i].name);
	free(im.volumes.v);
	end_fixture(&f);
}
END_TEST

START_TEST(names_that_qemu_would_take_apart)
{
	struct error err = ERROR_INIT;
	static const char *const names[] = {"nbd:localhost:1.vhd", "a,b=c,,d.vhd", "json:{}.vhd",
	    "-r --help.vhd", "sp ace\\n\xfc.vhd"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct fixture f = make_fixture(&kinds[1]);
		char *plain = f.path;

		f.path = xasprintf("%s/%s", dir, names[i]);
		ck_assert_int_eq(rename(plain, f.path), 0);
		assert_ok(apply(&f, &err), err);
		assert_ok(txn_undo(f.path, false, &err), err);
		ck_assert_int_eq(rename(f.path, plain), 0);
		free(f.path);
		f.path = plain;
		ck_assert(same_content(&f, f.raw));
		end_fixture(&f);
	}
}
END_TEST

START_TEST(a_damaged_container_is_told_in_one_line)
{
	struct fixture f = make_fixture(&kinds[1]);
	struct image im = {.path = f.path, .format = FORMAT_VHD_DYNAMIC};
	struct error err = ERROR_INIT;

	run("dd if=/dev/zero of=%s bs=512 seek=1 count=2 conv=notrunc 2>/dev/null", f.path);
	ck_assert_ptr_null(disk_open(&im, &err));
	ck_assert_msg(err.code == ERR_DAMAGED, "%s", err.message);
	ck_assert_ptr_null(strchr(err.message, '\n'));
	ck_assert_ptr_nonnull(strstr(err.message, f.path));
	err_clear(&err);
	end_fixture(&f);
}
END_TEST

SUITE("disk", every_format_is_committed_and_undone, a_raw_file_is_the_same_file_after_undo,
    several_applies_are_undone_one_by_one, an_abort_leaves_no_trace,
    nothing_changed_is_nothing_written, without_a_transaction_there_is_no_record,
    the_record_is_private, an_image_in_use_is_left_alone, names_that_qemu_would_take_apart,
    a_damaged_container_is_told_in_one_line)
