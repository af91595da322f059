/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of a WIM ("Windows Imaging File Format (WIM) Specification", Microsoft 2007):
 * looked at before libwim sees the file, because it tells what is refused, and because
 * libwim takes sizes in it at their word.
 */
#include <string.h>
#include <sys/stat.h>

#include "common/fsutil.h"
#include "image/wim.h"

/* The largest images have well below a million files: 100 bytes of blob table each, 50 MB. */
#define TABLE_MAX (1ull << 30)
#define XML_MAX (64ull << 20)
#define IMAGES_MAX 1024u

static uint64_t le(const uint8_t *p, unsigned bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | p[bytes];
	return n;
}

static struct wim_reshdr reshdr(const uint8_t *p)
{
	/* seven bytes of size, one of flags */
	return (struct wim_reshdr){le(p + 8, 8), le(p, 7), le(p + 16, 8)};
}

static int check_resource(const struct wim_header *h, const struct wim_reshdr *r, const char *what,
    uint64_t max, struct error *err)
{
	if (r->size > h->file_size || r->offset > h->file_size - r->size)
		return err_set(err, ERR_DAMAGED, "its %s is past the end of the file", what);
	if (r->size > max || r->original_size > max)
		return err_set(err, ERR_LIMIT, "its %s is larger than that of any real WIM", what);
	return 0;
}

int wim_header_read(int fd, struct wim_header *h, struct error *err)
{
	struct stat st;

	memset(h, 0, sizeof(*h));
	const uint8_t *raw = h->raw;
	if (fstat(fd, &st) != 0)
		return err_errno(err, "cannot read it");
	h->file_size = (uint64_t)st.st_size;
	if (pread_all(fd, h->raw, sizeof(h->raw), 0, err) != 0)
		return -1;
	h->pipable = memcmp(raw, "WLPWM\0\0\0", 8) == 0;
	if (!h->pipable && memcmp(raw, "MSWIM\0\0\0", 8) != 0)
		return err_set(err, ERR_NOT_AN_IMAGE, "it is not a WIM file");
	if (le(raw + 8, 4) != WIM_HEADER_SIZE)
		return err_set(err, ERR_DAMAGED, "its header is damaged");
	h->version = (uint32_t)le(raw + 12, 4);
	h->flags = (uint32_t)le(raw + 16, 4);
	h->chunk_size = (uint32_t)le(raw + 20, 4);
	h->part = (uint16_t)le(raw + 40, 2);
	h->parts = (uint16_t)le(raw + 42, 2);
	h->image_count = (uint32_t)le(raw + 44, 4);
	h->blobs = reshdr(raw + 48);
	h->xml = reshdr(raw + 72);
	h->boot_index = (uint32_t)le(raw + 120, 4);
	h->integrity = reshdr(raw + 124);
	if (h->image_count > IMAGES_MAX)
		return err_set(err, ERR_LIMIT, "it says that it holds %u images", h->image_count);
	if (check_resource(h, &h->blobs, "table of contents", TABLE_MAX, err) != 0 ||
	    check_resource(h, &h->xml, "XML description", XML_MAX, err) != 0 ||
	    check_resource(h, &h->integrity, "integrity table", TABLE_MAX, err) != 0)
		return -1;
	return 0;
}

uint64_t wim_header_end(const struct wim_header *h)
{
	const struct wim_reshdr *r[] = {&h->blobs, &h->xml, &h->integrity};
	uint64_t end = WIM_HEADER_SIZE;

	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		if (r[i]->offset + r[i]->size > end)
			end = r[i]->offset + r[i]->size;
	return end;
}
