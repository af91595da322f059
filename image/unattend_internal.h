/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What unattend.c and unattend_edit.c share. */
#ifndef W7PREP_IMAGE_UNATTEND_INTERNAL_H
#define W7PREP_IMAGE_UNATTEND_INTERNAL_H

#include "image/unattend.h"

#define UNATTEND_PATH_MAX 3

struct unattend_place {
	enum unattend_pass pass;
	const char *component;
	const char *path[UNATTEND_PATH_MAX + 1];	/* elements below the component */
};

extern const struct unattend_place unattend_places[UNATTEND_ITEMS];

/* Map u->text anew; -1 leaves @u without a map. */
int unattend_map(struct unattend *u, struct error *err);

/* Settings of @pass that Windows has still to process, after @after; NULL: no more. */
const struct xml_element *unattend_settings(
    const struct unattend *u, enum unattend_pass pass, const struct xml_element *after);

/* @settings' component for @arch (ARCH_UNKNOWN: any), after @after; NULL: no more. */
const struct xml_element *unattend_component(const struct unattend *u,
    const struct xml_element *settings, const char *name, enum win_arch arch,
    const struct xml_element *after);

/* The @nth element that is @item; NULL: no more. */
const struct xml_element *unattend_find(
    const struct unattend *u, enum unattend_item item, enum win_arch arch, size_t nth);

/* A CBS identity taken apart; false: it is none. */
struct cbs_identity {
	char *name, *token, *arch, *language, *version;
};
bool cbs_identity_parse(const char *s, struct cbs_identity *out);
void cbs_identity_free(struct cbs_identity *id);

/* A package in <servicing> of that name and architecture with that action (NULL: any); or NULL. */
const struct xml_element *unattend_package(
    const struct unattend *u, const struct cbs_identity *id, const char *action);

#endif
