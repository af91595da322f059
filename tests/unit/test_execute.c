/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changesets carried out in an image that is a list of files in memory. */
#include "common/fsutil.h"
#include "common/text.h"
#include "image/changeset.h"
#include "image/image.h"
#include "image/txn.h"
#include "image/windows.h"
#include "tests/fixtures/hivegen.h"
#include "tests/unit/unit.h"

struct file {
	char *path;
	struct buf content, sd;
	bool is_dir;
	unsigned puts;
};

static struct memory {
	VEC(struct file) files;
	struct strvec log;
} disk;

static struct file *find(const char *path)
{
	for (size_t i = 0; i < disk.files.n; i++)
		if (name_eq(disk.files.v[i].path, path))
			return &disk.files.v[i];
	return NULL;
}

static struct file *add_file(const char *path, const char *content)
{
	struct file *f = VEC_PUSH(&disk.files);

	f->path = xstrdup(path);
	buf_adds(&f->content, content);
	return f;
}

static bool handles_any(enum image_format format)
{
	(void)format;
	return true;
}

static int mem_open(struct image *im, struct error *err)
{
	(void)err;
	VEC_PUSH(&im->volumes)->name = xstrdup("memory");
	return 0;
}

static void mem_close(struct image *im)
{
	(void)im;
}

static int mem_stat(struct image *im, size_t vol, const char *path, struct image_stat *st,
    struct error *err)
{
	const struct file *f = find(path);

	(void)im, (void)vol, (void)err;
	if (!f)
		return 0;
	st->is_dir = f->is_dir;
	st->size = f->content.len;
	return 1;
}

static int mem_fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err)
{
	const struct file *f = find(path);

	(void)im, (void)vol;
	if (!f)
		return 0;
	return write_all(fd, f->content.data, f->content.len, err) == 0 ? 1 : -1;
}

static int mem_put(struct image *im, size_t vol, const struct image_put *put, struct error *err)
{
	struct file *f = find(put->path);

	(void)im, (void)vol;
	ck_assert_msg(f || put->sd, "%s: new without a descriptor", put->path);
	if (f && put->old_fd >= 0) {
		CLEANUP(buf) struct buf old = BUF_INIT;

		assert_ok(read_whole_fd(put->old_fd, 1 << 26, &old, err), *err);
		ck_assert_msg(buf_equal(&old, &f->content), "%s: other old content", put->path);
	}
	if (!f)
		f = add_file(put->path, "");
	f->puts++;
	if (put->sd) {
		buf_reset(&f->sd);
		buf_add(&f->sd, put->sd->data, put->sd->len);
	}
	strvec_addf(&disk.log, "put %s", put->path);
	return read_whole_fd(put->fd, 1 << 26, &f->content, err);
}

static int mem_remove(struct image *im, size_t vol, const char *path, struct error *err)
{
	struct file *f = find(path);

	(void)im, (void)vol, (void)err;
	ck_assert_ptr_nonnull(f);
	f->path[0] = '-';
	strvec_addf(&disk.log, "remove %s", path);
	return 0;
}

static const struct image_ops memory_engine = {
    .name = "memory",
    .handles = handles_any,
    .is_default = true,
    .open = mem_open,
    .close = mem_close,
    .stat = mem_stat,
    .fetch = mem_fetch,
    .put = mem_put,
    .remove = mem_remove,
};

/* In place of the engines of the program. */
const struct image_ops *const image_engines[] = {&memory_engine, NULL};
const struct undo_ops *const undo_kinds[] = {NULL};

#define NOTIFY "ControlSet001\\services\\sppuinotify"
#define KMS_HOST "KeyManagementServiceName"

static struct image *im;
static struct changeset cs;
static struct windows win;

static void add_hive(const char *path, struct hivegen *g, const struct hivegen_options *o)
{
	struct error err = ERROR_INIT;
	struct file *f = add_file(path, "");
	CLEANUP(close) int fd = memfile("hive", &err);

	assert_ok(hivegen_write_fd(g, fd, o, &err), err);
	assert_ok(read_whole_fd(fd, 1 << 26, &f->content, &err), err);
	hivegen_free(g);
}

