#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# --root on a Windows volume that ntfs-3g has mounted: the same result as the engine that edits the volume
# itself, put back whole, and hives that are the old or the new ones whatever happens.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
w7=$BUILD/w7prep
for tool in ntfs-3g ntfsfix wimlib-imagex; do
	requires "$tool"
done
[ "$(id -u)" -eq 0 ] && [ -c /dev/fuse ] || { echo "only root mounts, with /dev/fuse"; exit 77; }

mkdir "$T/mnt"
at_exit "umount -l '$T/mnt' 2>/dev/null"
mounted() { ntfs-3g -o rw "$1" "$T/mnt" || fail "ntfs-3g $1"; }
away() {
	for _ in 1 2 3 4 5; do
		umount "$T/mnt" 2>/dev/null && return
		sleep 0.2
	done
	fail "cannot unmount"
}
# every file with its attributes, 8.3 name, descriptor, times of creation and writing, and content
files_of() { # VOLUME OUT
	rm -f "$T/files.wim"
	wimlib-imagex capture "$1" "$T/files.wim" --compress=none >"$T/log" 2>&1 || fail "$(tail -n 1 "$T/log")"
	wimlib-imagex dir "$T/files.wim" 1 --detailed | awk -F'"' '
		/^Full Path/ {if (p) print p "\t" rest; p = $2; rest = ""}
		/^(Attributes|Short Name|Security Descriptor|Creation Time|Last Write Time|Hash|Link) / {
			sub(/^[^=]*= /, ""); rest = rest " " $0}
		END {print p "\t" rest}' | sort >"$2"
	[ "$(wc -l <"$2")" -gt 50 ] || fail "wimlib-imagex lists too little"
}
clean_hive() { # FILE: closed, and both sequence numbers the same
	[ "$(head -c 4 "$1")" = regf ] && [ "$(od -An -tu4 -j4 -N4 "$1")" = "$(od -An -tu4 -j8 -N4 "$1")" ] ||
	    fail "$1: not a clean hive"
}
config=Windows/System32/config

phony_volume "$T/old" --kms-host=old.example
# the logs that Windows keeps beside a hive: of a clean one it never reads them again
for hive in SYSTEM SOFTWARE; do
	for log in LOG LOG1 LOG2; do
		{ head -c 512 /dev/zero | tr '\0' L && echo "$hive.$log"; } >"$T/hive.$log"
		ntfscp -f "$T/old" "$T/hive.$log" "$config/$hive.$log" >"$T/log" 2>&1 || fail "ntfscp: $(cat "$T/log")"
	done
done
cp --sparse=always "$T/old" "$T/tree"
cp --sparse=always "$T/old" "$T/direct"
mounted "$T/tree"
old_system=$(sha "$T/mnt/$config/SYSTEM") old_software=$(sha "$T/mnt/$config/SOFTWARE")
run "$w7" inspect --root "$T/mnt"
expect_status 0
run "$w7" apply -p kms --root "$T/mnt"
expect_status 0
expect_out verified
run "$w7" verify -p kms --root "$T/mnt"
expect_status 0
for hive in SYSTEM SOFTWARE; do
	clean_hive "$T/mnt/$config/$hive"
done
away
run "$w7" apply --engine=direct -p kms "$T/direct"
expect_status 0
run ntfsfix -n "$T/tree"
expect_status 0

# the same files, descriptors, attributes and short names as from the engine that edits the volume;
# a new file's times are the moment, and a new directory cannot inherit its descriptor through a mount:
# it gets one of its own (unit test), as closed as any
files_of "$T/tree" "$T/files.tree"
files_of "$T/direct" "$T/files.direct"
files_of "$T/old" "$T/files.old"
plain() { sed -E '/^\/Windows\/Setup\/Scripts(\/w7prep)?\t/s/ 0100[0-9a-f]+//
	s/[A-Z][a-z]{2} [A-Z][a-z]{2} +[0-9]+ [0-9:]+ [0-9]{4} UTC//g' "$1"; }
diff <(plain "$T/files.direct") <(plain "$T/files.tree") >"$T/log" || fail "not as direct has it: $(head -n 4 "$T/log")"
# of a changed hive, the times too are what they were
diff "$T/files.old" "$T/files.tree" | grep '^>.*/config/SYSTEM' | sed -E 's/ 0x[0-9a-f]{40}//' >"$T/new.line"
grep -F "/$config/SYSTEM	" "$T/files.old" | sed -E 's/ 0x[0-9a-f]{40}//' >"$T/old.line"
[ "$(cut -c3- "$T/new.line")" = "$(cat "$T/old.line")" ] || fail "SYSTEM: $(cat "$T/old.line" "$T/new.line")"

mounted "$T/tree"
for hive in SYSTEM SOFTWARE; do
	for log in LOG LOG1 LOG2; do
		[ "$(tail -c +513 "$T/mnt/$config/$hive.$log")" = "$hive.$log" ] || fail "$hive.$log was changed"
	done
done
new_system=$(sha "$T/mnt/$config/SYSTEM") new_software=$(sha "$T/mnt/$config/SOFTWARE")
[ "$new_system" != "$old_system" ] || fail "SYSTEM was not changed"
run "$w7" undo --root "$T/mnt"
expect_status 0
away
files_of "$T/tree" "$T/files.undone"
# a removed name of a file with several is one again; ntfs-3g does not tell the 8.3 name of such a file
short() { plain "$1" | sed -E '/^\/Windows\/Sys(tem32|WOW64)\/Wat\//s/"[^"]*"/""/'; }
diff <(short "$T/files.old") <(short "$T/files.undone") >"$T/log" || fail "undo: $(head -n 4 "$T/log")"

# killed at any moment, in a client system whose memory is gone with it: no record to go by
cut=0
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	cp --sparse=always "$T/old" "$T/tree"
	mounted "$T/tree"
	"$w7" apply -q -p kms --root "$T/mnt" >/dev/null 2>&1 &
	pid=$!
	sleep "$(printf '0.%03d' $((i * 25)))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	[ $? -ne 137 ] || cut=$((cut + 1))
	rm -rf "$T/.w7prep"
	case $(sha "$T/mnt/$config/SYSTEM") in
	"$old_system" | "$new_system") ;;
	*) fail "round $i: SYSTEM is neither the old nor the new one" ;;
	esac
	case $(sha "$T/mnt/$config/SOFTWARE") in
	"$old_software" | "$new_software") ;;
	*) fail "round $i: SOFTWARE is neither the old nor the new one" ;;
	esac
	run "$w7" apply -p kms --root "$T/mnt"
	expect_status 0
	left=$(find "$T/mnt" -name '*.w7prep-*')
	[ -z "$left" ] || fail "round $i: left $left"
	rm -rf "$T/.w7prep"
	away
done
[ "$cut" -gt 0 ] || fail "not one apply was cut short"
exit 0
