#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# "make demo": a phony Windows 7 as WIM and as VHD in demo/, and both through the whole cycle.
#
# For the VHD the default engine is used, libguestfs, which starts a small virtual machine for
# each command: without KVM that takes about ten seconds. --engine=direct does it at once.
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=$PWD/build}"
. tests/cli/functions.sh
. tests/fixtures/images.sh
bold='' plain=''
[ ! -t 1 ] || bold=$'\033[1m' plain=$'\033[0m'
shown=${BUILD#"$PWD"/}/w7prep

rm -rf demo
mkdir demo || exit 1
phony_wim demo/install.wim --computer-name=REFERENCE-PC --kms-host=old-kms.example.org
phony_disk vhd mbr demo/win7.vhd --computer-name=REFERENCE-PC --sppuinotify-disabled=yes
echo "Made demo/install.wim and demo/win7.vhd: a phony, sealed Windows 7 Enterprise with KB971033, stale"
echo "licence tokens and what else is typically left in a reference image."

step() { # EXPECTED-STATUS COMMAND…
	local expected=$1 rc
	shift
	printf '\n%s$ %s %s%s\n' "$bold" "$shown" "$*" "$plain"
	"$BUILD/w7prep" "$@"
	rc=$?
	[ "$rc" -eq "$expected" ] || {
		echo "demo: exit status $rc instead of $expected" >&2
		exit 1
	}
}

for image in demo/install.wim demo/win7.vhd; do
	step 0 inspect "$image"
	step 10 plan -p kms "$image" # 10: changes are pending
	step 0 apply -p kms "$image"
	step 0 verify -p kms "$image"
done
printf '\nBoth images are ready. "%s undo demo/install.wim" gives the original back, bit for bit.\n' "$shown"
