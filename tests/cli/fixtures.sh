#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The generators of test images, looked at with other people's tools: the other tests stand on them.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
for tool in wimlib-imagex qemu-img ntfsfix ntfsinfo ntfscat ntfssecaudit ntfs-3g.probe hivexget xmllint; do
	requires "$tool"
done

# ---- an NTFS volume ----

phony_volume "$T/v.ntfs" --label=Windows --setup-complete=crlf
vol=$T/v.ntfs
ntfsfix -n "$vol" >"$T/log" 2>&1 || fail "ntfsfix: $(tail -n1 "$T/log")"
ntfs-3g.probe --readwrite "$vol" || fail "ntfs-3g would not mount the volume"
ntfssecaudit -a "$vol" >"$T/log" 2>&1
grep -q 'No errors were found' "$T/log" || fail "ntfssecaudit: $(tail -n 3 "$T/log")"

file_info() { ntfsinfo -F "$1" "$vol" 2>/dev/null || fail "ntfsinfo $1"; }
file_info /Windows/System32/config/SOFTWARE >"$T/info"
grep -q "Filename:.*'SOFTWARE'" "$T/info" || fail "no SOFTWARE"
grep -Eq 'Namespace:.*Win32 & DOS' "$T/info" || fail "SOFTWARE has no short name"
file_info /Windows/Setup/Scripts/SetupComplete.cmd | grep -q "'SETUPC~1.CMD'" || fail "no SETUPC~1.CMD"
file_info /Windows/System32/Wat/WatAdminSvc.exe | grep -q 'Number of Hard Links:.*3 ' || fail "no hard link"
file_info '/Documents and Settings' | grep -q '0xa0000003 (mount point)' || fail "no junction"
file_info /Windows/win.ini | grep -q "Attribute name:.*'lab'" || fail "no alternate stream"
store=7B296FB0-376B-497e-B012-9C450E1B7327-5P-0.C7483456-A289-439d-8115-601632D005A0
file_info "/Windows/System32/$store" | grep -q 'File attributes:.*HIDDEN SYSTEM' || fail "$store is not hidden"
ntfscat "$vol" Windows/System32/config/SYSTEM >"$T/SYSTEM" || fail "no SYSTEM"
hivexml "$T/SYSTEM" | xmllint --noout - || fail "hivexml SYSTEM"
[ "$(hivexget "$T/SYSTEM" 'ControlSet001\Control\ProductOptions' ProductPolicy | wc -c)" -ge 21428 ] ||
    fail "the big value cannot be read"

state() { # OPTION TEXT: what a tool says of a volume made so
	phony_volume "$T/state.ntfs" --data --volume-mb=20 "$1"
	{
		ntfsinfo -f -m "$T/state.ntfs"
		ntfs-3g.probe --readwrite "$T/state.ntfs"
		echo "probe $?"
	} >"$T/log" 2>&1
	grep -Eq "$2" "$T/log" || fail "$1: $(cat "$T/log")"
}
state --log=clean '^probe 0'
state --log=empty '^probe 0'
state --log=unclean '^probe 15' # unclean
state --dirty 'Volume Flags: 0x0001 DIRTY'
state --bitlocker '^probe 12' # not NTFS
phony_volume "$T/state.ntfs" --hiberfil=hibr
ntfs-3g.probe --readwrite "$T/state.ntfs" 2>"$T/log"
[ $? -eq 14 ] || fail "not hibernated: $(cat "$T/log")"
phony_volume "$T/state.ntfs" --hiberfil=wake
ntfs-3g.probe --readwrite "$T/state.ntfs" || fail "a volume that woke up counts as hibernated"

# ---- disks ----

declare -A is=([vhd]=vpc [vhd-fixed]=vpc [vhdx]=vhdx [vmdk]=vmdk [qcow2]=qcow2 [raw]=raw)
expected=$(ntfscat "$vol" Windows/System32/ntdll.dll | sha256sum)
check_disk() { # FORMAT LAYOUT
	phony_disk "$1" "$2" "$T/disk"
	qemu-img info -f "${is[$1]}" "$T/disk" >"$T/log" 2>&1 || fail "$1: $(cat "$T/log")"
	case $1 in
	vhdx | vmdk | qcow2) qemu-img check -q -f "$1" "$T/disk" || fail "qemu-img check $1" ;;
	esac
	qemu-img convert -f "${is[$1]}" -O raw "$T/disk" "$T/raw"
	[ $(($(stat -c %s "$T/raw") % (1 << 20))) -eq 0 ] || fail "$1 $2: odd size"
	[ "$2" = bare ] || sfdisk -q --verify "$T/raw" >"$T/log" 2>&1 || fail "sfdisk: $(cat "$T/log")"
	windows_volume "$2" "$T/raw" "$T/part"
	[ "$(ntfscat "$T/part" Windows/System32/ntdll.dll | sha256sum)" = "$expected" ] ||
	    fail "$1 $2: the Windows volume is not where it should be"
}
for layout in mbr mbr-logical gpt bare; do
	check_disk raw "$layout"
done
for format in vhd vhd-fixed vhdx vmdk qcow2; do
	check_disk "$format" mbr
done
phony_disk vhd-fixed mbr "$T/disk"
[ "$(tail -c 512 "$T/disk" | head -c 8)" = conectix ] || fail "fixed VHD without footer"
rm -f "$T/disk" "$T/raw" "$T/part"

# ---- WIMs ----

