/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of image_probe() share. */
#include "common/fsutil.h"
#include "image/probe.h"

bool probe_read(const struct probe *p, void *out, size_t n, uint64_t off)
{
	return off <= p->size && n <= p->size - off && pread_all(p->fd, out, n, off, NULL) == 0;
}

int probe_hint_convert(const struct probe *p, const char *from, struct error *err)
{
	return err_hint(err,
	    "make an ordinary image of it: qemu-img convert -f %s -O vhdx %s NEW.vhdx", from,
	    p->path);
}
