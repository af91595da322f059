/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a file's bytes are, from the text that ntfsinfo of ntfs-3g 2022.10.3 writes. */
#include "tests/unit/unit.h"

#include "image/guestfs_runs.h"

#define CLUSTER 4096u
#define VOLUME (40u << 20)
#define SIZE 1048576u

/* Of "ntfsinfo -v -i", shortened where nothing is read: what comes before $DATA, */
#define BEFORE \
	"Dumping Inode 2065 (0x811)\n" \
	"Dumping attribute $STANDARD_INFORMATION (0x10) from mft record 2065 (0x811)\n" \
	"\tResident: \t\t Yes\n" \
	"\tData size:\t\t 72 (0x48)\n" \
	"Dumping attribute $FILE_NAME (0x30) from mft record 2065 (0x811)\n" \
	"\tResident: \t\t Yes\n" \
	"\tFile name:\t\t '0x0 0x0 0x1'\n"
/* its beginning, the sizes, the runs, and what comes after. */
#define DATA(resident, name_length, flags) \
	"Dumping attribute $DATA (0x80) from mft record 2065 (0x811)\n" \
	"\tAttribute length:\t 80 (0x50)\n" \
	"\tResident: \t\t " resident "\n" \
	"\tName length:\t\t " name_length "\n" \
	"\tName offset:\t\t 64 (0x40)\n" \
	"\tAttribute flags:\t " flags "\n" \
	"\tLowest VCN\t\t 0 (0x0)\n"
#define SIZES(data, initialized) \
	"\tData size:\t\t " data "\n" \
	"\tAllocated size:\t\t 1048576 (0x100000)\n" \
	"\tInitialized size:\t " initialized "\n"
#define RUNS \
	"\tRunlist:\tVCN\t\tLCN\t\tLength\n" \
	"\t\t\t0x0\t\t0x262a\t\t0x14\n" \
	"\t\t\t0x14\t\t0x1655\t\t0x13\n" \
	"\t\t\t0x27\t\t0x39f\t\t0xd9\n"
#define AFTER "End of inode reached\nTotal runs: 3 (fragments: 3)\n"
#define PLAIN DATA("No", "0 (0x0)", "0x0000")
#define FULL "1048576 (0x100000)"

static bool parse(const char *text, uint64_t size, struct gfs_runs *out)
{
	*out = (struct gfs_runs){0};
	return gfs_runs_parse(text, size, CLUSTER, VOLUME, out);
}

static void refuses(const char *text)
{
	struct gfs_runs r;

	ck_assert_msg(!parse(text, SIZE, &r), "%s", text);
	free(r.list.v);
}

START_TEST(runs_in_order)
{
	struct gfs_runs r;

	ck_assert(parse(BEFORE PLAIN SIZES(FULL, FULL) RUNS AFTER, SIZE, &r));
	ck_assert_uint_eq(r.list.n, 3);
	ck_assert_uint_eq(r.list.v[0].offset, 0x262aull * CLUSTER);
	ck_assert_uint_eq(r.list.v[0].length, 0x14 * CLUSTER);
	ck_assert_uint_eq(r.list.v[2].offset, 0x39full * CLUSTER);
	ck_assert_uint_eq(r.list.v[2].length, 0xd9 * CLUSTER);
	free(r.list.v);
}
END_TEST

START_TEST(last_cluster_is_cut_to_the_size)
{
	struct gfs_runs r;
	uint64_t sum = 0;

	/* two more clusters are allocated than the data needs */
	ck_assert(parse(PLAIN SIZES("1037001", "1037001") RUNS, 1037001, &r));
	for (size_t i = 0; i < r.list.n; i++)
		sum += r.list.v[i].length;
	ck_assert_uint_eq(sum, 1037001);
	free(r.list.v);
}
END_TEST

