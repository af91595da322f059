/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plans from hand-made facts. apply() below carries a plan out on the facts themselves and
 * knows nothing of how a plan is made: planned again, nothing may be left to do.
 */
#include <fcntl.h>

#include "common/fsutil.h"
#include "common/text.h"
#include "hooks/hook.h"
#include "hooks/scripts.h"
#include "tests/unit/unit.h"

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

static void set(char **s, const char *value)
{
	free(*s);
	*s = value ? xstrdup(value) : NULL;
}

static void add_service(struct windows *win, const char *control_set)
{
	struct kb971033_service *s = VEC_PUSH(&win->kb971033.services);

	s->control_set = xstrdup(control_set);
	s->start = 3;
}

/* Windows 7 Enterprise x64, sealed, retail-like channel, with a licence store. */
static struct windows *facts(void)
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

static struct windows *unsealed(void)
{
	struct windows *win = facts();

	win->sealed = SEALED_NO;
	win->setup_in_progress = false;
	win->setup_type = 0;
	set(&win->setup_cmdline, "");
	return win;
}

static struct windows *with_kb971033(struct windows *win)
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

static struct win_file *add_file(struct win_file *f, const char *path, const char *content)
{
	f->path = xstrdup(path);
	buf_adds(&f->content, content);
	f->has_sd = f->safe_script = f->safe_secret = true;
	return f;
}

static void drop(struct windows *win)
{
	windows_free(win);
	free(win);
}

/* ---- profiles ---- */

static struct profile profile_of(enum strategy strategy)
{
	return (struct profile){
	    .path = (char *)(uintptr_t) "lab.ini",
	    .name = (char *)(uintptr_t) "lab",
	    .strategy = strategy,
	    .activate_at_first_boot = true,
	    .rearm_when_days_left = 3,
	    .require_sealed = true,
	    .mobile = UNSET,
	};
}

static char *mak_file(void)
{
	char *path = xstrdup("/tmp/w7prep-mak.XXXXXX");
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, MAK "\n", strlen(MAK) + 1), (int)strlen(MAK) + 1);
	close(fd);
	return path;
}

/* ---- carrying a plan out on the facts ---- */

static void drop_path(struct strvec *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!name_eq(s->v[i], path))
			continue;
		free(s->v[i]);
		s->v[i] = s->v[--s->n];
		return;
	}
}

static struct win_file *placed(struct windows *win, const char *path)
{
	for (size_t i = 0; i < win->placed.n; i++)
		if (name_eq(win->placed.v[i].path, path))
			return &win->placed.v[i];
	return NULL;
}

static void free_file(struct win_file *f)
{
	free(f->path);
	buf_free(&f->content);
	*f = (struct win_file){0};
}

static void delete_file(struct windows *win, const char *path)
{
	struct win_file *f = placed(win, path);

	if (f) {
		free_file(f);
		*f = win->placed.v[--win->placed.n];
	}
	if (win->setup_complete.path && name_eq(win->setup_complete.path, path))
		free_file(&win->setup_complete);
	drop_path(&win->spp.store_files, path);
	drop_path(&win->kb971033.files, path);
	if (name_has_suffix(path, "/tokens.dat"))
		win->spp.tokens = false;
	if (name_has_suffix(path, "/cache.dat"))
		win->spp.cache = false;
}

static void write_file(struct windows *win, const struct change *c)
{
	struct win_file *f = &win->setup_complete;
	bool existed;

	if (!name_eq(c->path, SETUP_COMPLETE)) {
		ck_assert_msg(name_has_prefix(c->path, PLACED), "%s", c->path);
		f = placed(win, c->path);
		if (!f)
			f = VEC_PUSH(&win->placed);
	}
	existed = f->path != NULL;
	ck_assert_msg(existed || !c->keep_metadata, "%s: no metadata to keep", c->path);
	if (!existed)
		f->path = xstrdup(c->path);
	buf_free(&f->content);
	buf_add(&f->content, c->content.data, c->content.len);
	if (!c->keep_metadata) {
		f->has_sd = f->safe_script = true;
		f->safe_secret = c->sd == SECDESC_SECRET;
	}
}