static void begin(const struct hivegen_options *software)
{
	static char big[30000];
	struct error err = ERROR_INIT;
	struct hivegen *system = hivegen_new();
	struct hivegen *soft = hivegen_new();

	hivegen_set_dword(system, "Select", "Current", 1);
	hivegen_set_dword(system, NOTIFY, "Start", 4);
	hivegen_set_binary(system, "WPA\\x", "y", "z", 1);
	hivegen_set_sz(soft, "Microsoft\\SPP", KMS_HOST, "old.example.org");
	hivegen_set_binary(soft, "Big", "blob", big, sizeof(big));
	add_hive("/WINDOWS/system32/config/SYSTEM", system, NULL);
	add_hive("/WINDOWS/system32/config/SOFTWARE", soft, software);
	add_file("/Windows/tokens.dat", "store");
	add_file("/Windows/dir", "")->is_dir = true;
	win.root = xstrdup("/Windows");
	im = image_open("/tmp", &(struct image_options){.no_undo = true, .write = true}, &err);
	ck_assert_msg(im, "%s", err.message);
}

static void end(void)
{
	image_close(im);
	changeset_free(&cs);
	free(win.root);
	for (size_t i = 0; i < disk.files.n; i++) {
		free(disk.files.v[i].path);
		buf_free(&disk.files.v[i].content);
		buf_free(&disk.files.v[i].sd);
	}
	free(disk.files.v);
	strvec_free(&disk.log);
	disk = (struct memory){0};
}

static struct hive *open_hive(const char *path)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	int fd;

	ck_assert_int_eq(image_file_fd(im, 0, path, &fd, &err), 1);
	struct hive *h = hive_open(fd, path, false, false, &err);
	ck_assert_msg(h, "%s", err.message);
	return h;
}

START_TEST(each_hive_is_put_once_with_all_its_changes)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	char *name = NULL;
	uint32_t n = 0;

	begin(NULL);
	changeset_set_value(&cs, "h", CHANGE_SYSTEM, NOTIFY, "Start", hive_dword(3), "r");
	changeset_delete_value(&cs, "h", CHANGE_SOFTWARE, "Microsoft\\SPP", KMS_HOST, "r");
	changeset_set_value(&cs, "h", CHANGE_SYSTEM, "Setup", "CmdLine", hive_sz("x"), "r");
	changeset_set_value(
	    &cs, "h", CHANGE_SOFTWARE, "Microsoft\\SPP", KMS_HOST, hive_sz("kms.example.org"), "r");
	assert_ok(changeset_run(im, 0, &win, &cs, &err), err);
	ck_assert_uint_eq(disk.log.n, 2);
	ck_assert_uint_eq(find("/Windows/System32/config/SYSTEM")->puts, 1);
	ck_assert_uint_eq(find("/Windows/System32/config/SYSTEM")->sd.len, 0);
	struct hive *h = open_hive("/Windows/System32/config/SYSTEM");
	ck_assert_int_eq(hive_get_dword(h, NOTIFY, "Start", &n, &err), 1);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(hive_key_exists(h, "Setup", &err), 1);
	hive_close(h);
	h = open_hive("/Windows/System32/config/SOFTWARE");
	ck_assert_int_eq(hive_get_string(h, "Microsoft\\SPP", KMS_HOST, &name, &err), 1);
	ck_assert_str_eq(name, "kms.example.org");
	free(name);
	hive_close(h);
	end();
}
END_TEST

START_TEST(what_is_already_so_is_not_written)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	begin(NULL);
	changeset_set_value(&cs, "h", CHANGE_SYSTEM, "Select", "Current", hive_dword(1), "r");
	changeset_delete_key(&cs, "h", CHANGE_SOFTWARE, "No\\Such", "r");
	changeset_delete_file(&cs, "h", "/Windows/nothing", "r");
	changeset_delete_tree(&cs, "h", "/Windows/no/tree", "r");
	assert_ok(changeset_run(im, 0, &win, &cs, &err), err);
	ck_assert_uint_eq(disk.log.n, 0);
	end();
}
END_TEST

