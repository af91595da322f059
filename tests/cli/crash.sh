#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Power failure: apply is killed at many moments. Whatever was reached, the next run makes the image
# whole, and undo gives the original back, bit for bit.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
w7=$BUILD/w7prep

content() { # IMAGE: what must be the same again
	case $1 in
	*.wim) sha "$1" ;;
	*) qemu-img convert -O raw "$1" "$T/content.raw" && sha "$T/content.raw" ;;
	esac
}

leftovers() { # no process, no record
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		pgrep -f "qemu-.*$T/" >/dev/null || break
		sleep 0.1
	done
	! pgrep -af "qemu-.*$T/" || fail "$1: a process is left"
	[ -z "$(find "$T" -maxdepth 1 -name '.w7prep')" ] || fail "$1: .w7prep is left"
}

kill_at() { # IMAGE MICROSECONDS ENGINE
	"$w7" apply --engine="$3" -p kms "$1" >/dev/null 2>&1 &
	local pid=$!
	sleep "$(printf '0.%06d' "$2")"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	return $?
}

survive() { # IMAGE ENGINE STEP-MICROSECONDS ROUNDS
	local img=$1 before i cut=0 rolled=0
	before=$(content "$img")
	for ((i = 1; i <= $4; i++)); do
		kill_at "$img" $((i * $3)) "$2" 2>/dev/null
		[ $? -eq 137 ] && cut=$((cut + 1))
		# reading says so, or the image is whole: the original or the finished one
		run "$w7" plan --engine="$2" -p kms "$img"
		case $status in
		0 | 10) ;;
		5) expect_err 'cut short'; rolled=$((rolled + 1)) ;;
		*) fail "round $i: plan: status $status" ;;
		esac
		run "$w7" apply --engine="$2" -p kms "$img"
		expect_status 0
		run "$w7" verify --engine="$2" -p kms "$img"
		expect_status 0
		run "$w7" undo --all "$img"
		expect_status 0
		[ "$(content "$img")" = "$before" ] || fail "round $i: undo did not give the original back"
		leftovers "round $i"
	done
	[ "$cut" -gt 0 ] || fail "$2: not one apply was cut short"
	echo "$2: $cut of $4 cut short, $rolled of them in the middle of the commit" >"$T/summary.$2"
}

phony_wim "$T/a.wim"
survive "$T/a.wim" wim 7000 25
phony_disk vhd mbr "$T/a.vhd"
survive "$T/a.vhd" direct 20000 20
# with a product key in it: what undo needs is sealed
cat >"$T/key.xml" <<'X'
<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize"><component
 name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64"><ProductKey
 >BCDFG-HJKMP-QRTVW-XY234-6789B</ProductKey></component></settings></unattend>
X
phony_disk qcow2 gpt "$T/a.qcow2" --answer-file="$T/key.xml" --answer-place=panther-unattend
survive "$T/a.qcow2" direct 30000 8
[ -e "$XDG_STATE_HOME/w7prep/undo.key" ] || fail "nothing was sealed"

# an interrupt from the keyboard ends at a safe point with status 6, and nothing is left
before=$(sha "$T/a.wim")
interrupted=0
for i in 1 2 3 4 5 6 7 8; do
	timeout -s INT "0.0$i" "$w7" apply -p kms "$T/a.wim" >"$T/out" 2>"$T/err"
	rc=$?
	if [ $rc -eq 124 ]; then
		interrupted=$((interrupted + 1))
	fi
	run "$w7" undo --all "$T/a.wim"
	[ "$status" -eq 0 ] || [ "$status" -eq 5 ] || fail "undo after an interrupt: status $status"
	[ "$(sha "$T/a.wim")" = "$before" ] || fail "an interrupt changed the image"
done
exit 0
