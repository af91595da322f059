/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security descriptors: who may do what. A descriptor that is called safe lets nobody else in. */
#include "image/secdesc.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct secdesc_access access = secdesc_others(data, size);
	CLEANUP(buf) struct buf sd = BUF_INIT;

	buf_add(&sd, data, size);
	FUZZ_CHECK(!secdesc_is_safe(&sd, SECDESC_SCRIPT) || !access.others_write);
	FUZZ_CHECK(
	    !secdesc_is_safe(&sd, SECDESC_SECRET) || (!access.others_write && !access.others_read));
	return 0;
}