START_TEST(files_are_changed_in_order)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf script = BUF_INIT;
	CLEANUP(buf) struct buf sd = BUF_INIT;

	begin(NULL);
	buf_adds(&script, "@echo off\r\n");
	changeset_delete_file(&cs, "h", "/Windows/tokens.dat", "r");
	changeset_write_file(&cs, "h", "/Windows/tokens.dat", &script, SECDESC_SECRET, "r");
	changeset_delete_tree(&cs, "h", "/Windows/dir", "r");
	assert_ok(changeset_run(im, 0, &win, &cs, &err), err);
	ck_assert_uint_eq(disk.log.n, 3);
	ck_assert_str_eq(disk.log.v[0], "remove /Windows/tokens.dat");
	ck_assert_str_eq(disk.log.v[1], "put /Windows/tokens.dat");
	ck_assert_str_eq(disk.log.v[2], "remove /Windows/dir");
	secdesc_make(SECDESC_SECRET, &sd);
	ck_assert(buf_equal(&find("/Windows/tokens.dat")->sd, &sd));
	ck_assert(buf_equal(&find("/Windows/tokens.dat")->content, &script));
	end();
}
END_TEST

START_TEST(metadata_is_kept_only_where_there_is_some)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf script = BUF_INIT;

	begin(NULL);
	buf_adds(&script, "x");
	changeset_write_file(&cs, "h", "/Windows/tokens.dat", &script, SECDESC_SCRIPT, "r")
	    ->keep_metadata = true;
	changeset_write_file(&cs, "h", "/Windows/new.cmd", &script, SECDESC_SCRIPT, "r")
	    ->keep_metadata = true;
	assert_ok(changeset_run(im, 0, &win, &cs, &err), err);
	ck_assert_uint_eq(find("/Windows/tokens.dat")->sd.len, 0);
	ck_assert(secdesc_is_safe(&find("/Windows/new.cmd")->sd, SECDESC_SCRIPT));
	end();
}
END_TEST

/* Run the changes that the test has added; nothing may have been put. */
static void assert_refused(enum err_code code, const char *why)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	ck_assert_int_eq(changeset_run(im, 0, &win, &cs, &err), -1);
	ck_assert_msg(err.code == code && strstr(err.message, why), "%s: %s",
	    err_code_name(err.code), err.message);
	ck_assert_uint_eq(disk.log.n, 0);
	end();
}

START_TEST(wpa_is_never_changed)
{
	begin(NULL);
	changeset_delete_value(&cs, "h", CHANGE_SYSTEM, "wpa\\x", "y", "r");
	assert_refused(ERR_INTERNAL, "SYSTEM\\wpa\\x is never changed");
}
END_TEST

START_TEST(a_missing_hive_is_named)
{
	begin(NULL);
	changeset_delete_key(&cs, "h", CHANGE_COMPONENTS, "DerivedData\\x", "r");
	assert_refused(ERR_DAMAGED, "/Windows/System32/config/COMPONENTS: not there");
}
END_TEST

START_TEST(a_dirty_hive_stops_everything)
{
	begin(&(struct hivegen_options){.sequence1 = 3, .sequence2 = 2});
	changeset_delete_key(&cs, "h", CHANGE_SOFTWARE, "Big", "r");
	changeset_delete_file(&cs, "h", "/Windows/tokens.dat", "r");
	assert_refused(ERR_HIVE_DIRTY, "/Windows/System32/config/SOFTWARE: dirty");
}
END_TEST

START_TEST(a_big_value_is_not_rewritten)
{
	begin(NULL);
	changeset_set_value(&cs, "h", CHANGE_SOFTWARE, "Big", "x", hive_dword(1), "r");
	assert_refused(ERR_BIG_VALUE, "blob");
}
END_TEST

START_TEST(a_directory_is_not_a_file)
{
	begin(NULL);
	changeset_delete_file(&cs, "h", "/Windows/dir", "r");
	assert_refused(ERR_UNKNOWN_SHAPE, "/Windows/dir: a directory");
}
END_TEST

