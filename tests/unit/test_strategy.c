/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/fsutil.h"
#include "profiles/strategy.h"
#include "tests/unit/unit.h"

/* A lab and an image, and what must come of them. */
struct scenario {
	const char *what;
	enum strategy said;
	enum lab_licence licence;
	unsigned seats, kms_clients, days, left;
	enum tristate mobile;
	const char *kms_host, *mak_file, *domain;
	struct strategy_image image;
	enum strategy decided;
	const char *because; /* part of the last reason */
	const char *also;    /* part of an earlier reason, or NULL */
	const char *advice;  /* part of one piece of advice, or NULL */
};

#define VENDOR                                                                                     \
	{                                                                                          \
		.edition = "Professional", .key_channel = "OEM:SLP", .oem_certificate = true       \
	}
#define IMAGE(e)                                                                                   \
	{                                                                                          \
		.edition = (e)                                                                     \
	}

static bool has(const struct strvec *list, size_t n, const char *part)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(list->v[i], part))
			return true;
	return false;
}

static struct profile profile_of(const struct scenario *s)
{
	return (struct profile){
	    .strategy = s->said,
	    .licence = s->licence,
	    .seats = s->seats,
	    .kms_clients = s->kms_clients,
	    .reclone_days = s->days,
	    .rearm_when_days_left = s->left,
	    .mobile = s->mobile,
	    .kms_host = (char *)s->kms_host,
	    .mak_key_file = (char *)s->mak_file,
	    .domain = (char *)s->domain,
	    .require_sealed = true,
	};
}

static void check(const struct scenario *s)
{
	struct profile p = profile_of(s);
	struct strategy_decision d;

	strategy_decide(&p, &s->image, &d);
	ck_assert_msg(d.strategy == s->decided, "%s: %s", s->what, strategy_name(d.strategy));
	ck_assert_msg(d.reasons.n > 0, "%s: no reason", s->what);
	ck_assert_msg(strstr(d.reasons.v[d.reasons.n - 1], s->because), "%s: %s", s->what,
	    d.reasons.v[d.reasons.n - 1]);
	ck_assert_msg(!s->also || has(&d.reasons, d.reasons.n - 1, s->also), "%s: %s", s->what,
	    d.reasons.v[0]);
	ck_assert_msg(!s->advice || has(&d.advice, d.advice.n, s->advice), "%s: %s", s->what,
	    d.advice.n ? d.advice.v[0] : "no advice");
	/* plain sentences: nothing left to fill in, one line, no final period */
	for (size_t i = 0; i < d.reasons.n + d.advice.n; i++) {
		const char *t = i < d.reasons.n ? d.reasons.v[i] : d.advice.v[i - d.reasons.n];

		ck_assert_msg(!strpbrk(t, "{}\n") && t[strlen(t) - 1] != '.', "%s: %s", s->what, t);
	}
	strategy_decision_free(&d);
}

#define CHECK(list)                                                                                \
	for (size_t i_ = 0; i_ < sizeof(list) / sizeof((list)[0]); i_++)                           \
	check(&(list)[i_])

START_TEST(kms_by_numbers)
{
	static const struct scenario list[] = {
	    {"25 seats", .licence = LICENCE_KMS, .seats = 25, .decided = STRATEGY_KMS,
		.because = "25 KMS clients reach the 25"},
	    {"24 seats", .licence = LICENCE_KMS, .seats = 24, .decided = STRATEGY_SINGLE,
		.because = "each PC by itself", .also = "24 KMS clients do not reach the 25"},
	    {"24 seats of 25 clients", .licence = LICENCE_KMS, .seats = 24, .kms_clients = 25,
		.decided = STRATEGY_KMS, .because = "25 KMS clients reach the 25"},
	    {"24 seats, 30 days", .licence = LICENCE_KMS, .seats = 24, .days = 30,
		.decided = STRATEGY_NONE, .because = "every 30 days",
		.also = "do not reach the 25"},
	    {"24 seats and a MAK", .licence = LICENCE_KMS, .seats = 24, .days = 30, .mak_file = "m",
		.decided = STRATEGY_MAK_PROXY, .because = "MAK Proxy",
		.also = "do not reach the 25"},
	    {"nobody counted", .licence = LICENCE_KMS, .decided = STRATEGY_KMS,
		.because = "does not say how many KMS clients",
		.advice = "say in [lab] kms_clients"},
	    {"a host is named", .kms_host = "kms", .seats = 25, .decided = STRATEGY_KMS,
		.because = "the profile names a KMS host"},
	    {"25 PCs without a key", .seats = 25, .decided = STRATEGY_SINGLE,
		.because = "no volume key", .advice = "does not say which key"},
	    /* a KMS host counts servers from 5 on */
	    {"5 servers", .licence = LICENCE_KMS, .seats = 5, .image = IMAGE("ServerStandard"),
		.decided = STRATEGY_KMS, .because = "5 KMS clients reach the 5"},
	    {"4 servers", .licence = LICENCE_KMS, .seats = 4, .image = IMAGE("ServerStandard"),
		.decided = STRATEGY_SINGLE, .because = "each PC by itself",
		.also = "4 KMS clients do not reach the 5"},
	    {"24 PCs", .licence = LICENCE_KMS, .seats = 24, .image = IMAGE("Enterprise"),
		.decided = STRATEGY_SINGLE, .because = "each PC by itself",
		.also = "do not reach the 25"},
	};

	CHECK(list);
}
END_TEST

