#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A pipeline builds its image anew under the same name: each is prepared and can be put back,
# and a record of the file before is never applied to the one of today.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
w7=$BUILD/w7prep

replaced() { # SUFFIX OPTION…: fresh images $T/1 and $T/2 take turns as $T/image
	local image=$T/image.$1
	shift
	cp "$T/1" "$image"
	run "$w7" apply "$@" -p kms "$image"
	expect_status 0

	cp "$T/2" "$image"
	run "$w7" undo "$image"
	expect_status 5
	cmp -s "$T/2" "$image" || fail "an undo of another file changed this one"
	run "$w7" apply "$@" -p kms "$image"
	expect_status 0
	run "$w7" undo --all "$image"
	expect_status 5
	expect_err 'put back, but an older undo record is of a file that had this name before'
	expect_err 'hint: when that file is gone for good: rm -r .*/\.w7prep/image'
	[ "$(content "$T/2")" = "$(content "$image")" ] || fail "not put back"
}

content() { sha "$1"; }
phony_wim "$T/1"
phony_wim "$T/2" --edition=Professional
replaced wim

content() { qemu-img convert -f vpc -O raw "$1" "$T/raw" && sha "$T/raw"; }
phony_disk vhd mbr "$T/1"
phony_disk vhd mbr "$T/2" --edition=Professional
replaced vhd --engine=direct
exit 0
