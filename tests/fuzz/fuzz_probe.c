/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What kind of container a file is. */
#include "image/image.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(close) int fd = fuzz_fd(data, size);
	CLEANUP(free) char *path = fuzz_path(fd);
	CLEANUP(error) struct error err = ERROR_INIT;
	enum image_format format;

	if (image_probe(path, &format, &err) != 0)
		fuzz_check_error(&err);
	else
		FUZZ_CHECK(format != FORMAT_UNKNOWN && format != FORMAT_TREE);
	return 0;
}