START_TEST(mobile_pcs)
{
	static const struct scenario list[] = {
	    {"re-cloned", .licence = LICENCE_KMS, .seats = 30, .mobile = YES, .days = 120,
		.decided = STRATEGY_NONE, .because = "every 120 days",
		.also = "180 days: that speaks against KMS"},
	    {"with a MAK", .licence = LICENCE_KMS, .seats = 30, .mobile = YES, .mak_file = "m",
		.decided = STRATEGY_MAK, .because = "once (handout, MAK)", .also = "180 days"},
	    {"nothing else left", .licence = LICENCE_KMS, .seats = 30, .mobile = YES, .days = 121,
		.decided = STRATEGY_KMS, .because = "KMS all the same", .also = "180 days",
		.advice = "at least every 180 days"},
	    {"nothing else left, not counted", .licence = LICENCE_KMS, .mobile = YES,
		.decided = STRATEGY_KMS, .because = "KMS all the same", .also = "180 days"},
	    {"too few as well", .licence = LICENCE_KMS, .seats = 24, .mobile = YES,
		.decided = STRATEGY_SINGLE, .because = "each PC by itself",
		.also = "do not reach the 25"},
	    {"stationary", .licence = LICENCE_KMS, .seats = 30, .mobile = NO,
		.decided = STRATEGY_KMS, .because = "reach the 25"},
	    {"not said", .licence = LICENCE_KMS, .seats = 30, .mobile = UNSET,
		.decided = STRATEGY_KMS, .because = "reach the 25"},
	};

	CHECK(list);
}
END_TEST

START_TEST(mak_by_recloning)
{
	static const struct scenario list[] = {
	    {"never", .licence = LICENCE_MAK, .seats = 100, .decided = STRATEGY_MAK,
		.because = "No regular re-cloning"},
	    {"weekly", .licence = LICENCE_MAK, .days = 7, .decided = STRATEGY_MAK_PROXY,
		.because = "every 7 days with a MAK", .advice = "may do without activation"},
	    {"30 days", .licence = LICENCE_MAK, .days = 30, .decided = STRATEGY_MAK_PROXY,
		.because = "every 30 days with a MAK", .advice = "strategy = none"},
	    {"120 days", .licence = LICENCE_MAK, .days = 120, .seats = 5,
		.decided = STRATEGY_MAK_PROXY, .because = "every 120 days with a MAK",
		.advice = "VAMT has to reach the clones"},
	    {"121 days, few", .licence = LICENCE_MAK, .days = 121, .seats = 24,
		.decided = STRATEGY_MAK, .because = "Few PCs that are re-cloned only every 121"},
	    {"121 days, not counted", .licence = LICENCE_MAK, .days = 121, .decided = STRATEGY_MAK,
		.because = "Few PCs"},
	    {"121 days, many", .licence = LICENCE_MAK, .days = 121, .seats = 25,
		.decided = STRATEGY_MAK_PROXY, .because = "Re-cloning 25 PCs every 121 days"},
	    {"a file is named", .mak_file = "m", .decided = STRATEGY_MAK,
		.because = "No regular re-cloning"},
	    {"the image has one", .image = {.edition = "Enterprise", .key_channel = "Volume:MAK"},
		.days = 60, .decided = STRATEGY_MAK_PROXY, .because = "every 60 days with a MAK"},
	    {"many, but never re-cloned", .licence = LICENCE_MAK, .seats = 25,
		.decided = STRATEGY_MAK, .because = "once (handout, MAK)"},
	};

	CHECK(list);
}
END_TEST

