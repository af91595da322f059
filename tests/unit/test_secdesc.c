/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>

#include "common/text.h"
#include "image/secdesc.h"
#include "tests/unit/unit.h"

/* Set on a file and read back unchanged through ntfs-3g: SYSTEM and Administrators full. */
#define MEASURED_SECRET \
	"0100049048000000580000000000000014000000020034000200000000001400ff011f00" \
	"01010000000000051200000000001800ff011f0001020000000000052000000020020000" \
	"0102000000000005200000002002000001020000000000052000000020020000"

#define SID_SYSTEM "010100000000000512000000"
#define SID_ADMINS "01020000000000052000000020020000"
#define SID_USERS "01020000000000052000000021020000"
#define SID_EVERYONE "010100000000000100000000"
#define SID_CREATOR_OWNER "010100000000000300000000"
#define SID_TRUSTED_INSTALLER "010600000000000550000000b589fb381984c2cb5c6c236d5700776ec0026487"

static struct buf from_hex(const char *hex)
{
	struct buf b = BUF_INIT;

	for (; *hex; hex += 2) {
		unsigned n;

		ck_assert_int_eq(sscanf(hex, "%2x", &n), 1);
		buf_add(&b, (char[]){(char)n}, 1);
	}
	return b;
}

static void put32(struct buf *b, size_t at, uint32_t n)
{
	const char le[4] = {(char)n, (char)(n >> 8), (char)(n >> 16), (char)(n >> 24)};

	memcpy(b->data + at, le, 4);
}

static void add_ace(struct buf *b, unsigned type, unsigned flags, uint32_t mask, const char *sid)
{
	CLEANUP(buf) struct buf s = from_hex(sid);
	size_t at = b->len, size = 8 + s.len;

	buf_add(b, (char[]){(char)type, (char)flags, (char)size, 0, 0, 0, 0, 0}, 8);
	put32(b, at + 4, mask);
	buf_add(b, s.data, s.len);
	b->data[22] = (char)(b->len - 20);
	b->data[24]++;
}

/* A descriptor whose owner is the SID @owner, SYSTEM has everything, and one entry more. */
static struct buf with_ace(const char *owner, unsigned type, unsigned flags, uint32_t mask,
    const char *sid)
{
	struct buf b = from_hex("0100048000000000000000000000000014000000"
				"0200080000000000");
	CLEANUP(buf) struct buf o = from_hex(owner);

	add_ace(&b, 0, 0, 0x1f01ff, SID_SYSTEM);
	if (sid)
		add_ace(&b, type, flags, mask, sid);
	put32(&b, 4, (uint32_t)b.len);
	buf_add(&b, o.data, o.len);
	return b;
}

static void assert_others(const struct buf *sd, bool read, bool write, const char *what)
{
	struct secdesc_access a = secdesc_others(sd->data, sd->len);

	ck_assert_msg(a.others_read == read && a.others_write == write, "%s: read %d, write %d",
	    what, a.others_read, a.others_write);
}

START_TEST(the_measured_descriptor_is_made)
{
	CLEANUP(buf) struct buf sd = BUF_INIT;

	secdesc_make(SECDESC_SECRET, &sd);
	CLEANUP(free) char *hex = to_hex(sd.data, sd.len);
	ck_assert_str_eq(hex, MEASURED_SECRET);
}
END_TEST

START_TEST(what_is_made_is_as_closed_as_it_says)
{
	static const bool safe[3][3] = {
	    [SECDESC_SECRET] = {true, true, true},
	    [SECDESC_SCRIPT] = {false, true, true},
	    [SECDESC_DIRECTORY] = {false, true, true},
	};

	for (enum secdesc_kind made = SECDESC_SECRET; made <= SECDESC_DIRECTORY; made++) {
		CLEANUP(buf) struct buf sd = BUF_INIT;

		secdesc_make(made, &sd);
		for (enum secdesc_kind as = SECDESC_SECRET; as <= SECDESC_DIRECTORY; as++)
			ck_assert_msg(
			    secdesc_is_safe(&sd, as) == safe[made][as], "%u as %u", made, as);
		assert_others(&sd, made != SECDESC_SECRET, false, "made");
	}
}
END_TEST

START_TEST(directories_hand_their_entries_down)
{
	CLEANUP(buf) struct buf script = BUF_INIT;
	CLEANUP(buf) struct buf dir = BUF_INIT;

	secdesc_make(SECDESC_SCRIPT, &script);
	secdesc_make(SECDESC_DIRECTORY, &dir);
	ck_assert_uint_eq(script.len, dir.len);
	/* flags of the first entry: it follows the descriptor (20) and the list's header (8) */
	ck_assert_int_eq(script.data[29], 0);
	ck_assert_int_eq(dir.data[29], 3);
}
END_TEST

