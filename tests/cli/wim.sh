#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The whole cycle on a WIM, looked at with wimlib-imagex and hivexget.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires wimlib-imagex
requires hivexget
w7=$BUILD/w7prep

value() { # WIM HIVE KEY VALUE
	wimlib-imagex extract "$1" 1 "/Windows/System32/config/$2" --dest-dir="$T/x" --no-acls >/dev/null 2>&1 ||
	    fail "cannot extract $2"
	hivexget "$T/x/$2" "$3" "$4"
}
files() { # WIM: every path with everything wimlib tells of it
	wimlib-imagex dir "$1" 1 --detailed
}

phony_wim "$T/a.wim" --sppuinotify-disabled=yes --kms-host=old.example --kms-port=1700
before=$(sha "$T/a.wim")

run "$w7" inspect --json "$T/a.wim"
expect_status 0
jq -e '.images[0].windows[0] | .edition == "Enterprise" and .arch == "amd64" and .sealed and
    .kb971033.installed and .spp.tokens and .spp.kms_host == "old.example"' "$T/out" >/dev/null ||
    fail "inspect does not tell the facts"

run "$w7" plan -p kms "$T/a.wim"
expect_status 10
expect_out 'tokens\.dat'
expect_out 'WatAdminSvc'
[ "$(sha "$T/a.wim")" = "$before" ] || fail "plan changed the image"

files "$T/a.wim" >"$T/before.txt"
run "$w7" apply -p kms "$T/a.wim"
expect_status 0
expect_out 'verified'
[ "$(sha "$T/a.wim")" != "$before" ] || fail "apply changed nothing"
wimlib-imagex verify "$T/a.wim" >"$T/verify.txt" 2>&1 || fail "wimlib-imagex verify: $(tail -n1 "$T/verify.txt")"

# what the plan said is so, seen with other tools
for cs in ControlSet001 ControlSet002; do
	[ "$(value "$T/a.wim" SYSTEM "$cs\\services\\WatAdminSvc" Start)" = 4 ] ||
	    fail "WatAdminSvc is not disabled in $cs"
	[ "$(value "$T/a.wim" SYSTEM "$cs\\services\\sppuinotify" Start)" = 3 ] ||
	    fail "sppuinotify was not set back in $cs"
done
spp='Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform'
value "$T/a.wim" SOFTWARE "$spp" KeyManagementServiceName >/dev/null 2>&1 &&
    fail "the stale KMS host is still there"
files "$T/a.wim" >"$T/after.txt"
grep -q 'w7prep/firstboot.cmd"' "$T/after.txt" || fail "no first-boot script"
grep -q 'SoftwareProtectionPlatform/tokens.dat"' "$T/after.txt" && fail "tokens.dat is still there"
grep -qi 'System32/Wat/WatAdminSvc.exe"' "$T/after.txt" && fail "WatAdminSvc.exe is still there"
# the package stays registered, so that Windows can uninstall it
grep -qi 'servicing/Packages/Microsoft-Windows-Security-WindowsActivationTechnologies' "$T/after.txt" ||
    fail "the package's .mum is gone"

# nothing else changed: path, attributes, descriptor, 8.3 name, times, links and hashes of all other
# files (a link fewer where a Wat file was linked with its WinSxS payload)
"$(dirname "$0")/wim-diff.awk" "$T/before.txt" "$T/after.txt" >"$T/diff.txt"
while read -r how path; do
	case $how:${path,,} in
	removed:*/wat | removed:*/wat/* | removed:*'/windows activation technologies'* | \
	    removed:*/softwareprotectionplatform/* | removed:*7b296fb0-*) ;;
	added:/windows/setup/scripts* | added:/windows/setup) ;;
	content:*/config/software | content:*/config/system) ;;
	content:*/setup/scripts/setupcomplete.cmd) ;;
	links:*/winsxs/*) ;;
	*) fail "unexpected change: $how $path" ;;
	esac
done <"$T/diff.txt"
[ -s "$T/diff.txt" ] || fail "the comparison found nothing"

run "$w7" verify -p kms "$T/a.wim"
expect_status 0
middle=$(sha "$T/a.wim")
run "$w7" apply -p kms "$T/a.wim"
expect_status 0
expect_out 'nothing to do'
[ "$(sha "$T/a.wim")" = "$middle" ] || fail "the second apply changed the file"

run "$w7" undo "$T/a.wim"
expect_status 0
[ "$(sha "$T/a.wim")" = "$before" ] || fail "undo did not give the original back"
[ ! -e "$T/.w7prep" ] || fail "undo left .w7prep behind"
run "$w7" undo "$T/a.wim"
expect_status 5

# -o leaves the input alone
run "$w7" apply -p kms "$T/a.wim" -o "$T/b.wim"
expect_status 0
[ "$(sha "$T/a.wim")" = "$before" ] || fail "-o changed the input"
run "$w7" verify -p kms "$T/b.wim"
expect_status 0
run "$w7" apply -p kms "$T/a.wim" -o "$T/b.wim"
expect_status 2
expect_err 'there already'
run "$w7" apply -p kms "$T/a.wim" -o "$T/b.wim" --force
expect_status 0
[ -z "$(find "$T" -maxdepth 1 -name 'w7prep.*' -o -maxdepth 1 -name '.w7prep')" ] ||
    fail "scratch files were left behind"

# of two runs with the same OUT one makes it, the other says that it is there
statuses() {
	local first rc=0
	"$w7" apply -q -p kms "$T/a.wim" -o "$T/c.wim" >"$T/out.1" 2>&1 &
	first=$!
	"$w7" apply -q -p kms "$T/a.wim" -o "$T/c.wim" >"$T/out.2" 2>&1 || rc=$?
	wait "$first"
	echo "$?" "$rc" | tr ' ' '\n' | sort -n | tr '\n' ' '
}
for _ in 1 2 3; do
	rm -f "$T/c.wim"
	[ "$(statuses)" = "0 2 " ] || fail "two runs made one OUT: $(cat "$T/out.1" "$T/out.2")"
done

# --rebuild: superseded data leaves the file, and undo still gives the original back
run "$w7" apply -p kms --rebuild "$T/a.wim"
expect_status 0
wimlib-imagex verify "$T/a.wim" >/dev/null 2>&1 || fail "rebuilt WIM is damaged"
[ "$(stat -c %s "$T/a.wim")" -lt "$(stat -c %s "$T/b.wim")" ] || fail "--rebuild kept superseded data"
run "$w7" undo "$T/a.wim"
expect_status 0
[ "$(sha "$T/a.wim")" = "$before" ] || fail "undo of --rebuild"
exit 0