START_TEST(without_a_key)
{
	static const struct scenario list[] = {
	    {"1 day", .days = 1, .decided = STRATEGY_NONE, .because = "within the 30 days"},
	    {"30 days", .days = 30, .decided = STRATEGY_NONE, .because = "within the 30 days",
		.advice = "activation is not licensing"},
	    {"31 days", .days = 31, .decided = STRATEGY_NONE, .because = "rearmed three times",
		.advice = "slmgr /rearm"},
	    {"120 days", .days = 120, .decided = STRATEGY_NONE, .because = "rearmed three times"},
	    {"121 days", .days = 121, .decided = STRATEGY_SINGLE, .because = "longer than the 120"},
	    {"never", .decided = STRATEGY_SINGLE, .because = "No regular re-cloning",
		.advice = "keep an image of that PC"},
	    {"retail", .licence = LICENCE_RETAIL, .days = 30, .decided = STRATEGY_NONE,
		.because = "within the 30 days", .also = "such keys are for single PCs"},
	    {"retail image", .image = {.edition = "Professional", .key_channel = "Retail"},
		.decided = STRATEGY_SINGLE, .because = "No regular", .also = "such keys"},
	    {"sticker", .image = {.edition = "Professional", .key_channel = "OEM:COA"},
		.decided = STRATEGY_SINGLE, .because = "No regular", .also = "such keys"},
	    {"vendor's disc", .image = {.edition = "Professional", .key_channel = "OEM:NONSLP"},
		.decided = STRATEGY_SINGLE, .because = "No regular", .also = "such keys"},
	    /* a client key is in every image from volume media: it says nothing of the licence */
	    {"client key", .image = {.edition = "Enterprise", .key_channel = "Volume:GVLK"},
		.seats = 100, .decided = STRATEGY_SINGLE, .because = "no volume key"},
	};

	CHECK(list);
}
END_TEST

/* Each rearm that is used early costs the days that were left. */
START_TEST(days_that_the_rearms_give)
{
	static const struct scenario list[] = {
	    {"111 of 111", .days = 111, .left = 3, .decided = STRATEGY_NONE,
		.because = "within the 111", .advice = "use 3 of the three rearms"},
	    {"112 of 111", .days = 112, .left = 3, .decided = STRATEGY_SINGLE,
		.because = "longer than the 111"},
	    {"57 take one", .days = 57, .left = 3, .decided = STRATEGY_NONE, .because = "within",
		.advice = "use 1 of the three rearms that Windows allows"},
	    {"58 take two", .days = 58, .left = 3, .decided = STRATEGY_NONE, .because = "within",
		.advice = "use 2 of the three rearms"},
	    {"29 days left", .days = 33, .left = 29, .decided = STRATEGY_NONE,
		.because = "within the 33"},
	    {"later would do", STRATEGY_NONE, .days = 117, .left = 3, .decided = STRATEGY_NONE,
		.because = "says", .advice = "117 days are more than the 111 that Windows runs "
					     "without activation when it is rearmed with 3 days "
					     "left; with rearm_when_days_left = 1 it is 117"},
	    {"nothing would do", STRATEGY_NONE, .days = 118, .left = 3, .decided = STRATEGY_NONE,
		.because = "says", .advice = "too rarely: 118 days are more than the 111 that "
					     "Windows runs without activation; after"},
	};

	CHECK(list);
	ck_assert_uint_eq(strategy_days_without_activation(0), 120);
	ck_assert_uint_eq(strategy_days_without_activation(29), 33);
}
END_TEST

