/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/editions.h"

#include <string.h>

#include "common/text.h"

/*
 * Names and keys: Microsoft's "KMS client activation and product keys" and KB4487266,
 * which prints the six of Windows 7. EditionIDs: the names that Microsoft's media and
 * DISM use. Server Core is an edition of its own there and shares the key of the full one.
 */
/* clang-format off */
static const struct edition editions[] = {
	{"Professional", "Windows 7 Professional", "FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4",
	    "b92e9980-b9d5-4821-9c94-140f632f6312", false},
	{"ProfessionalN", "Windows 7 Professional N", "MRPKT-YTG23-K7D7T-X2JMM-QY7MG",
	    "54a09a0d-d57b-4c10-8b69-a842d6590ad5", false},
	{"ProfessionalE", "Windows 7 Professional E", "W82YF-2Q76Y-63HXB-FGJG9-GF7QX",
	    "5a041529-fef8-4d07-b06f-b59b573b32d2", false},
	{"Enterprise", "Windows 7 Enterprise", "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH",
	    "ae2ee509-1b34-41c0-acb7-6d4650168915", false},
	{"EnterpriseN", "Windows 7 Enterprise N", "YDRBP-3D83W-TY26F-D46B2-XCKRJ",
	    "1cb6d605-11b3-4e14-bb30-da91c8e3983a", false},
	{"EnterpriseE", "Windows 7 Enterprise E", "C29WB-22CC8-VJ326-GHFJW-H9DH4",
	    "46bbed08-9c7b-48fc-a614-95250573f4ea", false},

	{"Starter", "Windows 7 Starter", NULL, NULL, false},
	{"StarterN", "Windows 7 Starter N", NULL, NULL, false},
	{"StarterE", "Windows 7 Starter E", NULL, NULL, false},
	{"HomeBasic", "Windows 7 Home Basic", NULL, NULL, false},
	{"HomeBasicN", "Windows 7 Home Basic N", NULL, NULL, false},
	{"HomeBasicE", "Windows 7 Home Basic E", NULL, NULL, false},
	{"HomePremium", "Windows 7 Home Premium", NULL, NULL, false},
	{"HomePremiumN", "Windows 7 Home Premium N", NULL, NULL, false},
	{"HomePremiumE", "Windows 7 Home Premium E", NULL, NULL, false},
	{"Ultimate", "Windows 7 Ultimate", NULL, NULL, false},
	{"UltimateN", "Windows 7 Ultimate N", NULL, NULL, false},
	{"UltimateE", "Windows 7 Ultimate E", NULL, NULL, false},

	{"ServerStandard", "Windows Server 2008 R2 Standard", "YC6KT-GKW9T-YTKYR-T4X34-R7VHC",
	    "68531fb9-5511-4989-97be-d11a0f55633f", true},
	{"ServerStandardCore", "Windows Server 2008 R2 Standard (Server Core)",
	    "YC6KT-GKW9T-YTKYR-T4X34-R7VHC", "68531fb9-5511-4989-97be-d11a0f55633f", true},
	{"ServerEnterprise", "Windows Server 2008 R2 Enterprise", "489J6-VHDMP-X63PK-3K798-CPX3Y",
	    "620e2b3d-09e7-42fd-802a-17a13652fe7a", true},
	{"ServerEnterpriseCore", "Windows Server 2008 R2 Enterprise (Server Core)",
	    "489J6-VHDMP-X63PK-3K798-CPX3Y", "620e2b3d-09e7-42fd-802a-17a13652fe7a", true},
	{"ServerDatacenter", "Windows Server 2008 R2 Datacenter", "74YFP-3QFB3-KQT8W-PMXWJ-7M648",
	    "7482e61b-c589-4b7f-8ecc-46d455ac3b87", true},
	{"ServerDatacenterCore", "Windows Server 2008 R2 Datacenter (Server Core)",
	    "74YFP-3QFB3-KQT8W-PMXWJ-7M648", "7482e61b-c589-4b7f-8ecc-46d455ac3b87", true},
	{"ServerWeb", "Windows Server 2008 R2 Web", "6TPJF-RBVHG-WBW2R-86QPH-6RTM4",
	    "a78b8bd9-8017-4df5-b86a-09f756affa7c", true},
	{"ServerWebCore", "Windows Server 2008 R2 Web (Server Core)",
	    "6TPJF-RBVHG-WBW2R-86QPH-6RTM4", "a78b8bd9-8017-4df5-b86a-09f756affa7c", true},
	{"ServerHPC", "Windows Server 2008 R2 HPC edition", "TT8MH-CG224-D3D7Q-498W2-9QCTX",
	    "cda18cf3-c196-46ad-b289-60c072869994", true},
	{"ServerEnterpriseIA64", "Windows Server 2008 R2 for Itanium-based Systems",
	    "GT63C-RJFQ3-4GMB6-BRFB9-CB83V", "8a26851c-1c7e-48d3-a687-fbca9b9ac16b", true},
};
/* clang-format on */

