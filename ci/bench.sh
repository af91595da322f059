#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Speed and memory against the peers, as ratios on the same images in one run, because seconds
# on a shared machine mean little. Exit status 1 when a target is missed.
#   ci/bench.sh [direct] [guestfs] [wim] [partclone]      default: all
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=$PWD/build}"
export BUILD
# a first launch finds out about KVM and remembers it; the peers are told the same
. tests/cli/functions.sh
. tests/fixtures/images.sh
w7=$BUILD/w7prep
runs=${BENCH_RUNS:-5}
missed=0

# Median seconds of RUNS runs of a command; before each, the function "before" is called.
median() { # RUNS COMMAND…
	local n=$1 i
	shift
	for ((i = 0; i < n; i++)); do
		before
		/usr/bin/time -o "$T/time" -f '%e %M' "$@" >"$T/bench.out" 2>&1 || {
			echo "bench: $* failed: $(tail -n 2 "$T/bench.out")" >&2
			exit 1
		}
		cat "$T/time"
	done | sort -n | awk '{s[NR]=$1; if ($2>m) m=$2} END {print s[int((NR+1)/2)], m}'
}
before() { :; }

verdict() { # WHAT VALUE LIMIT UNIT at-most|at-least
	local ok
	ok=$(awk -v v="$2" -v l="$3" -v how="$5" 'BEGIN {print how == "at-most" ? v <= l : v >= l}')
	[ "$ok" = 1 ] || missed=$((missed + 1))
	printf '%-58s %10s %-4s %s %s  %s\n' "$1" "$2" "$4" "${5/-/ }" "$3" "$([ "$ok" = 1 ] && echo ok || echo MISSED)"
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / (b > 0 ? b : 0.001)}'; }

# Peak of w7prep and everything it starts, together, against 200 MiB above twice the largest hive.
memory() { # WHAT LARGEST-HIVE-BYTES COMMAND…
	local what=$1 hive=$2 kib
	shift 2
	before
	ci/peak-memory.py "$@" >/dev/null 2>"$T/peak" || {
		echo "bench: $* failed: $(tail -n 2 "$T/peak")" >&2
		exit 1
	}
	kib=$(tail -n 1 "$T/peak")
	verdict "memory: $what" "$((kib / 1024))" "$((200 + 2 * hive / 1048576))" MiB at-most
}

bench_direct() {
	phony_disk vhd mbr "$T/a.vhd"
	local inspector inspect customize apply
	read -r inspector _ < <(median 1 env LIBGUESTFS_BACKEND_SETTINGS=force_tcg virt-inspector -a "$T/a.vhd")
	read -r inspect _ < <(median "$runs" "$w7" inspect --engine=direct "$T/a.vhd")
	verdict "inspect --engine direct: virt-inspector / w7prep" "$(ratio "$inspector" "$inspect")" 100 x at-least

	before() { cp "$T/a.vhd" "$T/b.vhd"; rm -rf "$T/.w7prep"; }
	read -r customize _ < <(median 1 env LIBGUESTFS_BACKEND_SETTINGS=force_tcg virt-customize -a "$T/b.vhd" \
	    --delete /Windows/System32/Wat --delete /Windows/ServiceProfiles/NetworkService/AppData/Roaming/Microsoft/SoftwareProtectionPlatform/tokens.dat \
	    --mkdir /Windows/Setup/Scripts/w7prep --upload ci/deps.sh:/Windows/Setup/Scripts/w7prep/firstboot.cmd)
	read -r apply _ < <(median "$runs" "$w7" apply --engine=direct -p kms "$T/b.vhd")
	verdict "apply --engine direct: virt-customize / w7prep" "$(ratio "$customize" "$apply")" 30 x at-least
	before() { :; }
	phony_disk_big vhd "$T/big.vhd"
	before() { cp "$T/big.vhd" "$T/b.vhd"; rm -rf "$T/.w7prep"; }
	memory "VHD, engine direct, SOFTWARE of 60 MiB" $((60 << 20)) "$w7" apply --engine=direct -p kms "$T/b.vhd"
	before() { :; }
}

bench_guestfs() {
	phony_disk vhd mbr "$T/g.vhd" --hive-mb=60
	"$w7" inspect "$T/g.vhd" >/dev/null 2>&1 # finds out about KVM, once
	# in pairs, one after the other: a shared machine's pace changes from minute to minute
	local launch apply i
	for ((i = 0; i < runs; i++)); do
		read -r launch _ < <(median 1 env LIBGUESTFS_BACKEND_SETTINGS=force_tcg \
		    guestfish --format=vpc -a "$T/g.vhd" run)
		cp "$T/g.vhd" "$T/b.vhd"
		rm -rf "$T/.w7prep"
		read -r apply _ < <(median 1 "$w7" apply --engine=guestfs -p kms "$T/b.vhd")
		awk -v a="$apply" -v l="$launch" 'BEGIN {printf "%.2f\n", a - l}'
	done | sort -n | awk '{s[NR]=$1} END {print s[int((NR+1)/2)]}' >"$T/beyond"
	verdict "apply with guestfs: seconds beyond a bare launch" "$(cat "$T/beyond")" 3 s at-most
}

