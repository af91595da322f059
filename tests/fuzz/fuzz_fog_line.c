/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FOG's script on its server: our line goes in once, and comes out leaving what was there.
 */
#include "plugin/fog.h"
#include "tests/fuzz/fuzz.h"

static char *dir;

static void read_script(const struct fog_site *site, struct buf *out)
{
	FUZZ_CHECK(read_whole_file(site->path, 2 * FOG_SCRIPT_MAX, out, NULL) == 0);
}

static void edit(const struct fog_site *site, const struct buf *old)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf added = BUF_INIT;
	CLEANUP(buf) struct buf twice = BUF_INIT;
	CLEANUP(buf) struct buf back = BUF_INIT;
	struct fog_lines lines;
	int had = fog_line_remove(site, &err);

	if (had < 0) {
		fuzz_check_error(&err);
		return;
	}
	read_script(site, &back);
	FUZZ_CHECK(had == 1 ? back.len < old->len : buf_equal(&back, old));
	if (fog_line_add(site, &err) < 0) {
		fuzz_check_error(&err);
		return;
	}
	read_script(site, &added);
	fog_lines_find(site->script, &added, &lines);
	FUZZ_CHECK(lines.ours && lines.exact && !lines.again);
	FUZZ_CHECK(fog_line_add(site, &err) == 0);
	read_script(site, &twice);
	FUZZ_CHECK(buf_equal(&added, &twice));
	FUZZ_CHECK(fog_line_remove(site, &err) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf) struct buf old = BUF_INIT;
	CLEANUP(error) struct error err = ERROR_INIT;
	struct fog_site site;

	if (!dir) {
		dir = scratch_create(NULL, NULL);
		atexit(scratch_remove_all);
		FUZZ_CHECK(dir);
	}
	CLEANUP(free) char *path = path_join(dir, "fog.postdownload");
	buf_add(&old, data, size);
	FUZZ_CHECK(write_file_atomic(path, size ? (const void *)data : "", size, 0755, &err) == 0);
	FUZZ_CHECK(fog_site_open(dir, &site, &err) == 0);
	edit(&site, &old);
	fog_site_close(&site);
	return 0;
}
