#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every fuzz target on its first inputs and on some of their neighbours, always the same ones.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"

[ -x "$BUILD/fuzz/mkseeds" ] || fail "the targets are not built: make fuzz-targets"
FUZZ_RUNS=1000 ci/fuzz.sh >"$T/log" 2>&1 || fail "$(cat "$T/log")"
grep -q '^2[0-9] targets, 0 failed$' "$T/log" || fail "$(tail -n 3 "$T/log")"