START_TEST(paths_do_not_leave_the_volume)
{
	begin(NULL);
	changeset_delete_file(&cs, "h", "/Windows/../x", "r");
	assert_refused(ERR_INTERNAL, "bad path");
}
END_TEST

/* Not carried out: this change is the one that is named. */
static void assert_missing(const char *target)
{
	CLEANUP(error) struct error err = ERROR_INIT;

	ck_assert_int_eq(changeset_verify(im, 0, &win, &cs, &err), -1);
	ck_assert_int_eq(err.code, ERR_VERIFY);
	ck_assert_msg(name_contains(err.message, target), "%s", err.message);
	changeset_free(&cs);
	cs = CHANGESET_INIT;
}

START_TEST(changes_that_did_not_take_effect_are_named)
{
	begin(NULL);
	changeset_set_value(&cs, "h", CHANGE_SYSTEM, NOTIFY, "Start", hive_dword(3), "r");
	assert_missing("set-value SYSTEM\\" NOTIFY "!Start (r)");
	changeset_set_value(&cs, "h", CHANGE_SYSTEM, "Setup", "CmdLine", hive_sz("x"), "r");
	assert_missing("set-value SYSTEM\\Setup!CmdLine (r)");
	/* the same bytes as another type are another value */
	changeset_set_value(&cs, "h", CHANGE_SOFTWARE, "Microsoft\\SPP", KMS_HOST,
	    hive_expand_sz("old.example.org"), "r");
	assert_missing("set-value SOFTWARE\\Microsoft\\SPP!" KMS_HOST);
	changeset_delete_value(&cs, "h", CHANGE_SOFTWARE, "Microsoft\\SPP", KMS_HOST, "r");
	assert_missing("delete-value SOFTWARE\\Microsoft\\SPP!" KMS_HOST);
	changeset_delete_key(&cs, "h", CHANGE_SOFTWARE, "Microsoft\\SPP", "r");
	assert_missing("delete-key SOFTWARE\\Microsoft\\SPP");
	changeset_delete_file(&cs, "h", "/Windows/tokens.dat", "r");
	assert_missing("delete-file \\Windows\\tokens.dat");
	changeset_delete_tree(&cs, "h", "/Windows/dir", "r");
	assert_missing("delete-tree \\Windows\\dir");
	changeset_delete_key(&cs, "h", CHANGE_COMPONENTS, "A", "r");
	assert_missing("COMPONENTS: not there any more");
	end();
}
END_TEST

START_TEST(the_last_change_of_a_thing_counts)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf script = BUF_INIT;

	begin(NULL);
	buf_adds(&script, "@echo off\r\n");
	changeset_delete_file(&cs, "h", "/Windows/tokens.dat", "r");
	changeset_write_file(&cs, "h", "/Windows/tokens.dat", &script, SECDESC_SECRET, "r");
	changeset_delete_key(&cs, "h", CHANGE_SOFTWARE, "Microsoft", "r");
	changeset_set_value(&cs, "h", CHANGE_SOFTWARE, "Microsoft\\SPP", "a", hive_dword(1), "r");
	changeset_set_value(&cs, "h", CHANGE_SYSTEM, NOTIFY, "Start", hive_dword(2), "r");
	changeset_set_value(&cs, "h", CHANGE_SYSTEM, NOTIFY, "Start", hive_dword(3), "r");
	changeset_delete_value(&cs, "h", CHANGE_SYSTEM, "Select", "Current", "r");
	assert_ok(changeset_run(im, 0, &win, &cs, &err), err);
	assert_ok(changeset_verify(im, 0, &win, &cs, &err), err);
	end();
}
END_TEST

SUITE("execute", each_hive_is_put_once_with_all_its_changes, what_is_already_so_is_not_written,
    files_are_changed_in_order, metadata_is_kept_only_where_there_is_some, wpa_is_never_changed,
    a_missing_hive_is_named, a_dirty_hive_stops_everything, a_big_value_is_not_rewritten,
    a_directory_is_not_a_file, paths_do_not_leave_the_volume,
    changes_that_did_not_take_effect_are_named, the_last_change_of_a_thing_counts)
