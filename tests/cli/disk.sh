#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The whole cycle on every disk format and layout with the engine direct, looked at with
# qemu-img, ntfscat and ntfsfix.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires qemu-img
requires ntfsfix
w7=$BUILD/w7prep

guest_content() { # IMAGE: SHA-256 of what a PC would see on the disk
	qemu-img convert -O raw "$1" "$T/guest.raw" || fail "qemu-img convert"
	sha "$T/guest.raw"
}

cycle() { # FORMAT LAYOUT
	local img=$T/$1-$2.img before container
	phony_disk "$1" "$2" "$img" --sppuinotify-disabled=yes --kms-host=old.example
	before=$(guest_content "$img")
	container=$(sha "$img")

	run "$w7" inspect --engine=direct --json "$img"
	expect_status 0
	jq -e '.images[0].windows[0] | .edition == "Enterprise" and .sealed and .kb971033.installed' \
	    "$T/out" >/dev/null || fail "$1 $2: inspect does not tell the facts"
	run "$w7" plan --engine=direct -p kms "$img"
	expect_status 10
	[ "$(sha "$img")" = "$container" ] || fail "$1 $2: plan changed the image"

	run "$w7" apply --engine=direct -p kms "$img"
	expect_status 0
	expect_out verified
	run "$w7" verify --engine=direct -p kms "$img"
	expect_status 0
	container=$(sha "$img")
	run "$w7" apply --engine=direct -p kms "$img"
	expect_status 0
	expect_out 'nothing to do'
	[ "$(sha "$img")" = "$container" ] || fail "$1 $2: the second apply changed the file"
	[ "$(guest_content "$img")" != "$before" ] || fail "$1 $2: apply changed nothing"
	windows_volume "$2" "$T/guest.raw" "$T/vol.ntfs"
	ntfsfix -n "$T/vol.ntfs" >"$T/ntfsfix.txt" 2>&1 || fail "$1 $2: ntfsfix: $(tail -n1 "$T/ntfsfix.txt")"
	ntfscat "$T/vol.ntfs" Windows/Setup/Scripts/w7prep/firstboot.cmd >"$T/fb.cmd" 2>/dev/null ||
	    fail "$1 $2: no first-boot script"
	grep -q $'\r$' "$T/fb.cmd" || fail "$1 $2: no CRLF"
	ntfscat "$T/vol.ntfs" Windows/System32/config/SYSTEM >"$T/SYSTEM" 2>/dev/null || fail "no SYSTEM"
	[ "$(hivexget "$T/SYSTEM" 'ControlSet001\services\WatAdminSvc' Start)" = 4 ] ||
	    fail "$1 $2: WatAdminSvc is not disabled"

	run "$w7" undo "$img"
	expect_status 0
	[ "$(guest_content "$img")" = "$before" ] || fail "$1 $2: undo did not give the original back"
	rm -f "$img" "$T/guest.raw" "$T/vol.ntfs"
}

cycle vhd mbr
cycle vhd-fixed mbr
cycle vhdx gpt
cycle vmdk mbr
cycle qcow2 gpt
cycle raw bare
cycle raw mbr

# -o: the copy is of the same format, the input is untouched
phony_disk vhd mbr "$T/a.vhd"
before=$(sha "$T/a.vhd")
run "$w7" apply --engine=direct -p kms "$T/a.vhd" -o "$T/b.vhd"
expect_status 0
[ "$(sha "$T/a.vhd")" = "$before" ] || fail "-o changed the input"
run "$w7" inspect --engine=direct --json "$T/b.vhd"
[ "$(jq -r '.images[0].format' "$T/out")" = vhd ] || fail "-o changed the format"
run "$w7" verify --engine=direct -p kms "$T/b.vhd"
expect_status 0

# undo after somebody else has changed the disk is refused
run "$w7" apply --engine=direct -p kms "$T/a.vhd"
expect_status 0
qemu-io -f vpc -c 'write -P 0xaa 0 512' "$T/a.vhd" >/dev/null 2>&1 || fail "qemu-io"
off=$(jq -r '.detail.extents[0][0]' "$T/.w7prep/a.vhd/0001/record.json")
qemu-io -f vpc -c "write -P 0x55 $off 512" "$T/a.vhd" >/dev/null 2>&1 || fail "qemu-io"
run "$w7" undo "$T/a.vhd"
expect_status 5
expect_err 'was changed after'
exit 0