static uint32_t dword(const struct change *c)
{
	const unsigned char *p = (const unsigned char *)c->data.data.data;

	ck_assert_uint_eq(c->data.type, HIVE_DWORD);
	ck_assert_uint_eq(c->data.data.len, 4);
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static char *string(const struct change *c)
{
	ck_assert_uint_eq(c->data.type, HIVE_SZ);
	return utf16le_to_utf8(c->data.data.data, c->data.data.len);
}

static void set_string(char **to, const struct change *c)
{
	free(*to);
	*to = c->op == CHANGE_SET_VALUE ? string(c) : NULL;
}

static void set_service(struct windows *win, const struct change *c)
{
	CLEANUP(free) char *control_set = xstrndup(c->key, strcspn(c->key, "\\"));

	ck_assert_str_eq(c->value, "Start");
	if (name_has_suffix(c->key, "\\sppuinotify")) {
		ck_assert_uint_eq(dword(c), 3);
		drop_path(&win->spp.sppuinotify_disabled, control_set);
		return;
	}
	ck_assert(name_has_suffix(c->key, "\\WatAdminSvc"));
	for (size_t i = 0; i < win->kb971033.services.n; i++)
		if (name_eq(win->kb971033.services.v[i].control_set, control_set))
			win->kb971033.services.v[i].start = dword(c);
}

static void change_firewall(struct windows *win, const struct change *c)
{
	for (size_t i = 0; i < win->policy.wmi_rules.n; i++) {
		struct win_firewall_rule *r = &win->policy.wmi_rules.v[i];

		if (name_has_prefix(c->key, r->control_set) && name_eq(r->name, c->value)) {
			set_string(&r->rule, c);
			return;
		}
	}
	ck_abort_msg("no such rule: %s", c->value);
}

static void change_value(struct windows *win, const struct change *c)
{
	bool gone = c->op == CHANGE_DELETE_VALUE;

	if (name_has_suffix(c->key, "\\FirewallRules"))
		change_firewall(win, c);
	else if (name_contains(c->key, "\\services\\"))
		set_service(win, c);
	else if (name_eq(c->value, "KeyManagementServiceName") && name_eq(c->key, SPP))
		set_string(&win->spp.kms_host, c);
	else if (name_eq(c->value, "KeyManagementServicePort") && name_eq(c->key, SPP))
		set_string(&win->spp.kms_port, c);
	else if (gone && name_has_prefix(c->value, "KeyManagementService"))
		drop_path(&win->spp.kms_keys, c->key);
	else if (name_eq(c->value, "SkipRearm"))
		win->spp.skip_rearm = !gone && dword(c) != 0;
	else if (name_eq(c->value, "Manual"))
		win->policy.manual_activation = gone ? 0 : dword(c);
	else if (name_eq(c->value, "LocalAccountTokenFilterPolicy"))
		win->policy.token_filter = gone ? 0 : dword(c);
	else if (name_eq(c->key, "Setup") && name_eq(c->value, "CmdLine"))
		set_string(&win->setup_cmdline, c);
	else if (name_eq(c->key, "Setup") && name_eq(c->value, "SetupType"))
		win->setup_type = dword(c);
	else
		ck_abort_msg("nobody asked for %s!%s", c->key, c->value);
}

static void apply(struct windows *win, const struct plan *p)
{
	for (size_t i = 0; i < p->changes.list.n; i++) {
		const struct change *c = &p->changes.list.v[i];

		ck_assert_msg(c->reason && *c->reason, "%s: no reason", c->hook);
		switch (c->op) {
		case CHANGE_DELETE_FILE:
			delete_file(win, c->path);
			break;
		case CHANGE_WRITE_FILE:
			write_file(win, c);
			break;
		case CHANGE_SET_VALUE:
		case CHANGE_DELETE_VALUE:
			change_value(win, c);
			break;
		case CHANGE_DELETE_KEY:
			drop_path(&win->kb971033.task_keys, c->key);
			break;
		default:
			ck_abort_msg("%s: %s", c->hook, change_op_name(c->op));
		}
	}
}

/* ---- looking at a plan ---- */

static const struct change *find(const struct plan *p, enum change_op op, const char *target)
{
	for (size_t i = 0; i < p->changes.list.n; i++) {
		const struct change *c = &p->changes.list.v[i];
		CLEANUP(free)
		char *full = c->path ? xstrdup(c->path)
				     : xasprintf("%s\\%s!%s", change_hive_name(c->hive), c->key,
					   c->value ? c->value : "");

		if (c->op == op && name_eq(full, target))
			return c;
	}
	return NULL;
}

static const char *written(const struct plan *p, const char *path)
{
	const struct change *c = find(p, CHANGE_WRITE_FILE, path);

	ck_assert_msg(c != NULL, "%s is not written", path);
	return c->content.data;
}

static bool has_note(const struct plan *p, const char *part)
{
	for (size_t i = 0; i < p->notes.n; i++)
		if (name_contains(p->notes.v[i], part))
			return true;
	return false;
}

static void assert_has_note(const struct plan *p, const char *part)
{
	ck_assert_msg(has_note(p, part), "no note with \"%s\"", part);
}

/* Plan, carry it out, plan again: the second must be empty. Returns the first. */
static struct plan converge(struct windows *win, const struct profile *profile)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct plan first, second;

	assert_ok(hooks_plan(win, profile, &first, &err), err);
	apply(win, &first);
	assert_ok(hooks_plan(win, profile, &second, &err), err);
	if (second.changes.list.n) {
		CLEANUP(free) char *target = change_target(&second.changes.list.v[0]);
		ck_abort_msg("not done after the first plan: %s (%s)", target,
		    second.changes.list.v[0].hook);
	}
	plan_free(&second);
	return first;
}

