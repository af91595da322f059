/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An apply that finds afterwards that it did not do what was planned, or more than that: status 8,
 * and the image is what it was. The faults are an engine's: it leaves things out, or does others.
 */
#include "image/txn.h"
#include "plugin/job.h"
#include "tests/fixtures/volume.h"
#include "tests/unit/hook_profile.h"
#include "tests/unit/servicing_fixture.h"
#include "tests/unit/tree_state.h"

#define MANIFESTS "/Windows/winsxs/Manifests/"
#define PACKAGES "/Windows/servicing/Packages/"

/* Ends of paths: what is not removed, not written, and what is removed as well. */
static struct fault {
	const char *spares, *skips;
	char *takes;
} fault;
static const struct image_ops *real;

static int faulty_remove(struct image *im, size_t vol, const char *path, struct error *err)
{
	CLEANUP(free) char *also = steal_ptr(&fault.takes);

	if (also && real->remove(im, vol, also, err) != 0)
		return -1;
	if (fault.spares && name_has_suffix(path, fault.spares))
		return 0;
	return real->remove(im, vol, path, err);
}

static int faulty_put(struct image *im, size_t vol, const struct image_put *put, struct error *err)
{
	if (fault.skips && name_has_suffix(put->path, fault.skips))
		return 0;
	return real->put(im, vol, put, err);
}

/* A file of the tree whose name has the part. */
static char *path_of(const struct store_fixture *f, const char *dir, const char *part)
{
	CLEANUP(free)
	char *cmd = xasprintf("cd '%s%s' && ls | grep -i -m 1 -e '%s'", f->dir, dir, part);
	const char *const argv[] = {"sh", "-c", cmd, NULL};
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf name = BUF_INIT;

	assert_ok(run_tool(argv, &name, &err), err);
	return xasprintf("%s%.*s", dir, (int)strcspn(name.data, "\n"), name.data);
}

static char *hash_of(const char *file)
{
	const char *const argv[] = {"sha256sum", file, NULL};
	CLEANUP(error) struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;

	assert_ok(run_tool(argv, &out, &err), err);
	return buf_steal(&out);
}

/*
 * Apply with the faults to @image, a directory where there is no @engine. @message: what the error
 * says, NULL: all is well.
 */
static void apply_to(char *image, const char *engine, enum kb971033_mode mode, const char *message)
{
	const struct cli cli = {
	    .root = engine ? NULL : image,
	    .engine = (char *)(uintptr_t)engine,
	};
	const struct plan_request request = {0};
	struct profile profile = profile_of(STRATEGY_SINGLE);
	struct job job = {.request = &request};
	char *(*state)(const char *) = engine ? hash_of : state_of;
	CLEANUP(free) char *before = state(image);
	struct image_ops ops;

	profile.kb971033 = mode;
	assert_ok(job_open(&job, &cli, image, true), job.error);
	assert_ok(job_plan(&job, &cli, &profile), job.error);
	ck_assert_uint_gt(job_changes(&job), 0);
	real = job.im->ops;
	ops = *real;
	ops.remove = faulty_remove;
	ops.put = faulty_put;
	job.im->ops = &ops;
	int rc = job_apply(&job, &profile);
	CLEANUP(free) char *after = state(image);
	if (message) {
		ck_assert_int_eq(rc, -1);
		ck_assert_msg(strstr(job.error.message, message), "%s", job.error.message);
		ck_assert_int_eq(job.error.code, ERR_VERIFY);
		ck_assert_int_eq(job_status(&job, false), EXIT_VERIFY);
		ck_assert(!job.error.image_changed && !job.applied && !job.verified);
		ck_assert_str_eq(after, before);
	} else {
		assert_ok(rc, job.error);
		ck_assert_int_eq(job_status(&job, false), EXIT_DONE);
		ck_assert_str_ne(after, before);
	}
	job_close(&job);
	ck_assert_uint_eq(txn_records(image), message ? 0 : 1);
	job_free(&job);
	free(fault.takes);
	fault = (struct fault){0};
}

static void apply(const struct store_fixture *f, enum kb971033_mode mode, const char *message)
{
	apply_to(f->dir, NULL, mode, message);
}

START_TEST(sound_apply_is_committed)
{
	STORE("kb971033=installed");

	apply(&f, KB971033_OFFLINE, NULL);
}
END_TEST

/* Something of another package goes along. */
START_TEST(more_than_planned_is_rolled_back)
{
	STORE("kb971033=installed");

	fault.takes = path_of(&f, MANIFESTS, "part003-core");
	apply(&f, KB971033_OFFLINE,
	    "the servicing store was left damaged: CSI Manifest Missing: "
	    "/Windows/winsxs/Manifests/amd64_microsoft-windows-part003-core");
	fault.takes = path_of(&f, PACKAGES, "KB2480354.*mum");
	apply(&f, KB971033_OFFLINE,
	    "the servicing store was left damaged: CBS MUM Missing: "
	    "/Windows/servicing/Packages/Package_for_KB2480354~");
	fault.takes = xstrdup("/Windows/winsxs/Catalogs");
	apply(&f, KB971033_OFFLINE, "the servicing store was left damaged: CBS Catalog Missing: ");
	/* and then, with an engine that does what it is told */
	apply(&f, KB971033_OFFLINE, NULL);
}
END_TEST

