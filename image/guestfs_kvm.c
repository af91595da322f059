/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/guestfs_kvm.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"

#define KVM_DEVICE "/dev/kvm"
#define COMPLAINT_MAX 120
#define KEY_MAX 4096

/*
 * What qemu 4 to 9 writes when KVM lets it down. The first kind leaves a process that
 * will never run on; after the others qemu ends by itself.
 */
static const char *const stopped[] = {
	"KVM internal error",
	"error: kvm run failed",
	"KVM: entry failed",
};
static const char *const ended[] = {
	"failed to set MSR",
	"Could not access KVM kernel module",
	"failed to initialize kvm",
	"kvm_",			/* an assertion: "kvm_buf_set_msrs: Assertion ..." */
};

static const char *find_any(const struct buf *console, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n && console->len; i++) {
		const char *hit = memmem(console->data, console->len, texts[i], strlen(texts[i]));

		if (hit)
			return hit;
	}
	return NULL;
}

bool kvm_stopped(const struct buf *console)
{
	return find_any(console, stopped, sizeof(stopped) / sizeof(stopped[0])) != NULL;
}

char *kvm_complaint(const struct buf *console)
{
	const char *hit = find_any(console, stopped, sizeof(stopped) / sizeof(stopped[0]));

	if (!hit)
		hit = find_any(console, ended, sizeof(ended) / sizeof(ended[0]));
	if (!hit)
		return NULL;
	const char *start = hit, *end = hit, *limit = console->data + console->len;
	while (start > console->data && start[-1] != '\n' && start[-1] != '\r' && start[-1])
		start--;
	while (end < limit && *end != '\n' && *end != '\r' && *end)
		end++;
	return xstrndup(start, end - start > COMPLAINT_MAX ? COMPLAINT_MAX : (size_t)(end - start));
}

bool kvm_openable(void)
{
	CLEANUP(close) int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);

	return fd >= 0;
}

static void add_stat(struct buf *key, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0)
		buf_addf(key, " %s:%lld:%lld.%09ld", path, (long long)st.st_size,
		    (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	else
		buf_addf(key, " %s:-", path);
}

char *kvm_machine_key(const char *hv)
{
	CLEANUP(buf) struct buf boot = BUF_INIT;
	struct buf key = BUF_INIT;
	struct utsname u;

	/* /proc says size 0: reading it works as for any file */
	if (read_whole_file("/proc/sys/kernel/random/boot_id", 64, &boot, NULL) == 0 && boot.len)
		boot.data[strcspn(boot.data, "\n")] = '\0';
	buf_addf(&key, "%s", boot.len ? boot.data : "-");
	if (uname(&u) == 0)
		buf_addf(&key, " %s", u.release);
	add_stat(&key, hv);
	add_stat(&key, KVM_DEVICE);
	return buf_steal(&key);
}

char *kvm_cache_path(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	/* the XDG specification: a relative path is to be ignored */
	if (cache && cache[0] == '/')
		return xasprintf("%s/w7prep/kvm-broken", cache);
	if (home && home[0] == '/')
		return xasprintf("%s/.cache/w7prep/kvm-broken", home);
	return NULL;
}

bool kvm_known_broken(const char *key)
{
	CLEANUP(free) char *path = kvm_cache_path();
	CLEANUP(buf) struct buf text = BUF_INIT;

	if (!path || read_whole_file(path, KEY_MAX, &text, NULL) != 0 || !text.len)
		return false;
	text.data[strcspn(text.data, "\n")] = '\0';
	return strcmp(text.data, key) == 0;
}

void kvm_remember_broken(const char *key)
{
	CLEANUP(free) char *path = kvm_cache_path();
	CLEANUP(free) char *line = xasprintf("%s\n", key);
	CLEANUP(error) struct error err = ERROR_INIT;

	if (!path)
		return;
	if (make_parents(path, &err) != 0 ||
	    write_file_atomic(path, line, strlen(line), 0600, &err) != 0)
		log_debug("KVM's state is not remembered: %s", err.message);
}