static void assert_refused(
    struct windows *win, const struct profile *profile, enum err_code code, const char *part)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct plan p;

	ck_assert_int_lt(hooks_plan(win, profile, &p, &err), 0);
	ck_assert_msg(err.code == code, "%s: %s", err_code_name(err.code), err.message);
	ck_assert_msg(name_contains(err.message, part), "%s", err.message);
	ck_assert_msg(err.hint && *err.hint, "no remedy: %s", err.message);
	plan_free(&p);
}

/* ---- kms ---- */

START_TEST(kms_prepares_a_sealed_image)
{
	struct windows *win = with_kb971033(facts());
	struct profile profile = profile_of(STRATEGY_KMS);
	struct plan p = converge(win, &profile);

	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, STORE "/tokens.dat"));
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, STORE "/cache/cache.dat"));
	ck_assert_ptr_nonnull(
	    find(&p, CHANGE_DELETE_FILE, "/Windows/System32/Wat/WatAdminSvc.exe"));
	ck_assert_ptr_nonnull(
	    find(&p, CHANGE_SET_VALUE, "SYSTEM\\ControlSet001\\services\\WatAdminSvc!Start"));
	ck_assert_ptr_nonnull(
	    find(&p, CHANGE_SET_VALUE, "SYSTEM\\ControlSet002\\services\\WatAdminSvc!Start"));
	ck_assert_str_eq(written(&p, PLACED "key.cmd"), "@set \"W7_KEY=" ENTERPRISE_KEY "\"\r\n");
	ck_assert_str_eq(written(&p, PLACED "kb971033.cmd"), "@set \"W7_PACKAGE=" PACKAGE "\"\r\n");
	ck_assert_str_eq(written(&p, PLACED "store.cmd"),
	    "@set \"W7_STORE=image\"\r\n@set \"W7_PRODUCT=" ENTERPRISE_ID "\"\r\n");
	ck_assert(name_contains(written(&p, PLACED "settings.cmd"), "W7_ACTIVATE=1"));
	ck_assert(name_contains(written(&p, SETUP_COMPLETE), "w7prep\\firstboot.cmd"));
	ck_assert_ptr_null(find(&p, CHANGE_SET_VALUE, "SYSTEM\\Setup!SetupType"));
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(kms_key_follows_the_edition)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	set(&win->edition, "professional");
	struct plan p = converge(win, &profile);
	ck_assert_str_eq(written(&p, PLACED "key.cmd"), "@set \"W7_KEY=" PROFESSIONAL_KEY "\"\r\n");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(installed_client_key_is_kept)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	profile.strip = STRIP_NO;
	profile.activate_at_first_boot = false;
	set(&win->spp.key_channel, "Volume:GVLK");
	set(&win->spp.activation_id, ENTERPRISE_ID);
	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(p.changes.list.n, 0);
	plan_free(&p);

	/* of another edition, or in a store that is stripped: needed again */
	set(&win->spp.activation_id, "b92e9980-b9d5-4821-9c94-140f632f6312");
	p = converge(win, &profile);
	ck_assert_ptr_nonnull(find(&p, CHANGE_WRITE_FILE, PLACED "key.cmd"));
	plan_free(&p);
	set(&win->spp.activation_id, ENTERPRISE_ID);
	profile.strip = STRIP_IMAGE;
	p = converge(win, &profile);
	ck_assert(strvec_has(&p.placed, "key.cmd"));
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(kms_host_is_the_profiles)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	set(&win->spp.kms_host, "old.example.org");
	set(&win->spp.kms_port, "1689");
	strvec_add(&win->spp.kms_keys, SPP);
	strvec_add(&win->spp.kms_keys, SPP "\\55c92734-d682-4d71-983e-d6ec3f16059f");
	struct plan p = converge(win, &profile);
	ck_assert_ptr_nonnull(
	    find(&p, CHANGE_DELETE_VALUE, "SOFTWARE\\" SPP "!KeyManagementServiceName"));
	ck_assert_ptr_nonnull(
	    find(&p, CHANGE_DELETE_VALUE, "SOFTWARE\\" SPP "!KeyManagementServicePort"));
	ck_assert_uint_eq(win->spp.kms_keys.n, 1);
	plan_free(&p);

	profile.kms_host = (char *)(uintptr_t) "kms.lab.example";
	profile.kms_port = 1690;
	p = converge(win, &profile);
	ck_assert_str_eq(win->spp.kms_host, "kms.lab.example");
	ck_assert_str_eq(win->spp.kms_port, "1690");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(kms_clears_what_would_share_ids_or_stop_renewal)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	win->spp.skip_rearm = true;
	win->policy.manual_activation = 1;
	strvec_add(&win->spp.sppuinotify_disabled, "ControlSet001");
	strvec_add(&win->spp.sppuinotify_disabled, "ControlSet002");
	struct plan p = converge(win, &profile);
	ck_assert(!win->spp.skip_rearm);
	ck_assert_uint_eq(win->policy.manual_activation, 0);
	ck_assert_uint_eq(win->spp.sppuinotify_disabled.n, 0);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(strip_modes)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	profile.strip = STRIP_FIRST_BOOT;
	struct plan p = converge(win, &profile);
	ck_assert_ptr_null(find(&p, CHANGE_DELETE_FILE, STORE "/tokens.dat"));
	ck_assert(name_contains(written(&p, PLACED "store.cmd"), "W7_STORE=first-boot"));
	plan_free(&p);

	profile.strip = STRIP_NO;
	p = converge(win, &profile);
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, PLACED "store.cmd"));
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(no_strip_without_licence_files)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	win->spp.xrm_ms = 0;
	assert_refused(win, &profile, ERR_STORE_INCOMPLETE, "xrm-ms");
	profile.strip = STRIP_NO;
	struct plan p = converge(win, &profile);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(editions_without_volume_activation_are_refused)
{
	static const enum strategy volume[] = {STRATEGY_KMS, STRATEGY_MAK, STRATEGY_MAK_PROXY};
	static const char *const editions[] = {
	    "HomePremium", "Ultimate", "Starter", "Frobnicate", NULL};

	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 5; k++) {
			struct windows *win = facts();
			struct profile profile = profile_of(volume[i]);

			set(&win->edition, editions[k]);
			assert_refused(win, &profile, ERR_EDITION, strategy_name(volume[i]));
			drop(win);
		}
	}
}
END_TEST

