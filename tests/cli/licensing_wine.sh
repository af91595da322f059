#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# licensing.vbs, run by Wine's VBScript against a phony licensing service.
. "$(dirname "$0")/functions.sh"
# shellcheck source=tests/wine/wine.sh
. "$(dirname "$0")/../wine/wine.sh"

key=BCDFG-HJKMP-QRTVW-XY234-6789B
printf '%s\r\nsecond line\r\n' "$key" >"$T/d/mak.key"
# What was stored of this PC, the newest first, and a line that w7prep would not write.
iid=$(printf '1%.0s' {1..54}) cid=$(printf '5%.0s' {1..48})
printf '%s\r\n' "${iid//1/2} ${cid//5/6}" "$iid $cid" '' "${iid//1/3}" "${iid//1/4} ${cid//5/7}" >"$T/d/cid.txt"
: >"$T/d/empty.txt"
{
	printf 'Option Explicit\n'
	cat tests/wine/fakewmi.vbs
	sed -e '/^Option Explicit/d' -e 's/GetObject("winmgmts:[^"]*")/New FakeWmi/' -e 's/Sleep 5000/Sleep 1/' \
	    hooks/scripts/licensing.vbs
} | sed 's/\r*$/\r/' >"$T/d/licensing.vbs"
grep -q 'Set wmi = New FakeWmi' "$T/d/licensing.vbs" || fail "the service was not replaced"

# ARGUMENTS VALUE ROWS RAISE -> status; for deposit the digit that the installation ID is made of
wine_case "licensing.vbs against a phony licensing service"
cases='listed x|x|1||0
listed x|x|0||1
listed x|x|1|query|-2147217406
licensed|1|1||0
licensed|0|1||1
licensed|5|1||1
licensed|1|0||1
licensed|1|1|query|-2147217406
days|43200|1||30
days|4319|1||2
days|0|1||0
days|999999|1||250
days|1|1|query|-2147217406
rearms|3|1||3
rearms|0|1||0
install-key D:\mak.key|x|1||0
install-key D:\mak.key|x|1|install|-1073418160
install-key D:\mak.key|x|0||1
install-key D:\nothing|x|1||53
deposit D:\cid.txt|0|1||0|1
deposit D:\cid.txt|2|1||0|4
deposit D:\cid.txt|0|1||1|3
deposit D:\cid.txt|0|1||1|9
deposit D:\empty.txt|0|1||1|1
deposit D:\cid.txt|1|1||2|1
deposit D:\cid.txt|0|0||3|1
deposit D:\cid.txt|0|1|ignore|4|1
deposit D:\cid.txt|0|1|deposit|-1073418163|1
deposit D:\cid.txt|0|1|query|-2147217406|1
deposit D:\nothing|0|1||53|1
restarted D:\mak.key|20990101000000.000000+000|1||0
restarted D:\mak.key|20000101000000.000000+000|1||1
user|LAB\pupil|1||0
user|null|1||1
frobnicate|x|1||87'
{
	printf '@echo off\r\nset FAKE_RECORD=D:\\record\r\n'
	while IFS='|' read -r arguments value rows raise _ live; do
		printf 'set "FAKE_%s"\r\n' "VALUE=$value" "ROWS=$rows" "RAISE=$raise" "IID=${iid//1/$live}"
		printf 'cscript //nologo //B D:\\licensing.vbs %s\r\n' "$arguments"
		printf 'echo %s ^| %%ERRORLEVEL%%\r\n' "$arguments"
	done <<<"$cases"
	printf 'cscript //nologo //B D:\\licensing.vbs\r\necho nothing ^| %%ERRORLEVEL%%\r\n'
} >"$T/d/all.cmd"
run "$wine" cmd /d /c 'D:\all.cmd'
awk -F'|' '{print $1 " | " $5} END {print "nothing | 87"}' <<<"$cases" >"$T/expected"
tr -d '\r' <"$T/out" | sed 's/ *$//' | diff -u "$T/expected" - || fail "other answers"

grep -Fq "FROM SoftwareLicensingProduct WHERE ApplicationID='55c92734-d682-4d71-983e-d6ec3f16059f' AND ID='x'" \
    "$T/d/record" || fail "listed asks something else"
grep -Fq "AND PartialProductKey <> NULL AND LicenseIsAddon = FALSE" "$T/d/record" ||
	fail "licensed asks something else"
grep -aFq "InstallProductKey $key" "$T/d/record" || fail "another key is installed"
grep -q RefreshLicenseStatus "$T/d/record" || fail "the licence status is not refreshed"
! grep -aq "$key" "$T/out" "$T/err" || fail "the key was printed"

# Only what is stored for the live installation ID was deposited: twice, tried in vain twice.
grep -a '^DepositOffline' "$T/d/record" | tr -d '\r' >"$T/deposits"
{
	echo "DepositOfflineConfirmationId $iid $cid"
	echo "DepositOfflineConfirmationId ${iid//1/4} ${cid//5/7}"
	echo "DepositOfflineConfirmationId $iid $cid"
	echo "DepositOfflineConfirmationId $iid $cid"
} | diff -au - "$T/deposits" || fail "other IDs were deposited"
