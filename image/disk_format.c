/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which images are disks, and what qemu calls them. */
#include "image/disk.h"

static const struct {
	enum image_format format;
	const char *qemu;
} formats[] = {
    {FORMAT_VHD_FIXED, "vpc"},
    {FORMAT_VHD_DYNAMIC, "vpc"},
    {FORMAT_VHDX, "vhdx"},
    {FORMAT_VMDK, "vmdk"},
    {FORMAT_QCOW2, "qcow2"},
    {FORMAT_RAW, "raw"},
};

const char *disk_qemu_format(enum image_format format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].format == format)
			return formats[i].qemu;
	return NULL;
}

bool disk_handles(enum image_format format)
{
	return disk_qemu_format(format) != NULL;
}
