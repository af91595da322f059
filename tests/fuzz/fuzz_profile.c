/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Profiles: read twice, the same is said; what is accepted without a complaint is what
 * iniparser reads too (else profile_read() says ERR_INTERNAL).
 */
#include "profiles/profile.h"
#include "tests/fuzz/fuzz.h"

/* Every value with its place, or every complaint. */
static void describe(const char *path, struct buf *out)
{
	CLEANUP(strvec) struct strvec more = STRVEC_INIT;
	CLEANUP(error) struct error err = ERROR_INIT;
	struct profile p;
	size_t n;

	if (profile_read(path, &p, &more, &err) != 0) {
		fuzz_check_error(&err);
		FUZZ_CHECK(err.code == ERR_PROFILE);
		buf_adds(out, err.message);
		for (size_t i = 0; i < more.n; i++)
			buf_adds(out, more.v[i]);
		return;
	}
	const struct profile_key *keys = profile_keys(&n);
	for (size_t i = 0; i < n; i++) {
		CLEANUP(free) char *value = profile_value(&p, &keys[i]);
		const struct profile_source *source = profile_source(&p, &keys[i]);

		buf_addf(
		    out, "%s=%s@%u\n", keys[i].name, value ? value : "", source ? source->line : 0);
	}
	for (size_t i = 0; i < p.warnings.n; i++)
		buf_adds(out, p.warnings.v[i]);
	profile_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(close) int fd = fuzz_fd(data, size);
	CLEANUP(free) char *path = fuzz_path(fd);
	CLEANUP(buf) struct buf first = BUF_INIT;
	CLEANUP(buf) struct buf second = BUF_INIT;

	describe(path, &first);
	describe(path, &second);
	FUZZ_CHECK(buf_equal(&first, &second));
	return 0;
}