START_TEST(named_streams_are_others)
{
	struct gfs_runs r;

	ck_assert(parse(PLAIN SIZES(FULL, FULL) RUNS DATA("No", "5 (0x5)", "0x0000")
		SIZES("7 (0x7)", "7 (0x7)") "\tRunlist:\tVCN\t\tLCN\t\tLength\n\t\t\t0x0\t\t0x1\t\t0x1\n",
	    SIZE, &r));
	ck_assert_uint_eq(r.list.n, 3);
	free(r.list.v);
}
END_TEST

START_TEST(other_kinds_of_files)
{
	refuses(DATA("Yes", "0 (0x0)", "0x0000") SIZES(FULL, FULL));
	refuses(DATA("No", "0 (0x0)", "0x0001") SIZES(FULL, FULL) RUNS);	/* compressed */
	refuses(DATA("No", "0 (0x0)", "0x4000") SIZES(FULL, FULL) RUNS);	/* encrypted */
	refuses(DATA("No", "0 (0x0)", "0x8000") SIZES(FULL, FULL) RUNS);	/* sparse */
	refuses(PLAIN SIZES(FULL, "4096 (0x1000)") RUNS);	/* the rest reads as zeros */
	refuses(PLAIN SIZES("4096 (0x1000)", FULL) RUNS);	/* not the size that stat says */
}
END_TEST

START_TEST(runs_that_cannot_be)
{
	static const char *const runs[] = {
		/* a hole, a gap, out of order, nothing, too short */
		"\t\t\t0x0\t\t<HOLE>\t\t0x100\n",
		"\t\t\t0x1\t\t0x10\t\t0x100\n",
		"\t\t\t0x0\t\t0x10\t\t0x80\n\t\t\t0x0\t\t0x10\t\t0x80\n",
		"\t\t\t0x0\t\t0x10\t\t0x0\n",
		"\t\t\t0x0\t\t0x10\t\t0xff\n",
		"",
		/* outside of the volume of 0x2800 clusters, also by overflow */
		"\t\t\t0x0\t\t0x2800\t\t0x100\n",
		"\t\t\t0x0\t\t0x2701\t\t0x100\n",
		"\t\t\t0x0\t\t0xffffffffffffffff\t\t0x100\n",
		"\t\t\t0x0\t\t0x10\t\t0xffffffffffffffff\n",
		"\t\t\t0x0\t\t-0x10\t\t0x100\n",
		/* another format */
		"\t\t\t0x0\t\t0x10\t\t0x100\t\t0x1\n",
		"\t\t\t0x0\t\t0x10\n",
		"\t\t\t0 16 256\n",
	};

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		CLEANUP(free) char *text = xasprintf("%s\tRunlist:\tVCN\t\tLCN\t\tLength\n%s" AFTER,
		    PLAIN SIZES(FULL, FULL), runs[i]);

		refuses(text);
	}
}
END_TEST

START_TEST(text_that_is_something_else)
{
	struct gfs_runs r;

	refuses("");
	refuses("Failed to open inode 2065.\n");
	refuses(BEFORE AFTER);
	refuses(RUNS);
	ck_assert(!gfs_runs_parse(PLAIN SIZES(FULL, FULL) RUNS, SIZE, 0, VOLUME, &r));
	ck_assert(!gfs_runs_parse(PLAIN SIZES(FULL, FULL) RUNS, SIZE, CLUSTER, SIZE - 1, &r));
}
END_TEST

/* No prefix of a good answer is taken for a good answer, unless nothing of the runs is cut. */
START_TEST(answer_cut_short)
{
	static const char text[] = BEFORE PLAIN SIZES(FULL, FULL) RUNS;

	for (size_t n = 0; n + 1 < sizeof(text) - 1; n++) {
		CLEANUP(free) char *part = xstrndup(text, n);
		struct gfs_runs r;
		bool ok = parse(part, SIZE, &r);

		free(r.list.v);
		ck_assert_msg(!ok, "%zu of %zu bytes", n, sizeof(text) - 1);
	}
}
END_TEST

SUITE("guestfs_runs", runs_in_order, last_cluster_is_cut_to_the_size, named_streams_are_others,
    other_kinds_of_files, runs_that_cannot_be, text_that_is_something_else, answer_cut_short)
