/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/secdesc.h"

#include <stdint.h>
#include <string.h>

/* [MS-DTYP] 2.4.6 SECURITY_DESCRIPTOR, 2.4.5 ACL, 2.4.4 ACE, 2.4.2 SID; little endian. */
enum {
	SD_SIZE = 20,
	SD_CONTROL = 2,
	SD_OWNER = 4,
	SD_DACL = 16,
	ACL_SIZE = 8,
	ACE_SIZE = 8,		/* with the mask, without the SID */
	SID_SIZE = 8,		/* without sub-authorities */
};

#define CONTROL_DACL_PRESENT 0x0004u
#define CONTROL_DACL_PROTECTED 0x1000u
#define CONTROL_SELF_RELATIVE 0x8000u

#define ACE_ALLOWED 0x00
#define ACE_OBJECT_INHERIT 0x01
#define ACE_CONTAINER_INHERIT 0x02
#define ACE_INHERIT_ONLY 0x08

#define FILE_ALL 0x001f01ffu
#define FILE_READ_EXECUTE 0x001200a9u

/* read data; the generic rights and "as much as allowed" include it */
#define READS 0x92000001u
/* write, append, write EA, delete child, write attributes, delete, WRITE_DAC, WRITE_OWNER */
#define WRITES 0x520d0156u

struct sid {
	uint8_t authority, subs;
	uint32_t sub[6];
};

static const struct sid system_sid = {5, 1, {18}};
static const struct sid administrators = {5, 2, {32, 544}};
static const struct sid users = {5, 2, {32, 545}};
static const struct sid trusted_installer = {
    5, 6, {80, 956008885u, 3418522649u, 1831038044u, 1853292631u, 2271478464u}};
static const struct sid creator_owner = {3, 1, {0}};
static const struct sid creator_group = {3, 1, {1}};

static void add16(struct buf *b, unsigned n)
{
	buf_add(b, (char[]){(char)n, (char)(n >> 8)}, 2);
}

static void add32(struct buf *b, uint32_t n)
{
	add16(b, n & 0xffff);
	add16(b, n >> 16);
}

static unsigned sid_size(const struct sid *s)
{
	return SID_SIZE + 4u * s->subs;
}

static void add_sid(struct buf *b, const struct sid *s)
{
	buf_add(b, (char[]){1, (char)s->subs, 0, 0, 0, 0, 0, (char)s->authority}, SID_SIZE);
	for (unsigned i = 0; i < s->subs; i++)
		add32(b, s->sub[i]);
}

static void add_ace(struct buf *b, unsigned flags, uint32_t mask, const struct sid *who)
{
	buf_add(b, (char[]){ACE_ALLOWED, (char)flags}, 2);
	add16(b, ACE_SIZE + sid_size(who));
	add32(b, mask);
	add_sid(b, who);
}

static void add_acl(struct buf *b, enum secdesc_kind kind)
{
	unsigned flags = kind == SECDESC_DIRECTORY ? ACE_OBJECT_INHERIT | ACE_CONTAINER_INHERIT : 0;
	struct buf aces = BUF_INIT;
	unsigned n = 2;

	add_ace(&aces, flags, FILE_ALL, &system_sid);
	add_ace(&aces, flags, FILE_ALL, &administrators);
	if (kind != SECDESC_SECRET) {
		add_ace(&aces, flags, FILE_READ_EXECUTE, &users);
		n++;
	}
	buf_add(b, (char[]){2, 0}, 2);
	add16(b, ACL_SIZE + (unsigned)aces.len);
	add16(b, n);
	add16(b, 0);
	buf_add(b, aces.data, aces.len);
	buf_free(&aces);
}

