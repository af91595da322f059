/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies in w7prep/ beside FOG's script, and where it is taken from. */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "plugin/fog.h"
#include "profiles/profile.h"

#define PROGRAM_MAX (64u << 20)
#define TEXT_MAX (1u << 20)

const struct fog_arch fog_archs[] = {
    {"x86_64", ELFCLASS64, EM_X86_64, "every PC of the last fifteen years"},
    {"i386", ELFCLASS32, EM_386, "PCs that start FOG's 32-bit client"},
    {"aarch64", ELFCLASS64, EM_AARCH64, "PCs with an ARM processor"},
    {0},
};

/* Installed beside the program, in the source tree beside the build, where it was built for. */
static void kit_dirs(struct strvec *dirs)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n > 0) {
		exe[n] = '\0';
		CLEANUP(free) char *dir = path_dir(exe);
		CLEANUP(free) char *parent = path_dir(dir);

		strvec_take(dirs, path_join(parent, "share/w7prep/fog"));
		strvec_take(dirs, path_join(parent, "hooks/fog"));
		strvec_take(dirs, path_join(parent, "hooks"));
		strvec_add(dirs, dir);
	}
	strvec_add(dirs, W7PREP_DATADIR "/fog");
}

char *fog_kit_file(const char *name)
{
	CLEANUP(strvec) struct strvec dirs = STRVEC_INIT;

	kit_dirs(&dirs);
	for (size_t i = 0; i < dirs.n; i++) {
		char *path = path_join(dirs.v[i], name);

		if (access(path, R_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static int make_dir(const char *path, struct error *err)
{
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return 0;
	return err_errno(err, "cannot make %s", path);
}

/* Put @data at @to, unless it is there already. */
static int put(
    const char *to, const struct buf *data, unsigned mode, struct strvec *done, struct error *err)
{
	CLEANUP(buf) struct buf old = BUF_INIT;
	struct stat st;

	if (stat(to, &st) == 0 && (st.st_mode & 07777) == mode &&
	    read_whole_file(to, PROGRAM_MAX, &old, NULL) == 0 && buf_equal(&old, data))
		return 0;
	if (write_file_atomic(to, data->len ? data->data : "", data->len, mode, err) != 0)
		return -1;
	strvec_add(done, to);
	return 0;
}

static int copy(const char *from, const char *to, size_t max, unsigned mode, struct strvec *done,
    struct error *err)
{
	CLEANUP(buf) struct buf data = BUF_INIT;

	return read_whole_file(from, max, &data, err) != 0 ? -1 : put(to, &data, mode, done, err);
}

static int install_hook(const struct fog_site *site, struct strvec *done, struct error *err)
{
	static const char *const files[] = {FOG_CHOOSER, FOG_HOOK};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		CLEANUP(free) char *from = fog_kit_file(files[i]);
		CLEANUP(free) char *to = path_join(site->dir, files[i]);

		if (!from) {
			err_set(err, ERR_NO_SUCH_FILE,
			    "the FOG kit of this w7prep (%s) is not there", files[i]);
			return err_hint(err, "install w7prep on this machine: make install");
		}
		if (copy(from, to, TEXT_MAX, 0644, done, err) != 0)
			return -1;
	}
	return 0;
}

static int install_programs(const struct fog_site *site, struct strvec *done, struct error *err)
{
	unsigned n = 0;

	for (const struct fog_arch *a = fog_archs; a->name; a++) {
		CLEANUP(free) char *name = xasprintf(FOG_PROGRAM "%s", a->name);
		CLEANUP(free) char *from = fog_kit_file(name);
		CLEANUP(free) char *to = path_join(site->dir, name);

		if (!from)
			continue;
		n++;
		if (copy(from, to, PROGRAM_MAX, 0755, done, err) != 0)
			return -1;
	}
	if (n)
		return 0;
	err_set(err, ERR_NO_SUCH_FILE, "there is no static program to install");
	return err_hint(err, "make static, then make install");
}

/* The example without its default: that is what -p says. */
static int new_rules(const char *from, const char *profile, struct buf *out, struct error *err)
{
	CLEANUP(buf) struct buf example = BUF_INIT;

	if (read_whole_file(from, TEXT_MAX, &example, err) != 0)
		return -1;
	for (char *rest = example.len ? example.data : NULL, *line; (line = strsep(&rest, "\n"));)
		if (*line && strncmp(line, "default", 7) != 0)
			buf_addf(out, "%s\n", line);
	if (profile) {
		const char *base = path_base(profile);

		buf_addf(out, "default   %.*s\n", (int)strlen(base) - 4, base);
	}
	return 0;
}

static int install_rules(
    const struct fog_site *site, const char *profile, struct strvec *done, struct error *err)
{
	CLEANUP(free) char *from = fog_kit_file(FOG_RULES);
	CLEANUP(free) char *to = path_join(site->dir, FOG_RULES);
	CLEANUP(buf) struct buf text = BUF_INIT;

	if (!from || access(to, F_OK) == 0)
		return 0;
	return new_rules(from, profile, &text, err) != 0 ? -1 : put(to, &text, 0644, done, err);
}

static int install_profile(
    const char *dir, const char *from, bool replace, struct strvec *done, struct error *err)
{
	CLEANUP(free) char *to = path_join(dir, path_base(from));

	if (!replace && access(to, F_OK) == 0)
		return 0;
	return copy(from, to, TEXT_MAX, 0644, done, err);
}

/* The shipped ones too: others extend them. */
static int install_profiles(
    const struct fog_site *site, const char *profile, struct strvec *done, struct error *err)
{
	CLEANUP(free) char *dir = path_join(site->dir, "profiles");
	CLEANUP(strvec) struct strvec known = STRVEC_INIT;

	if (make_dir(dir, err) != 0)
		return -1;
	profile_list(&known);
	for (size_t i = 0; i < known.n; i++)
		if (install_profile(dir, known.v[i], false, done, err) != 0)
			return -1;
	return profile ? install_profile(dir, profile, true, done, err) : 0;
}

int fog_kit_install(
    const struct fog_site *site, const char *profile, struct strvec *done, struct error *err)
{
	if (make_dir(site->dir, err) != 0 || install_hook(site, done, err) != 0 ||
	    install_programs(site, done, err) != 0 ||
	    install_profiles(site, profile, done, err) != 0)
		return -1;
	return install_rules(site, profile, done, err);
}
