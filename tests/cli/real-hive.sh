#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real Windows 7 SYSTEM hive keeps every key and value that the plan does not name, big data included.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
# shellcheck source=tests/fixtures/images.sh
. "$(dirname "$0")/../fixtures/images.sh"
requires wimlib-imagex
w7=$BUILD/w7prep
real=${W7PREP_TESTDATA:-../shared/data}/hives/win7sp1-x86-kb971033-SYSTEM.xz
[ -r "$real" ] || { echo "no real hive here (W7PREP_TESTDATA)"; exit 77; }
xz -dc "$real" >"$T/SYSTEM"

dump() { # HIVE: every key and every value with type and bytes, sorted
	/usr/bin/perl -MWin::Hivex -e '
		my $h = Win::Hivex->open($ARGV[0]) or die "open: $!";
		sub walk {
			my ($n, $path) = @_;
			print "$path\n";
			for my $v ($h->node_values($n)) {
				my ($t, $d) = $h->value_value($v);
				printf "%s!%s %d %s\n", $path, $h->value_key($v), $t, unpack("H*", $d);
			}
			walk($_, $path . "\\" . $h->node_name($_)) for $h->node_children($n);
		}
		walk($h->root(), "");' "$1" | LC_ALL=C sort
}
dump "$T/SYSTEM" >"$T/before"
[ "$(wc -l <"$T/before")" -gt 100000 ] || fail "the dump is too short to prove anything"
# the big-data values are there to be harmed
[ "$(awk 'length($0) > 2 * 16344' "$T/before" | wc -l)" -ge 3 ] || fail "no big data in the dump"

# the hive is of a PC that was in use: not sealed
cat >"$T/room.ini" <<'X'
[profile]
name = room
extends = kms
[clone]
require_sealed = no
X

try() { # apply with ENGINE on IMAGE
	run "$w7" apply --engine="$1" -p "$T/room.ini" "$2"
	expect_status 0
	run "$w7" plan --engine="$1" -p "$T/room.ini" "$2"
	expect_status 0
}
compare() { # HIVE
	dump "$1" >"$T/after"
	LC_ALL=C comm -3 "$T/before" "$T/after" | sed 's/^\t/+/; t; s/^/-/' >"$T/diff"
	[ -s "$T/diff" ] || fail "nothing was changed"
	if grep -vE '^[-+]\\(ControlSet00[12]\\services\\(WatAdminSvc|sppuinotify)!Start|Setup!(CmdLine|SetupType)) ' \
	    "$T/diff" >"$T/odd"; then
		fail "changed without being planned: $(head -c 300 "$T/odd")"
	fi
	[ "$(grep -c '^+.*WatAdminSvc!Start 4 04000000' "$T/diff")" -eq 2 ] || fail "WatAdminSvc in both control sets"
}

phony_wim "$T/a.wim" --arch=x86 --system-hive="$T/SYSTEM" --sealed=no
try wim "$T/a.wim"
wimlib-imagex extract "$T/a.wim" 1 /Windows/System32/config/SYSTEM --dest-dir="$T/x" --no-acls >/dev/null 2>&1 ||
    fail "extract"
compare "$T/x/SYSTEM"

phony_disk vhd mbr "$T/a.vhd" --arch=x86 --system-hive="$T/SYSTEM" --sealed=no
try direct "$T/a.vhd"
qemu-img convert -O raw "$T/a.vhd" "$T/a.raw"
windows_volume mbr "$T/a.raw" "$T/vol.ntfs"
ntfscat "$T/vol.ntfs" Windows/System32/config/SYSTEM >"$T/SYSTEM.disk" 2>/dev/null || fail "ntfscat"
compare "$T/SYSTEM.disk"
cmp -s "$T/x/SYSTEM" "$T/SYSTEM.disk" || fail "wim and direct make different hives"

# remove = offline: service and source of events go from both control sets with all below, nothing else does
cat >"$T/offline.ini" <<'X'
[profile]
name = offline
[activation]
strategy = single
[kb971033]
remove = offline
[clone]
require_sealed = no
X
_made "$mk/mkphony" tree "$T/tree" --servicing=full --store-packages=12 --arch=x86 \
    --system-hive="$T/SYSTEM" --sealed=no
run "$w7" apply -p "$T/offline.ini" --root "$T/tree"
expect_status 0
dump "$T/tree/Windows/System32/config/SYSTEM" >"$T/after"
[ -z "$(LC_ALL=C comm -13 "$T/before" "$T/after")" ] || fail "something is new in the real hive"
LC_ALL=C comm -23 "$T/before" "$T/after" >"$T/gone"
for set in 1 2; do
	for key in WatAdminSvc 'WatAdminSvc\Security' 'eventlog\Application\Windows Activation Technologies'; do
		grep -qxF "\\ControlSet00$set\\services\\$key" "$T/gone" || fail "left: $key of set $set"
	done
done
grep -vE '^\\ControlSet00[12]\\services\\(WatAdminSvc|eventlog\\Application\\Windows Activation Technologies)([\\!]|$)' \
    "$T/gone" >"$T/odd" && fail "gone as well: $(head -n 3 "$T/odd")"
exit 0