bench_wim() {
	phony_wim_big "$T/big.wim"
	local size peer apply
	wimlib-imagex extract "$T/big.wim" 1 /Windows/System32/config/SOFTWARE --dest-dir="$T" --no-acls >/dev/null 2>&1
	size=$(stat -c %s "$T/SOFTWARE")
	# what the peer must do at the least: get both hives out, put both and the scripts in
	"$w7" apply -p kms "$T/big.wim" -o "$T/done.wim" >/dev/null 2>&1 || exit 1
	mkdir "$T/new"
	wimlib-imagex extract "$T/done.wim" 1 /Windows/System32/config/SOFTWARE /Windows/System32/config/SYSTEM \
	    /Windows/Setup/Scripts --dest-dir="$T/new" --no-acls >/dev/null 2>&1 || exit 1
	cat >"$T/peer.sh" <<X
set -e
rm -rf "$T/old"; mkdir "$T/old"
wimlib-imagex extract "$T/b.wim" 1 /Windows/System32/config/SOFTWARE /Windows/System32/config/SYSTEM --dest-dir="$T/old" --no-acls
wimlib-imagex update "$T/b.wim" 1 <<Y
add '$T/new/SOFTWARE' /Windows/System32/config/SOFTWARE
add '$T/new/SYSTEM' /Windows/System32/config/SYSTEM
add '$T/new/Scripts' /Windows/Setup/Scripts
delete --recursive --force /Windows/System32/Wat
Y
X
	before() { cp "$T/big.wim" "$T/b.wim"; rm -rf "$T/.w7prep"; }
	read -r peer _ < <(median 3 bash "$T/peer.sh")
	read -r apply _ < <(median 3 "$w7" apply -p kms "$T/b.wim")
	verdict "WIM apply: w7prep / wimlib-imagex extract + update" "$(ratio "$apply" "$peer")" 1.2 x at-most
	memory "WIM of 63,000 paths, SOFTWARE of $((size / 1048576)) MiB" "$size" "$w7" apply -p kms "$T/b.wim"
	before() { :; }
}

# A FOG image of a Windows volume with 1 GiB of programs on it (this machine's), at FOG's level.
bench_partclone() {
	local big piece peer apply inspect i
	_big_options
	phony_volume "$T/v.ntfs" "${big[@]}" --volume-mb=2048
	# shellcheck disable=SC2024 # files that only root reads are left out
	tar -C / -cf - usr/lib usr/bin usr/share 2>/dev/null | head -c 1G | split -b 128M - "$T/programs."
	for piece in "$T"/programs.??; do
		ntfscp -f "$T/v.ntfs" "$piece" "${piece##*/}" >"$T/bench.out" 2>&1 || exit 1
	done
	rm -f "$T"/programs.??
	mkdir -p "$T/images/win7"
	echo 'label: dos' >"$T/images/win7/d1.partitions"
	partclone.ntfs -c -s "$T/v.ntfs" -O - -a0 -L "$T/log" 2>"$T/bench.out" |
	    zstdmt -q --rsyncable --ultra -6 >"$T/d1p2.img" || exit 1
	rm -f "$T/v.ntfs"
	cat >"$T/peer.sh" <<X
set -e
rm -f "$T/raw"; : >"$T/raw"
zstdmt -dc "$T/d1p2.img" | partclone.restore -C -s - -O "$T/raw" --ignore_crc -L "$T/log"
truncate -s 2147483648 "$T/raw"
partclone.ntfs -c -s "$T/raw" -O - -a0 -L "$T/log" | zstdmt -q --rsyncable --ultra -6 >"$T/again.img"
X
	before() {
		cp "$T/d1p2.img" "$T/images/win7/d1p2.img"
		rm -rf "$T/images/.w7prep" "$T/raw" "$T/again.img"
	}
	# in pairs, as above
	for i in 1 2 3; do
		read -r peer _ < <(median 1 bash "$T/peer.sh")
		read -r apply _ < <(median 1 "$w7" apply -p kms "$T/images/win7")
		ratio "$apply" "$peer"
		echo
	done | sort -n | sed -n 2p >"$T/ratio"
	verdict "FOG zstd apply: w7prep / partclone.restore + partclone.ntfs" "$(cat "$T/ratio")" 1.1 x at-most
	read -r peer _ < <(median 1 bash "$T/peer.sh")
	read -r inspect _ < <(median 3 "$w7" inspect "$T/images/win7")
	verdict "FOG zstd inspect: w7prep / partclone.restore + partclone.ntfs" "$(ratio "$inspect" "$peer")" 0.5 x at-most
	memory "FOG zstd, SOFTWARE of 60 MiB" $((60 << 20)) "$w7" apply -p kms "$T/images/win7"
	before() { :; }
	rm -rf "$T/images"
}

[ $# -gt 0 ] || set -- direct wim partclone guestfs
for what; do
	"bench_$what"
done
[ "$missed" -eq 0 ] || { echo "$missed target(s) missed" >&2; exit 1; }