/* Something of KB971033 stays, without the rest of it. */
START_TEST(less_than_planned_is_rolled_back)
{
	STORE("kb971033=installed");

	fault.spares = "~7.1.7600.16395.mum";
	apply(&f, KB971033_OFFLINE,
	    "the servicing store was left damaged: CBS Registry Error: "
	    "/Windows/servicing/Packages/Microsoft-Windows-Security-");
	fault.skips = "/COMPONENTS";
	apply(&f, KB971033_OFFLINE, "the servicing store was left damaged: CBS Catalog Missing: ");
	fault.skips = "/SOFTWARE";
	apply(&f, KB971033_OFFLINE, "the servicing store was left damaged: CBS MUM Missing: ");
	/* no finding of the self-check: the second plan is not empty */
	fault.spares = "/System32/Wat";
	apply(&f, KB971033_OFFLINE, "1 of the changes did not take effect, first: delete-tree");
	fault.skips = "/SYSTEM";
	apply(&f, KB971033_OFFLINE, "changes did not take effect, first: delete-key SYSTEM");
	apply(&f, KB971033_OFFLINE, NULL);
}
END_TEST

/* Whatever is to be deleted, that it is still there is noticed. */
START_TEST(no_deletion_is_lost)
{
	STORE("kb971033=installed");
	CLEANUP(strvec) struct strvec paths = STRVEC_INIT;
	const struct cli cli = {.root = f.dir};
	const struct plan_request request = {0};
	struct profile profile = profile_of(STRATEGY_SINGLE);
	struct job job = {.request = &request};

	profile.kb971033 = KB971033_OFFLINE;
	assert_ok(job_open(&job, &cli, f.dir, false), job.error);
	assert_ok(job_plan(&job, &cli, &profile), job.error);
	for (size_t i = 0; i < job.targets.v[0].plan.changes.list.n; i++)
		if (job.targets.v[0].plan.changes.list.v[i].path)
			strvec_add(&paths, job.targets.v[0].plan.changes.list.v[i].path);
	job_close(&job);
	job_free(&job);
	ck_assert_uint_gt(paths.n, 15);
	for (size_t i = 0; i < paths.n; i++) {
		fault.spares = paths.v[i];
		apply(&f, KB971033_OFFLINE, "");
	}
	apply(&f, KB971033_OFFLINE, NULL);
}
END_TEST

/* What was wrong before has to be wrong afterwards: nobody asked for it to be mended. */
START_TEST(mended_faults_are_rolled_back)
{
	STORE("kb971033=installed", "store-fault=mum-unregistered");

	fault.takes = path_of(&f, PACKAGES, "KB1234567.*mum");
	apply(&f, KB971033_OFFLINE,
	    "the servicing store changed where it was not to be changed: no more \"CBS Registry "
	    "Error: ");
	apply(&f, KB971033_OFFLINE, NULL);
}
END_TEST

/* Without the servicing store the second plan alone must notice. */
START_TEST(second_plan_is_looked_at_in_every_mode)
{
	STORE("kb971033=installed");

	fault.skips = "/SYSTEM";
	apply(&f, KB971033_WINDOWS, "did not take effect, first: set-value SYSTEM");
	fault.spares = "/ValidationTask";
	apply(&f, KB971033_WINDOWS, "1 of the changes did not take effect, first: delete-file");
	fault.skips = "/firstboot.cmd";
	apply(&f, KB971033_WINDOWS, "1 of the changes did not take effect, first: write-file");
	apply(&f, KB971033_WINDOWS, NULL);
}
END_TEST

/* The file is the same, to the last byte. */
START_TEST(files_are_as_they_were)
{
	STORE("kb971033=installed");
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(free) char *top = scratch_create(NULL, &err);
	CLEANUP(free) char *disk = path_join(top, "a.raw"), *wim = path_join(top, "a.wim");
	const char *const capture[] = {"wimlib-imagex", "capture", f.dir, wim, NULL};
	char *const files[] = {disk, wim};
	const char *const engines[] = {"direct", "wim"};

	assert_ok(volume_make(disk, 24, f.dir, &(struct volume_options){0}, &err), err);
	assert_ok(run_tool(capture, NULL, &err), err);
	for (int i = 0; i < 2; i++) {
		fault.takes = path_of(&f, MANIFESTS, "part003-core");
		apply_to(files[i], engines[i], KB971033_OFFLINE,
		    "the servicing store was left damaged: CSI Manifest Missing: ");
		fault.skips = "/COMPONENTS";
		apply_to(files[i], engines[i], KB971033_OFFLINE,
		    "the servicing store was left damaged: CBS Catalog Missing: ");
		apply_to(files[i], engines[i], KB971033_OFFLINE, NULL);
	}
	scratch_remove(top);
}
END_TEST

SUITE("verify", sound_apply_is_committed, more_than_planned_is_rolled_back,
    less_than_planned_is_rolled_back, no_deletion_is_lost, mended_faults_are_rolled_back,
    second_plan_is_looked_at_in_every_mode, files_are_as_they_were)
