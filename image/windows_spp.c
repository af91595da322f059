/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Software Protection Platform: its store, its settings and the key that is installed. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/windows_read.h"

#define KEY_SPP KEY_CURRENT_VERSION "\\SoftwareProtectionPlatform"
#define SERVICE "services\\sppuinotify"
#define START_DISABLED 4
#define LICENCE_SUFFIX ".xrm-ms"

/*
 * DigitalProductId4: 1272 bytes, of which only these two fields are ever copied. The key
 * itself (offset 808) is never looked at.
 */
#define DPID4_SIZE 1272
#define DPID4_ACTIVATION_ID 136
#define DPID4_KEY_TYPE 1016
#define DPID4_FIELD (64 * 2)

static void read_store(struct win_reader *r, struct spp *spp)
{
#define SPP_DIR "/ServiceProfiles/NetworkService/AppData/Roaming/Microsoft/SoftwareProtectionPlatform"
	struct {
		const char *rest;
		bool *flag;
	} files[] = {
	    {SPP_DIR "/tokens.dat", &spp->tokens},
	    {SPP_DIR "/Cache/cache.dat", &spp->cache},
	    {"/System32/7B296FB0-376B-497e-B012-9C450E1B7327-5P-0.C7483456-A289-439d-8115-601632D005A0",
		NULL},
	    {"/System32/7B296FB0-376B-497e-B012-9C450E1B7327-5P-1.C7483456-A289-439d-8115-601632D005A0",
		NULL},
	};
#undef SPP_DIR

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		CLEANUP(free) char *path = windows_path(r->win, files[i].rest);

		if (!win_is_file(r, path))
			continue;
		strvec_add(&spp->store_files, path);
		if (files[i].flag)
			*files[i].flag = true;
	}
}

/* slmgr /rilc reads the folders below System32\spp\tokens, and System32\oem. */
static void read_licences(struct win_reader *r, struct spp *spp)
{
	CLEANUP(free) char *tokens = windows_path(r->win, "/System32/spp/tokens");
	CLEANUP(free) char *oem = windows_path(r->win, "/System32/oem");
	CLEANUP(strvec) struct strvec found = STRVEC_INIT;
	CLEANUP(strvec) struct strvec certificates = STRVEC_INIT;

	win_find(r, tokens, LICENCE_SUFFIX, 3, &found);
	spp->xrm_ms = (unsigned)found.n;
	win_find(r, oem, LICENCE_SUFFIX, 0, &certificates);
	spp->oem_certificate = certificates.n > 0;
}

static bool names_kms(struct win_reader *r, const char *key)
{
	CLEANUP(free) char *host = win_string(r, WIN_SOFTWARE, key, "KeyManagementServiceName");
	CLEANUP(free) char *port = win_string(r, WIN_SOFTWARE, key, "KeyManagementServicePort");

	return host || port;
}

/* The application's and the product's key override the main one, each named by a GUID. */
static void read_kms_below(struct win_reader *r, struct spp *spp, const char *key, unsigned depth)
{
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;

	if (names_kms(r, key))
		strvec_add(&spp->kms_keys, key);
	if (depth == 0)
		return;
	win_subkeys(r, WIN_SOFTWARE, key, &names);
	for (size_t i = 0; i < names.n && i < WIN_NAMES_MAX; i++) {
		CLEANUP(free) char *sub = xasprintf("%s\\%s", key, names.v[i]);

		if (win_is_guid(names.v[i], false))
			read_kms_below(r, spp, sub, depth - 1);
	}
}

static void read_settings(struct win_reader *r, struct spp *spp)
{
	uint32_t skip;

	read_kms_below(r, spp, KEY_SPP, 2);
	spp->kms_host = win_string(r, WIN_SOFTWARE, KEY_SPP, "KeyManagementServiceName");
	spp->kms_port = win_string(r, WIN_SOFTWARE, KEY_SPP, "KeyManagementServicePort");
	spp->skip_rearm = win_dword(r, WIN_SOFTWARE, KEY_SPP, "SkipRearm", &skip) && skip != 0;
}

static void read_service(struct win_reader *r, struct spp *spp)
{
	const struct windows *win = r->win;

	for (size_t i = 0; i < win->control_sets.n; i++) {
		CLEANUP(free) char *key = xasprintf("%s\\" SERVICE, win->control_sets.v[i]);
		uint32_t start;

		if (!win_dword(r, WIN_SYSTEM, key, "Start", &start))
			continue;
		if (start == START_DISABLED)
			strvec_add(&spp->sppuinotify_disabled, win->control_sets.v[i]);
		if (win->current_control_set &&
		    name_eq(win->control_sets.v[i], win->current_control_set))
			spp->sppuinotify_start = start;
	}
}

/* "Volume:GVLK": what else is there is not a channel. */
static bool is_channel(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(":._-", s[i]))
			return false;
	return n > 0;
}

static void read_key(struct win_reader *r, struct spp *spp)
{
	struct hive_value id = {0};

	if (win_binary(r, WIN_SOFTWARE, KEY_CURRENT_VERSION, "DigitalProductId4", DPID4_SIZE, &id)) {
		CLEANUP(free) char *channel =
		    utf16le_to_utf8(id.data.data + DPID4_KEY_TYPE, DPID4_FIELD);
		CLEANUP(free) char *activation =
		    utf16le_to_utf8(id.data.data + DPID4_ACTIVATION_ID, DPID4_FIELD);

		if (is_channel(channel))
			spp->key_channel = steal_ptr(&channel);
		if (win_is_guid(activation, false)) {
			for (char *p = activation; *p; p++)
				*p = (char)tolower((unsigned char)*p);
			spp->activation_id = steal_ptr(&activation);
		}
	}
	buf_wipe_free(&id.data);
}

void windows_read_spp(struct win_reader *r)
{
	struct spp *spp = &r->win->spp;

	read_store(r, spp);
	read_licences(r, spp);
	read_settings(r, spp);
	read_service(r, spp);
	read_key(r, spp);
}

void spp_free(struct spp *spp)
{
	strvec_free(&spp->store_files);
	strvec_free(&spp->kms_keys);
	strvec_free(&spp->sppuinotify_disabled);
	free(spp->kms_host);
	free(spp->kms_port);
	free(spp->key_channel);
	free(spp->activation_id);
}