START_TEST(unsealed_images_are_refused)
{
	static const enum strategy cloned[] = {
	    STRATEGY_KMS, STRATEGY_MAK, STRATEGY_MAK_PROXY, STRATEGY_NONE};

	for (size_t i = 0; i < 4; i++) {
		struct windows *win = unsealed();
		struct profile profile = profile_of(cloned[i]);

		assert_refused(win, &profile, ERR_UNSEALED, "not sealed");
		win->sealed = SEALED_BROKEN;
		profile.require_sealed = false;
		assert_refused(win, &profile, ERR_UNSEALED, "neither sealed nor finished");
		drop(win);
	}
}
END_TEST

START_TEST(half_sealed_images_are_not_changed)
{
	struct windows *win = with_kb971033(unsealed());
	struct profile profile = profile_of(STRATEGY_SINGLE);

	profile.require_sealed = false;
	win->sealed = SEALED_BROKEN;
	assert_refused(win, &profile, ERR_UNSEALED, "neither sealed nor finished");
	drop(win);

	/* where nothing is to be done there is nothing to refuse */
	win = unsealed();
	win->sealed = SEALED_BROKEN;
	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(p.changes.list.n, 0);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(unsealed_clone_starts_through_setup)
{
	struct windows *win = unsealed();
	struct profile profile = profile_of(STRATEGY_KMS);

	profile.require_sealed = false;
	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(win->setup_type, 2);
	ck_assert(name_contains(win->setup_cmdline, "w7prep\\setupmode.cmd"));
	ck_assert(name_contains(written(&p, PLACED "client-id.cmd"), "W7_REARM_ONCE=1"));
	ck_assert_ptr_null(find(&p, CHANGE_WRITE_FILE, SETUP_COMPLETE));
	plan_free(&p);

	/* a profile that needs nothing at first boot takes it back */
	profile = profile_of(STRATEGY_SINGLE);
	p = converge(win, &profile);
	ck_assert_uint_eq(win->setup_type, 0);
	ck_assert_str_eq(win->setup_cmdline, "");
	ck_assert_uint_eq(win->placed.n, 0);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(anothers_setup_command_is_respected)
{
	struct windows *win = unsealed();
	struct profile profile = profile_of(STRATEGY_KMS);

	profile.require_sealed = false;
	set(&win->setup_cmdline, "setup.exe /other");
	win->setup_type = 1;
	assert_refused(win, &profile, ERR_UNKNOWN_SHAPE, "setup.exe /other");
	drop(win);

	win = facts();
	profile.first_boot = FIRST_BOOT_SETUP_CMDLINE;
	assert_refused(win, &profile, ERR_PROFILE, "setup-cmdline");
	drop(win);

	win = unsealed();
	profile.first_boot = FIRST_BOOT_SETUPCOMPLETE;
	struct plan p = converge(win, &profile);
	assert_has_note(&p, "SetupComplete.cmd only runs after a setup pass");
	plan_free(&p);
	drop(win);
}
END_TEST

/* ---- kb971033 ---- */

START_TEST(kb971033_stays_where_it_is_not_ours)
{
	static const struct {
		enum strategy strategy;
		enum kb971033_mode mode;
		const char *edition, *note;
	} cases[] = {
	    {STRATEGY_OEM, KB971033_WINDOWS, "Professional", "strategy oem"},
	    {STRATEGY_SINGLE, KB971033_WINDOWS, "HomePremium", "no volume activation"},
	    {STRATEGY_SINGLE, KB971033_NO, "Enterprise", "remove = no"},
	};

	for (size_t i = 0; i < 3; i++) {
		struct windows *win = with_kb971033(unsealed());
		struct profile profile = profile_of(cases[i].strategy);

		profile.kb971033 = cases[i].mode;
		set(&win->edition, cases[i].edition);
		struct plan p = converge(win, &profile);
		ck_assert_uint_eq(p.changes.list.n, 0);
		assert_has_note(&p, cases[i].note);
		plan_free(&p);
		drop(win);
	}
}
END_TEST

START_TEST(kb971033_leftovers_need_no_dism)
{
	struct windows *win = with_kb971033(facts());
	struct profile profile = profile_of(STRATEGY_KMS);

	win->kb971033.current_state = 0x50;
	struct plan p = converge(win, &profile);
	ck_assert(!strvec_has(&p.placed, "kb971033.cmd"));
	ck_assert_uint_eq(win->kb971033.files.n, 0);
	plan_free(&p);

	/* no package key: what the registry does not say, dism will */
	win->kb971033.signs &= ~(unsigned)KB_SIGN_CBS_PACKAGE;
	set(&win->kb971033.package, "x\" & format c: & rem WindowsActivationTechnologies");
	p = converge(win, &profile);
	ck_assert_str_eq(written(&p, PLACED "kb971033.cmd"), "@set \"W7_PACKAGE=" PACKAGE "\"\r\n");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(single_only_takes_kb971033_off)
{
	struct windows *win = with_kb971033(unsealed());
	struct profile profile = profile_of(STRATEGY_SINGLE);
	struct plan p = converge(win, &profile);

	ck_assert(win->spp.tokens);
	ck_assert(!strvec_has(&p.placed, "key.cmd"));
	ck_assert(name_contains(written(&p, PLACED "settings.cmd"), "W7_ACTIVATE=0"));
	ck_assert_uint_eq(win->setup_type, 2);
	plan_free(&p);
	drop(win);
}
END_TEST

/* ---- mak, mak-proxy, none, oem ---- */

START_TEST(mak_is_placed_as_a_secret)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_MAK);
	CLEANUP(free) char *path = mak_file();

	profile.mak_key_file = path;
	struct plan p = converge(win, &profile);
	const struct change *c = find(&p, CHANGE_WRITE_FILE, PLACED "mak.key");
	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(c->content.data, MAK "\r\n");
	ck_assert(c->secret);
	ck_assert_int_eq(c->sd, SECDESC_SECRET);
	for (size_t i = 0; i < p.changes.list.n; i++) {
		const struct change *other = &p.changes.list.v[i];
		CLEANUP(free) char *detail = change_detail(other);

		ck_assert(!strstr(other->reason, MAK) && !(detail && strstr(detail, MAK)));
		ck_assert(other == c || !other->content.data || !strstr(other->content.data, MAK));
	}
	for (size_t i = 0; i < p.notes.n; i++)
		ck_assert(!strstr(p.notes.v[i], MAK));
	ck_assert(win->spp.tokens);
	plan_free(&p);

	/* readable by others: written again */
	placed(win, PLACED "mak.key")->safe_secret = false;
	p = converge(win, &profile);
	ck_assert_uint_eq(p.changes.list.n, 1);
	ck_assert(!has_note(&p, "--rebuild"));
	plan_free(&p);

	/* another key */
	buf_reset(&placed(win, PLACED "mak.key")->content);
	buf_adds(&placed(win, PLACED "mak.key")->content, "QQQQQ-WWWWW-RRRRR-TTTTT-YYYYY\r\n");
	p = converge(win, &profile);
	assert_has_note(&p, "held the product key of mak.key: a WIM keeps it in superseded data");
	plan_free(&p);

	/* another profile takes it out again */
	profile = profile_of(STRATEGY_KMS);
	p = converge(win, &profile);
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, PLACED "mak.key"));
	assert_has_note(&p, "rebuilt (apply --rebuild)");
	plan_free(&p);
	unlink(path);
	drop(win);
}
END_TEST

