/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/servicing.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "image/servicing_store.h"

const char *servicing_kind_name(enum servicing_kind kind)
{
	static const char *const names[SERVICING_KINDS] = {
	    [SERVICING_MUM_MISSING] = "CBS MUM Missing",
	    [SERVICING_MUM_CORRUPT] = "CBS MUM Corrupt",
	    [SERVICING_CATALOG_MISSING] = "CBS Catalog Missing",
	    [SERVICING_CATALOG_CORRUPT] = "CBS Catalog Corrupt",
	    [SERVICING_REGISTRY_ERROR] = "CBS Registry Error",
	    [SERVICING_WATCHLIST] = "CBS Watchlist Package Missing",
	    [SERVICING_MANIFEST_MISSING] = "CSI Manifest Missing",
	    [SERVICING_MANIFEST_ZEROES] = "CSI Manifest All Zeroes",
	    [SERVICING_DIRECTORY_MISSING] = "CSI Store Directory Missing",
	    [SERVICING_PAYLOAD_MISSING] = "CSI Payload File Missing",
	    [SERVICING_DEPLOYMENT_MISSING] = "CSI Missing Deployment Key",
	    [SERVICING_THUMBPRINT] = "CSI Catalog Thumbprint Invalid",
	    [SERVICING_WINNER_MISSING] = "CSI Missing Winning Component Key",
	};

	return names[kind];
}

/* What the self-check finds wrong with the package itself makes its shape another one. */
static void judge_findings(struct store *s)
{
	const struct servicing *out = s->out;

	for (size_t i = 0; i < out->findings.n; i++) {
		const struct servicing_finding *f = &out->findings.v[i];

		if (wat_is_named(f->path, strlen(f->path)))
			store_unknown(s, "%s: %s", servicing_kind_name(f->kind), f->path);
	}
	if (out->more)
		store_unknown(s, "the servicing store has more than %d faults", STORE_FINDINGS_MAX);
}

static int by_finding(const void *a, const void *b)
{
	const struct servicing_finding *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return name_cmp(x->path, y->path);
}

static void read_store(struct store *s)
{
	struct servicing *out = s->out;

	store_open(s);
	store_check(s);
	s->wat = wat_package(s->r.win->arch);
	if (!s->wat) {
		store_unknown(
		    s, "KB971033 is not known for the processor %s", win_arch_name(s->r.win->arch));
	} else {
		wat_cbs(s);
		wat_components(s);
		wat_rest(s);
		/* with one thing unknown the rest of the package would be named too */
		if (!s->out->unknown.n)
			wat_mentions(s);
	}
	judge_findings(s);
	if (out->findings.n)
		qsort(out->findings.v, out->findings.n, sizeof(*out->findings.v), by_finding);
}

int windows_read_servicing(
    struct image *im, size_t vol, bool thorough, struct windows *win, struct error *err)
{
	struct store s = {.r = {.im = im, .vol = vol, .win = win}, .thorough = thorough};

	servicing_free(win->servicing);
	win->servicing = s.out = xcalloc(1, sizeof(*s.out));
	read_store(&s);
	store_close(&s);
	if (s.r.error.code == ERR_NONE)
		return 0;
	servicing_free(win->servicing);
	win->servicing = NULL;
	return err_move(err, &s.r.error);
}

void servicing_free(struct servicing *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->findings.n; i++)
		free(s->findings.v[i].path);
	for (size_t i = 0; i < s->places.n; i++) {
		free(s->places.v[i].path);
		free(s->places.v[i].key);
		free(s->places.v[i].value);
	}
	free(s->findings.v);
	free(s->places.v);
	strvec_free(&s->unknown);
	free(s);
}

/* A finding of @a that is not in @b; both are sorted. */
static const struct servicing_finding *only_in(const struct servicing *a, const struct servicing *b)
{
	size_t k = 0;

	for (size_t i = 0; i < a->findings.n; i++) {
		while (k < b->findings.n && by_finding(&b->findings.v[k], &a->findings.v[i]) < 0)
			k++;
		if (k == b->findings.n || by_finding(&b->findings.v[k++], &a->findings.v[i]) != 0)
			return &a->findings.v[i];
	}
	return NULL;
}

int servicing_compare(
    const struct servicing *before, const struct servicing *after, struct error *err)
{
	const struct servicing_finding *f = only_in(after, before);

	if (f)
		return err_set(err, ERR_VERIFY, "the servicing store was left damaged: %s: %s",
		    servicing_kind_name(f->kind), f->path);
	f = only_in(before, after);
	if (f || before->more != after->more)
		return err_set(err, ERR_VERIFY,
		    "the servicing store changed where it was not to be changed: no more \"%s: "
		    "%s\"",
		    f ? servicing_kind_name(f->kind) : "", f ? f->path : "");
	return 0;
}
