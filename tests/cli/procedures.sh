#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The six procedures of the Dillingen handout "Windows 7 Produktaktivierung", each as a school
# would run it, to the end: a changed image that hivexget and wimlib-imagex look at, and what a clone
# of it does in Wine. What it has people do elsewhere is not here: slmgr on a PC that is activated by
# hand, VAMT, the KMS host and its firewall. Elsewhere: the DNS record (profile.sh, read by named and
# dnsmasq), confirmation IDs that fit or do not (cid_wine.sh), each step that fails, restarts that are
# asked for, VAMT's address, unsealed clones (firstboot_wine.sh).
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires wimlib-imagex
requires hivexget
wine_optional=1
# shellcheck source=tests/wine/wine.sh
. "$(dirname "$0")/../wine/wine.sh"
[ -z "$wine_missing" ] || skip_part "$wine_missing: what clones do was not looked at, only their images"

w7=$BUILD/w7prep
spp='Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform'
dism='dism /Online /Remove-Package /PackageName:Microsoft-Windows-Security-WindowsActivationTechnologies-Package'
dism="$dism~31bf3856ad364e35~amd64~~7.1.7600.16395 /Quiet /NoRestart"
mak=BCDFG-HJKMP-QRTVW-XY234-6789B
printf '%s\n' "$mak" >"$T/mak.key"
chmod 600 "$T/mak.key"

value() { # HIVE KEY VALUE: of the clone; empty where it is not there
	hivexget "$windows/System32/config/$1" "$2" "$3" 2>/dev/null
}
expect_value() { # HIVE KEY VALUE WANTED
	local found
	found=$(value "$1" "$2" "$3")
	[ "$found" = "$4" ] || fail "$1\\$2!$3 is '$found', not '$4'"
}
expect_no_kb971033() {
	local set
	for set in ControlSet001 ControlSet002; do
		expect_value SYSTEM "$set\\services\\WatAdminSvc" Start 4
	done
	[ -z "$(find "$windows"/System32/Wat "$windows"/SysWOW64/Wat -type f)" ] || fail "Wat files are left"
}

# What activates a PC or counts its grace period: files, key and settings, by other people's tools.
licensing() { # WINDOWS
	(
		cd "$1" || exit 1
		find System32/7B296FB0* System32/oem System32/spp ServiceProfiles -type f -print0 2>/dev/null |
			sort -z | xargs -0 sha256sum
		hivexget System32/config/SOFTWARE 'Microsoft\Windows NT\CurrentVersion'
		hivexget System32/config/SOFTWARE "$spp"
	) >"$T/licensing.${2-now}"
}
# The licensing of the image that clone() will make from these options.
licensing_before() { # [OPTION …]
	rm -rf "$T/before"
	"$BUILD/fixtures/mkphony" tree "$T/before" "$@" || fail "mkphony"
	licensing "$T/before/Windows" before
	[ "$(wc -l <"$T/licensing.before")" -gt 10 ] || fail "nothing to compare"
}
expect_licensing_untouched() {
	licensing "$windows"
	diff -u "$T/licensing.before" "$T/licensing.now" >"$T/diff" || {
		cat "$T/diff"
		fail "the licensing of the image was touched"
	}
}

wim_file() { # WIM PATH OUT
	wimlib-imagex extract "$1" 1 "$2" --to-stdout >"$3" 2>/dev/null || fail "$2 is not in $1"
}
wim_value() { # WIM HIVE KEY VALUE
	wim_file "$1" "/Windows/System32/config/$2" "$T/hive"
	hivexget "$T/hive" "$3" "$4" 2>/dev/null
}

# ---- Umgang mit der Produktaktivierung: which of the six is for which lab -------------------
strategy_of() { # what the image was prepared for, as its clones will see it
	[ -e "$T/lab/Windows/Setup/Scripts/w7prep/settings.cmd" ] || { echo nothing; return; }
	tr -d '\r' <"$T/lab/Windows/Setup/Scripts/w7prep/settings.cmd" | sed -n 's/^@set "W7_STRATEGY=\(.*\)"$/\1/p'
}
while IFS='|' read -r wanted channel lab; do
	rm -rf "$T/lab"
	"$BUILD/fixtures/mkphony" tree "$T/lab" --edition=Professional --channel="$channel" || fail mkphony
	printf '[activation]\nstrategy = auto\n%b\n' "$lab" >"$T/lab.ini"
	run "$w7" apply -p "$T/lab.ini" --root "$T/lab"
	expect_status 0
	[ "$(strategy_of)" = "$wanted" ] || fail "$wanted: the image is prepared for $(strategy_of)"
