/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why the hook would not run. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "plugin/fog.h"

#define HOOK_MAX (1u << 20)

static void check_script(const struct fog_site *site, struct fog_findings *out)
{
	const struct fog_script *s = site->script;
	CLEANUP(error) struct error err = ERROR_INIT;
	CLEANUP(buf) struct buf text = BUF_INIT;
	CLEANUP(free) char *dir = path_dir(site->path);
	struct fog_lines lines;

	fog_check_mode(dir, 05, out);
	fog_check_mode(site->path, 04, out);
	if (read_whole_file(site->path, FOG_SCRIPT_MAX, &text, &err) != 0) {
		fog_find(out, FOG_WRONG, NULL, "%s", err.message);
		return;
	}
	fog_lines_find(s, &text, &lines);
	if (!lines.ours)
		fog_find(
		    out, FOG_WRONG, "w7prep fog install", "%s: no line sources w7prep", site->path);
	else if (lines.wrong_variable)
		fog_find(out, FOG_WRONG, "w7prep fog remove, then w7prep fog install",
		    "%s:%u: $%s is empty in this script: it is $%s here", site->path, lines.ours,
		    s->other, s->variable);
	else
		fog_find(out, lines.exact ? FOG_OK : FOG_NOTE,
		    lines.exact	      ? NULL
			: lines.by_hand ? "one of your own is fine; w7prep fog remove leaves it to you"
					: "w7prep fog remove and w7prep fog install make it so again",
		    "%s:%u: sources w7prep%s", site->path, lines.ours,
		    lines.exact ? "" : ", but is not the line that w7prep adds");
	if (lines.again)
		fog_find(out, FOG_NOTE, "take one out", "%s:%u: sources w7prep a second time",
		    site->path, lines.again);
	if (lines.end && lines.ours)
		fog_find(out, FOG_WRONG, "move the line of w7prep above it",
		    "%s:%u: ends the script before line %u", site->path, lines.end, lines.ours);
	if (lines.cr)
		fog_find(out, FOG_WRONG, "sed -i 's/\\r$//' on the file",
		    "%s:%u: ends in a carriage return, as Windows' editors write it: bash stumbles",
		    site->path, lines.cr);
}

static void check_file(const struct fog_site *site, const char *name, struct fog_findings *out)
{
	CLEANUP(free) char *path = path_join(site->dir, name);
	CLEANUP(free) char *kit = fog_kit_file(name);
	CLEANUP(buf) struct buf there = BUF_INIT;
	CLEANUP(buf) struct buf ours = BUF_INIT;

	if (!fog_check_mode(path, 04, out) || !kit)
		return;
	if (read_whole_file(path, HOOK_MAX, &there, NULL) != 0 ||
	    read_whole_file(kit, HOOK_MAX, &ours, NULL) != 0)
		return;
	if (!buf_equal(&there, &ours))
		fog_find(
		    out, FOG_NOTE, "w7prep fog install", "%s: not the one of this w7prep", path);
}

static void check_hook(const struct fog_site *site, struct fog_findings *out)
{
	if (!fog_check_mode(site->dir, 05, out))
		return;
	check_file(site, FOG_HOOK, out);
	check_file(site, FOG_CHOOSER, out);
}

/* A program for that architecture that needs nothing else: what is wrong with it, or NULL. */
static const char *program_fault(int fd, const struct fog_arch *arch)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} h;
	uint64_t phoff, interp = 0;
	unsigned phnum, phsize;

	if (pread_all(fd, &h, sizeof(h), 0, NULL) != 0 || memcmp(h.ident, ELFMAG, SELFMAG) != 0 ||
	    h.ident[EI_DATA] != ELFDATA2LSB)
		return "not a program";
	/* the machine is at the same place in both */
	if (h.ident[EI_CLASS] != arch->elf_class || h.e64.e_machine != arch->elf_machine)
		return "for another architecture";
	bool wide = arch->elf_class == ELFCLASS64;
	phoff = wide ? h.e64.e_phoff : h.e32.e_phoff;
	phnum = wide ? h.e64.e_phnum : h.e32.e_phnum;
	phsize = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	for (unsigned i = 0; i < phnum; i++) {
		Elf32_Word type;

		if (pread_all(fd, &type, sizeof(type), phoff + (uint64_t)i * phsize, NULL) != 0)
			return "cut short";
		interp |= type == PT_INTERP;
	}
	return interp ? "wants shared libraries" : NULL;
}

static void check_programs(const struct fog_site *site, struct fog_findings *out)
{
	unsigned n = 0;

	for (const struct fog_arch *a = fog_archs; a->name; a++) {
		CLEANUP(free) char *path = xasprintf("%s/" FOG_PROGRAM "%s", site->dir, a->name);
		CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0 && errno == ENOENT) {
			fog_find(
			    out, FOG_NOTE, NULL, "no program for %s (%s)", a->name, a->clients);
			continue;
		}
		n++;
		if (fd < 0 || !fog_check_mode(path, 05, out)) {
			if (fd < 0)
				fog_find(out, FOG_WRONG, NULL, "%s: %s", path, strerror(errno));
			continue;
		}
		const char *fault = program_fault(fd, a);
		fog_find(out, fault ? FOG_WRONG : FOG_OK, fault ? "w7prep fog install" : NULL,
		    "%s: %s", path, fault ? fault : "a static program, for everybody to run");
	}
	if (!n)
		fog_find(out, FOG_WRONG, "make static, make install, w7prep fog install",
		    "%s: no program at all", site->dir);
}

void fog_check(const struct fog_site *site, struct fog_findings *out)
{
	check_script(site, out);
	if (access(site->dir, F_OK) != 0) {
		fog_find(out, FOG_WRONG, "w7prep fog install", "%s is not there", site->dir);
		return;
	}
	check_hook(site, out);
	check_programs(site, out);
	fog_check_rules(site, out);
}