START_TEST(mak_strips_only_when_told)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_MAK);
	CLEANUP(free) char *path = mak_file();

	profile.mak_key_file = path;
	profile.strip_set = true;
	struct plan p = converge(win, &profile);
	ck_assert(!win->spp.tokens);
	ck_assert(strvec_has(&p.placed, "store.cmd"));
	plan_free(&p);
	unlink(path);
	drop(win);
}
END_TEST

START_TEST(mak_needs_its_key)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_MAK);

	assert_refused(win, &profile, ERR_PROFILE, "mak_key_file");
	drop(win);
}
END_TEST

START_TEST(none_switches_activation_off_and_rearms)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_NONE);

	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(win->policy.manual_activation, 1);
	ck_assert(win->spp.tokens);
	ck_assert(name_contains(written(&p, PLACED "rearm.cmd"), "slmgr.vbs"));
	ck_assert(name_contains(written(&p, PLACED "rearm-settings.cmd"), "W7_REARM_DAYS=3"));
	ck_assert(name_contains(written(&p, PLACED "settings.cmd"), "W7_ACTIVATE=0"));
	plan_free(&p);

	win->spp.skip_rearm = true;
	p = converge(win, &profile);
	ck_assert(!win->spp.skip_rearm);
	plan_free(&p);

	profile.rearm_when_days_left = 10;
	p = converge(win, &profile);
	ck_assert(name_contains(written(&p, PLACED "rearm-settings.cmd"), "W7_REARM_DAYS=10"));
	ck_assert_uint_eq(p.changes.list.n, 1);
	plan_free(&p);
	drop(win);
}
END_TEST

