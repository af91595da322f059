#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the scripts in an image do at first boot, run by a real command interpreter (Wine's).
. "$(dirname "$0")/functions.sh"
# shellcheck source=tests/wine/wine.sh
. "$(dirname "$0")/../wine/wine.sh"

mak=BCDFG-HJKMP-QRTVW-XY234-6789B
enterprise=33PXH-7Y6KF-2VJC9-XBBR8-HVTHH
enterprise_id=ae2ee509-1b34-41c0-acb7-6d4650168915
professional=FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4
professional_id=b92e9980-b9d5-4821-9c94-140f632f6312
package=Microsoft-Windows-Security-WindowsActivationTechnologies-Package~31bf3856ad364e35
store="$windows/ServiceProfiles/NetworkService/AppData/Roaming/Microsoft/SoftwareProtectionPlatform"

kms='[activation]
strategy = kms'
kms_first_boot="$kms
[tokens]
strip = first-boot"

# KB4487266, Enterprise x64, the licence store left to the first boot; an SetupComplete.cmd of
# somebody else is there and ends the worst way it can.
dism="dism /Online /Remove-Package /PackageName:$package~amd64~~7.1.7600.16395 /Quiet /NoRestart"
kb4487266=(
	"$dism"
	"net stop sppuinotify /y"
	"sc config sppuinotify start= disabled"
	"net stop sppsvc /y"
	"net start sppsvc"
	"licensing.vbs listed $enterprise_id"
	"slmgr.vbs /ipk $enterprise"
	"slmgr.vbs /ato"
	"licensing.vbs licensed"
	"sc config sppuinotify start= demand"
)
wine_case "the order of KB4487266: Enterprise x64, store left to the first boot, a second run"
existing='@echo off\r\n>>D:\\record echo existing\r\nexit 3\r\n>>D:\\record echo not reached\r\n'
clone "$kms_first_boot"
real_log=1
first_boot
expect_calls existing "${kb4487266[@]}"
expect_secret "$enterprise"
for f in "$store/tokens.dat" "$store/Cache/cache.dat" "$windows/System32/7B296FB0-376B-497e-B012-9C450E1B7327-5P-"*; do
	[ ! -e "$f" ] || fail "$f is still there"
done
cut -d' ' -f2 "$log" | tr '\n' ' ' >"$T/steps"
[ "$(cat "$T/steps")" = "first-boot dism-remove-package net-stop-sppuinotify \
sc-config-sppuinotify-disabled net-stop-sppsvc delete delete delete delete net-start-sppsvc \
check-licensing slmgr-ipk slmgr-ato sc-config-sppuinotify-demand first-boot " ] ||
	fail "other steps: $(cat "$T/steps")"
! tr -d '\r' <"$log" |
	grep -Ev '^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z [a-z0-9-]+ 0x[0-9A-F]{8}( .+)?$' ||
	fail "a line of the log has another shape"

# A second run does nothing.
first_boot
expect_calls existing
expect_log ' first-boot 0x00000000 was done before'

real_log=0

# A clone that has had its first boot is captured again: verify says that there is something to do,
# and clones of the new image do everything again.
mv "$windows" "$T/tree/Windows"
run "$BUILD/w7prep" verify -p "$T/lab.ini" --root "$T/tree"
expect_status 10
expect_out 'delete-file .*firstboot\.done'
mv "$T/tree/Windows" "$windows"
recapture
[ ! -e "$placed/firstboot.done" ] && [ ! -e "$log" ] || fail "traces of the first boot are in the new image"
first_boot
expect_calls existing "${kb4487266[@]}"

# Whatever step fails, the others are done and sppuinotify is put back.
wine_case "kms: each step fails in turn"
existing=
clone "$kms_first_boot"
cp -a "$placed" "$T/pristine"
for failing in 'dism =-2146498548' 'net stop sppuinotify=2' 'start= disabled=1060' 'stop sppsvc=2' \
	'start sppsvc=1058' 'listed=-2147217406' '/ipk=-1073418160' '/ato=1' 'licensed=-2147217406'; do
	rm -rf "$placed"
	cp -a "$T/pristine" "$placed"
	first_boot "$failing" 'licensed=1'
	[ "$(tail -n 1 "$calls")" = "sc config sppuinotify start= demand" ] ||
		fail "$failing: sppuinotify was not put back"
	[ "$(grep -c . "$calls")" -ge "${#kb4487266[@]}" ] || fail "$failing: steps are missing"
	expect_log ' 0x(80|8[0-9A-F]|C0|0000)[0-9A-F]+'
	[ -e "$placed/firstboot.done" ] || fail "$failing: not marked as done"
