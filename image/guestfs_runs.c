/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/guestfs_runs.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 1000000u

struct parser {
	uint64_t size, volume, vcn;	/* vcn: the next one */
	uint32_t cluster;
	bool in_data;		/* within an unnamed $DATA attribute, as far as known */
	bool in_runs;
	bool sized;		/* its sizes were given and are right */
	struct gfs_runs *out;
};

/* "\tLabel:\t\t 123 (0x7b)": the number after the label; false when it is another line. */
static bool field(const char *line, const char *label, uint64_t *value)
{
	size_t n = strlen(label);
	char *end;

	line += strspn(line, " \t");
	if (strncmp(line, label, n) != 0)
		return false;
	line += n;
	line += strspn(line, ": \t");
	*value = strtoull(line, &end, 0);
	return end != line;
}

/* Text instead of a number: "Resident: \t\t No". */
static bool says(const char *line, const char *label, const char *word)
{
	size_t n = strlen(label);

	line += strspn(line, " \t");
	if (strncmp(line, label, n) != 0)
		return false;
	line += n;
	line += strspn(line, ": \t");
	return strncmp(line, word, strlen(word)) == 0;
}

/* "0x0  0x8070  0x3c0f"; a hole or an unmapped run has a word in the middle. */
static bool run_line(const char *line, uint64_t n[3])
{
	for (int i = 0; i < 3; i++) {
		char *end;

		line += strspn(line, " \t");
		if (strncmp(line, "0x", 2) != 0)
			return false;
		n[i] = strtoull(line, &end, 16);
		if (*end && !strchr(" \t\r\n", *end))
			return false;
		line = end;
	}
	return line[strspn(line, " \t\r\n")] == '\0';
}

static bool add_run(struct parser *p, const uint64_t n[3])
{
	uint64_t clusters = p->volume / p->cluster, done = p->vcn * p->cluster;

	if (n[0] != p->vcn || n[2] == 0 || n[1] > clusters || n[2] > clusters - n[1] ||
	    p->out->list.n >= RUNS_MAX || done > p->size + p->cluster)
		return false;
	p->vcn += n[2];
	if (done >= p->size)
		return true;	/* allocated beyond the end */
	uint64_t length = n[2] * p->cluster, left = p->size - done;
	*VEC_PUSH(&p->out->list) = (struct gfs_run){
	    .offset = n[1] * p->cluster, .length = length < left ? length : left};
	return true;
}

/* One line within $DATA; false: not a plain file, or not a format that we know. */
static bool data_line(struct parser *p, const char *line)
{
	uint64_t n[3];

	if (says(line, "Resident", "Yes"))
		return false;
	if (field(line, "Name length", &n[0])) {
		p->in_data = n[0] == 0;
	} else if (field(line, "Attribute flags", &n[0])) {
		return n[0] == 0;
	} else if (field(line, "Data size", &n[0])) {
		p->sized = n[0] == p->size;
		return p->sized;
	} else if (field(line, "Initialized size", &n[0])) {
		return n[0] == p->size;
	} else if (says(line, "Runlist", "VCN")) {
		p->in_runs = true;
	} else if (p->in_runs) {
		if (run_line(line, n))
			return add_run(p, n);
		p->in_runs = false;
		/* a run with a word instead of a place */
		return strncmp(line + strspn(line, " \t"), "0x", 2) != 0;
	}
	return true;
}

bool gfs_runs_parse(const char *text, uint64_t size, uint32_t cluster, uint64_t volume,
    struct gfs_runs *out)
{
	struct parser p = {.size = size, .volume = volume, .cluster = cluster, .out = out};

	if (cluster == 0 || size > volume)
		return false;
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line = xstrndup(text, len);
		bool ok = true;

		if (strncmp(line, "Dumping attribute ", 18) == 0)
			p.in_data = strncmp(line + 18, "$DATA ", 6) == 0, p.in_runs = false;
		else if (p.in_data)
			ok = data_line(&p, line);
		free(line);
		if (!ok)
			return false;
		text += len + (text[len] == '\n');
	}
	return p.sized && size > 0 && p.vcn >= (size + cluster - 1) / cluster;
}
