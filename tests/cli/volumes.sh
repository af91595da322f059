#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A disk with two Windows partitions: both are prepared, or the one that --image says, and a
# message says which one it is about.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires sfdisk
requires ntfscat
w7=$BUILD/w7prep
mib=$((1 << 20))

volume() { # 1|2: that partition of the disk, in $T/part
	local one
	one=$(($(stat -c %s "$T/1.ntfs") / mib))
	if [ "$1" = 1 ]; then
		dd if="$T/disk" of="$T/part" bs=1M skip=1 count="$one" conv=sparse status=none
	else
		dd if="$T/disk" of="$T/part" bs=1M skip=$((one + 1)) \
		    count=$(($(stat -c %s "$T/2.ntfs") / mib)) conv=sparse status=none
	fi
}
key() {
	volume "$1"
	ntfscat "$T/part" Windows/Setup/Scripts/w7prep/key.cmd 2>/dev/null
}

phony_volume "$T/1.ntfs"
phony_volume "$T/2.ntfs" --edition=Professional --arch=x86 --computer-name=SECOND
two_volumes "$T/disk" "$T/1.ntfs" "$T/2.ntfs"
cp --sparse=always "$T/disk" "$T/original"

run "$w7" apply --engine=direct -p kms --image=2 "$T/disk"
expect_status 0
key 2 | grep -q FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4 || fail "no key of Professional"
volume 1
cmp -s "$T/part" "$T/1.ntfs" || fail "--image=2 touched partition 1"
run "$w7" verify --engine=direct -p kms --image=2 "$T/disk"
expect_status 0
run "$w7" verify --engine=direct -p kms "$T/disk"
expect_status 10
run "$w7" apply --engine=direct -p kms "$T/disk"
expect_status 0
key 1 | grep -q 33PXH-7Y6KF-2VJC9-XBBR8-HVTHH || fail "no key of Enterprise"
run "$w7" verify --engine=direct -p kms "$T/disk"
expect_status 0
run "$w7" undo --all "$T/disk"
expect_status 0
cmp -s "$T/disk" "$T/original" || fail "undo --all"

run "$w7" plan --engine=direct -p kms --image=3 "$T/disk"
expect_status 4
expect_err 'no partition 3'

# one that must not be changed: nothing is, and it is named
phony_volume "$T/2.ntfs" --sealed=no
two_volumes "$T/disk" "$T/1.ntfs" "$T/2.ntfs"
before=$(sha "$T/disk")
run "$w7" apply --engine=direct -p kms "$T/disk"
expect_status 5
expect_err 'partition 2: .*not sealed'
expect_err '--image N'
[ "$before" = "$(sha "$T/disk")" ] || fail "refused, and changed"
run "$w7" apply --engine=direct -p kms --image=1 "$T/disk"
expect_status 0

# and one that is not Windows 7
phony_volume "$T/2.ntfs" --version=6.3 --build=9600 --edition=Professional
two_volumes "$T/disk" "$T/1.ntfs" "$T/2.ntfs"
run "$w7" plan --engine=direct -p kms "$T/disk"
expect_status 10
expect_out 'partition 2 is .*8\.1.*left alone'
exit 0
