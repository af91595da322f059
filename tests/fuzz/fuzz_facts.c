/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The facts and the plan when one value, or one file, of a sound Windows 7 is the input. The first
 * byte chooses it, for a value the second its type.
 */
#include "hooks/hook.h"
#include "tests/fixtures/phony_parts.h"
#include "tests/fuzz/fuzz_tree.h"

#define NT "Microsoft\\Windows NT\\CurrentVersion"
#define SPP NT "\\SoftwareProtectionPlatform"
#define SET "ControlSet001\\"
#define RULES SET "services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules"
/* The product key in DigitalProductId4: nothing of it may be read. */
#define DPID4_KEY 808
#define DPID4_KEY_SIZE 16

static const struct place {
	const char *file; /* a hive, then with key and value; or a file */
	const char *key, *value;
} places[] = {
    {"SOFTWARE", NT, "DigitalProductId4"},
    {"SOFTWARE", NT, "EditionID"},
    {"SOFTWARE", NT, "ProductName"},
    {"SOFTWARE", NT, "CurrentVersion"},
    {"SOFTWARE", NT, "CurrentBuildNumber"},
    {"SOFTWARE", NT, "InstallationType"},
    {"SOFTWARE", SPP, "KeyManagementServiceName"},
    {"SOFTWARE", SPP, "SkipRearm"},
    {"SOFTWARE", "Microsoft\\Windows\\CurrentVersion\\Setup\\State", "ImageState"},
    {"SOFTWARE",
	NT "\\Schedule\\TaskCache\\Tree\\Microsoft\\Windows\\Windows Activation "
	   "Technologies\\ValidationTask",
	"Id"},
    {"SYSTEM", "Select", "Current"},
    {"SYSTEM", "Setup", "CmdLine"},
    {"SYSTEM", "Setup", "UnattendFile"},
    {"SYSTEM", SET "Control\\ComputerName\\ComputerName", "ComputerName"},
    {"SYSTEM", SET "Control\\Session Manager", "SetupExecute"},
    {"SYSTEM", SET "services\\WatAdminSvc", "ImagePath"},
    {"SYSTEM", RULES, "WMI-WINMGMT-In-TCP-NoScope"},
    {"/Windows/Setup/State/State.ini", NULL, NULL},
    {"/Windows/Setup/Scripts/SetupComplete.cmd", NULL, NULL},
    {"/Windows/Panther/unattend.xml", NULL, NULL},
    {"/hiberfil.sys", NULL, NULL},
};
#define N_PLACES (sizeof(places) / sizeof(places[0]))

static struct {
	const struct place *place;
	const uint8_t *data;
	size_t size;
	char *tree;
} input;

static char *make_tree(void)
{
	return fuzz_tree((const char *const[]){"servicing=small", "setup-complete=crlf",
	    "hiberfil=zero", "answer-place=panther", NULL});
}

/* The hive as phony.c makes it, with the input in it. */
static int make_hive(int fd, struct error *err)
{
	const struct place *to = input.place;
	struct hivegen *h = hivegen_new();
	struct phony_options o;

	phony_init(&o);
	struct phony p = {.o = &o, .err = err};
	if (strcmp(to->file, "SYSTEM") == 0)
		phony_system_hive(&p, h);
	else
		phony_software_hive(&p, h);
	hivegen_set(h, to->key, to->value, input.size ? input.data[0] % 12u : 0,
	    input.size ? input.data + 1 : input.data, input.size ? input.size - 1 : 0);
	int rc = hivegen_write_fd(h, fd, NULL, err);
	hivegen_free(h);
	phony_free(&o);
	return rc;
}

static int fetch(struct image *im, size_t vol, const char *path, int fd, struct error *err)
{
	if (name_eq(path, input.place->file))
		return pwrite_all(fd, input.data, input.size, 0, err) == 0 ? 1 : -1;
	if (input.place->key && name_eq(strrchr(path, '/') + 1, input.place->file))
		return make_hive(fd, err) == 0 ? 1 : -1;
	return tree_ops.fetch(im, vol, path, fd, err);
}

