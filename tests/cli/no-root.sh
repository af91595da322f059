#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# No command needs root: the cycle on a WIM, a VHD and a directory as an ordinary user.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"

phony_wim "$T/a.wim"
phony_disk vhd mbr "$T/a.vhd"
"$BUILD/fixtures/mkphony" tree "$T/tree" >/dev/null || fail "mkphony"
mkdir "$T/bin" "$T/home" "$T/run"
cp "$BUILD/w7prep" "$T/bin/"
cp -r profiles "$T/profiles"
mv "$T/a.wim" "$T/a.vhd" "$T/tree" "$T/run/"

if [ "$(id -u)" -eq 0 ]; then
	requires setpriv
	chmod 755 "$T"
	chown -R 65534:65534 "$T/home" "$T/run"
	as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups -- env HOME="$T/home" TMPDIR="$T/home" "$@"; }
else
	as_user() { env HOME="$T/home" TMPDIR="$T/home" "$@"; }
fi
w7() { as_user "$T/bin/w7prep" "$@"; }
[ "$(as_user id -u)" -ne 0 ] || fail "still root"

for image in a.wim a.vhd tree; do
	engine=
	case $image in *.vhd) engine=--engine=direct ;; esac
	run w7 inspect $engine "$T/run/$image"
	expect_status 0
	run w7 plan $engine -p kms "$T/run/$image"
	expect_status 10
	run w7 apply $engine -p kms "$T/run/$image"
	expect_status 0
	run w7 verify $engine -p kms "$T/run/$image"
	expect_status 0
	run w7 undo "$T/run/$image"
	expect_status 0
done
run w7 profile list
expect_status 0

# a directory in which the undo record cannot be kept is a clear error, and the image stays
before=$(sha "$T/run/a.wim")
[ "$(id -u)" -ne 0 ] || chown 0:0 "$T/run"
chmod 555 "$T/run"
run w7 apply -p kms "$T/run/a.wim"
expect_status 6
expect_err 'hint: '
[ "$(sha "$T/run/a.wim")" = "$before" ] || fail "the image changed"
chmod 755 "$T/run"

# an image that may only be read can be inspected, and says so when it is to be changed
chmod 444 "$T/run/a.wim"
[ "$(id -u)" -ne 0 ] || chown 0:0 "$T/run/a.wim" && chmod 777 "$T/run"
run w7 inspect "$T/run/a.wim"
expect_status 0
run w7 apply -p kms "$T/run/a.wim"
[ "$status" -eq 5 ] || [ "$status" -eq 6 ] || fail "status $status for a read-only file"
expect_err 'a\.wim'
exit 0
