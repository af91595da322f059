#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Static checks: warnings of two compilers, cppcheck, shellcheck, PHP's parser, and our own rules.
set -u
cd "$(dirname "$0")/.." || exit 1
rc=0
fail() {
	echo "lint: $*" >&2
	rc=1
}

# gcc's are seen by "make W=1", which .ci/run builds with
make -s -j"$(nproc)" BUILD=build-lint-clang CC=clang W=1 all >/dev/null || fail "clang has warnings"

cppcheck -q --error-exitcode=1 --std=c11 --inline-suppr -I. -D_GNU_SOURCE \
    --enable=warning,portability --suppress=missingIncludeSystem \
    --suppress=normalCheckLevelMaxBranches \
    common image hooks profiles plugin || fail "cppcheck"

mapfile -t scripts < <(git ls-files '*.sh' .ci/run 'hooks/*/fog.*' 'hooks/fog/server/w7prep-fog-queue' 2>/dev/null)
shellcheck -x -S warning "${scripts[@]}" || fail "shellcheck"

while read -r file; do
	php -l "$file" >/dev/null || fail "php"
done < <(git ls-files '*.php')

# nothing below plugin/ prints or exits
if grep -nE '\b(printf|fprintf *\( *std|puts|exit|abort|perror) *\(' image/*.c hooks/*.c profiles/*.c |
    grep -v 'image_abort\|->abort'; then
	fail "printing or exiting below plugin/"
fi
# an engine is never asked for its name
if grep -nE 'ops->name' hooks/*.c image/execute.c image/windows*.c; then
	fail "an engine is told by its name"
fi
rm -rf build-lint-clang
exit $rc