START_TEST(editions_decide)
{
	static const struct scenario list[] = {
	    {"Home with KMS", .licence = LICENCE_KMS, .seats = 50, .image = IMAGE("HomePremium"),
		.decided = STRATEGY_SINGLE, .because = "each PC by itself",
		.also = "Windows 7 Home Premium is not among the editions"},
	    {"Ultimate with MAK", .licence = LICENCE_MAK, .days = 30, .image = IMAGE("Ultimate"),
		.decided = STRATEGY_NONE, .because = "within the 30 days", .also = "(KB4487266)"},
	    {"nobody knows it", .licence = LICENCE_KMS, .seats = 50, .image = IMAGE("Embedded"),
		.decided = STRATEGY_SINGLE, .because = "each PC by itself",
		.also = "Embedded is not among"},
	    {"Professional", .licence = LICENCE_KMS, .seats = 50, .image = IMAGE("professional"),
		.decided = STRATEGY_KMS, .because = "reach the 25"},
	};

	CHECK(list);
}
END_TEST

START_TEST(vendor_images)
{
	static const struct scenario list[] = {
	    {"key and certificate", .seats = 50, .days = 10, .image = VENDOR,
		.decided = STRATEGY_OEM, .because = "OEM:SLP key and certificate"},
	    {"licence oem", .licence = LICENCE_OEM, .image = VENDOR, .decided = STRATEGY_OEM,
		.because = "OEM:SLP key and certificate"},
	    {"Home edition", .decided = STRATEGY_OEM, .because = "OEM:SLP key and certificate",
		.image = {.edition = "HomePremium",
		    .key_channel = "oem:slp",
		    .oem_certificate = true}},
	    {"no certificate", .image = {.edition = "Professional", .key_channel = "OEM:SLP"},
		.decided = STRATEGY_SINGLE, .because = "each PC by itself"},
	    {"licence oem, other image", .licence = LICENCE_OEM, .image = IMAGE("Professional"),
		.days = 14, .decided = STRATEGY_NONE, .because = "within the 30 days",
		.also = "cannot activate itself"},
	    {"licence oem, no certificate", .licence = LICENCE_OEM,
		.image = {.edition = "Professional", .key_channel = "OEM:SLP"},
		.decided = STRATEGY_SINGLE, .because = "each PC by itself",
		.also = "cannot activate itself"},
	    {"licence oem, no image", .licence = LICENCE_OEM, .decided = STRATEGY_OEM,
		.because = "a vendor's image activates itself", .advice = "SLIC in the BIOS"},
	    /* the school's own volume key, said or in hand, comes before the vendor's */
	    {"KMS", .licence = LICENCE_KMS, .seats = 25, .image = VENDOR, .decided = STRATEGY_KMS,
		.because = "reach the 25", .also = "the volume key takes its place",
		.advice = "which the volume key replaces"},
	    {"MAK file", .mak_file = "m", .image = VENDOR, .decided = STRATEGY_MAK,
		.because = "once (handout, MAK)", .also = "the volume key takes its place"},
	};

	CHECK(list);
}
END_TEST

