/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SetupComplete.cmd: our line goes in once and comes out leaving what was there. */
#include "hooks/parts.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf) struct buf old = BUF_INIT;
	CLEANUP(buf) struct buf plain = BUF_INIT;
	CLEANUP(buf) struct buf once = BUF_INIT;
	CLEANUP(buf) struct buf twice = BUF_INIT;
	CLEANUP(buf) struct buf back = BUF_INIT;
	CLEANUP(error) struct error err = ERROR_INIT;

	buf_add(&old, data, size);
	bool had_ours = setup_complete_unchain(&old, &plain);
	if (setup_complete_chain(&old, &once, &err) != 0) {
		fuzz_check_error(&err);
		return 0;
	}
	FUZZ_CHECK(setup_complete_chain(&once, &twice, &err) == 0);
	FUZZ_CHECK(buf_equal(&once, &twice));
	FUZZ_CHECK(setup_complete_unchain(&once, &back));
	FUZZ_CHECK(buf_equal(&back, size ? &plain : &old));
	FUZZ_CHECK(had_ours || buf_equal(&back, &old));
	return 0;
}