done <<'X'
single|retail|[lab]\nlicence = retail
none|retail|[lab]\nlicence = retail\nreclone_days = 28
none|retail|[lab]\nlicence = retail\nreclone_days = 110
mak|gvlk|mak_key_file = mak.key\n[lab]\nlicence = mak
mak-proxy|gvlk|mak_key_file = mak.key\n[lab]\nlicence = mak\nreclone_days = 14
kms|gvlk|[lab]\nlicence = kms\nkms_clients = 25\nreclone_days = 14
nothing|oem|[lab]\nreclone_days = 14
X

# ---- 1. Aktivierung von Einzelcomputern ----------------------------------------------------
# The PC is activated by hand and then captured as it is, not sealed: its activation is kept.
licensing_before --sealed=no --edition=Professional --channel=retail
clone "[activation]
strategy = single" --sealed=no --edition=Professional --channel=retail
expect_licensing_untouched
expect_no_kb971033
if wine_case "handout, 1: a single PC"; then
	command=$(value SYSTEM Setup CmdLine)
	run_in_clone "$(in_clone "${command#cmd.exe /d /c }")"
	# SYSTEM\Setup is reset first; nothing installs a key or activates
	sed -i '/^reg add HKLM.SYSTEM.Setup/d' "$calls"
	expect_calls "$dism"
fi
# and where KB971033 never was, not a byte changes
phony_wim "$T/single.wim" --sealed=no --channel=retail --kb971033=absent
before=$(sha "$T/single.wim")
run "$w7" apply -p single "$T/single.wim"
expect_status 0
[ "$(sha "$T/single.wim")" = "$before" ] || fail "the image of an activated PC was changed"

# ---- 2. Verzicht auf die Aktivierung -------------------------------------------------------
# Sealed, re-cloned every four months: 30 days, three times begun again, no activation by itself.
licensing_before
clone "[activation]
strategy = none
rearm_when_days_left = 1
[lab]
reclone_days = 117"
expect_value SOFTWARE "$spp\\Activation" Manual 1
expect_licensing_untouched
expect_no_kb971033
if wine_case "handout, 2: no activation, the grace period begun again three times"; then
	first_boot
	expect_calls "$dism" 'schtasks /Create /TN "w7prep rearm" /XML rearm.xml /F'
	task=$(sed -n 's,.*<Arguments>/d /c \(.*\)</Arguments>.*,\1,p' "$placed/rearm.xml" | tr -d '\r')
	used=0
	for left in 3 2 1; do
		run_in_clone "$(in_clone "$task")" licensed=1 days=1 rearms=$left
		! grep -q /rearm "$calls" || fail "rearmed with a day left"
		run_in_clone "$(in_clone "$task")" licensed=1 days=0 rearms=$left user=1
		used=$((used + $(grep -cx 'slmgr.vbs /rearm' "$calls")))
		grep -qx 'shutdown /r /t 60' "$calls" || fail "no restart at night: $(cat "$calls" "$log")"
		run_in_clone "$(in_clone "$task")" licensed=1 days=29 restarted=0
	done
	[ $used -eq 3 ] || fail "$used rearms"
	run_in_clone "$(in_clone "$task")" licensed=1 days=0 rearms=0
	! grep -q /rearm "$calls" || fail "more rearms than Windows allows"
	grep -Fqx 'schtasks /Delete /TN "w7prep rearm" /F' "$calls" || fail "the task goes on for ever"
	expect_log ' rearms 0x00000000 no rearm left'
fi
# A room that is re-cloned too rarely is told so, with the numbers.
printf '[activation]\nstrategy = none\n[lab]\nreclone_days = 115\n' >"$T/rarely.ini"
phony_wim "$T/rarely.wim" --skip-rearm=yes
run "$w7" plan -p "$T/rarely.ini" "$T/rarely.wim"
expect_status 10
expect_out 're-cloned too rarely: 115 days are more than the 111 .*rearm_when_days_left = 1 it is 117'
# Left from image building, SkipRearm would make every rearm do nothing.
run "$w7" apply -p "$T/rarely.ini" "$T/rarely.wim"
expect_status 0
[ "$(wim_value "$T/rarely.wim" SOFTWARE "$spp" SkipRearm)" = 0 ] || fail "the rearms would do nothing"

# ---- 3. Volumenaktivierung mit einem MAK-Schlüssel -----------------------------------------
printf '[activation]\nstrategy = mak\nmak_key_file = mak.key\n' >"$T/mak.ini"
phony_wim "$T/mak.wim" --edition=Professional
run "$w7" apply -p "$T/mak.ini" "$T/mak.wim"
expect_status 0
wim_file "$T/mak.wim" /Windows/Setup/Scripts/w7prep/mak.key "$T/placed-key"
printf '%s\r\n' "$mak" | cmp - "$T/placed-key" || fail "another key is in the image"
[ "$(wim_value "$T/mak.wim" SYSTEM 'ControlSet001\services\WatAdminSvc' Start)" = 4 ] || fail "KB971033 can run"
# The same WIM for another profile: the key leaves the file with --rebuild only, and that is said.
cp "$T/mak.wim" "$T/kms.wim"
run "$w7" apply -p kms "$T/kms.wim"
expect_status 0
expect_out 'held the product key of mak.key: .*--rebuild'
# "Probleme beim regelmäßigen Klonen": a lab that would use the key up is told so.
printf '[lab]\nseats = 30\nreclone_days = 14\n' | cat "$T/mak.ini" - >"$T/often.ini"
run "$w7" plan -p "$T/often.ini" "$T/mak.wim"
expect_out "each re-cloning takes one of the MAK's counted activations for every PC"
if wine_case "handout, 3: a MAK is installed, wiped and activated"; then
	clone "[activation]
strategy = mak
mak_key_file = $T/mak.key" --edition=Professional
	first_boot
	expect_calls "$dism" "licensing.vbs install-key mak.key" "key $mak" "attrib -r mak.key" \
	    "fsutil file setzerodata offset=0 length=31 mak.key" "slmgr.vbs /cpky" "slmgr.vbs /ato" \
	    "licensing.vbs licensed"
	! grep -aqr -- "$mak" "$windows" || fail "the key is still on the clone's disk"
	expect_secret "$mak"
fi

# ---- 4. Proxy-Aktivierung mit einem MAK-Schlüssel ------------------------------------------
# What VAMT needs, in a domain and in a workgroup: three of the eight rules of Windows' WMI group.
rules='services\SharedAccess\Parameters\FirewallPolicy\FirewallRules'
policies='Microsoft\Windows\CurrentVersion\Policies\System'
open_rules() {
	hivexget "$windows/System32/config/SYSTEM" "$1\\$rules" | grep 'EmbedCtxt=@FirewallAPI.dll,-34251|' |
		sed -n 's/^"\([^"]*\)".*|Active=TRUE|.*/\1/p' | sort | tr '\n' ' '
}
for access in domain workgroup no; do
	licensing_before
	clone "[activation]
strategy = mak-proxy
vamt_access = $access"
	case $access in
	domain) wanted="WMI-ASYNC-In-TCP-NoScope WMI-RPCSS-In-TCP-NoScope WMI-WINMGMT-In-TCP-NoScope " filter='' ;;
	workgroup) wanted="WMI-ASYNC-In-TCP WMI-RPCSS-In-TCP WMI-WINMGMT-In-TCP " filter=1 ;;
	no) wanted='' filter='' ;;
	esac
	for set in ControlSet001 ControlSet002; do
		[ "$(open_rules $set)" = "$wanted" ] || fail "$access, $set: other rules are open: $(open_rules $set)"
	done
	expect_value SOFTWARE "$policies" LocalAccountTokenFilterPolicy "$filter"
	expect_value SOFTWARE "$spp\\Activation" Manual 1
	expect_licensing_untouched
	expect_no_kb971033
