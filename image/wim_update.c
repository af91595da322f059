/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collected changes of an image into libwim's memory, and what the XML says of it. */
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/wim.h"

/* 100 ns units from 1601 to 1970 */
#define EPOCH_1601 116444736000000000ull

static bool fixed_date(unsigned long *seconds)
{
	const char *fixed = getenv("SOURCE_DATE_EPOCH");

	return fixed && parse_uint(fixed, 0, 1ul << 40, seconds);
}

int64_t wim_now(void)
{
	unsigned long seconds;

	return fixed_date(&seconds) ? (int64_t)seconds : (int64_t)time(NULL);
}

/* What libwim sets from the registry when something is added to the root; not ours to change. */
static const char *const windows_properties[] = {
    "FLAGS",
    "DISPLAYNAME",
    "DISPLAYDESCRIPTION",
    "WINDOWS/SYSTEMROOT",
    "WINDOWS/ARCH",
    "WINDOWS/EDITIONID",
    "WINDOWS/INSTALLATIONTYPE",
    "WINDOWS/PRODUCTNAME",
    "WINDOWS/VERSION/MAJOR",
    "WINDOWS/VERSION/MINOR",
    "WINDOWS/VERSION/BUILD",
    "WINDOWS/VERSION/SPBUILD",
    "WINDOWS/VERSION/SPLEVEL",
    "WINDOWS/PRODUCTTYPE",
    "WINDOWS/PRODUCTSUITE",
    "WINDOWS/HAL",
    "WINDOWS/LANGUAGES/DEFAULT",
    "WINDOWS/LANGUAGES/LANGUAGE[1]",
    "WINDOWS/LANGUAGES/LANGUAGE[2]",
    "WINDOWS/LANGUAGES/LANGUAGE[3]",
    "WINDOWS/LANGUAGES/LANGUAGE[4]",
};
#define PROPERTIES (sizeof(windows_properties) / sizeof(windows_properties[0]))

static void read_properties(WIMStruct *handle, int image, char *values[PROPERTIES])
{
	for (size_t i = 0; i < PROPERTIES; i++) {
		const char *value = wimlib_get_image_property(handle, image, windows_properties[i]);

		values[i] = value ? xstrdup(value) : NULL;
	}
}

/* Put back, in reverse: elements that were not there go away, the last of a list first. */
static int restore_properties(WIMStruct *handle, int image, char *values[PROPERTIES])
{
	int code = 0;

	for (size_t i = PROPERTIES; i-- > 0;) {
		const char *now = wimlib_get_image_property(handle, image, windows_properties[i]);

		if (!code && (now || values[i]) &&
		    (!now || !values[i] || strcmp(now, values[i]) != 0))
			code = wimlib_set_image_property(
			    handle, image, windows_properties[i], values[i]);
		free(values[i]);
	}
	return code;
}

static int set_modification_time(WIMStruct *handle, int image)
{
	uint64_t t = (uint64_t)wim_now() * 10000000u + EPOCH_1601;
	char high[16], low[16];

	snprintf(high, sizeof(high), "0x%08X", (unsigned)(t >> 32));
	snprintf(low, sizeof(low), "0x%08X", (unsigned)t);
	int code = wimlib_set_image_property(handle, image, "LASTMODIFICATIONTIME/HIGHPART", high);
	return code ? code
		    : wimlib_set_image_property(handle, image, "LASTMODIFICATIONTIME/LOWPART", low);
}

static int remove_all(struct image *im, size_t vol)
{
	const struct wim *w = im->data;
	VEC(struct wimlib_update_command) commands = {0};

	for (size_t i = 0; i < w->changes.n; i++) {
		if (w->changes.v[i].vol != vol || !w->changes.v[i].remove)
			continue;
		struct wimlib_update_command *c = VEC_PUSH(&commands);
		c->op = WIMLIB_UPDATE_OP_DELETE;
		c->delete_.wim_path = w->changes.v[i].path;
		c->delete_.delete_flags = WIMLIB_DELETE_FLAG_FORCE | WIMLIB_DELETE_FLAG_RECURSIVE;
	}
	int code = commands.n ? wimlib_update_image(w->handle, (int)im->volumes.v[vol].index,
				    commands.v, commands.n, 0)
			      : 0;
	free(commands.v);
	return code;
}

/*
 * Each volume with a call of its own: within one, libwim takes equal inode numbers of two
 * volumes for names of one file.
 */
static int add_volume(WIMStruct *handle, int image, const struct wim_scratch *s, bool with_sd)
{
	char *values[PROPERTIES];

	if (!s->path)
		return 0;
	read_properties(handle, image, values);
	int code = wimlib_add_tree(handle, image, s->path, s->top,
	    WIMLIB_ADD_FLAG_NTFS | WIMLIB_ADD_FLAG_NORPFIX |
		WIMLIB_ADD_FLAG_NO_UNSUPPORTED_EXCLUDE | (with_sd ? 0 : WIMLIB_ADD_FLAG_NO_ACLS));
	int restored = restore_properties(handle, image, values);
	return code ? code : restored;
}

int wim_update_image(struct image *im, size_t vol, struct wim_scratch scratch[2], struct error *err)
{
	const struct wim *w = im->data;
	int image = (int)im->volumes.v[vol].index;

	for (int with_sd = 0; with_sd < 2; with_sd++)
		if (wim_scratch_make(im, vol, with_sd, &scratch[with_sd], err) < 0)
			return err_context(err, "image %d", image);
	wim_changes_release(im->data, vol);
	wim_lib_quiet();
	int code = remove_all(im, vol);
	/* without descriptors first: directories made there are not made again with one */
	for (int with_sd = 0; with_sd < 2 && !code; with_sd++)
		code = add_volume(w->handle, image, &scratch[with_sd], with_sd);
	return code ? wim_lib_error(code, err, "cannot change image %d", image) : 0;
}

bool wim_is_changed(const struct wim *w, size_t vol)
{
	for (size_t i = 0; i < w->changes.n; i++)
		if (w->changes.v[i].vol == vol)
			return true;
	return false;
}

/*
 * libwim dates each changed image when it writes it, whatever the XML said. Where a date is given
 * for all, the XML data, the last thing in the file, is written once more.
 */
int wim_date_images(struct image *im, const char *path, struct error *err)
{
	struct wim *w = im->data;
	unsigned long seconds;
	int code = 0;

	if (!fixed_date(&seconds))
		return 0;
	WIMStruct *handle = wim_open_handle(path, 0, err);
	if (!handle)
		return -1;
	for (size_t vol = 0; vol < w->volumes && !code; vol++)
		if (wim_is_changed(w, vol))
			code = set_modification_time(handle, (int)im->volumes.v[vol].index);
	if (!code)
		code = wimlib_overwrite(handle, 0, 0);
	wimlib_free(handle);
	return code ? wim_lib_error(code, err, "cannot date the images") : 0;
}