#define RULE_TAIL                                                                                  \
	"App=%SystemRoot%\\system32\\svchost.exe|Svc=winmgmt|EmbedCtxt=@FirewallAPI.dll,-34251|"

static void add_rule(struct windows *win, const char *set_name, const char *name, const char *rule)
{
	struct win_firewall_rule *r = VEC_PUSH(&win->policy.wmi_rules);

	r->control_set = xstrdup(set_name);
	r->name = xstrdup(name);
	r->rule = xstrdup(rule);
}

/* As in a real Windows 7 (v2.10), and one of another version. */
static struct windows *with_rules(void)
{
	struct windows *win = facts();

	add_rule(win, "ControlSet001", "WMI-WINMGMT-In-TCP-NoScope",
	    "v2.10|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Domain|" RULE_TAIL);
	add_rule(win, "ControlSet001", "WMI-WINMGMT-In-TCP",
	    "v2.10|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Private|Profile=Public|"
	    "RA4=LocalSubnet|RA6=LocalSubnet|" RULE_TAIL);
	add_rule(win, "ControlSet002", "WMI-WINMGMT-In-TCP-NoScope",
	    "v2.22|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Domain|" RULE_TAIL);
	add_rule(win, "ControlSet001", "WMI-WINMGMT-Out-TCP-NoScope",
	    "v2.10|Action=Allow|Active=FALSE|Dir=Out|Protocol=6|Profile=Domain|" RULE_TAIL);
	return win;
}

static const char *rule(const struct windows *win, size_t i)
{
	return win->policy.wmi_rules.v[i].rule;
}

