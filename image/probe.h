/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of image_probe(): one for each container whose first sector does not say it all. */
#ifndef W7PREP_IMAGE_PROBE_H
#define W7PREP_IMAGE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "image/image.h"

#define PROBE_HEAD 512

struct probe {
	const char *path;	/* as named by the user */
	int fd;
	uint64_t size;
	uint64_t at;	/* how far a compressed file was read */
	uint8_t head[PROBE_HEAD];	/* zeros past the end of a shorter file */
};

/* Like pread_all: false for what is not there. */
bool probe_read(const struct probe *p, void *out, size_t n, uint64_t off);

int probe_vhdx(const struct probe *p, struct error *err);
int probe_vmdk_sparse(const struct probe *p, struct error *err);
int probe_vmdk_descriptor(const struct probe *p, struct error *err);

/* A partition image of FOG or Clonezilla, any part of it; a directory that holds some. */
bool probe_partclone(struct probe *p);
bool probe_partclone_dir(const char *path);
/* -1 with the refusal when a compressed partimage image is inside. */
int probe_partimage(struct probe *p, struct error *err);

/* Say how to get rid of what is not supported, in qemu's words. Returns -1. */
int probe_hint_convert(const struct probe *p, const char *from, struct error *err);

#endif
