#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The default engine for disks: finds out about KVM, prepares a VHD in one launch, and leaves the same
# files as the engine direct. Launches are dear: five in all.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires wimlib-imagex
w7=$BUILD/w7prep
mib=$((1 << 20))
export SOURCE_DATE_EPOCH=1700000000

volume_list() { # IMAGE OUT: every file of the Windows volume with hash, descriptor, attributes, times
	qemu-img convert -O raw "$1" "$T/raw" || fail "qemu-img"
	windows_volume mbr "$T/raw" "$T/vol"
	ntfsfix -n "$T/vol" >"$T/ntfsfix" 2>&1 || fail "$1: ntfsfix: $(tail -n1 "$T/ntfsfix")"
	wimlib-imagex capture "$T/vol" "$T/vol.wim" --compress=none >/dev/null 2>"$T/cap" ||
	    fail "capture: $(cat "$T/cap")"
	wimlib-imagex dir "$T/vol.wim" 1 --detailed >"$2.all"
	# the minute in which a new file was made is not the engine's doing
	grep -v '^\(Creation\|Last Write\|Last Access\) Time' "$2.all" >"$2"
	rm -f "$T/raw" "$T/vol" "$T/vol.wim"
}

phony_disk vhd mbr "$T/g.vhd" --sppuinotify-disabled=yes --setup-complete=lf
cp "$T/g.vhd" "$T/d.vhd"
run qemu-img convert -O raw "$T/g.vhd" "$T/before.raw"
before=$(sha "$T/before.raw")

run "$w7" apply -p kms --json "$T/g.vhd"
if [ "$status" -eq 6 ] && grep -q 'appliance' "$T/err"; then
	echo "no libguestfs appliance here: $(head -n 1 "$T/err")"
	exit 77
fi
expect_status 0
jq -e '.images[0] | .engine == "guestfs" and .verified and .changed' "$T/out" >/dev/null || fail "report"
[ "$(grep -c 'starting the libguestfs appliance' "$T/err")" -eq 1 ] || fail "not one launch: $(cat "$T/err")"
run "$w7" apply -p kms --engine=direct "$T/d.vhd"
expect_status 0

volume_list "$T/g.vhd" "$T/g.txt"
volume_list "$T/d.vhd" "$T/d.txt"
"$(dirname "$0")/wim-diff.awk" "$T/g.txt" "$T/d.txt" >"$T/diff"
[ ! -s "$T/diff" ] || fail "guestfs and direct differ: $(head -n 5 "$T/diff")"
[ "$(grep -c '^Full Path' "$T/g.txt")" -gt 100 ] || fail "nothing was compared"
# but a changed hive keeps its times
for engine in g d; do
	grep -A9 'config/SYSTEM"' "$T/$engine.txt.all" | grep 'Last Write' >"$T/$engine.time"
done
cmp -s "$T/g.time" "$T/d.time" || fail "a changed hive's time differs between the engines"

# each engine finds the other's work to be right, and changes nothing
container=$(sha "$T/d.vhd")
run "$w7" apply -p kms "$T/d.vhd"
expect_status 0
expect_out 'nothing to do'
[ "$(sha "$T/d.vhd")" = "$container" ] || fail "the second apply changed the file"
run "$w7" verify -p kms --engine=direct "$T/g.vhd"
expect_status 0

run "$w7" undo "$T/g.vhd"
expect_status 0
run qemu-img convert -O raw "$T/g.vhd" "$T/after.raw"
[ "$(sha "$T/after.raw")" = "$before" ] || fail "undo did not give the original back"

# a MAK that goes leaves no trace in unused clusters, nor in the undo record
key=BCDFG-HJKMP-QRTVW-XY234-6789B
printf '%s\n' "$key" >"$T/mak.key"
chmod 600 "$T/mak.key"
printf '[activation]\nstrategy = mak\nmak_key_file = mak.key\n' >"$T/mak.ini"
run "$w7" apply -p "$T/mak.ini" --engine=direct "$T/g.vhd"
expect_status 0
grep -qa "$key" "$T/g.vhd" || fail "no MAK was placed"
run "$w7" apply -p kms "$T/g.vhd"
expect_status 0
! grep -qa "$key" "$T/g.vhd" || fail "the MAK is still on the disk"
[ -e "$T/.w7prep/g.vhd/0002/data.tar.zst.sealed" ] || fail "the undo record is not sealed"

# The appliance's kernel finds its own disk first, and Windows is not on the largest volume: clusters
# are found all the same, and a volume that nothing is written to is not mounted for writing.
cat >"$T/qemu" <<'X'
#!/bin/bash
args=("$@")
for i in "${!args[@]}"; do
	case ${args[i]} in
	scsi-hd,drive=hd0) args[i]=scsi-hd,drive=appliance ;;
	scsi-hd,drive=appliance) args[i]=scsi-hd,drive=hd0 ;;
	esac
done
exec qemu-system-x86_64 "${args[@]}"
X
chmod +x "$T/qemu"
phony_volume "$T/1.ntfs" --hive-mb=2
phony_volume "$T/2.ntfs" --data --volume-mb=90
two_volumes "$T/two.raw" "$T/1.ntfs" "$T/2.ntfs"
run env LIBGUESTFS_HV="$T/qemu" LIBGUESTFS_BACKEND_SETTINGS=force_tcg "$w7" apply -vv -p kms "$T/two.raw"
expect_status 0
expect_err 'writing /Windows/System32/config/SOFTWARE'
! grep -q 'read through ntfs-3g' "$T/err" || fail "the clusters of a hive were not found"
dd if="$T/two.raw" bs=1M skip=$(($(stat -c %s "$T/1.ntfs") / mib + 1)) count=90 of="$T/part" status=none
cmp -s "$T/part" "$T/2.ntfs" || fail "a volume without Windows was written to"
run "$w7" verify -p kms --engine=direct "$T/two.raw"
expect_status 0
exit 0
