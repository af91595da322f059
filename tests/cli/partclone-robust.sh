#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Images of FOG and Clonezilla when something goes wrong: a run is killed at any moment, the disk is full,
# and what an image must not be like. And how much of the disk is needed when nothing does.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
# shellcheck source=tests/fixtures/images.sh
. "$(dirname "$0")/../fixtures/images.sh"
for tool in partclone.ntfs pigz zstd unshare; do
	requires "$tool"
done
w7=$BUILD/w7prep
phony_volume "$T/volume.ntfs" --kms-host=old.example
for mode in 0 1; do
	partclone.ntfs -c -s "$T/volume.ntfs" -O "$T/a$mode.ptcl" -a$mode -L "$T/log" \
	    >"$T/partclone.txt" 2>&1 || fail "partclone.ntfs: $(tail -n1 "$T/partclone.txt")"
done

sums() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k2); }
fog_names='^(d1\.[a-z._]+|d1p2\.img(\.[0-9]{3})?)$'
cz_names='^(parts|clonezilla-img|(MD5|B2)SUMS|sda2\.ntfs-ptcl-img\.gz\.[a-z]{2})$'

mkdir -p "$T/fog/win7" "$T/cz/win7"
echo 'label: dos' >"$T/fog/win7/d1.partitions"
split -a 3 -d -b 1000000 "$T/a0.ptcl" "$T/fog/win7/d1p2.img."
mv "$T/fog/win7/d1p2.img.000" "$T/fog/win7/d1p2.img"
echo sda2 >"$T/cz/win7/parts"
echo 'This image was saved by Clonezilla' >"$T/cz/win7/clonezilla-img"
pigz -6 <"$T/a1.ptcl" | split -a 2 -b 50000 - "$T/cz/win7/sda2.ntfs-ptcl-img.gz."
(cd "$T/cz/win7" && md5sum -- sda2* >MD5SUMS && b2sum -- sda2* >B2SUMS)

# ---- killed at any moment ----

stream() { # DIR GLOB: what an imaging client gets
	# shellcheck disable=SC2086 # a glob
	(cd "$1" && cat $2 | sha256sum)
}
# The old stream; the new one, whose files have a second name until the end of the run; or a run that had
# come to its end.
whole() { # STORE GLOB OLD
	local now record=$1/.w7prep/win7/0001
	now=$(stream "$1/win7" "$2")
	[ "$now" = "$3" ] && return
	[ -d "$record/new" ] && [ "$now" = "$(stream "$record/new" "$2")" ] && return
	[ "$(jq -r .state "$record/record.json")" = "done" ]
}
survive() { # STORE NAMES GLOB STEP-MILLISECONDS ROUNDS
	local dir=$1/win7 names=$2 glob=$3 before old i cut=0 rolled=0 pid
	before=$(sums "$dir")
	old=$(stream "$dir" "$glob")
	for ((i = 1; i <= $5; i++)); do
		"$w7" apply -q -p kms "$dir" >/dev/null 2>&1 &
		pid=$!
		sleep "$(printf '0.%03d' $((i * $4)))"
		# in the middle of it, and after its death
		[ -z "$(find "$dir" -mindepth 1 -printf '%f\n' | grep -vE "$names")" ] || fail "round $i: a stray file"
		kill -9 $pid 2>/dev/null
		wait $pid 2>/dev/null
		[ $? -ne 137 ] || cut=$((cut + 1))
		[ -z "$(find "$dir" -mindepth 1 -printf '%f\n' | grep -vE "$names")" ] || fail "round $i: a stray file is left"
		whole "$1" "$glob" "$old" || fail "round $i: a client would get a mixture"
		run "$w7" plan -p kms "$dir"
		case $status in
		0 | 10) ;;
		5) expect_err 'cut short'; rolled=$((rolled + 1)) ;;
		*) fail "round $i: plan: status $status" ;;
		esac
		run "$w7" apply -p kms "$dir"
		expect_status 0
		run "$w7" verify -p kms "$dir"
		expect_status 0
		run "$w7" undo --all "$dir"
		expect_status 0
		[ "$(sums "$dir")" = "$before" ] || fail "round $i: undo did not give the original back"
		[ "$(ls -A "$1")" = win7 ] || fail "round $i: left behind: $(ls -A "$1")"
	done
	[ "$cut" -gt 0 ] || fail "$1: not one apply was cut short"
}
survive "$T/fog" "$fog_names" 'd1p2.img*' 15 12
survive "$T/cz" "$cz_names" 'sda2*' 25 12

# ---- the disk: one more copy of the partition and what changed, and no less is no harm ----

