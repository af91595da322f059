/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/wim.h"

static bool wim_handles(enum image_format format)
{
	return format == FORMAT_WIM;
}

const struct image_ops wim_ops = {
    .name = "wim",
    .caps = IMAGE_CAP_SECURITY | IMAGE_CAP_MULTI,
    .handles = wim_handles,
    .is_default = true,
    .open = wim_open,
    .stat = wim_stat,
    .list_dir = wim_list_dir,
    .read = wim_read,
    .fetch = wim_fetch,
    .get_sd = wim_get_sd,
    .begin = wim_begin,
    .put = wim_put,
    .remove = wim_remove,
    .settle = wim_settle,
    .commit = wim_commit,
    .abort = wim_abort,
    .close = wim_close,
};