START_TEST(entries_count_for_who_they_are_for)
{
	static const struct {
		const char *what, *sid;
		unsigned type, flags;
		uint32_t mask;
		bool read, write;
	} cases[] = {
	    {"users read", SID_USERS, 0, 0, 0x1200a9, true, false},
	    {"users append", SID_USERS, 0, 0, 0x4, false, true},
	    {"users write DAC", SID_USERS, 0, 0, 0x40000, false, true},
	    {"users see attributes", SID_USERS, 0, 0, 0x120088, false, false},
	    {"everyone full", SID_EVERYONE, 0, 0, 0x1f01ff, true, true},
	    {"everyone generic all", SID_EVERYONE, 0, 0, 0x10000000, true, true},
	    {"everyone generic write", SID_EVERYONE, 0, 0, 0x40000000, false, true},
	    {"everyone denied", SID_EVERYONE, 1, 0, 0x1f01ff, false, false},
	    {"TrustedInstaller full", SID_TRUSTED_INSTALLER, 0, 0, 0x1f01ff, false, false},
	    {"creator owner below", SID_CREATOR_OWNER, 0, 0x0b, 0x1f01ff, false, false},
	    {"creator owner here", SID_CREATOR_OWNER, 0, 0, 0x1f01ff, true, true},
	    {"users write below", SID_USERS, 0, 0x0b, 0x6, false, true},
	    {"unknown entry for SYSTEM", SID_SYSTEM, 5, 0, 0x2, false, true},
	    {"a longer SID", "01020000000000051200000001000000", 0, 0, 0x1, true, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(buf) struct buf sd = with_ace(
		    SID_ADMINS, cases[i].type, cases[i].flags, cases[i].mask, cases[i].sid);

		assert_others(&sd, cases[i].read, cases[i].write, cases[i].what);
	}
}
END_TEST

START_TEST(a_denial_does_not_undo_a_grant)
{
	CLEANUP(buf) struct buf sd = from_hex("0100048000000000000000000000000014000000"
					      "0200080000000000");
	CLEANUP(buf) struct buf owner = from_hex(SID_ADMINS);

	add_ace(&sd, 1, 0, 0x1f01ff, SID_EVERYONE);
	add_ace(&sd, 0, 0, 0x1f01ff, SID_EVERYONE);
	put32(&sd, 4, (uint32_t)sd.len);
	buf_add(&sd, owner.data, owner.len);
	assert_others(&sd, true, true, "denied, then granted");
}
END_TEST

START_TEST(an_owner_from_elsewhere_may_do_everything)
{
	CLEANUP(buf) struct buf users = with_ace(SID_USERS, 0, 0, 0, NULL);
	CLEANUP(buf) struct buf installer = with_ace(SID_TRUSTED_INSTALLER, 0, 0, 0, NULL);

	assert_others(&users, true, true, "owned by Users");
	assert_others(&installer, false, false, "owned by TrustedInstaller");
}
END_TEST

START_TEST(malformed_descriptors_give_everything)
{
	CLEANUP(buf) struct buf good = from_hex(MEASURED_SECRET);
	CLEANUP(buf) struct buf empty = BUF_INIT;

	ck_assert(!secdesc_is_safe(&empty, SECDESC_SCRIPT));
	for (size_t n = 0; n < good.len; n++) {
		/* memory of just that size, so that a sanitizer sees a read past its end */
		CLEANUP(free) char *cut = xmemdup(good.data, n);
		struct secdesc_access a = secdesc_others(cut, n);

		/* owner (72 to 87) is needed, the group after it is not looked at */
		ck_assert_msg(a.others_write == (n < 88), "%zu bytes", n);
	}
}
END_TEST

START_TEST(absent_lists_give_everything)
{
	CLEANUP(buf) struct buf no_flag = from_hex(MEASURED_SECRET);
	CLEANUP(buf) struct buf no_list = from_hex(MEASURED_SECRET);
	CLEANUP(buf) struct buf no_owner = from_hex(MEASURED_SECRET);

	no_flag.data[2] &= ~4;
	put32(&no_list, 16, 0);
	put32(&no_owner, 4, 0);
	assert_others(&no_flag, true, true, "no DACL");
	assert_others(&no_list, true, true, "NULL DACL");
	assert_others(&no_owner, true, true, "no owner");
}
END_TEST

/* Nothing too short for an owner and a list may pass, whatever it says; no read past its end. */
START_TEST(any_bytes_can_be_looked_at)
{
	CLEANUP(buf) struct buf good = from_hex(MEASURED_SECRET);
	unsigned safe = 0;

	srand(1);
	for (int i = 0; i < 200000; i++) {
		CLEANUP(free) char *p = xmemdup(good.data, good.len);

		for (int k = rand() % 3; k >= 0; k--)
			p[(size_t)rand() % good.len] = (char)rand();
		size_t n = rand() % 2 ? good.len : (size_t)rand() % good.len;
		CLEANUP(free) char *cut = xmemdup(p, n);
		struct secdesc_access a = secdesc_others(cut, n);
		ck_assert(a.others_write || n >= 20 + 8 + 12);
		safe += !a.others_write;
	}
	ck_assert_uint_gt(safe, 0);
}
END_TEST

SUITE("secdesc", the_measured_descriptor_is_made, what_is_made_is_as_closed_as_it_says,
    directories_hand_their_entries_down, entries_count_for_who_they_are_for,
    a_denial_does_not_undo_a_grant, an_owner_from_elsewhere_may_do_everything,
    malformed_descriptors_give_everything, absent_lists_give_everything,
    any_bytes_can_be_looked_at)