#define EDITIONS (sizeof(editions) / sizeof(editions[0]))

const struct edition *edition_find(const char *id)
{
	for (size_t i = 0; i < EDITIONS; i++)
		if (name_eq(editions[i].id, id))
			return &editions[i];
	return NULL;
}

const struct edition *edition_of_key(const char *key)
{
	for (size_t i = 0; i < EDITIONS; i++)
		if (editions[i].client_key && name_eq(editions[i].client_key, key))
			return &editions[i];
	return NULL;
}

const struct edition *edition_table(size_t *n)
{
	*n = EDITIONS;
	return editions;
}

/* Keys of Windows 7 have no N; those of Windows 8 and later do. */
static bool in_alphabet(char c)
{
	return c && strchr("BCDFGHJKMPQRTVWXY2346789bcdfghjkmpqrtvwxy", c);
}

bool product_key_valid(const char *key)
{
	for (size_t i = 0; i < 29; i++)
		if (i % 6 == 5 ? key[i] != '-' : !in_alphabet(key[i]))
			return false;
	return key[29] == '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t skip_blanks(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (s[i] == ' ' || s[i] == '\t'))
		i++;
	return i;
}

/* Length of the dash at @s: ASCII, or what word processors make of it; 0 when there is none. */
static size_t dash_length(const char *s, size_t n)
{
	if (n >= 1 && strchr("-_.:", s[0]))
		return s[0] != '\0';
	if (n >= 3 && memcmp(s, "\xe2\x80", 2) == 0 && (unsigned char)s[2] >= 0x90 &&
	    (unsigned char)s[2] <= 0x95)
		return 3; /* U+2010 to U+2015 */
	return n >= 3 && memcmp(s, "\xe2\x88\x92", 3) == 0 ? 3 : 0;
}

/*
 * Five groups of five at @s. Dashes between the groups make almost anything with a digit
 * suspect, a mistyped key too; without dashes only letters of the alphabet count, which has
 * no vowels, so that sentences do not.
 */
static bool key_at(const char *s, size_t n)
{
	bool dashes = true, digit = false, alphabet = true;
	size_t i = 0;

	for (unsigned group = 0; group < 5; group++) {
		if (group) {
			size_t blanks = skip_blanks(s + i, n - i);
			size_t dash = dash_length(s + i + blanks, n - i - blanks);

			dashes &= dash != 0;
			i += blanks + dash;
			i += skip_blanks(s + i, n - i);
		}
		for (unsigned k = 0; k < 5; k++, i++) {
			if (i >= n || !is_alnum(s[i]))
				return false;
			digit |= is_digit(s[i]);
			alphabet &= in_alphabet(s[i]) || s[i] == 'N' || s[i] == 'n';
		}
	}
	return (i == n || !is_alnum(s[i])) && (alphabet || (dashes && digit));
}

bool product_key_inside(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((i == 0 || !is_alnum(text[i - 1])) && key_at(text + i, n - i))
			return true;
	return false;
}