done
# After the next cloning the stored confirmation ID is used again: it costs no activation.
if wine_case "handout, 4: proxy activation, again after re-cloning"; then
	export XDG_DATA_HOME=$T/data
	printf 'computer,iid,cid\nPC07,%054d,%048d\n' 0 0 | tr 0 4 | sed 's/PC47/PC07/' >"$T/room.csv"
	run "$w7" cid import "$T/room.csv"
	expect_status 0
	apply_with=(--computer pc07)
	clone "[activation]
strategy = mak-proxy
mak_key_file = $T/mak.key"
	apply_with=()
	first_boot
	grep -qx 'licensing.vbs deposit cid.txt' "$calls" || fail "the confirmation ID was not deposited"
	! grep -q /ato "$calls" || fail "an activation was spent"
	expect_secret "$mak"
fi

# ---- 5. Volumenaktivierung mit einem KMS-Schlüssel -----------------------------------------
# Professional from retail media: the public client key of that edition, the host by name.
printf '[profile]\nextends = kms\n[activation]\nkms_host = kms.school.example\nkms_port = 1700\n' >"$T/kms.ini"
phony_wim "$T/room.wim" --edition=Professional --channel=retail --kms-host=old.example --skip-rearm=yes
run "$w7" apply -p "$T/kms.ini" "$T/room.wim"
expect_status 0
[ "$(wim_value "$T/room.wim" SOFTWARE "$spp" KeyManagementServiceName)" = kms.school.example ] || fail "KMS host"
[ "$(wim_value "$T/room.wim" SOFTWARE "$spp" KeyManagementServicePort)" = 1700 ] || fail "KMS port"
[ "$(wim_value "$T/room.wim" SOFTWARE "$spp" SkipRearm)" = 0 ] || fail "all clones get one client ID"
wim_file "$T/room.wim" /Windows/Setup/Scripts/w7prep/key.cmd "$T/key.cmd"
grep -q 'FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4' "$T/key.cmd" || fail "not the client key of Professional"
wimlib-imagex dir "$T/room.wim" 1 >"$T/paths"
! grep -Eqi '/(tokens|cache)\.dat$|/7B296FB0' "$T/paths" || fail "the stale licence store is in the image"
# "An den Clients darf der KMS-Schlüssel nicht eingetragen werden": one key, and that is the client's
[ "$(grep -c 'W7_KEY' "$T/key.cmd")" -eq 1 ] || fail "more than one key: $(cat "$T/key.cmd")"
# "Die Clients versuchen automatisch alle 2 Stunden": also in a room that did without activation before
phony_wim "$T/again.wim" --edition=Professional
run "$w7" apply -p no-activation "$T/again.wim"
[ "$(wim_value "$T/again.wim" SOFTWARE "$spp\\Activation" Manual)" = 1 ] || fail "automatic activation is not off"
run "$w7" apply -p "$T/kms.ini" "$T/again.wim"
[ -z "$(wim_value "$T/again.wim" SOFTWARE "$spp\\Activation" Manual)" ] || fail "clients would never ask the KMS host"
# "Einschränkungen": 25 clients, every 180 days, a KMS key
printf '[lab]\nkms_clients = 24\nmobile = yes\nlicence = mak\n' | cat "$T/kms.ini" - >"$T/few.ini"
run "$w7" plan -p "$T/few.ini" "$T/room.wim"
expect_out '24 of 25 KMS clients'
expect_out 'at least every 180 days'
expect_out 'KMS needs a KMS key, which goes on the KMS host and never on a client'
# by DNS: no host in the image
cp "$T/room.wim" "$T/dns.wim"
run "$w7" apply -p kms "$T/dns.wim"
expect_status 0
[ -z "$(wim_value "$T/dns.wim" SOFTWARE "$spp" KeyManagementServiceName)" ] || fail "a KMS host is left"
if wine_case "handout, 5: a KMS client, with a host and without one yet"; then
	clone "$(cat "$T/kms.ini")" --edition=Professional --channel=retail
	first_boot
	expect_calls "$dism" "net stop sppuinotify /y" "sc config sppuinotify start= disabled" \
	    "net stop sppsvc /y" "net start sppsvc" "licensing.vbs listed b92e9980-b9d5-4821-9c94-140f632f6312" \
	    "slmgr.vbs /ipk FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4" "slmgr.vbs /ato" "licensing.vbs licensed" \
	    "sc config sppuinotify start= demand"
	rm -f "$placed/firstboot.done"
	# the handout's message: the host has not seen 25 clients
	first_boot '/ato=-1073418184' licensed=1
	expect_log ' slmgr-ato 0xC004F038 no KMS activation yet, Windows tries again every two hours'