done

# Licensing did not come back: the licence files are installed again, then it goes on.
wine_case "kms: the licence store is not rebuilt; the KMS host is not there yet"
rm -rf "$placed" && cp -a "$T/pristine" "$placed"
first_boot 'listed=1'
grep -A1 -Fx "licensing.vbs listed $enterprise_id" "$calls" | grep -Fqx "slmgr.vbs /rilc" || fail "no /rilc"
expect_log ' check-licensing 0x00000001 .*not listed'
expect_log ' slmgr-rilc 0x00000000'
expect_log ' slmgr-ipk 0x00000000'

# The KMS host is not there yet: normal. slmgr's status is not believed, LicenseStatus is.
for code in -1073418124:C004F074 -1073418184:C004F038 -2147015893:8007232B -2147015395:8007251D; do
	rm -rf "$placed" && cp -a "$T/pristine" "$placed"
	first_boot "/ato=${code%:*}" 'licensed=1'
	expect_log " slmgr-ato 0x${code#*:} no KMS activation yet"
done
rm -rf "$placed" && cp -a "$T/pristine" "$placed"
first_boot '/ato=0' 'licensed=1'
expect_log ' slmgr-ato 0x00000000 not licensed yet'

# Professional x86: its key, its package. The store was stripped in the image: nothing of what
# Windows made since is deleted.
wine_case "kms: Professional x86, store stripped in the image"
clone "$kms" --edition=Professional --arch=x86
mkdir -p "$store" && echo fresh >"$store/tokens.dat"
first_boot
expect_calls "${dism/amd64/x86}" "${kb4487266[@]:1:4}" "licensing.vbs listed $professional_id" \
    "slmgr.vbs /ipk $professional" "${kb4487266[@]:7}"
[ -e "$store/tokens.dat" ] || fail "the fresh licence store was deleted"
expect_secret "$professional"

# The keys of the other editions that KB4487266 lists.
wine_case "kms: editions N and E"
while read -r edition key; do
	clone "$kms" --edition="$edition" --kb971033=absent
	first_boot
	grep -Fqx "slmgr.vbs /ipk $key" "$calls" || fail "$edition: $(grep /ipk "$calls")"
	[ "$(grep -c /ipk "$calls")" -eq 1 ] || fail "$edition: another key, too"
	expect_secret "$key"
done <<'X'
ProfessionalN MRPKT-YTG23-K7D7T-X2JMM-QY7MG
ProfessionalE W82YF-2Q76Y-63HXB-FGJG9-GF7QX
EnterpriseN YDRBP-3D83W-TY26F-D46B2-XCKRJ
EnterpriseE C29WB-22CC8-VJ326-GHFJW-H9DH4
X

# The log goes to a share too; that it cannot be reached does no harm.
wine_case "the log is copied to a share"
share="$WINEPREFIX/dosdevices/unc/SRV/logs\$/room 12"
rm -rf "$WINEPREFIX/dosdevices/unc"
clone "$kms
[clone]
report_share = \\\\SRV\\logs\$\\room 12"
cp -a "$placed" "$T/pristine-report"
first_boot
expect_calls "${kb4487266[@]}"
expect_log ' report 0x00000001 .*SRV.logs\$.room 12.[^ ]+\.log'
rm -rf "$placed" && cp -a "$T/pristine-report" "$placed"
mkdir -p "$share"
first_boot
expect_log ' report 0x00000000 .*SRV.logs'
reported=$(find "$share" -type f)
grep -v ' report ' "$log" | cmp - "$reported" || fail "another log was reported"
rm -f "$reported"

# A 32-bit caller: everything runs in the real cmd.exe.
wine_case "a 32-bit caller"
clone "$kms"
mkdir "$windows/Sysnative"
cp "$standin" "$windows/Sysnative/cmd.exe"
first_boot
[ "$(head -n 1 "$calls")" = 'cmd /d /c "firstboot.cmd"' ] || fail "not handed to the 64-bit cmd.exe"
sed -i 1d "$calls"
expect_calls "${kb4487266[@]}"

