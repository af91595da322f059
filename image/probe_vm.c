/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VHDX ([MS-VHDX]) and VMDK (Virtual Disk Format 5.0): does it depend on another file? */
#include "image/probe.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "image/bytes.h"

#define VHDX_REGION_TABLE (192u << 10)
#define VHDX_REGION_ENTRIES 2047
#define VHDX_METADATA_ENTRIES 2047
#define VHDX_HAS_PARENT 2

/* 8B7CA206-4790-4B9A-B8FE-575F050F886E */
static const uint8_t vhdx_metadata_region[16] = {
    0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
/* CAA16737-FA36-4D43-B3B6-33F0AA44E76B */
static const uint8_t vhdx_file_parameters[16] = {
    0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b};

/*
 * Tables of both kinds: a header, then entries of 32 bytes that begin with a GUID. True when
 * @guid is there; @entry gets it.
 */
static bool vhdx_find(const struct probe *p, uint64_t first, uint32_t count, const uint8_t guid[16],
    uint8_t entry[32])
{
	for (uint32_t i = 0; i < count; i++) {
		if (!probe_read(p, entry, 32, first + (uint64_t)i * 32))
			return false;
		if (memcmp(entry, guid, 16) == 0)
			return true;
	}
	return false;
}

/* Flags of the file parameters; false when they cannot be found. */
static bool vhdx_flags(const struct probe *p, uint64_t table, uint32_t *flags)
{
	uint8_t head[32], entry[32], value[8];

	if (!probe_read(p, head, 16, table) || memcmp(head, "regi", 4) != 0 ||
	    get_le32(head + 8) > VHDX_REGION_ENTRIES ||
	    !vhdx_find(p, table + 16, get_le32(head + 8), vhdx_metadata_region, entry))
		return false;
	uint64_t region = get_le64(entry + 16);
	if (region > p->size || !probe_read(p, head, 32, region) ||
	    memcmp(head, "metadata", 8) != 0 || get_le16(head + 10) > VHDX_METADATA_ENTRIES ||
	    !vhdx_find(p, region + 32, get_le16(head + 10), vhdx_file_parameters, entry) ||
	    !probe_read(p, value, 8, region + get_le32(entry + 16)))
		return false;
	*flags = get_le32(value + 4);
	return true;
}

int probe_vhdx(const struct probe *p, struct error *err)
{
	uint32_t flags;

	if (!vhdx_flags(p, VHDX_REGION_TABLE, &flags) &&
	    !vhdx_flags(p, VHDX_REGION_TABLE + (64u << 10), &flags))
		return err_set(err, ERR_DAMAGED, "%s: the VHDX has lost its tables", p->path);
	if (!(flags & VHDX_HAS_PARENT))
		return 0;
	err_set(err, ERR_DIFFERENCING, "%s is a differencing VHDX: half of it is in its parent",
	    p->path);
	return err_hint(err,
	    "merge it into its parent (Hyper-V: Edit Disk, Merge), or prepare the parent "
	    "and make a new child");
}

/* Sparse extent header, offsets in bytes */
enum {
	VMDK_FLAGS = 8,
	VMDK_CAPACITY = 12,
	VMDK_DESCRIPTOR = 28,
	VMDK_DESCRIPTOR_SIZE = 36,
	VMDK_GD = 56,
	VMDK_COMPRESSION = 77,
	VMDK_FLAG_COMPRESSED = 1 << 16,
};
#define VMDK_GD_AT_END (~0ull)
#define VMDK_DESCRIPTOR_MAX (64u << 10)

static int vmdk_differencing(const struct probe *p, struct error *err)
{
	err_set(err, ERR_DIFFERENCING, "%s is a snapshot: half of it is in its parent", p->path);
	return err_hint(err, "delete the machine's snapshots (that merges them), then try again");
}

/* The parts of a descriptor that say that there is a parent; qemu looks anywhere for them. */
static bool vmdk_has_parent(const char *text)
{
	const char *cid = strstr(text, "parentCID=");

	return strstr(text, "parentFileNameHint") ||
	       (cid && strncasecmp(cid + 10, "ffffffff", 8) != 0);
}

static int check_sparse_header(
    const struct probe *p, const uint8_t head[PROBE_HEAD], struct error *err)
{
	if (get_le16(head + VMDK_COMPRESSION) ||
	    (get_le32(head + VMDK_FLAGS) & VMDK_FLAG_COMPRESSED) ||
	    get_le64(head + VMDK_GD) == VMDK_GD_AT_END) {
		err_set(err, ERR_FORMAT,
		    "%s is a stream-optimized VMDK (as in an OVA), which cannot be "
		    "written to",
		    p->path);
		return probe_hint_convert(p, "vmdk", err);
	}
	/* qemu would take the text inside such a file for a list of other files */
	if (get_le64(head + VMDK_CAPACITY) == 0)
		return err_set(err, ERR_FORMAT, "%s: VMDK header without a size", p->path);
	return 0;
}

int probe_vmdk_sparse(const struct probe *p, struct error *err)
{
	uint64_t at = get_le64(p->head + VMDK_DESCRIPTOR),
		 n = get_le64(p->head + VMDK_DESCRIPTOR_SIZE);
	CLEANUP(free) char *text = xcalloc(1, VMDK_DESCRIPTOR_MAX + 1);

	if (check_sparse_header(p, p->head, err) != 0)
		return -1;
	if (at == 0)
		return 0;
	/* qemu reads 20 sectors whatever the header says */
	n = n < 20 ? 20 * 512 : n * 512;
	if (at > p->size / 512 || n > VMDK_DESCRIPTOR_MAX)
		return err_set(
		    err, ERR_DAMAGED, "%s: the VMDK's descriptor is outside the file", p->path);
	if (n > p->size - at * 512)
		n = p->size - at * 512;
	if (!probe_read(p, text, (size_t)n, at * 512))
		return err_set(
		    err, ERR_DAMAGED, "%s: the VMDK's descriptor cannot be read", p->path);
	return vmdk_has_parent(text) ? vmdk_differencing(p, err) : 0;
}

static int extent_outside(const struct probe *p, const char *name, struct error *err)
{
	err_set(err, ERR_BACKING_FILE, "%s names '%s', which is not a plain file beside it",
	    p->path, name);
	return err_hint(err,
	    "put all parts of the VMDK into one directory, or make one file of it with "
	    "qemu-img convert");
}

/* A part of the disk: a plain name, a regular file in the descriptor's own directory. */
static int check_extent(
    const struct probe *p, const char *dir, const char *name, bool sparse, struct error *err)
{
	uint8_t head[PROBE_HEAD] = {0};
	struct stat st;

	if (!name[0] || strpbrk(name, "/\\:") || name[0] == '.')
		return extent_outside(p, name, err);
	CLEANUP(free) char *path = path_join(dir, name);
	CLEANUP(close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return extent_outside(p, name, err);
	if (!sparse)
		return 0;
	if (st.st_size < PROBE_HEAD || pread_all(fd, head, PROBE_HEAD, 0, NULL) != 0 ||
	    memcmp(head, "KDMV", 4) != 0)
		return err_set(
		    err, ERR_FORMAT, "%s: the part %s is not of a kind known here", p->path, name);
	return check_sparse_header(p, head, err);
}

/* One line of "access sectors type name [offset]": 1 an extent, 0 another line, -1 refused. */
static int check_line(const struct probe *p, const char *dir, const char *line, struct error *err)
{
	char access[11], type[17], name[PATH_MAX];
	unsigned long long sectors;
	int n = sscanf(line, "%10s %llu %16s \"%4095[^\n\r\"]\"", access, &sectors, type, name);

	if (n < 3 || (strcmp(access, "RW") != 0 && strcmp(access, "RDONLY") != 0 &&
			 strcmp(access, "NOACCESS") != 0))
		return 0;
	bool flat = strcmp(type, "FLAT") == 0 || strcmp(type, "VMFS") == 0;
	if (strcmp(access, "RW") != 0 || n != 4 || (!flat && strcmp(type, "SPARSE") != 0)) {
		err_set(err, ERR_FORMAT, "%s has a part of type %s %s", p->path, access, type);
		return probe_hint_convert(p, "vmdk", err);
	}
	return check_extent(p, dir, name, !flat, err) == 0 ? 1 : -1;
}

int probe_vmdk_descriptor(const struct probe *p, struct error *err)
{
	CLEANUP(free) char *text = xcalloc(1, VMDK_DESCRIPTOR_MAX + 1);
	CLEANUP(free) char *real = realpath(p->path, NULL);
	unsigned extents = 0;

	if (p->size > VMDK_DESCRIPTOR_MAX)
		return err_set(err, ERR_LIMIT, "%s: VMDK descriptor of %llu bytes", p->path,
		    (unsigned long long)p->size);
	if (!real || !probe_read(p, text, (size_t)p->size, 0))
		return err_set(err, ERR_IO, "%s: cannot be read", p->path);
	if (vmdk_has_parent(text))
		return vmdk_differencing(p, err);
	CLEANUP(free) char *dir = path_dir(real);
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		int rc = check_line(p, dir, line, err);

		if (rc < 0)
			return -1;
		extents += (unsigned)rc;
	}
	if (extents)
		return 0;
	return err_set(err, ERR_DAMAGED, "%s: VMDK descriptor without a disk", p->path);
}