fi

# ---- 6. Windows 7 OEM Pre-Activation -------------------------------------------------------
phony_wim "$T/oem.wim" --edition=Professional --channel=oem
before=$(sha "$T/oem.wim")
run "$w7" apply -p oem "$T/oem.wim"
expect_status 0
expect_out 'OEM:SLP key and certificate are there'
[ "$(sha "$T/oem.wim")" = "$before" ] || fail "a vendor's image was changed"
# "das zur SLIC-Signatur passende Zertifikat": where it is not, the image is told, and left as it is
phony_wim "$T/no-oem.wim" --edition=Professional --channel=retail
before=$(sha "$T/no-oem.wim")
run "$w7" apply -p oem "$T/no-oem.wim"
expect_status 0
expect_out 'vendor activation is not complete in this image: OEM:SLP key and certificate'
[ "$(sha "$T/no-oem.wim")" = "$before" ] || fail "an image without a vendor's activation was changed"
licensing_before --edition=Professional --channel=oem
clone "[activation]
strategy = oem" --edition=Professional --channel=oem
expect_licensing_untouched
[ ! -e "$windows/Setup/Scripts" ] || fail "a vendor's clone was given something to do"
grep -q 'System32/oem/' "$T/licensing.now" || fail "no certificate was compared"
exit 0
