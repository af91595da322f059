#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The README's 60-second example works as pasted, on the images that "make demo" makes.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"

# the block of commands that begin with build/w7prep
sed -n '/^## 60 seconds/,/^## /p' README.md | grep '^build/w7prep' >"$T/commands"
[ "$(wc -l <"$T/commands")" -ge 5 ] || fail "no example in README.md"
mkdir "$T/demo"
phony_wim "$T/demo/install.wim"
"$BUILD/w7prep" apply -q -p kms "$T/demo/install.wim" >/dev/null || fail "apply as make demo does"
ln -s "$BUILD" "$T/build"
while read -r line; do
	command=${line%%#*}
	want=0
	case $command in *' plan '*) want=10 ;; esac
	run env -C "$T" bash -c "$command"
	[ "$status" -eq "$want" ] || fail "README: $command: status $status instead of $want"
	[ -s "$T/out" ] || fail "README: $command says nothing"
done <"$T/commands"
exit 0