void secdesc_make(enum secdesc_kind kind, struct buf *out)
{
	struct buf acl = BUF_INIT;

	add_acl(&acl, kind);
	uint32_t owner = SD_SIZE + (uint32_t)acl.len;
	buf_reset(out);
	buf_add(out, (char[]){1, 0}, 2);
	add16(out, CONTROL_SELF_RELATIVE | CONTROL_DACL_PRESENT | CONTROL_DACL_PROTECTED);
	add32(out, owner);
	add32(out, owner + sid_size(&administrators));
	add32(out, 0);
	add32(out, SD_SIZE);
	buf_add(out, acl.data, acl.len);
	add_sid(out, &administrators);
	add_sid(out, &administrators);
	buf_free(&acl);
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

/* The SID of @n bytes at @p is @want, whole. */
static bool sid_is(const uint8_t *p, size_t n, const struct sid *want)
{
	if (n < sid_size(want) || p[0] != 1 || p[1] != want->subs)
		return false;
	for (unsigned i = 0; i < 5; i++)
		if (p[2 + i])
			return false;
	if (p[7] != want->authority)
		return false;
	for (unsigned i = 0; i < want->subs; i++)
		if (get32(p + SID_SIZE + 4 * i) != want->sub[i])
			return false;
	return true;
}

static bool is_trusted(const uint8_t *sid, size_t n)
{
	return sid_is(sid, n, &system_sid) || sid_is(sid, n, &administrators) ||
	    sid_is(sid, n, &trusted_installer);
}

/* [MS-DTYP] 2.4.4.1: ACCESS_DENIED and its object and callback forms */
static bool is_deny(unsigned type)
{
	return type == 0x01 || type == 0x06 || type == 0x0a || type == 0x0c;
}

/*
 * What one entry gives to others. Denials are not counted in anybody's favour: whether they win
 * depends on their order and on groups that are not known here. Entries of kinds that files
 * do not have are taken to be for everybody. What a directory hands down to what is
 * made in it counts as access, but for the placeholder of whoever makes it.
 */
static uint32_t others_mask(const uint8_t *ace, size_t n)
{
	const uint8_t *sid = ace + ACE_SIZE;
	size_t len = n - ACE_SIZE;

	if (is_deny(ace[0]))
		return 0;
	if (ace[0] == ACE_ALLOWED) {
		if (is_trusted(sid, len))
			return 0;
		if ((ace[1] & ACE_INHERIT_ONLY) &&
		    (sid_is(sid, len, &creator_owner) || sid_is(sid, len, &creator_group)))
			return 0;
	}
	return get32(ace + 4);
}

/* Everything that the list at @p gives to others; false when it is malformed. */
static bool acl_mask(const uint8_t *p, size_t n, uint32_t *mask)
{
	if (n < ACL_SIZE || get16(p + 2) < ACL_SIZE || get16(p + 2) > n)
		return false;
	size_t left = get16(p + 2) - ACL_SIZE;
	unsigned count = get16(p + 4);

	p += ACL_SIZE;
	for (; count; count--) {
		size_t size;

		if (left < ACE_SIZE)
			return false;
		size = get16(p + 2);
		if (size < ACE_SIZE || size > left)
			return false;
		*mask |= others_mask(p, size);
		p += size;
		left -= size;
	}
	return true;
}

/* The owner may always change the list. */
static bool owner_is_trusted(const uint8_t *sd, size_t n)
{
	uint32_t at = get32(sd + SD_OWNER);

	return at >= SD_SIZE && at < n && is_trusted(sd + at, n - at);
}

struct secdesc_access secdesc_others(const void *sd, size_t n)
{
	const uint8_t *p = sd;
	const struct secdesc_access everything = {true, true};
	uint32_t mask = 0;

	if (n < SD_SIZE || p[0] != 1 || !(get16(p + SD_CONTROL) & CONTROL_SELF_RELATIVE) ||
	    !(get16(p + SD_CONTROL) & CONTROL_DACL_PRESENT) || !owner_is_trusted(p, n))
		return everything;
	uint32_t at = get32(p + SD_DACL);
	if (at < SD_SIZE || at >= n || !acl_mask(p + at, n - at, &mask))
		return everything;
	return (struct secdesc_access){
	    .others_read = mask & READS,
	    .others_write = mask & WRITES,
	};
}

bool secdesc_is_safe(const struct buf *sd, enum secdesc_kind kind)
{
	struct secdesc_access a = secdesc_others(sd->data, sd->len);

	return !a.others_write && (kind != SECDESC_SECRET || !a.others_read);
}
