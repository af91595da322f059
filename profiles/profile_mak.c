/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one secret that a profile points to. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "profiles/editions.h"
#include "profiles/profile.h"

#define KEY_LENGTH 29

static void cleanup_secret(struct buf *b)
{
	buf_wipe_free(b);
}

static int check_file(int fd, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(err, ERR_PROFILE, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_PROFILE, "%s: mak_key_file is not a regular file", path);
		return err_hint(err, "name a text file that holds the MAK and nothing else");
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		err_set(
		    err, ERR_PROFILE, "%s: the file with the MAK belongs to another user", path);
		return err_hint(err, "chown it to yourself or root, and chmod 600 it");
	}
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		err_set(err, ERR_PROFILE, "%s: others may read the file with the MAK (mode %04o)",
		    path, (unsigned)st.st_mode & 07777);
		return err_hint(err, "chmod 600 %s", path);
	}
	return 0;
}

/* The key in what the file holds: Notepad's byte order mark and line ends are no part of it. */
static const char *find_key(struct buf *text)
{
	char *s = text->data;

	if (text->len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	s += strspn(s, " \t\r\n");
	size_t n = strlen(s);
	while (n && strchr(" \t\r\n", s[n - 1]))
		s[--n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (s[i] >= 'a' && s[i] <= 'z')
			s[i] = (char)(s[i] - 32);
	return n == KEY_LENGTH && product_key_valid(s) ? s : NULL;
}

/* The file's bytes, as far as they can be a line of text. */
static int read_text(int fd, const char *path, struct buf *text, struct error *err)
{
	/* reserved first: growing would leave copies of the key behind */
	buf_reserve(text, 2 * 65536);
	int rc = read_whole_fd(fd, 256, text, NULL);
	if (rc == 0 && text->len >= 2 &&
	    (memcmp(text->data, "\xff\xfe", 2) == 0 || memcmp(text->data, "\xfe\xff", 2) == 0)) {
		err_set(err, ERR_PROFILE, "%s: the file with the MAK is UTF-16 text", path);
		return err_hint(err, "in Notepad: Save As, Encoding ANSI or UTF-8");
	}
	if (rc == 0 && !memchr(text->data, '\0', text->len))
		return 0;
	err_set(err, ERR_PROFILE, "%s: this is no file with a MAK in it", path);
	return err_hint(err, "a text file with the MAK in its one line, and nothing else");
}

int profile_read_mak(const struct profile *p, struct buf *out, struct error *err)
{
	const char *path = p->mak_key_file;
	CLEANUP(secret) struct buf text = BUF_INIT;

	if (!path) {
		err_set(err, ERR_PROFILE, "%s: names no mak_key_file", p->path);
		return err_hint(
		    err, "put the MAK in a file, chmod 600 it, and name it in [activation]");
	}
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		err_set(err, ERR_PROFILE, "%s: cannot open the file with the MAK: %s", path,
		    strerror(errno));
		return err_hint(err, "mak_key_file of %s says where it is", p->path);
	}
	if (check_file(fd, path, err) != 0)
		return -1;
	if (read_text(fd, path, &text, err) != 0)
		return -1;
	const char *key = find_key(&text);
	if (!key) {
		err_set(err, ERR_PROFILE, "%s: there is no product key of Windows 7 in it", path);
		return err_hint(
		    err, "one line: five groups of five letters and digits with dashes between");
	}
	const struct edition *public = edition_of_key(key);
	if (public) {
		err_set(err, ERR_PROFILE, "%s: this is no MAK but the public KMS client key of %s",
		    path, public->name);
		return err_hint(err, "w7prep knows these keys: strategy = kms needs no key file");
	}
	buf_reserve(out, KEY_LENGTH);
	buf_add(out, key, KEY_LENGTH);
	return 0;
}