START_TEST(a_strategy_that_is_said_is_taken_with_advice)
{
	static const struct scenario list[] = {
	    {"kms with 24", STRATEGY_KMS, .seats = 24, .decided = STRATEGY_KMS,
		.because = "The profile says strategy = kms",
		.advice = "the count will not be reached: 24 of 25"},
	    {"kms in a domain", STRATEGY_KMS, .seats = 25, .domain = "d", .decided = STRATEGY_KMS,
		.because = "says", .advice = "nslookup -type=srv _vlmcs._tcp"},
	    {"kms in a workgroup", STRATEGY_KMS, .seats = 25, .decided = STRATEGY_KMS,
		.because = "says", .advice = "name it in kms_host"},
	    {"kms, mobile", STRATEGY_KMS, .seats = 25, .mobile = YES, .decided = STRATEGY_KMS,
		.because = "says", .advice = "every 180 days"},
	    {"kms with a MAK", STRATEGY_KMS, .licence = LICENCE_MAK, .decided = STRATEGY_KMS,
		.because = "says", .advice = "the licence is mak (the profile says so); KMS needs"},
	    {"kms on Home", STRATEGY_KMS, .image = IMAGE("Starter"), .decided = STRATEGY_KMS,
		.because = "says", .advice = "Windows 7 Starter is not among the editions"},
	    {"kms on a vendor's image", STRATEGY_KMS, .image = VENDOR, .decided = STRATEGY_KMS,
		.because = "says", .advice = "with strategy = oem nothing needs"},
	    {"mak, re-cloned", STRATEGY_MAK, .mak_file = "m", .days = 120, .decided = STRATEGY_MAK,
		.because = "strategy = mak", .advice = "mak-proxy uses the stored"},
	    {"mak, many", STRATEGY_MAK, .mak_file = "m", .days = 121, .seats = 25,
		.decided = STRATEGY_MAK, .because = "says", .advice = "mak-proxy uses the stored"},
	    {"mak without one", STRATEGY_MAK, .licence = LICENCE_KMS, .decided = STRATEGY_MAK,
		.because = "says", .advice = "this strategy needs a MAK"},
	    {"mak-proxy, never re-cloned", STRATEGY_MAK_PROXY, .decided = STRATEGY_MAK_PROXY,
		.because = "strategy = mak-proxy", .advice = "strategy = mak is simpler"},
	    {"none, 120 days", STRATEGY_NONE, .days = 120, .decided = STRATEGY_NONE,
		.because = "strategy = none", .advice = "120 days are more than the 30"},
	    {"none, 121 days", STRATEGY_NONE, .days = 121, .decided = STRATEGY_NONE,
		.because = "says", .advice = "re-cloned too rarely: 121 days"},
	    {"none, not said", STRATEGY_NONE, .decided = STRATEGY_NONE, .because = "says",
		.advice = "say in [lab] reclone_days"},
	    {"oem, other image", STRATEGY_OEM, .image = IMAGE("Professional"),
		.decided = STRATEGY_OEM, .because = "strategy = oem",
		.advice = "it will not activate itself"},
	    {"single, many", STRATEGY_SINGLE, .seats = 25, .decided = STRATEGY_SINGLE,
		.because = "strategy = single", .advice = "25 PCs one by one"},
	    {"single, re-cloned", STRATEGY_SINGLE, .days = 120, .decided = STRATEGY_SINGLE,
		.because = "says", .advice = "undoes each PC's activation"},
	};

	CHECK(list);
}
END_TEST

/* Where nothing is wrong, nothing is said: the other side of each boundary. */
START_TEST(no_advice_without_need)
{
	static const struct {
		struct scenario s;
		const char *unwanted;
	} list[] = {
	    {{"25", STRATEGY_KMS, .seats = 25}, "count will not be reached"},
	    {{"said", STRATEGY_KMS, .seats = 25}, "say in [lab]"},
	    {{"host", STRATEGY_KMS, .kms_host = "k", .domain = "d"}, "DNS"},
	    {{"host", STRATEGY_KMS, .kms_host = "k"}, "DNS"},
	    {{"licence", STRATEGY_KMS, .licence = LICENCE_UNKNOWN}, "the licence is"},
	    {{"edition", STRATEGY_KMS, .image = IMAGE("Enterprise")}, "not among"},
	    {{"121, few", STRATEGY_MAK, .mak_file = "m", .days = 121, .seats = 24}, "counted"},
	    {{"MAK", STRATEGY_MAK, .licence = LICENCE_MAK}, "needs a MAK"},
	    {{"31", STRATEGY_MAK_PROXY, .licence = LICENCE_MAK, .days = 31}, "may do without"},
	    {{"30", STRATEGY_NONE, .days = 30}, "more than"},
	    {{"120", STRATEGY_NONE, .days = 120}, "too rarely"},
	    {{"121", STRATEGY_NONE, .days = 121}, "slmgr /rearm"},
	    {{"vendor", STRATEGY_OEM, .image = VENDOR}, "activate itself"},
	    {{"24", STRATEGY_SINGLE, .seats = 24}, "one by one"},
	    {{"121", STRATEGY_SINGLE, .days = 121}, "undoes"},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct profile p = profile_of(&list[i].s);
		struct strategy_decision d;

		strategy_decide(&p, &list[i].s.image, &d);
		ck_assert_msg(!has(&d.advice, d.advice.n, list[i].unwanted), "%s: %s",
		    list[i].s.what, list[i].unwanted);
		strategy_decision_free(&d);
	}
}
END_TEST

