/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/partition_name.h"

#include <ctype.h>
#include <dirent.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fsutil.h"

size_t name_fog_stem(const char *name, unsigned *disk, unsigned *partition)
{
	int n = 0;

	if (!isdigit((unsigned char)name[0] ? (unsigned char)name[1] : 0) ||
	    sscanf(name, "d%4up%4u.img%n", disk, partition, &n) != 2 || n == 0)
		return 0;
	return name[n] == '\0' || name[n] == '.' ? (size_t)n : 0;
}

size_t name_clonezilla_stem(const char *name)
{
	const char *mark = strstr(name, CLONEZILLA_MARK);

	if (!mark || mark == name)
		return 0;
	const char *codec = mark + strlen(CLONEZILLA_MARK);
	if (*codec != '.')
		return *codec ? 0 : strlen(name);
	const char *end = strchr(codec + 1, '.');
	return end ? (size_t)(end - name) : strlen(name);
}

/* "d1.partitions", "d1.mbr" …: what FOG puts beside the partitions. */
static bool beside_fog(const char *name)
{
	unsigned disk;
	int n = 0;

	return sscanf(name, "d%4u.%n", &disk, &n) == 1 && n;
}

static bool beside_clonezilla(const char *name)
{
	static const char *const names[] = {"clonezilla-img", "parts", "disk", "blkdev.list"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

char *name_image_dir(const char *real)
{
	const char *name = path_base(real);
	unsigned disk, partition;
	bool fog = name_fog_stem(name, &disk, &partition) != 0, found = false;

	if (!fog && !name_clonezilla_stem(name))
		return NULL;
	CLEANUP(free) char *dir = path_dir(real);
	DIR *d = opendir(dir);
	if (!d)
		return NULL;
	for (struct dirent *e; !found && (e = readdir(d));)
		found = fog ? beside_fog(e->d_name) : beside_clonezilla(e->d_name);
	closedir(d);
	return found ? steal_ptr(&dir) : NULL;
}
