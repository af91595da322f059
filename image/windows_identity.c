/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which Windows this is. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "image/bytes.h"
#include "image/windows_read.h"

/* "ControlSet001": three digits, as Select\Current numbers them. */
static bool is_control_set(const char *name)
{
	const char *digits = name + strlen("ControlSet");

	return name_has_prefix(name, "ControlSet") && strlen(digits) == 3 &&
	    strspn(digits, "0123456789") == 3;
}

static void read_control_sets(struct win_reader *r)
{
	struct windows *win = r->win;
	CLEANUP(strvec) struct strvec keys = STRVEC_INIT;
	uint32_t current;

	win_subkeys(r, WIN_SYSTEM, "", &keys);
	for (size_t i = 0; i < keys.n; i++)
		if (is_control_set(keys.v[i]))
			strvec_add(&win->control_sets, keys.v[i]);
	strvec_sort(&win->control_sets);
	if (win_dword(r, WIN_SYSTEM, "Select", "Current", &current) && current <= 999)
		win->current_control_set = xasprintf("ControlSet%03u", current);
	if (!r->hives[WIN_SYSTEM] || r->damaged[WIN_SYSTEM])
		return;
	for (size_t i = 0; win->current_control_set && i < win->control_sets.n; i++)
		if (name_eq(win->control_sets.v[i], win->current_control_set))
			return;
	win_refuse(win, ERR_DAMAGED, "boot it to see whether it starts, then capture it again",
	    "the SYSTEM hive's Select key names no control set that is there (%s)",
	    win->current_control_set ? win->current_control_set : "no Current value");
}

static enum win_arch arch_of_name(const char *name)
{
	/* as PROCESSOR_ARCHITECTURE has them; the names in CBS identities are the same */
	for (enum win_arch a = ARCH_X86; a <= ARCH_IA64; a++)
		if (name_eq(name, win_arch_name(a)))
			return a;
	return ARCH_UNKNOWN;
}

/* The machine field of a PE header within the first bytes of a program. */
static enum win_arch arch_of_program(const struct buf *head)
{
	const unsigned char *p = (const unsigned char *)head->data;
	size_t pe;

	if (head->len < 0x40 || p[0] != 'M' || p[1] != 'Z')
		return ARCH_UNKNOWN;
	pe = get_le32(p + 0x3c);
	if (pe > head->len || head->len - pe < 6 || memcmp(p + pe, "PE\0\0", 4) != 0)
		return ARCH_UNKNOWN;
	switch (get_le16(p + pe + 4)) {
	case 0x014c:
		return ARCH_X86;
	case 0x8664:
		return ARCH_AMD64;
	case 0x0200:
		return ARCH_IA64;
	default:
		return ARCH_UNKNOWN;
	}
}

static enum win_arch read_arch(struct win_reader *r)
{
	CLEANUP(free) char *key = win_control(r->win, "Control\\Session Manager\\Environment");
	CLEANUP(free) char *name = win_string(r, WIN_SYSTEM, key, "PROCESSOR_ARCHITECTURE");
	CLEANUP(free) char *program = windows_path(r->win, "/System32/cmd.exe");
	CLEANUP(buf) struct buf head = BUF_INIT;
	enum win_arch arch = name ? arch_of_name(name) : ARCH_UNKNOWN;

	if (arch == ARCH_UNKNOWN && win_head(r, program, 4096, &head))
		arch = arch_of_program(&head);
	return arch;
}

/* "Service Pack 1"; where SOFTWARE does not say, SYSTEM has it as 0x100. */
static unsigned read_service_pack(struct win_reader *r)
{
	CLEANUP(free) char *text = win_string(r, WIN_SOFTWARE, KEY_CURRENT_VERSION, "CSDVersion");
	CLEANUP(free) char *key = win_control(r->win, "Control\\Windows");
	unsigned long n;
	uint32_t csd;

	if (text && name_has_prefix(text, "Service Pack ") &&
	    parse_uint(text + strlen("Service Pack "), 0, 99, &n))
		return (unsigned)n;
	if (win_dword(r, WIN_SYSTEM, key, "CSDVersion", &csd))
		return csd >> 8 & 0xff;
	return 0;
}

static unsigned read_build(struct win_reader *r)
{
	CLEANUP(free) char *number =
	    win_string(r, WIN_SOFTWARE, KEY_CURRENT_VERSION, "CurrentBuildNumber");
	CLEANUP(free) char *build = win_string(r, WIN_SOFTWARE, KEY_CURRENT_VERSION, "CurrentBuild");
	unsigned long n;

	if (number && parse_uint(number, 0, 999999, &n))
		return (unsigned)n;
	return build && parse_uint(build, 0, 999999, &n) ? (unsigned)n : 0;
}

void windows_read_identity(struct win_reader *r)
{
	struct windows *win = r->win;

	read_control_sets(r);
	win->product_name = win_string(r, WIN_SOFTWARE, KEY_CURRENT_VERSION, "ProductName");
	win->edition = win_string(r, WIN_SOFTWARE, KEY_CURRENT_VERSION, "EditionID");
	win->installation_type =
	    win_string(r, WIN_SOFTWARE, KEY_CURRENT_VERSION, "InstallationType");
	win->version = win_string(r, WIN_SOFTWARE, KEY_CURRENT_VERSION, "CurrentVersion");
	win->build = read_build(r);
	win->service_pack = read_service_pack(r);
	win->arch = read_arch(r);

	CLEANUP(free) char *languages = win_control(win, "Control\\MUI\\UILanguages");
	win_subkeys(r, WIN_SYSTEM, languages, &win->languages);
	strvec_sort(&win->languages);
	CLEANUP(free) char *name = win_control(win, "Control\\ComputerName\\ComputerName");
	win->computer_name = win_string(r, WIN_SYSTEM, name, "ComputerName");
}
