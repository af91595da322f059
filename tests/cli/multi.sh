#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A WIM with several images: every Windows 7 is prepared, others are left alone and named.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires wimlib-imagex
w7=$BUILD/w7prep

# 1 Enterprise amd64, 2 Professional x86, 3 data, 4 Windows 8.1
phony_wim_multi "$T/a.wim"
cp "$T/a.wim" "$T/original.wim"
list() { wimlib-imagex dir "$1" "$2" --detailed; }
prepared() { wimlib-imagex dir "$T/a.wim" "$1" | grep -qi '/w7prep/firstboot.cmd'; }
same() { # IMAGE-INDEX: nothing in it has changed
	list "$T/original.wim" "$1" >"$T/one"
	list "$T/a.wim" "$1" >"$T/two"
	"$(dirname "$0")/wim-diff.awk" "$T/one" "$T/two" >"$T/diff"
	[ ! -s "$T/diff" ] || fail "image $1 changed: $(head -n 3 "$T/diff")"
}

run "$w7" apply -p kms "$T/a.wim"
expect_status 0
expect_out 'image 3 .*left alone'
expect_out 'image 4 .*8\.1.*left alone'
prepared 1 || fail "image 1 was not prepared"
prepared 2 || fail "image 2 was not prepared"
same 3
same 4
wimlib-imagex verify "$T/a.wim" >/dev/null 2>&1 || fail "damaged"
# each edition has its own client setup key
key() { wimlib-imagex extract "$T/a.wim" "$1" /Windows/Setup/Scripts/w7prep/key.cmd --to-stdout; }
key 1 | grep -q 33PXH-7Y6KF-2VJC9-XBBR8-HVTHH || fail "image 1 has not the key of Enterprise"
key 2 | grep -q FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4 || fail "image 2 has not the key of Professional"
run "$w7" undo "$T/a.wim"
expect_status 0
cmp -s "$T/a.wim" "$T/original.wim" || fail "undo"

run "$w7" apply -p kms --image=2 "$T/a.wim"
expect_status 0
prepared 2 || fail "--image 2 was not prepared"
prepared 1 && fail "--image 2 prepared image 1"
same 1
run "$w7" verify -p kms "$T/a.wim"
expect_status 10
run "$w7" verify -p kms --image=2 "$T/a.wim"
expect_status 0

run "$w7" plan -p kms --image=4 "$T/a.wim"
expect_status 4
expect_err '8\.1'
run "$w7" plan -p kms --image=3 "$T/a.wim"
expect_status 4
run "$w7" plan -p kms --image=5 "$T/a.wim"
expect_status 4
expect_err 'no image 5'
# two applies are undone one after the other, or both at once
run "$w7" apply -p kms --image=1 "$T/a.wim"
expect_status 0
run "$w7" undo --all "$T/a.wim"
expect_status 0
cmp -s "$T/a.wim" "$T/original.wim" || fail "undo --all"

# an edition without volume activation refuses the whole file until the others are named
phony_volume "$T/home.ntfs" --edition=HomePremium --channel=oem
cp "$T/original.wim" "$T/b.wim"
wimlib-imagex append "$T/home.ntfs" "$T/b.wim" 'Windows 7 HOMEPREMIUM' >/dev/null 2>&1 || fail "append"
before=$(sha "$T/b.wim")
run "$w7" apply -p kms "$T/b.wim"
expect_status 4
expect_err 'image 5: .*Home Premium'
expect_err '--image N'
[ "$(sha "$T/b.wim")" = "$before" ] || fail "a refused file was changed"
exit 0
