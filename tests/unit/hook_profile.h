/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A profile with its defaults, as the reader of profiles would leave it. */
#ifndef W7PREP_TESTS_HOOK_PROFILE_H
#define W7PREP_TESTS_HOOK_PROFILE_H

#include "hooks/hook.h"
#include "tests/unit/unit.h"

static inline struct profile profile_of(enum strategy strategy)
{
	return (struct profile){
	    .path = (char *)(uintptr_t) "lab.ini",
	    .name = (char *)(uintptr_t) "lab",
	    .strategy = strategy,
	    .activate_at_first_boot = true,
	    .rearm_when_days_left = 3,
	    .require_sealed = true,
	    .mobile = UNSET,
	};
}

#endif