static int read_part(struct image *im, size_t vol, const char *path, uint64_t off, size_t max,
    struct buf *out, struct error *err)
{
	if (!name_eq(path, input.place->file))
		return tree_ops.read(im, vol, path, off, max, out, err);
	buf_reset(out);
	if (off < input.size)
		buf_add(out, input.data + off, max < input.size - off ? max : input.size - off);
	return 1;
}

static int stat_file(
    struct image *im, size_t vol, const char *path, struct image_stat *st, struct error *err)
{
	if (!name_eq(path, input.place->file))
		return tree_ops.stat(im, vol, path, st, err);
	*st = (struct image_stat){.size = input.size};
	return 1;
}

static void check_texts(const struct windows *win)
{
	const char *const texts[] = {win->edition, win->product_name, win->version,
	    win->installation_type, win->computer_name, win->image_state, win->image_state_ini,
	    win->setup_cmdline, win->spp.kms_host, win->spp.key_channel, win->spp.activation_id};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		FUZZ_CHECK(!texts[i] || utf8_valid(texts[i], strlen(texts[i])));
	FUZZ_CHECK(!win->spp.activation_id || strlen(win->spp.activation_id) == 36);
	FUZZ_CHECK(!win->spp.key_channel || strlen(win->spp.key_channel) <= 64);
}

/* @set "W7_NAME=value": nothing from an image may end the string, or the line. */
static void check_settings(const struct change *c)
{
	const char *p = c->content.data;

	if (c->op != CHANGE_WRITE_FILE || !p || strncmp(p, "@set \"W7_", 9) != 0)
		return;
	for (const char *end; *p; p = end + 3) {
		FUZZ_CHECK(strncmp(p, "@set \"W7_", 9) == 0);
		end = strchr(p + 6, '"');
		FUZZ_CHECK(end && strncmp(end, "\"\r\n", 3) == 0);
		FUZZ_CHECK((size_t)(end - p) == strcspn(p + 6, "\r\n%") + 6 ||
			   !memchr(p, '%', (size_t)(end - p)));
	}
}

static void check_plan(struct image *im, const struct windows *win)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	const struct profile profile = {
	    .path = (char *)(uintptr_t) "lab.ini",
	    .name = (char *)(uintptr_t) "lab",
	    .strategy = STRATEGY_KMS,
	    .activate_at_first_boot = true,
	    .rearm_when_days_left = 3,
	    .mobile = UNSET,
	};
	struct plan plan;

	if (hooks_plan(win, &profile, &plan, &err) != 0 ||
	    changeset_check(im, 0, win, &plan.changes, &err) != 0)
		fuzz_check_error(&err);
	for (size_t i = 0; i < plan.changes.list.n; i++)
		check_settings(&plan.changes.list.v[i]);
	plan_free(&plan);
}

/* What is known of the key, as text. */
static char *look(bool plan)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	struct image_ops ops = tree_ops;
	struct image *im = fuzz_open_tree(input.tree);
	struct windows win;
	char *key = NULL;

	ops.fetch = fetch;
	ops.read = read_part;
	ops.stat = stat_file;
	im->ops = &ops;
	int rc = windows_read(im, 0, &win, &err);
	if (rc == 1) {
		check_texts(&win);
		key = xasprintf("%s %s", win.spp.key_channel ? win.spp.key_channel : "-",
		    win.spp.activation_id ? win.spp.activation_id : "-");
		if (plan)
			check_plan(im, &win);
		windows_free(&win);
	} else if (rc < 0) {
		fuzz_check_error(&err);
	}
	image_close(im);
	return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!input.tree)
		input.tree = make_tree();
	if (size < 2)
		return 0;
	CLEANUP(free) uint8_t *copy = xmemdup(data + 1, size - 1);
	input.place = &places[data[0] % N_PLACES];
	input.data = copy;
	input.size = size - 1;
	CLEANUP(free) char *key = look(true);
	if (input.place != places || size - 2 < DPID4_KEY + DPID4_KEY_SIZE)
		return 0;
	for (size_t i = 0; i < DPID4_KEY_SIZE; i++)
		copy[1 + DPID4_KEY + i] ^= 0xff;
	CLEANUP(free) char *again = look(false);
	FUZZ_CHECK(!key == !again && (!key || strcmp(key, again) == 0));
	return 0;
}