mount_size() { # KIB COMMAND…: on a disk of that size with a copy of the FOG image; $T/after has its names and sums
	local kib=$1
	shift
	# shellcheck disable=SC2016 # for the shell in there
	run unshare --mount ${user[@]+"${user[@]}"} bash -c '
		kib=$1 store=$2 out=$3 disk=$4
		shift 4
		mount -t tmpfs -o size="$kib"k tmpfs "$disk" && cp -r "$store/win7" "$disk/" || exit 99
		export TMPDIR=$disk
		"$@"
		rc=$?
		(cd "$disk" && find . -type f ! -path "./.w7prep/*" -exec sha256sum {} + | sort -k2) >"$out"
		ls -A "$disk" >"$out.names"
		exit $rc' - "$kib" "$T/fog" "$T/after" "$T/disk" "$@"
}
mkdir "$T/disk"
user=()
[ "$(id -u)" -eq 0 ] || user=(--map-root-user)
mount_size 1000000 true
if [ "$status" -eq 0 ]; then
	old=$(($(cat "$T"/fog/win7/* | wc -c) / 1024))
	# two hives and the scripts of the phony Windows, in the scratch file
	mount_size $((2 * old + 1024)) "$w7" apply -p kms "$T/disk/win7"
	expect_status 0
	# to look at it needs none
	mount_size $((old + 64)) "$w7" inspect "$T/disk/win7"
	expect_status 0
	for more in 5 30 60 95; do
		mount_size $((old + old * more / 100)) "$w7" apply -p kms "$T/disk/win7"
		expect_status 6
		expect_err '^w7prep: error: .*No space left on device'
		(cd "$T/fog" && find . -type f -exec sha256sum {} + | sort -k2) | cmp -s - "$T/after" ||
		    fail "a full disk changed the image"
		[ "$(cat "$T/after.names")" = win7 ] || fail "a full disk left: $(cat "$T/after.names")"
	done
else
	skip_part "cannot mount a tmpfs: how much disk is needed"
fi

# ---- a store that cannot exchange directories: Clonezilla's USB disk with NTFS ----

if [ "$(id -u)" -eq 0 ] && [ -c /dev/fuse ] && command -v ntfs-3g mkntfs >/dev/null; then
	mkdir "$T/usb"
	truncate -s 64M "$T/usb.ntfs"
	mkntfs -q -F -Q "$T/usb.ntfs" >"$T/log" 2>&1 || fail "mkntfs: $(tail -n 1 "$T/log")"
	ntfs-3g "$T/usb.ntfs" "$T/usb" || fail ntfs-3g
	at_exit "umount -l '$T/usb' 2>/dev/null"
	cp -r "$T/cz/win7" "$T/usb/"
	before=$(sums "$T/usb/win7")
	run "$w7" -v apply -p kms "$T/usb/win7"
	expect_status 0
	expect_err 'its files are exchanged one after another'
	(cd "$T/usb/win7" && md5sum --quiet -c MD5SUMS) || fail "checksums on the USB disk"
	run "$w7" verify -p kms "$T/usb/win7"
	expect_status 0
	run "$w7" undo "$T/usb/win7"
	expect_status 0
	[ "$(sums "$T/usb/win7")" = "$before" ] || fail "undo on the USB disk"
	[ "$(ls -A "$T/usb")" = win7 ] || fail "left on the USB disk: $(ls -A "$T/usb")"
	umount "$T/usb"
else
	skip_part "only root mounts, with /dev/fuse: a store on NTFS"
fi

# ---- faults that are not in partclone.sh's list ----

fault_dir=$T/faults/win7
refused() { # STATUS REGEX WHAT
	local before
	before=$(sums "$fault_dir")
	for command in inspect 'apply -p kms'; do
		# shellcheck disable=SC2086 # two words
		run "$w7" $command "$fault_dir"
		if [ "$command" != inspect ] || [ "${only_apply:-}" = '' ]; then
			[ "$status" -eq "$1" ] || fail "$3: $command: status $status instead of $1"
			grep -Eq -- "$2" "$T/err" || fail "$3: $command: not /$2/"
			[ "$(grep -c '^w7prep: error: ' "$T/err")" -eq 1 ] || fail "$3: not one line"
			grep -q '^  hint: .*\(copy\|capture\) ' "$T/err" || fail "$3: not what to do"
		fi
	done
	[ "$(sums "$fault_dir")" = "$before" ] || fail "$3: the image changed"
	[ "$(ls -A "$T/faults")" = win7 ] || fail "$3: left behind: $(ls -A "$T/faults")"
	rm -rf "$fault_dir"
	mkdir -p "$fault_dir"
	echo x >"$fault_dir/d1.partitions"
}
mkdir -p "$fault_dir"
echo x >"$fault_dir/d1.partitions"
# checksums between the blocks, of each kind
for mode in xxh64 xxh128 crc32; do
	"$mk/mkpartclone" "$T/a0.ptcl" "$T/$mode.ptcl" $mode || fail "mkpartclone $mode"
	for how in bad-block bad-sum; do
		"$mk/mkpartclone" "$T/$mode.ptcl" "$T/spoiled" $how || fail "mkpartclone $how"
		zstd -q <"$T/spoiled" >"$fault_dir/d1p2.img"
		refused 4 'checksum wrong in the blocks before block [0-9]+' "$mode $how"
		# in a stream that is not compressed it shows when all of it is read
		cp "$T/spoiled" "$fault_dir/d1p2.img"
		only_apply=yes refused 4 'checksum wrong in the blocks before block [0-9]+' "$mode $how, not compressed"
	done
done
# a count of blocks that lies, with all checksums right
"$mk/mkpartclone" "$T/a0.ptcl" "$T/spoiled" fewer-blocks || fail "mkpartclone fewer-blocks"
for pack in cat pigz; do
	$pack <"$T/spoiled" >"$fault_dir/d1p2.img"
	refused 4 'header says [0-9]+ blocks, the volume has [0-9]+' "fewer-blocks, $pack"
done
# version 1, whose checksums say nothing: its bitmap's end, its length, what follows
"$mk/mkpartclone" "$T/a0.ptcl" "$T/v1.ptcl" v1 || fail "mkpartclone v1"
blocks=$(od -An -tu8 -j60 -N8 "$T/a0.ptcl")
cp "$T/v1.ptcl" "$fault_dir/d1p2.img"
printf 'x' | dd of="$fault_dir/d1p2.img" bs=1 seek=$((4160 + blocks)) conv=notrunc status=none
refused 4 'bitmap is damaged: no mark at its end' 'v1 without its mark'
cp "$T/v1.ptcl" "$fault_dir/d1p2.img"
printf '\0' | dd of="$fault_dir/d1p2.img" bs=1 seek=4160 conv=notrunc status=none
refused 4 'blocks are stored, its bitmap says' 'v1 with a block less'
head -c -5000 "$T/v1.ptcl" | pigz >"$fault_dir/d1p2.img"
refused 4 'ends after [0-9]+ of [0-9]+ blocks' 'v1 cut short'
{ cat "$T/v1.ptcl" && printf 'more'; } | zstd -q >"$fault_dir/d1p2.img"
refused 4 'something follows the last block' 'v1 with more behind it'
# parts of a stream that is not compressed: one missing, one too short, two changed for each other
parts() {
	cp "$T"/fog/win7/d1p2.img* "$fault_dir/"
}
parts
rm "$fault_dir/d1p2.img.001"
refused 4 'part d1p2.img.001 is missing' 'a part missing'
parts
truncate -s -1 "$fault_dir/d1p2.img.001"
refused 4 'bytes instead of|ends after' 'a part too short'
parts
rm "$fault_dir/d1p2.img"
run "$w7" inspect "$fault_dir/d1p2.img.002"
expect_status 4
expect_err 'the first part of d1p2.img is missing'
refused 4 'the first part of d1p2.img is missing' 'the first part missing'
cp "$T"/cz/win7/sda2* "$fault_dir/"
rm "$fault_dir"/*.aa
refused 4 'the first part of sda2.ntfs-ptcl-img.gz is missing' "Clonezilla's first part missing"
parts
echo old >"$fault_dir/d1p2.img.old"
echo old >"$fault_dir/d1p3.img.old"
run "$w7" inspect "$fault_dir"
expect_status 0
rm "$fault_dir"/*
: >"$fault_dir/d1p2.img"
refused 4 'd1p2.img: it is empty' 'an empty file'

# ---- -o ----

umask 027
dir=$T/fog/win7
before=$(sums "$dir")
run "$w7" apply -p kms "$dir/d1p2.img.001" -o "$T/out.img"
expect_status 2
expect_err "cannot copy a partition of [0-9]+ files by itself"
expect_err "name the image's directory"
run "$w7" apply -p kms "$dir" -o "$T/fog/copy/"
expect_status 0
[ "$(sums "$dir")" = "$before" ] || fail "-o changed the input"
[ "$(ls -A "$T/fog" | sort | tr '\n' ' ')" = "copy win7 " ] || fail "-o left: $(ls -A "$T/fog")"
[ -z "$(find "$T/fog/copy" -type f -links +1)" ] || fail "-o: files shared with the input"
[ -z "$(find "$T/fog/copy" -perm /027 ! -perm 750 -type f)" ] || fail "-o: modes"
[ -z "$(find "$T/fog/copy" -mindepth 1 -printf '%f\n' | grep -vE "$fog_names")" ] || fail "-o: a stray file"
cmp -s "$dir/d1.partitions" "$T/fog/copy/d1.partitions" || fail "-o: d1.partitions"
run "$w7" verify -p kms "$T/fog/copy"
expect_status 0
for force in '' --force; do
	run "$w7" apply -p kms "$dir" -o "$T/fog/copy" $force
	expect_status 2
	expect_err 'is there already'
done
# what needs no change is copied all the same, also while a client reads it
exec 8<"$T/fog/copy/d1p2.img"
run "$w7" apply -p kms "$T/fog/copy" -o "$T/fog/again"
exec 8<&-
expect_status 0
[ "$(sums "$T/fog/copy")" = "$(sums "$T/fog/again")" ] || fail "-o of a prepared image"
[ -z "$(find "$T/fog/again" -type f -links +1)" ] || fail "-o: files shared with the prepared input"
# a failure leaves nothing
truncate -s -1 "$T/fog/again/d1p2.img.001"
run "$w7" apply -p kms "$T/fog/again" -o "$T/fog/third"
expect_status 4
[ ! -e "$T/fog/third" ] || fail "-o: something where there should be nothing"
exit 0