# Whatever SetupComplete.cmd holds, it runs first and ours runs.
wine_case "single, five kinds of SetupComplete.cmd"
kb_only='[activation]
strategy = single'
for existing in \
	'>>D:\\record echo existing\nexit /b 5\n' \
	'@goto run\r\n:run\r\n>>D:\\record echo existing\r\ngoto :eof\r\n' \
	'>>D:\\record echo existing\r\ncd /d "%~dp0"\r\nset PATH=\r\nset "here=x"\r\nfrobnicate\r\nset' \
	'@if exist "%~dp0SetupComplete.cmd" (\r\n>>D:\\record echo existing\r\n)\r\n@exit\r\n' \
	'\xef\xbb\xbf@echo off\r\n>>D:\\record echo existing\r\n'; do
	clone "$kb_only"
	first_boot
	expect_calls existing "$dism"
done
existing=

# mak: the key goes from its file to WMI and is wiped, whatever fails.
wine_case "mak: each step fails in turn"
printf '%s\n' "$mak" >"$T/mak.key"
chmod 600 "$T/mak.key"
mak_profile="[activation]
strategy = mak
mak_key_file = $T/mak.key"
clone "$mak_profile"
cp -a "$placed" "$T/pristine-mak"
for failing in none=0 install-key=-1073422315 fsutil=1 /cpky=1 /ato=-1073422304; do
	rm -rf "$placed" && cp -a "$T/pristine-mak" "$placed"
	ln -f "$placed/mak.key" "$T/clusters" # what is left of the file on the disk
	first_boot "$failing" licensed=1
	expect_calls "$dism" "licensing.vbs install-key mak.key" "key $mak" "attrib -r mak.key" \
	    "fsutil file setzerodata offset=0 length=31 mak.key" "slmgr.vbs /cpky" "slmgr.vbs /ato" \
	    "licensing.vbs licensed"
	[ ! -e "$placed/mak.key" ] || fail "$failing: the key is still on the disk"
	[ "$(tr -d '\r' <"$T/clusters")" = XXXXX-XXXXX-XXXXX-XXXXX-XXXXX ] ||
		fail "$failing: deleted, but not overwritten: $(cat "$T/clusters")"
	! grep -aqr -- "$mak" "$windows" || fail "$failing: the key is still in a file"
	expect_secret "$mak"
done
rm -rf "$placed" && cp -a "$T/pristine-mak" "$placed"
first_boot
expect_log ' install-mak 0x00000000'
expect_log ' wipe 0x00000000 mak.key'
expect_log ' slmgr-ato 0x00000000 licensed'

# mak-proxy: VAMT activates, so it must be let in; the clone only gets rid of KB971033.
wine_case "mak-proxy"
clone '[activation]
strategy = mak-proxy
vamt_access = workgroup
vamt_host = 192.0.2.10'
first_boot
expect_calls "$dism"
for set in ControlSet001 ControlSet002; do
	hivexget "$windows/System32/config/SYSTEM" \
	    "$set\\services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules" >"$T/rules"
	grep 'Active=TRUE|Dir=In.*RA4=192.0.2.10|' "$T/rules" | cut -d'"' -f2 | sort | tr '\n' ' ' >"$T/open"
	[ "$(cat "$T/open")" = "WMI-ASYNC-In-TCP WMI-RPCSS-In-TCP WMI-WINMGMT-In-TCP " ] ||
		fail "$set: other rules are open: $(cat "$T/open")"
	! grep 'Active=TRUE.*LocalSubnet' "$T/rules" || fail "$set: open to more than VAMT"
done
hive="$windows/System32/config/SOFTWARE"
hivexget "$hive" 'Microsoft\Windows\CurrentVersion\Policies\System' LocalAccountTokenFilterPolicy \
    >"$T/out" || fail "no LocalAccountTokenFilterPolicy"
expect_out '^1$|00000001$'
hivexget "$hive" 'Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform\Activation' Manual \
    >"$T/out" || fail "automatic activation is not off"
expect_out '^1$|00000001$'

# none: no activation by itself, KB971033, then the daily task.
wine_case "none: the daily task"
clone "[activation]
strategy = none
[clone]
report_share = \\\\SRV\\logs\$\\room 12"
first_boot
expect_calls "$dism" 'schtasks /Create /TN "w7prep rearm" /XML rearm.xml /F'
[ -z "$(command -v xmllint)" ] || xmllint --noout "$placed/rearm.xml" || fail "rearm.xml"
# the arguments that Task Scheduler hands to cmd.exe
task=$(sed -n 's,.*<Arguments>\(.*\)</Arguments>.*,\1,p' "$placed/rearm.xml" | tr -d '\r')
script=$(in_clone "${task#/d /c }")
daily() { run_in_clone "$script" licensed=1 "$@"; }
rm -f "$reported"
daily days=10
expect_calls "licensing.vbs licensed" "licensing.vbs days"
[ ! -e "$reported" ] || fail "reported though nothing was logged"
daily days=2 rearms=0
expect_calls "licensing.vbs licensed" "licensing.vbs days" "licensing.vbs rearms" \
    'schtasks /Delete /TN "w7prep rearm" /F'
