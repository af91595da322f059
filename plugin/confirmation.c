/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/confirmation.h"

#include "common/cleanup.h"

struct cid_store *confirmation_store(
    const struct cli *cli, enum cid_store_mode mode, struct error *err)
{
	CLEANUP(free) char *path = cli->store ? xstrdup(cli->store) : cid_store_default(err);

	return path ? cid_store_open(path, mode, err) : NULL;
}

static int set_option(
    struct cid_row *row, enum cid_field f, const char *option, const char *value, struct error *err)
{
	if (!value || cid_set(row, f, value, err) == 0)
		return 0;
	err->code = ERR_USAGE;
	return err_context(err, "--%s", option);
}

/* The PC that the options name, "" where they do not. */
static int read_pc(const struct cli *cli, struct cid_row *pc, struct error *err)
{
	*pc = (struct cid_row){.line = 0};
	if (set_option(pc, CID_COMPUTER, "computer", cli->computer, err) < 0)
		return -1;
	return set_option(pc, CID_MAC, "mac", cli->mac, err);
}

static int find_rows(
    const struct cli *cli, const struct cid_row *pc, struct cid_rows *out, struct error *err)
{
	struct cid_store *s = confirmation_store(cli, CID_STORE_READ, err);

	if (!s)
		return -1;
	int rc = cid_store_find(
	    s, *pc->computer ? pc->computer : NULL, *pc->mac ? pc->mac : NULL, out, err);
	cid_store_close(s);
	return rc;
}

int confirmation_rows(const struct cli *cli, struct cid_rows *out, struct error *err)
{
	struct cid_row pc;

	return read_pc(cli, &pc, err) < 0 ? -1 : find_rows(cli, &pc, out, err);
}

int confirmation_request(const struct cli *cli, struct plan_request *out, struct error *err)
{
	struct cid_row pc;

	if (!cli->computer && !cli->mac)
		return 0;
	if (read_pc(cli, &pc, err) < 0)
		return -1;
	out->confirmation = true;
	out->pc = cid_row_pc(&pc);
	if (find_rows(cli, &pc, &out->confirmations, err) == 0)
		return 0;
	if (err->code != ERR_NO_SUCH_FILE || cli->store)
		return -1;
	err_clear(err);
	return 0;
}
