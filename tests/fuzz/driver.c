/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stands in for libFuzzer where there is none, and in "make check": the first inputs, then the
 * same changes to them in every run. It knows nothing of coverage, so it finds what is near.
 *
 *   fuzz_X [-runs=N] [-artifact_prefix=PATH] FILE|DIR…
 *
 * Other options of libFuzzer are passed over. The input at hand is in PATHlast-input; the file
 * stays where that input ended the program.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1u << 20)

static VEC(struct buf) seeds;
static uint8_t *input; /* shared with the file that outlives a crash */
static unsigned long executed;

static uint32_t next_random(void)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void add_seeds(const char *path)
{
	CLEANUP(error) struct error err = ERROR_INIT;
	DIR *d = opendir(path);

	if (!d) {
		FUZZ_CHECK(read_whole_file(path, INPUT_MAX, VEC_PUSH(&seeds), &err) == 0);
		return;
	}
	CLEANUP(strvec) struct strvec names = STRVEC_INIT;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			strvec_add(&names, e->d_name);
	closedir(d);
	/* the order of a directory is nobody's, that of a run is always the same */
	strvec_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(free) char *file = path_join(path, names.v[i]);

		FUZZ_CHECK(read_whole_file(file, INPUT_MAX, VEC_PUSH(&seeds), &err) == 0);
	}
}

static void change(struct buf *b)
{
	static const uint32_t odd[] = {0, 1, 0xffffffff, 0x80000000, 0x7fffffff, 0x10000};
	size_t at = next_random() % b->len, n = 1 + next_random() % 8,
	       from = next_random() % b->len;
	uint32_t v = odd[next_random() % (sizeof(odd) / sizeof(odd[0]))];

	switch (next_random() % 5) {
	case 0:
		b->data[at] ^= (char)(1u << next_random() % 8);
		break;
	case 1:
		b->data[at] = (char)next_random();
		break;
	case 2:
		memcpy(b->data + at, &v, b->len - at < sizeof(v) ? b->len - at : sizeof(v));
		break;
	case 3:
		n = n < b->len - at ? n : b->len - at;
		memmove(b->data + at, b->data + from, n < b->len - from ? n : b->len - from);
		break;
	default:
		/* out it goes, whatever comes after moves up; one byte must stay */
		n = n < b->len - at ? n : b->len - at - 1;
		memmove(b->data + at, b->data + at + n, b->len - at - n);
		b->len -= n;
	}
}

static void run(const struct buf *b, int fd)
{
	FUZZ_CHECK(ftruncate(fd, (off_t)b->len) == 0);
	if (b->len)
		memcpy(input, b->data, b->len);
	/* memory of its own size, so that a sanitizer or valgrind sees where it ends */
	CLEANUP(free) uint8_t *exact = xmemdup(b->len ? b->data : "", b->len);
	LLVMFuzzerTestOneInput(exact, b->len);
	executed++;
}

static void run_changed(const struct buf *seed, int fd)
{
	CLEANUP(buf) struct buf b = BUF_INIT;

	buf_add(&b, seed->data, seed->len);
	for (uint32_t n = 1 + next_random() % 4; n && b.len; n--)
		change(&b);
	run(&b, fd);
}

int main(int argc, char **argv)
{
	unsigned long runs = 0;
	const char *prefix = "", *value;

	for (int i = 1; i < argc; i++) {
		value = strchrnul(argv[i], '=');
		if (strncmp(argv[i], "-runs=", 6) == 0)
			runs = strtoul(value + 1, NULL, 10);
		else if (strncmp(argv[i], "-artifact_prefix=", 17) == 0)
			prefix = value + 1;
		else if (argv[i][0] != '-')
			add_seeds(argv[i]);
	}
	FUZZ_CHECK(seeds.n);
	CLEANUP(free) char *last = xasprintf("%slast-input", prefix);
	CLEANUP(close) int fd = open(last, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	FUZZ_CHECK(fd >= 0);
	input = mmap(NULL, INPUT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	FUZZ_CHECK(input != MAP_FAILED);
	for (size_t i = 0; i < seeds.n; i++)
		run(&seeds.v[i], fd);
	while (executed < runs)
		run_changed(&seeds.v[next_random() % seeds.n], fd);
	unlink(last);
	for (size_t i = 0; i < seeds.n; i++)
		buf_free(&seeds.v[i]);
	free(seeds.v);
	munmap(input, INPUT_MAX);
	printf("stat::number_of_executed_units: %lu\n", executed);
	return 0;
}
