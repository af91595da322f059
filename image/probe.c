/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "image/bytes.h"
#include "image/ntfs_boot.h"
#include "image/txn.h"

/* [VHD 1.0] hard disk footer */
#define VHD_COOKIE "conectix"
#define VHD_TYPE 60
enum { VHD_FIXED = 2, VHD_DYNAMIC = 3, VHD_DIFFERENCING = 4 };

/* docs/interop/qcow2.txt of QEMU */
enum {
	QCOW2_CORRUPT = 1 << 1,
	QCOW2_DATA_FILE = 1 << 2,
	QCOW2_KNOWN = 0x1f,
};

const char *image_format_name(enum image_format format)
{
	switch (format) {
	case FORMAT_WIM:
		return "wim";
	case FORMAT_VHD_FIXED:
	case FORMAT_VHD_DYNAMIC:
		return "vhd";
	case FORMAT_VHDX:
		return "vhdx";
	case FORMAT_VMDK:
		return "vmdk";
	case FORMAT_QCOW2:
		return "qcow2";
	case FORMAT_RAW:
		return "raw";
	case FORMAT_PARTCLONE:
		return "partclone";
	case FORMAT_TREE:
		return "tree";
	case FORMAT_UNKNOWN:
		break;
	}
	return "unknown";
}

static int differencing_vhd(const struct probe *p, struct error *err)
{
	err_set(err, ERR_DIFFERENCING, "%s is a differencing VHD: half of it is in its parent",
	    p->path);
	return err_hint(err,
	    "merge it into its parent (Hyper-V: Edit Disk, Merge), or prepare the parent "
	    "and make a new child");
}

/*
 * The footer is at the end, a dynamic disk has a copy of it at the beginning. An interrupted
 * commit can have left the end without; the rollback mends that.
 */
static int probe_vhd(const struct probe *p, const uint8_t tail[512], bool head, bool at_end,
    enum image_format *format, struct error *err)
{
	uint32_t first = get_be32(p->head + VHD_TYPE), last = get_be32(tail + VHD_TYPE);

	if ((head && first == VHD_DIFFERENCING) || (at_end && last == VHD_DIFFERENCING))
		return differencing_vhd(p, err);
	*format = head ? FORMAT_VHD_DYNAMIC : FORMAT_VHD_FIXED;
	if (!head && last == VHD_FIXED)
		return 0;
	if (!head)
		return err_set(err, ERR_DAMAGED, "%s: the VHD has lost its header", p->path);
	if (first != VHD_DYNAMIC)
		return err_set(err, ERR_FORMAT, "%s: VHD of unknown type %u", p->path, first);
	if (at_end || txn_interrupted(p->path, NULL) == 1)
		return 0;
	err_set(
	    err, ERR_DAMAGED, "%s: the VHD's footer is missing: the file was cut short", p->path);
	return err_hint(err, "copy it again from where it came");
}

static int probe_qcow2(const struct probe *p, struct error *err)
{
	uint32_t version = get_be32(p->head + 4);
	uint64_t features = version >= 3 ? get_be64(p->head + 72) : 0;

	if (version != 2 && version != 3)
		return err_set(err, ERR_FORMAT, "%s: QCOW version %u", p->path, version);
	if (get_be64(p->head + 8)) {
		err_set(err, ERR_BACKING_FILE, "%s keeps only the differences to another file",
		    p->path);
		return err_hint(
		    err, "prepare that file, or merge the two: qemu-img convert, qemu-img commit");
	}
	if (features & QCOW2_DATA_FILE) {
		err_set(err, ERR_BACKING_FILE, "%s keeps its data in another file", p->path);
		return probe_hint_convert(p, "qcow2", err);
	}
	if (get_be32(p->head + 32)) {
		err_set(err, ERR_FORMAT, "%s is encrypted", p->path);
		return err_hint(err, "decrypt it with qemu-img convert first");
	}
	if (features & QCOW2_CORRUPT) {
		err_set(err, ERR_DAMAGED, "%s: marked as corrupt", p->path);
		return err_hint(err, "try: qemu-img check -r all -f qcow2 %s", p->path);
	}
	if (features & ~(uint64_t)QCOW2_KNOWN)
		return err_set(
		    err, ERR_FORMAT, "%s uses features that are not known here", p->path);
	if (get_be32(p->head + 60))
		log_warn(
		    "%s has internal snapshots: only its present state is looked at and changed",
		    p->path);
	return 0;
}