expect_log ' rearms 0x00000000 no rearm left, days left: 2'
grep -q 'no rearm left, days left: 2' "$reported" || fail "not reported"
rm -rf "$WINEPREFIX/dosdevices/unc"
daily days=-2147217406
expect_log ' grace-period 0x80041002 '
daily days=2 rearms=3 /rearm=-1073425657
[ ! -e "$placed/rearm.restart" ] || fail "a failed rearm waits for a restart"
daily days=2 rearms=3 user=0
expect_calls "licensing.vbs licensed" "licensing.vbs days" "licensing.vbs rearms" "slmgr.vbs /rearm" \
    "licensing.vbs user" 'msg * "Please restart this PC today (Windows licensing, w7prep)."'
# not restarted yet: no second rearm, and now nobody works on it
daily days=2 rearms=2 restarted=1 user=1
expect_calls "licensing.vbs licensed" "licensing.vbs restarted rearm.restart" "licensing.vbs user" \
    "shutdown /r /t 60"
daily days=29 restarted=0
expect_calls "licensing.vbs licensed" "licensing.vbs restarted rearm.restart" "licensing.vbs days"
[ ! -e "$placed/rearm.restart" ] || fail "still waiting for a restart"
run_in_clone "$script" licensed=0
expect_calls "licensing.vbs licensed"

# oem: nothing is placed.
clone '[activation]
strategy = oem' --channel=oem
[ ! -e "$windows/Setup/Scripts" ] || fail "oem: something was placed"

# An unsealed clone: SYSTEM\Setup starts it, is reset before anything else, one rearm, one restart.
wine_case "an unsealed clone: SYSTEM\\Setup, one rearm, one restart"
clone "$kms
[clone]
require_sealed = no" --sealed=no --kb971033=absent
command=$(hivexget "$windows/System32/config/SYSTEM" Setup CmdLine)
script=$(in_clone "${command#cmd.exe /d /c }")
[ "$(hivexget "$windows/System32/config/SYSTEM" Setup SetupType)" = 2 ] || fail "SetupType"
"$wine" reg add 'HKLM\SYSTEM\Setup' /v SetupType /t REG_DWORD /d 2 /f >/dev/null 2>&1
"$wine" reg add 'HKLM\SYSTEM\Setup' /v CmdLine /t REG_SZ /d x /f >/dev/null 2>&1
run_in_clone "$script"
expect_calls 'reg add HKLM\SYSTEM\Setup /v SetupType /t REG_DWORD /d 0 /f' \
    'reg add HKLM\SYSTEM\Setup /v CmdLine /t REG_SZ /d "" /f' "${kb4487266[@]:1:6}" \
    "slmgr.vbs /rearm" "sc config sppuinotify start= demand" "shutdown /r /t 0"
run "$wine" reg query 'HKLM\SYSTEM\Setup'
expect_out 'SetupType +REG_DWORD +0x0'
expect_no_out 'CmdLine +REG_SZ +x'
run_in_clone "$script"
[ "$(grep -c . "$calls")" -eq 2 ] || fail "a second rearm"
# no rearm left: activation is tried all the same, no restart
clone "$kms
[clone]
require_sealed = no" --sealed=no --kb971033=absent
run_in_clone "$script" /rearm=-1073425657
expect_calls 'reg add HKLM\SYSTEM\Setup /v SetupType /t REG_DWORD /d 0 /f' \
    'reg add HKLM\SYSTEM\Setup /v CmdLine /t REG_SZ /d "" /f' "${kb4487266[@]:1:6}" \
    "slmgr.vbs /rearm" "${kb4487266[@]:7}"
expect_log ' slmgr-rearm 0xC004D307'

# A sealed image in which generalize left the client ID: the same rearm, but nothing may restart a PC
# in the middle of its setup.
wine_case "kms: an image sealed with SkipRearm=1"
clone "$kms" --skip-rearm=yes --kb971033=absent
first_boot
expect_calls "${kb4487266[@]:1:6}" "slmgr.vbs /rearm" "sc config sppuinotify start= demand"
expect_log ' slmgr-rearm 0x00000000 in effect from the next start on'
clone "$kms" --skip-rearm=yes --kb971033=absent
first_boot /rearm=-1073425657
expect_calls "${kb4487266[@]:1:6}" "slmgr.vbs /rearm" "${kb4487266[@]:7}"
