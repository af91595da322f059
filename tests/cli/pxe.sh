#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# pxe menu: the script, and a PC that boots it: Debian's iPXE under qemu, without KVM, its screen and
# keyboard on a serial line. What a person chooses arrives in FOG's script and on a kernel's command line.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
w7=$BUILD/w7prep
mkdir "$T/tftp" "$T/profiles"
for p in kms mak no-activation; do
	cp "profiles/$p.ini" "$T/profiles/"
done
# a description that would be something else to iPXE: settings, comment, options, two commands
cat >"$T/profiles/room12.ini" <<'X2'
[profile]
extends = kms
description = Süd ${net0/mac} -- --key x || poweroff && "reboot" kms's
X2
printf '[profile]\nextends = kms\n' >"$T/profiles/room 12.ini"
export W7PREP_PROFILES=$T/profiles
menu=$T/tftp/menu.ipxe

# ---- the script ----

run "$w7" pxe menu --fog=fog-default.ipxe -o "$menu"
expect_status 0
expect_err "warning: .*room 12.ini: not in the menu"
! grep -q 'room 12' "$menu" || fail "a name that no kernel command line carries is in the menu"
grep -q '^item room12 room12: S?d ' "$menu" || fail "$(grep room12 "$menu")"
! grep room12 "$menu" | grep -q '[$"|&]\| -' || fail "a description is taken for more: $(grep room12 "$menu")"
LC_ALL=C grep -q '[^ -~]' "$menu" && fail "not ASCII"
run "$w7" pxe menu --fog=fog-default.ipxe -o "$menu"
expect_status 2
expect_err 'is there already'
run "$w7" pxe menu kms mak no-activation room12 --fog=fog-default.ipxe -o "$menu" --force
expect_status 0
[ "$(sed -n 's/^item \([a-z][a-z0-9-]*\) .*/\1/p' "$menu" | tr '\n' ' ')" = 'kms mak no-activation room12 off ' ] ||
	fail "other items: $(grep ^item "$menu")"
refused() { # REGEX ARGUMENT…
	run "$w7" pxe menu -o "$T/no.ipxe" "${@:2}"
	expect_status 2
	expect_err "$1"
	[ ! -e "$T/no.ipxe" ] || fail "a menu all the same"
}
refused 'what to boot'
refused 'what to boot' --fog=a --clonezilla=b
refused 'what to boot' --fog=a --kernel-args=b
refused 'no profile is called' nosuch --fog=a
refused 'does not pass' "$T/profiles/room 12.ini" --fog=a
refused 'no such profile' kms -p mak --fog=a
refused 'something else' kms --fog='a || poweroff'
refused 'something else' kms --clonezilla='http://x/ y'
refused 'something else' kms --clonezilla=http://x --kernel-args='a || poweroff'
refused 'something else' kms --clonezilla=http://x --kernel-args=$'a\npoweroff'
refused 'longer' kms --clonezilla=http://x --kernel-args="$(printf '%02000d' 1)"
run "$w7" pxe mneu
expect_status 2

# ---- a PC ----

rom=/usr/lib/ipxe/qemu/pxe-e1000.rom
if [ ! -e "$rom" ] || ! command -v qemu-system-x86_64 >/dev/null; then
	skip_part "ipxe-qemu or qemu-system-x86 is not installed: no PC booted the menu"
	exit 0
fi
mkfifo "$T/keys"
at_exit 'kill "$pc" 2>/dev/null'
pc=
boot() { # starts the PC with the menu; its screen is $T/screen
	: >"$T/screen"
	timeout -k 2 55 qemu-system-x86_64 -machine pc,accel=tcg,graphics=off -m 512 -display none -vga none \
	    -monitor none -serial stdio -no-reboot -boot n -netdev "user,id=n,tftp=$T/tftp,bootfile=menu.ipxe" \
	    -device "e1000,netdev=n,romfile=$rom" <>"$T/keys" >"$T/screen" 2>"$T/qemu" &
	pc=$!
	exec 3<>"$T/keys"
}
off() {
	kill "$pc" 2>/dev/null
	wait "$pc" 2>/dev/null
	exec 3>&-
}
seen() { # TEXT: wait until it is on the screen
	local i
	for ((i = 0; i < 250; i++)); do
		! tr -d '\0' <"$T/screen" 2>/dev/null | grep -aFq -- "$1" || return 0
		kill -0 "$pc" 2>/dev/null || break
		sleep 0.2
	done
	last_command=
	tr -cd '\n -~' <"$T/screen" | tail -n 30
	fail "not on the screen: $1 ($(tail -n 1 "$T/qemu"))"
}
key() { printf '%b' "$1" >&3; }

# shellcheck disable=SC2016 # iPXE's setting, as FOG's kernel arguments have it
printf '#!ipxe\necho FOG: kernel bzImage w7prep_profile=${w7prep_profile} end\nsleep 30\n' >"$T/tftp/fog-default.ipxe"
boot
seen 'which classroom is this PC for?'
for text in 'kms: KMS activation' 'mak: ' 'no-activation: ' "room12: S?d" "kms's" 'leave Windows as it is' 'Start from the local disk'; do
	seen "$text"
done
key '\033[B'
seen 'mak: '
sleep 0.5
key '\r'
seen 'FOG: kernel bzImage w7prep_profile=mak end'
off

# Clonezilla's line, with a kernel that says what it was given; the preselected profile, by Enter.
rm "$menu"
run "$w7" pxe menu kms room12 -p room12 --clonezilla=tftp://10.0.2.2/cz --kernel-args='console=ttyS0 ignore_loglevel ocs_live_run="a b"' -o "$menu"
expect_status 0
grep -q -- '--default room12 --timeout 30000' "$menu" || fail "not preselected"
for kernel in /boot/vmlinuz-*; do
	[ ! -r "$kernel" ] || break
done
if [ ! -r "$kernel" ]; then
	skip_part "no kernel in /boot: no PC booted Clonezilla's line"
	exit 0
fi
mkdir "$T/tftp/cz"
cp "$kernel" "$T/tftp/cz/vmlinuz"
head -c 4096 /dev/zero >"$T/tftp/cz/initrd.img"
boot
seen 'which classroom is this PC for?'
key '\r'
seen 'Command line: '
seen 'w7prep_profile=room12 console=ttyS0 ignore_loglevel ocs_live_run="a b"'
seen 'ocs_restoredisk_postrun="bash /home/partimag/w7prep/w7prep-postrun.sh"'
off
exit 0