START_TEST(mak_proxy_opens_the_domain_rules)
{
	struct windows *win = with_rules();
	struct profile profile = profile_of(STRATEGY_MAK_PROXY);

	profile.vamt_access = VAMT_ACCESS_DOMAIN;
	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(win->policy.manual_activation, 1);
	ck_assert_uint_eq(win->policy.token_filter, 0);
	ck_assert_str_eq(rule(win, 0),
	    "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|" RULE_TAIL);
	ck_assert_str_eq(rule(win, 2),
	    "v2.22|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|" RULE_TAIL);
	ck_assert(strstr(rule(win, 1), "Active=FALSE") && strstr(rule(win, 3), "Active=FALSE"));
	ck_assert(win->spp.tokens);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(mak_proxy_limits_the_rules_to_vamt)
{
	struct windows *win = with_rules();
	struct profile profile = profile_of(STRATEGY_MAK_PROXY);

	profile.vamt_access = VAMT_ACCESS_WORKGROUP;
	profile.vamt_host = (char *)(uintptr_t) "192.0.2.10";
	struct plan p = converge(win, &profile);
	ck_assert_str_eq(rule(win, 1), "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile="
				       "Private|Profile=Public|" RULE_TAIL "RA4=192.0.2.10|");
	ck_assert(strstr(rule(win, 0), "Active=FALSE"));
	ck_assert_uint_eq(win->policy.token_filter, 1);
	assert_has_note(&p, "weakens UAC");
	plan_free(&p);

	profile.vamt_host = (char *)(uintptr_t) "[2001:db8::1]";
	p = converge(win, &profile);
	ck_assert(strstr(rule(win, 1), "|RA6=2001:db8::1|") && !strstr(rule(win, 1), "RA4"));
	plan_free(&p);

	profile.vamt_host = (char *)(uintptr_t) "vamt.example";
	p = converge(win, &profile);
	assert_has_note(&p, "not limited to vamt.example");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(mak_proxy_opens_nothing_unasked)
{
	struct windows *win = with_rules();
	struct profile profile = profile_of(STRATEGY_MAK_PROXY);
	struct plan p = converge(win, &profile);

	for (size_t i = 0; i < win->policy.wmi_rules.n; i++)
		ck_assert(strstr(rule(win, i), "Active=FALSE"));
	ck_assert_uint_eq(win->policy.token_filter, 0);
	ck_assert_uint_eq(win->placed.n, 0);
	assert_has_note(&p, "vamt_access");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(mak_proxy_installs_a_key_it_is_given)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_MAK_PROXY);
	CLEANUP(free) char *path = mak_file();

	profile.mak_key_file = path;
	struct plan p = converge(win, &profile);
	ck_assert(strvec_has(&p.placed, "mak.key"));
	ck_assert(name_contains(written(&p, PLACED "settings.cmd"), "W7_ACTIVATE=0"));
	plan_free(&p);
	unlink(path);
	drop(win);
}
END_TEST

START_TEST(oem_changes_nothing)
{
	struct windows *win = with_kb971033(unsealed());
	struct profile profile = profile_of(STRATEGY_OEM);

	set(&win->spp.key_channel, "OEM:SLP");
	strvec_add(&win->spp.sppuinotify_disabled, "ControlSet001");
	win->spp.skip_rearm = true;
	win->spp.oem_certificate = true;
	struct plan p = converge(win, &profile);
	ck_assert_uint_eq(p.changes.list.n, 0);
	assert_has_note(&p, "OEM:SLP key and certificate are there");
	plan_free(&p);
	win->spp.oem_certificate = false;
	p = converge(win, &profile);
	assert_has_note(&p, "certificate");
	plan_free(&p);
	drop(win);
}
END_TEST

/* ---- first boot ---- */

START_TEST(report_share_is_handed_to_the_scripts)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	profile.report_share = (char *)(uintptr_t) "\\\\srv\\logs$\\room 12";
	struct plan p = converge(win, &profile);
	ck_assert(name_contains(
	    written(&p, PLACED "settings.cmd"), "W7_REPORT_SHARE=\\\\srv\\logs$\\room 12\""));
	ck_assert(strvec_has(&p.placed, "report.cmd"));
	plan_free(&p);

	profile.report_share = NULL;
	p = converge(win, &profile);
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, PLACED "report.cmd"));
	ck_assert(!name_contains(written(&p, PLACED "settings.cmd"), "REPORT"));
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(setup_complete_is_kept_and_chained_once)
{
	static const struct {
		const char *old, *before, *eol;
	} cases[] = {
	    {"@echo off\r\nstart /wait app.exe\r\nexit\r\n", "", "\r\n"},
	    {"@echo off\nexit /b 3", "", "\n"},
	    {"no newline", "", "\r\n"},
	    {"\xef\xbb\xbf@echo off\r\nx\r\n", "\xef\xbb\xbf\r\n", "\r\n"},
	    {"\n\r\n", "", "\n"},
	    {"", "", "\r\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct windows *win = facts();
		struct profile profile = profile_of(STRATEGY_KMS);
		size_t bom = strlen(cases[i].before) ? 3 : 0;

		add_file(&win->setup_complete, SETUP_COMPLETE, cases[i].old);
		struct plan p = converge(win, &profile);
		const struct change *c = find(&p, CHANGE_WRITE_FILE, SETUP_COMPLETE);
		ck_assert_ptr_nonnull(c);
		ck_assert(c->keep_metadata);
		const char *text = c->content.data;
		const char *line_end = strstr(text + strlen(cases[i].before), cases[i].eol);
		ck_assert(name_has_prefix(text, cases[i].before));
		ck_assert_msg(strcmp(line_end + strlen(cases[i].eol), cases[i].old + bom) == 0,
		    "case %zu", i);
		ck_assert(memmem(text, (size_t)(line_end - text), "rem w7prep", 10));
		plan_free(&p);

		/* and back, byte for byte */
		profile = profile_of(STRATEGY_SINGLE);
		p = converge(win, &profile);
		if (*cases[i].old)
			ck_assert_str_eq(win->setup_complete.content.data, cases[i].old);
		else
			ck_assert_ptr_null(win->setup_complete.path);
		plan_free(&p);
		drop(win);
	}
}
END_TEST

START_TEST(older_line_of_ours_is_replaced)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	add_file(&win->setup_complete, SETUP_COMPLETE, "@call old.cmd & rem w7prep\r\nrest\r\n");
	struct plan p = converge(win, &profile);
	const char *text = win->setup_complete.content.data;
	ck_assert_ptr_null(strstr(text, "old.cmd"));
	ck_assert_str_eq(strchr(text, '\n') + 1, "rest\r\n");
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(open_setup_complete_gets_a_closed_descriptor)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	add_file(&win->setup_complete, SETUP_COMPLETE, "exit\r\n")->safe_script = false;
	struct plan p = converge(win, &profile);
	const struct change *c = find(&p, CHANGE_WRITE_FILE, SETUP_COMPLETE);
	ck_assert(c && !c->keep_metadata && c->sd == SECDESC_SCRIPT);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(setup_complete_that_cmd_cannot_run_is_refused)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);

	add_file(&win->setup_complete, SETUP_COMPLETE, "");
	buf_add(&win->setup_complete.content, "\xff\xfe@\0e\0", 6);
	assert_refused(win, &profile, ERR_UNKNOWN_SHAPE, "UTF-16");
	drop(win);
}
END_TEST