/* What [clone] and [kb971033] say matters to the strategies that depend on it. */
START_TEST(advice_on_sealing_and_the_update)
{
	static const struct {
		enum strategy strategy;
		bool sealing, update;
	} list[] = {
	    {STRATEGY_KMS, true, true},
	    {STRATEGY_MAK, false, true},
	    {STRATEGY_MAK_PROXY, false, true},
	    {STRATEGY_NONE, true, false},
	    {STRATEGY_OEM, false, false},
	    {STRATEGY_SINGLE, false, false},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct profile p = {.strategy = list[i].strategy, .kb971033 = KB971033_NO};
		struct strategy_image image = {0};
		struct strategy_decision d;

		strategy_decide(&p, &image, &d);
		ck_assert_msg(has(&d.advice, d.advice.n, "unsealed") == list[i].sealing, "%zu", i);
		ck_assert_msg(
		    has(&d.advice, d.advice.n, "KB971033 stays") == list[i].update, "%zu", i);
		strategy_decision_free(&d);
		p.require_sealed = true;
		p.kb971033 = KB971033_WINDOWS;
		strategy_decide(&p, &image, &d);
		ck_assert(!has(&d.advice, d.advice.n, "unsealed"));
		ck_assert(!has(&d.advice, d.advice.n, "KB971033"));
		strategy_decision_free(&d);
	}
}
END_TEST

START_TEST(where_it_was_said)
{
	struct error err = ERROR_INIT;
	struct profile p;
	struct strategy_decision d;

	assert_ok(profile_read("profiles/kms.ini", &p, NULL, &err), err);
	strategy_decide(&p, &(struct strategy_image){0}, &d);
	ck_assert_uint_eq(d.reasons.n, 1);
	CLEANUP(free)
	char *want = xasprintf("The profile says strategy = kms (profiles/kms.ini:%u)",
	    profile_source(&p, profile_key_find("strategy"))->line);
	ck_assert_str_eq(d.reasons.v[0], want);
	strategy_decision_free(&d);
	profile_free(&p);
}
END_TEST

/* Whatever is known or not, there is a decision, and it is one that can work. */
START_TEST(auto_always_decides)
{
	static const unsigned seats[] = {0, 4, 5, 24, 25}, days[] = {0, 1, 30, 31, 120, 121};
	static const struct strategy_image images[] = {
	    {0},
	    IMAGE("Enterprise"),
	    IMAGE("HomePremium"),
	    IMAGE("ServerWeb"),
	    IMAGE("?"),
	    VENDOR,
	    {.edition = "Professional", .key_channel = "Volume:MAK"},
	    {.edition = "Professional", .key_channel = "Retail"},
	};

	for (unsigned i = 0; i < 5 * 6 * 8 * 5 * 2 * 2; i++) {
		struct scenario s = {"any", .seats = seats[i % 5], .days = days[i / 5 % 6],
		    .image = images[i / 30 % 8], .licence = (enum lab_licence)(i / 240 % 5),
		    .mobile = i / 1200 % 2 ? YES : NO, .mak_file = i / 2400 ? "m" : NULL};
		struct profile p = profile_of(&s);
		struct strategy_decision d;
		unsigned servers = s.image.edition && strstr(s.image.edition, "Server") ? 5 : 25;

		strategy_decide(&p, &s.image, &d);
		ck_assert_int_ne(d.strategy, STRATEGY_AUTO);
		ck_assert_uint_gt(d.reasons.n, 0);
		bool volume = d.strategy == STRATEGY_KMS || d.strategy == STRATEGY_MAK ||
			      d.strategy == STRATEGY_MAK_PROXY;
		if (s.image.edition &&
		    (strcmp(s.image.edition, "HomePremium") == 0 || *s.image.edition == '?'))
			ck_assert_msg(!volume, "case %u", i);
		if (d.strategy == STRATEGY_KMS)
			ck_assert_msg(s.licence == LICENCE_KMS && (!s.seats || s.seats >= servers),
			    "case %u", i);
		if (d.strategy == STRATEGY_NONE)
			ck_assert_msg(s.days && s.days <= 120, "case %u", i);
		if (d.strategy == STRATEGY_OEM)
			ck_assert_msg(s.image.oem_certificate || !s.image.edition, "case %u", i);
		strategy_decision_free(&d);
	}
}
END_TEST

SUITE("strategy", kms_by_numbers, mobile_pcs, mak_by_recloning, without_a_key, days_that_the_rearms_give,
    editions_decide,
    vendor_images, a_strategy_that_is_said_is_taken_with_advice, no_advice_without_need,
    advice_on_sealing_and_the_update, where_it_was_said, auto_always_decides)