phony_wim "$T/a.wim" --check --boot
wimlib-imagex verify "$T/a.wim" >"$T/log" 2>&1 || fail "wimlib-imagex verify: $(tail -n1 "$T/log")"
wimlib-imagex info "$T/a.wim" >"$T/log"
grep -Eq 'Edition ID: +Enterprise' "$T/log" || fail "wimlib does not see the edition"
grep -Eq 'Architecture: +x86_64' "$T/log" || fail "wimlib does not see the architecture"
grep -Eq 'Boot Index: +1' "$T/log" || fail "no boot index"
grep -Eq 'Attributes:.*Integrity info' "$T/log" || fail "no integrity table"
wimlib-imagex dir "$T/a.wim" 1 --detailed --path=/Windows/System32/config/SOFTWARE >"$T/log"
grep -q '^Security Descriptor = 010004' "$T/log" || fail "the hive has no descriptor"
grep -q 'Short Name *= "SOFTWARE"' "$T/log" || fail "the hive has no short name"
wimlib-imagex dir "$T/a.wim" 1 --detailed --path=/Windows/System32/Wat/WatAdminSvc.exe >"$T/log"
grep -Eq '^Link Count += 2' "$T/log" || fail "no hard link"
wimlib-imagex dir "$T/a.wim" 1 --detailed --path='/Documents and Settings' >"$T/log"
grep -q FILE_ATTRIBUTE_REPARSE_POINT "$T/log" || fail "no junction"

phony_wim_multi "$T/m.wim"
[ "$(wimlib-imagex info "$T/m.wim" | sed -n 's/^Edition ID: *//p' | xargs)" = \
    'Enterprise Professional Professional' ] || fail "images of the multi-image WIM"
[ "$(wimlib-imagex info "$T/m.wim" | grep -c '^Index:')" -eq 4 ] || fail "not 4 images"

# equal options give equal images: the cache is not what makes them equal
phony_volume "$T/1.ntfs" --edition=Professional
export fixtures_cache=$T/cache
phony_volume "$T/2.ntfs" --edition=Professional
for f in System32/config/SOFTWARE System32/config/SYSTEM System32/cmd.exe; do
	[ "$(ntfscat "$T/1.ntfs" "Windows/$f" | sha256sum)" = "$(ntfscat "$T/2.ntfs" "Windows/$f" | sha256sum)" ] ||
	    fail "$f differs between two volumes of equal options"
done

# ---- what must be refused ----

says() { # KIND REGEX COMMAND…: what another tool says of it
	local kind=$1 regex=$2
	shift 2
	"$@" >"$T/log" 2>&1 </dev/null
	grep -Eqi -- "$regex" "$T/log" || fail "$kind: $* does not say /$regex/: $(head -n 5 "$T/log")"
}
while read -r kind _; do
	wrong_image "$kind" "$T/w-$kind"
	[ -e "$T/w-$kind" ] || fail "$kind: nothing made"
done < <(wrong_kinds)
says differencing-vhd 'differencing|unknown|unsupported|could not' qemu-img info -f vpc "$T/w-differencing-vhd"
[ "$(od -An -tx1 -j60 -N4 "$T/w-differencing-vhd" | tr -d ' ')" = 00000004 ] || fail "not of type 4"
says differencing-vhdx 'parent|differencing|could not' qemu-img info -f vhdx "$T/w-differencing-vhdx"
says backing-file 'backing file: ' qemu-img info "$T/w-backing-file"
says split 'Part Number: +1/[2-9]' wimlib-imagex info "$T/w-split"
says solid 'Version: +3584|0xe00|solid' wimlib-imagex info "$T/w-solid"
says metadata-only 'Metadata only' wimlib-imagex info "$T/w-metadata-only"
says metadata-only 'ntdll.dll' wimlib-imagex dir "$T/w-metadata-only" 1
says metadata-only 'not found|missing' wimlib-imagex extract "$T/w-metadata-only" 1 /Windows/System32/ntdll.dll --dest-dir="$T/x"
says no-data 'not found|missing' wimlib-imagex extract "$T/w-no-data" 1 /Windows/System32/ntdll.dll --dest-dir="$T/x"
says metadata-only 'Resource only' wimlib-imagex info "$T/Res.RWM"
says short-wim 'ERROR' wimlib-imagex dir "$T/w-short-wim" 1
says broken-xml 'ERROR|WARNING' wimlib-imagex info "$T/w-broken-xml"
for kind in dirty-system dirty-software; do
	hive=${kind#dirty-}
	_made wimlib-imagex extract "$T/w-$kind" 1 "/Windows/System32/config/${hive^^}" --dest-dir="$T/x" --no-acls
	[ "$(od -An -tu4 -j4 -N8 "$T/x/${hive^^}" | xargs)" = '118 117' ] || fail "$kind is clean"
done

for kind in pipable broken-data broken-table read-only-wim aborted-append broken-integrity looped-hive \
    dirty-qcow2 corrupt-qcow2 vmdk-extents; do
	wrong_image "$kind" "$T/o-$kind"
done
says pipable 'Pipable' wimlib-imagex info "$T/o-pipable"
says broken-data 'ERROR' wimlib-imagex verify "$T/o-broken-data"
says broken-integrity 'ERROR' wimlib-imagex info "$T/o-broken-integrity" --check
says broken-table 'ERROR|WARNING' wimlib-imagex verify "$T/o-broken-table"
says read-only-wim 'Readonly' wimlib-imagex info "$T/o-read-only-wim"
says aborted-append 'WRITE_IN_PROGRESS' wimlib-imagex info "$T/o-aborted-append"
says corrupt-qcow2 'corrupt: true' qemu-img info "$T/o-corrupt-qcow2"
says vmdk-extents 'FLAT' grep -a FLAT "$T/o-vmdk-extents"
lock_image "$T/a.wim"
! flock -n -x "$T/a.wim" true || fail "lock_image does not lock"
exit 0