START_TEST(strays_and_open_scripts_are_mended)
{
	struct windows *win = facts();
	struct profile profile = profile_of(STRATEGY_KMS);
	struct plan p = converge(win, &profile);

	plan_free(&p);
	add_file(VEC_PUSH(&win->placed), PLACED "firstboot.done", "done\r\n");
	placed(win, PLACED "firstboot.cmd")->safe_script = false;
	placed(win, PLACED "key.cmd")->has_sd = false;
	p = converge(win, &profile);
	ck_assert_uint_eq(p.changes.list.n, 2);
	ck_assert_ptr_nonnull(find(&p, CHANGE_DELETE_FILE, PLACED "firstboot.done"));
	ck_assert_ptr_nonnull(find(&p, CHANGE_WRITE_FILE, PLACED "firstboot.cmd"));
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(facts_refusals_come_first)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct windows *win = unsealed();
	struct profile profile = profile_of(STRATEGY_KMS);
	struct refusal *r = VEC_PUSH(&win->refusals);
	struct plan p;

	r->code = ERR_HIVE_DIRTY;
	r->message = xstrdup("the hive SYSTEM is dirty");
	r->hint = xstrdup("boot it once");
	assert_fails(hooks_plan(win, &profile, &p, &err), err, ERR_HIVE_DIRTY);
	plan_free(&p);
	drop(win);
}
END_TEST

START_TEST(scripts_are_ascii_and_crlf)
{
	for (const struct script *s = scripts; s->name; s++) {
		for (size_t i = 0; i < s->size; i++) {
			ck_assert_msg(s->data[i] < 0x80, "%s: byte %zu", s->name, i);
			if (s->data[i] == '\n')
				ck_assert_msg(
				    i && s->data[i - 1] == '\r', "%s: byte %zu", s->name, i);
		}
	}
}
END_TEST

SUITE("hooks", kms_prepares_a_sealed_image, kms_key_follows_the_edition,
    installed_client_key_is_kept, kms_host_is_the_profiles,
    kms_clears_what_would_share_ids_or_stop_renewal, strip_modes, no_strip_without_licence_files,
    editions_without_volume_activation_are_refused, unsealed_images_are_refused,
    half_sealed_images_are_not_changed,
    unsealed_clone_starts_through_setup, anothers_setup_command_is_respected,
    kb971033_stays_where_it_is_not_ours, kb971033_leftovers_need_no_dism, single_only_takes_kb971033_off, mak_is_placed_as_a_secret,
    mak_strips_only_when_told, mak_needs_its_key, none_switches_activation_off_and_rearms,
    mak_proxy_opens_the_domain_rules, mak_proxy_limits_the_rules_to_vamt,
    mak_proxy_opens_nothing_unasked, mak_proxy_installs_a_key_it_is_given, oem_changes_nothing,
    report_share_is_handed_to_the_scripts, setup_complete_is_kept_and_chained_once,
    older_line_of_ours_is_replaced,
    open_setup_complete_gets_a_closed_descriptor, setup_complete_that_cmd_cannot_run_is_refused,
    strays_and_open_scripts_are_mended, facts_refusals_come_first, scripts_are_ascii_and_crlf)