static const struct {
	const char *magic;
	size_t n, at;
	const char *what, *hint;
} refused[] = {
    {"COWD", 4, 0, "an ESX server VMDK (COWD)",
	"convert it with vmkfstools -i or qemu-img convert"},
    {"\x7f\x10\xda\xbe", 4, 64, "a VirtualBox VDI",
	"convert it: qemu-img convert -f vdi -O vhdx OLD.vdi NEW.vhdx"},
    {"\x1f\x8b", 2, 0, "a gzip file", "unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, 0, "a zstd file", "unpack it first"},
    {"\xfd"
     "7zXZ",
	5, 0, "an xz file", "unpack it first"},
    {"\x04\x22\x4d\x18", 4, 0, "an lz4 file", "unpack it first"},
    {"BZh", 3, 0, "a bzip2 file", "unpack it first"},
    {"PK\x03\x04", 4, 0, "a ZIP file", "unpack it first"},
    {"7z\xbc\xaf\x27\x1c", 6, 0, "a 7-Zip file", "unpack it first"},
    {"LUKS\xba\xbe", 6, 0, "a LUKS volume", "open it first, then name what is inside"},
};

static int probe_refused(const struct probe *p, struct error *err)
{
	uint8_t cd[5];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (memcmp(p->head + refused[i].at, refused[i].magic, refused[i].n) != 0)
			continue;
		err_set(err, ERR_FORMAT, "%s is %s", p->path, refused[i].what);
		return err_hint(err, "%s", refused[i].hint);
	}
	if (probe_read(p, cd, sizeof(cd), 0x8001) && memcmp(cd, "CD001", 5) == 0) {
		err_set(err, ERR_NOT_AN_IMAGE, "%s is a CD or DVD image", p->path);
		return err_hint(
		    err, "take sources/install.wim out of it, prepare that, and put it back");
	}
	return 0;
}

/* Without a magic of its own: only what looks like a disk or a volume is taken for one. */
static int probe_raw(const struct probe *p, struct error *err)
{
	uint8_t gpt[8];

	if (p->size >= 1024 &&
	    ((p->head[510] == 0x55 && p->head[511] == 0xaa) ||
		volume_kind(p->head) != VOLUME_OTHER ||
		(probe_read(p, gpt, sizeof(gpt), 512) && memcmp(gpt, "EFI PART", 8) == 0)))
		return 0;
	err_set(err, ERR_NOT_AN_IMAGE, "%s is not an image of a kind known here", p->path);
	return err_hint(err,
	    "WIM, VHD, VHDX, VMDK, QCOW2, a raw disk or NTFS volume, or a FOG or Clonezilla "
	    "partition image is expected");
}

static bool head_is(const struct probe *p, const char *magic, size_t n)
{
	return memcmp(p->head, magic, n) == 0;
}

static int probe_file(struct probe *p, enum image_format *format, struct error *err)
{
	uint8_t tail[512] = {0};
	bool at_end = p->size >= 512 && probe_read(p, tail, sizeof(tail), p->size - 512) &&
		      memcmp(tail, VHD_COOKIE, 8) == 0;

	if (head_is(p, "MSWIM\0\0", 8) || head_is(p, "WLPWM\0\0", 8))
		return *format = FORMAT_WIM, 0;
	if (probe_partclone(p))
		return *format = FORMAT_PARTCLONE, 0;
	if (head_is(p, "vhdxfile", 8))
		return *format = FORMAT_VHDX, probe_vhdx(p, err);
	if (head_is(p, "QFI\xfb", 4))
		return *format = FORMAT_QCOW2, probe_qcow2(p, err);
	if (head_is(p, "KDMV", 4))
		return *format = FORMAT_VMDK, probe_vmdk_sparse(p, err);
	if (head_is(p, "# Disk DescriptorFile", 21))
		return *format = FORMAT_VMDK, probe_vmdk_descriptor(p, err);
	if (head_is(p, VHD_COOKIE, 8) || at_end)
		return probe_vhd(p, tail, head_is(p, VHD_COOKIE, 8), at_end, format, err);
	if (probe_partimage(p, err) != 0 || probe_refused(p, err) != 0)
		return -1;
	*format = FORMAT_RAW;
	return probe_raw(p, err);
}

int image_probe(const char *path, enum image_format *format, struct error *err)
{
	struct probe p = {.path = path};
	struct stat st;
	/* a FIFO must not block, a device must not be touched */
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*format = FORMAT_UNKNOWN;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(err, ERR_NO_SUCH_FILE, "%s: no such file", path);
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_errno(err, "cannot open %s", path);
	if (S_ISDIR(st.st_mode)) {
		*format = probe_partclone_dir(path) ? FORMAT_PARTCLONE : FORMAT_TREE;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_NOT_AN_IMAGE, "%s is not a regular file", path);
	p.fd = fd;
	p.size = (uint64_t)st.st_size;
	size_t n = p.size < PROBE_HEAD ? (size_t)p.size : PROBE_HEAD;
	if (pread_all(fd, p.head, n, 0, err) != 0)
		return err_context(err, "%s", path);
	return probe_file(&p, format, err);
}
