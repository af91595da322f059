/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is inside a compressed file: a partition of FOG or Clonezilla, or something like it. */
#include "image/probe.h"

#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fsutil.h"
#include "image/codec.h"
#include "image/partclone_format.h"
#include "image/partclone_set.h"

static int read_head(void *opaque, void *to, size_t max, size_t *got, struct error *err)
{
	struct probe *p = opaque;
	ssize_t n = pread(p->fd, to, max, (off_t)p->at);

	if (n < 0)
		return err_errno(err, "cannot read %s", p->path);
	p->at += (uint64_t)n;
	*got = (size_t)n;
	return 0;
}

/* The first bytes of what is compressed, if it is. */
static bool unpacks_to(struct probe *p, const char *magic, size_t n)
{
	enum codec codec = codec_of(p->head, sizeof(p->head));
	struct decoder *d = codec == CODEC_NONE ? NULL : decoder_open(codec, read_head, p, NULL);
	uint8_t head[32];
	size_t got = 0;

	p->at = 0;
	bool same = d && decoder_read(d, head, n, &got, NULL) == 0 && got == n &&
		    memcmp(head, magic, n) == 0;
	decoder_close(d);
	return same;
}

/* A partition of FOG or Clonezilla. A later part of a split one has nothing to be known by. */
bool probe_partclone(struct probe *p)
{
	CLEANUP(error) struct error why = ERROR_INIT;
	struct ptcl_set set;
	bool later = false;

	if (memcmp(p->head, PTCL_MAGIC, 15) == 0 || unpacks_to(p, PTCL_MAGIC, 15))
		return true;
	if (ptcl_set_find(p->path, &set, &why) != 0)
		return why.code == ERR_DAMAGED;
	later = set.names.n > 1 && strcmp(set.names.v[0], path_base(p->path)) != 0;
	ptcl_set_free(&set);
	return later;
}

bool probe_partclone_dir(const char *path)
{
	CLEANUP(strvec) struct strvec partitions = STRVEC_INIT;

	ptcl_dir_list(path, &partitions);
	return partitions.n != 0;
}

int probe_partimage(struct probe *p, struct error *err)
{
	if (!unpacks_to(p, "PaRtImAgE-VoLuMe", 16))
		return 0;
	err_set(err, ERR_FORMAT, "%s is a partimage image", p->path);
	return err_hint(
	    err, "capture the partition again with partclone (FOG: Partclone Gzip or Zstd)");
}
