/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hand-made facts of a Windows, and profiles, for the tests of the hooks. */
#ifndef W7PREP_TESTS_HOOK_FACTS_H
#define W7PREP_TESTS_HOOK_FACTS_H

#include <fcntl.h>

#include "common/fsutil.h"
#include "common/text.h"
#include "tests/unit/hook_profile.h"

#define ENTERPRISE_KEY "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH"
#define ENTERPRISE_ID "ae2ee509-1b34-41c0-acb7-6d4650168915"
#define PROFESSIONAL_KEY "FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4"
#define MAK "BCDFG-HJKMP-QRTVW-XY234-6789B"
#define PACKAGE                                                                                    \
	"Microsoft-Windows-Security-WindowsActivationTechnologies-Package~31bf3856ad364e35~"       \
	"amd64~~7.1.7600.16395"
#define SPP "Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"
#define STORE                                                                                      \
	"/Windows/ServiceProfiles/NetworkService/AppData/Roaming/Microsoft/"                       \
	"SoftwareProtectionPlatform"
#define PLACED "/Windows/Setup/Scripts/w7prep/"
#define SETUP_COMPLETE "/Windows/Setup/Scripts/SetupComplete.cmd"

/* ---- facts ---- */

static inline void set(char **s, const char *value)
{
	free(*s);
	*s = value ? xstrdup(value) : NULL;
}

static inline void add_service(struct windows *win, const char *control_set)
{
	struct kb971033_service *s = VEC_PUSH(&win->kb971033.services);

	s->control_set = xstrdup(control_set);
	s->start = 3;
}

/* Windows 7 Enterprise x64, sealed, retail-like channel, with a licence store. */
static inline struct windows *facts(void)
{
	struct windows *win = xcalloc(1, sizeof(*win));

	win->index = 1;
	set(&win->root, "/Windows");
	set(&win->product_name, "Windows 7 Enterprise");
	set(&win->edition, "Enterprise");
	set(&win->installation_type, "Client");
	set(&win->version, "6.1");
	win->build = 7601;
	win->service_pack = 1;
	win->arch = ARCH_AMD64;
	set(&win->current_control_set, "ControlSet001");
	strvec_add(&win->control_sets, "ControlSet001");
	strvec_add(&win->control_sets, "ControlSet002");
	win->sealed = SEALED_YES;
	win->setup_in_progress = true;
	win->setup_type = 2;
	set(&win->setup_cmdline, "oobe\\windeploy.exe");
	win->spp.tokens = win->spp.cache = true;
	strvec_add(&win->spp.store_files, STORE "/tokens.dat");
	strvec_add(&win->spp.store_files, STORE "/cache/cache.dat");
	strvec_add(&win->spp.store_files,
	    "/Windows/System32/"
	    "7B296FB0-376B-497e-B012-9C450E1B7327-5P-0.C7483456-A289-439d-8115-601632D005A0");
	win->spp.xrm_ms = 40;
	win->spp.sppuinotify_start = 3;
	set(&win->spp.key_channel, "Retail");
	return win;
}

static inline struct windows *unsealed(void)
{
	struct windows *win = facts();

	win->sealed = SEALED_NO;
	win->setup_in_progress = false;
	win->setup_type = 0;
	set(&win->setup_cmdline, "");
	return win;
}

static inline struct windows *with_kb971033(struct windows *win)
{
	struct kb971033 *kb = &win->kb971033;

	kb->signs = KB_SIGN_CBS_PACKAGE | KB_SIGN_MUM | KB_SIGN_MANIFEST | KB_SIGN_SERVICE |
		    KB_SIGN_SYSTEM32_WAT | KB_SIGN_TASK_FILE | KB_SIGN_TASK_CACHE;
	kb->installed = true;
	kb->current_state = 0x70;
	set(&kb->package, PACKAGE);
	add_service(win, "ControlSet001");
	add_service(win, "ControlSet002");
	strvec_add(&kb->files, "/Windows/System32/Wat/WatAdminSvc.exe");
	strvec_add(&kb->files, "/Windows/System32/Tasks/Microsoft/Windows/"
			       "Windows Activation Technologies/ValidationTask");
	strvec_add(&kb->dirs, "/Windows/System32/Wat");
	strvec_add(&kb->task_keys,
	    "Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache\\Tree\\"
	    "Microsoft\\Windows\\Windows Activation Technologies");
	return win;
}

static inline struct win_file *add_file(struct win_file *f, const char *path, const char *content)
{
	f->path = xstrdup(path);
	buf_adds(&f->content, content);
	f->has_sd = f->safe_script = f->safe_secret = true;
	return f;
}

static inline void drop(struct windows *win)
{
	windows_free(win);
	free(win);
}

/* ---- profiles ---- */

static inline char *mak_file(void)
{
	char *path = xstrdup("/tmp/w7prep-mak.XXXXXX");
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, MAK "\n", strlen(MAK) + 1), (int)strlen(MAK) + 1);
	close(fd);
	return path;
}

#endif
