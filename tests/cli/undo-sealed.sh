#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What undo needs of an image that held a product key is sealed: whatever the record of it is unpacked with,
# the key is not found. Undo gives the original back all the same, where the key of the seal is.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires wimlib-imagex
requires partclone.ntfs
w7=$BUILD/w7prep
undo_key=$XDG_STATE_HOME/w7prep/undo.key

key=BCDFG-HJKMP-QRTVW-XY234-6789B
printf '%s\n' "$key" >"$T/mak.key"
chmod 600 "$T/mak.key"
printf '[activation]\nstrategy = mak\nmak_key_file = mak.key\n' >"$T/mak.ini"
printf '[profile]\nextends = ./mak.ini\n[clone]\nreport_share = \\\\srv\\logs\n' >"$T/share.ini"

# The file in clear, and out of whatever it is packed in.
unpacked() {
	cat "$1"
	zstdcat -q "$1" 2>/dev/null
	gzip -dc "$1" 2>/dev/null
	wimlib-imagex extract "$1" all --to-stdout 2>/dev/null
	return 0
}
holds_key() { # FILE: in ASCII or UTF-16
	unpacked "$1" | LC_ALL=C grep -qaP "$key|$(sed 's/./&\\x00/g' <<<"$key")"
}
expect_key() { # DIR|FILE: there, so that the other tests look at something
	local f
	while read -r f; do
		holds_key "$f" && return
	done < <(find "$1" -type f)
	fail "the key is not in $1, so this looks at nothing"
}
expect_no_key() { # DIR|FILE
	local f
	while read -r f; do
		! holds_key "$f" || fail "the key is in ${f#"$T/"}"
	done < <(find "$1" -type f)
}
apply() { # PROFILE IMAGE [OPTION…]
	run "$w7" apply --engine="$engine" -p "$1" "${@:3}" "$2"
	expect_status 0
	expect_no_key "$records"
}
refused_elsewhere() { # IMAGE FILE: a machine that has not the key changes nothing
	local before
	before=$(sha "$2")
	run env HOME="$T/elsewhere" XDG_STATE_HOME="$T/elsewhere" "$w7" undo "$1"
	expect_status 5
	expect_err 'sealed with another key'
	[ "$(sha "$2")" = "$before" ] || fail "a refused undo changed $2"
}
tree_sum() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }

# Of an image without a key nothing is sealed: such a record is of use on every machine.
engine=tree records=$T/.w7prep
"$BUILD/fixtures/mkphony" tree "$T/tree" || fail mkphony
apply kms "$T/tree"
apply "$T/mak.ini" "$T/tree"
[ ! -e "$undo_key" ] || fail "a key was made, and nothing had to be sealed"
expect_key "$T/tree"

# tree: the MAK's file replaced, then deleted.
tree_sum "$T/tree" >"$T/with-mak"
sed 's/B$/C/' "$T/mak.key" >"$T/other.key"
chmod 600 "$T/other.key"
sed 's/mak\.key/other.key/' "$T/mak.ini" >"$T/other.ini"
apply "$T/other.ini" "$T/tree"
expect_out 'what undo needs is sealed'
[ "$(stat -c '%a %s' "$undo_key")" = '600 32' ] || fail "the key of the seal: $(stat -c '%a %s' "$undo_key")"
[ "$(stat -c %a "$XDG_STATE_HOME/w7prep")" = 700 ] || fail "others can reach the key of the seal"
run "$w7" undo "$T/tree"
expect_status 0
tree_sum "$T/tree" | diff "$T/with-mak" - || fail "undo did not bring the MAK's file back"
apply kms "$T/tree"
expect_no_key "$T/tree"
run "$w7" undo "$T/tree"
expect_status 0
tree_sum "$T/tree" | diff "$T/with-mak" - || fail "undo did not give the tree back"

# Elsewhere, or after the key was lost, undo is refused; nothing is changed, and the record stays.
apply kms "$T/tree"
tree_sum "$T/tree" >"$T/without"
run env XDG_STATE_HOME="$T/elsewhere" "$w7" undo "$T/tree"
expect_status 5
expect_err 'sealed with another key than .*/elsewhere/w7prep/undo.key'
expect_err 'on the machine that ran w7prep apply'
tree_sum "$T/tree" | diff "$T/without" - || fail "a refused undo changed the tree"
[ ! -e "$T/elsewhere" ] || fail "undo made a key"
chmod 644 "$undo_key"
run "$w7" undo "$T/tree"
expect_status 5
expect_err 'chmod 600'
chmod 600 "$undo_key"
sealed=$(grep -rlam1 'w7prep sealed' "$records" | head -n 1)
cp "$sealed" "$T/good"
for spoil in 'truncate -s -1 ' 'truncate -s 60 ' 'dd if=/dev/zero bs=1 seek=70 count=9 conv=notrunc status=none of='; do
	$spoil"$sealed"
	run "$w7" undo "$T/tree"
	[ "$status" -eq 4 ] || fail "$spoil: status $status"
	expect_err 'damaged'
	tree_sum "$T/tree" | diff "$T/without" - || fail "$spoil: a refused undo changed the tree"
	cp "$T/good" "$sealed"
done
run "$w7" undo "$T/tree"
expect_status 0
tree_sum "$T/tree" | diff "$T/with-mak" - || fail "undo after the key came back"
# where no key can be made, nothing is changed
: >"$T/file"
tree_sum "$T/tree" >"$T/before"
run env XDG_STATE_HOME="$T/file" "$w7" apply -p kms --root "$T/tree"
expect_status 6
expect_err 'set XDG_STATE_HOME'
tree_sum "$T/tree" | diff "$T/before" - || fail "changed without an undo record"

# The keys that others left: in an answer file in UTF-16, in SetupComplete.cmd.
"$BUILD/fixtures/mkphony" tree "$T/found" || fail mkphony
mkdir -p "$T/found/Windows/Panther/Unattend" "$T/found/Windows/Setup/Scripts"
printf '<?xml version="1.0" encoding="utf-16"?><unattend xmlns="urn:schemas-microsoft-com:unattend"><settings
  pass="specialize"><component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64"
  ><ProductKey>%s</ProductKey></component></settings></unattend>' "$key" |
    iconv -t UTF-16 >"$T/found/Windows/Panther/Unattend/Unattend.xml"
printf 'cscript //b slmgr.vbs /ipk %s\r\n' "$key" >"$T/found/Windows/Setup/Scripts/SetupComplete.cmd"
tree_sum "$T/found" >"$T/with-mak"
apply kms "$T/found"
! holds_key "$T/found/Windows/Panther/Unattend/Unattend.xml" || fail "the key is still in the answer file"
run "$w7" undo "$T/found"
expect_status 0
tree_sum "$T/found" | diff "$T/with-mak" - || fail "undo with an answer file"

# VHD and raw disk: nothing of the key stays in unused clusters or in the file's old record either.
engine=direct records=$T/.w7prep
for format in raw vhd; do
	rm -rf "$T/.w7prep"
	phony_disk $format mbr "$T/a.$format" --kms-host=old.example
	apply "$T/mak.ini" "$T/a.$format"
	expect_key "$T/a.$format"
	before=$(qemu-img convert -O raw "$T/a.$format" "$T/raw" && sha "$T/raw")
	apply "$T/share.ini" "$T/a.$format" # other changes, the key stays
	apply kms "$T/a.$format"
	expect_no_key "$T/a.$format"
	refused_elsewhere "$T/a.$format" "$T/a.$format"
	run "$w7" undo "$T/a.$format"
	expect_status 0
	run "$w7" undo "$T/a.$format"
	expect_status 0
	[ "$(qemu-img convert -O raw "$T/a.$format" "$T/raw" && sha "$T/raw")" = "$before" ] ||
		fail "$format: undo did not give the disk's content back"
	rm -f "$T/raw" "$T/a.$format"
done

# WIM, appended to and rebuilt: only the rebuild keeps a file, and seals it in any case.
rm -rf "$T/.w7prep"
engine=wim
phony_wim "$T/a.wim" --compress=none
apply "$T/mak.ini" "$T/a.wim"
before=$(sha "$T/a.wim")
apply kms "$T/a.wim"
expect_key "$T/a.wim" # superseded
appended=$(sha "$T/a.wim")
apply kms "$T/a.wim" --rebuild
expect_no_key "$T/a.wim"
refused_elsewhere "$T/a.wim" "$T/a.wim"
run "$w7" undo "$T/a.wim"
expect_status 0
[ "$(sha "$T/a.wim")" = "$appended" ] || fail "undo of the rebuild is not the WIM bit for bit"
run "$w7" undo "$T/a.wim"
expect_status 0
[ "$(sha "$T/a.wim")" = "$before" ] || fail "undo of the append is not the WIM bit for bit"
apply kms "$T/a.wim" --rebuild
run "$w7" undo "$T/a.wim"
expect_status 0
[ "$(sha "$T/a.wim")" = "$before" ] || fail "undo of both at once is not the WIM bit for bit"

# FOG: the old files are the whole old image.
engine=partclone
mkdir -p "$T/images/win7"
echo 'label: dos' >"$T/images/win7/d1.partitions"
phony_volume "$T/volume.ntfs"
partclone.ntfs -c -s "$T/volume.ntfs" -O - -a0 -L "$T/log" 2>"$T/log2" | gzip -1 >"$T/images/win7/d1p2.img" ||
	fail "partclone.ntfs: $(tail -n 1 "$T/log2")"
chmod 640 "$T/images/win7/d1p2.img"
records=$T/images/.w7prep
apply kms "$T/images/win7"
cmp -s <(gzip -dc "$records"/win7/0001/old/d1p2.img 2>/dev/null | head -c 8) <(printf partclon) ||
	fail "an image without a key was sealed"
apply "$T/mak.ini" "$T/images/win7"
expect_key "$T/images/win7"
before=$(sha "$T/images/win7/d1p2.img")
apply "$T/share.ini" "$T/images/win7"
apply kms "$T/images/win7"
expect_no_key "$T/images/win7"
refused_elsewhere "$T/images/win7" "$T/images/win7/d1p2.img"
run "$w7" undo "$T/images/win7"
expect_status 0
run "$w7" undo "$T/images/win7"
expect_status 0
[ "$(sha "$T/images/win7/d1p2.img")" = "$before" ] || fail "undo did not give FOG's file back"
[ "$(stat -c %a "$T/images/win7/d1p2.img")" = 640 ] || fail "undo gave it mode $(stat -c %a "$T/images/win7/d1p2.img")"
[ "$(ls "$T/images/win7")" = "$(printf 'd1.partitions\nd1p2.img')" ] || fail "something else is in FOG's directory"

# in parts: all of them, or none
mkdir "$T/images/parts"
echo 'label: dos' >"$T/images/parts/d1.partitions"
partclone.ntfs -c -s "$T/volume.ntfs" -O - -a0 -L "$T/log" 2>"$T/log2" | gzip -1 |
    split -a 3 -d -b 64K - "$T/images/parts/d1p2.img."
parts=$(find "$T/images/parts" -name 'd1p2.img.*' | wc -l)
[ "$parts" -gt 2 ] || fail "$parts parts"
apply "$T/mak.ini" "$T/images/parts"
tree_sum "$T/images/parts" >"$T/with-mak"
apply kms "$T/images/parts"
record=$records/parts/0002/old
[ "$(find "$record" -name 'd1p2.img.*' | wc -l)" -gt 2 ] || fail "the old parts are not in the record"
! cat "$record"/d1p2.img.* | gzip -dc 2>/dev/null | grep -qa "$key" || fail "the key is in the parts together"
refused_elsewhere "$T/images/parts" "$T/images/parts/d1p2.img.001"
last=$(find "$record" -name 'd1p2.img.*' | sort | tail -n 1)
cp "$last" "$T/good"
truncate -s -1 "$last"
tree_sum "$T/images/parts" >"$T/without"
run "$w7" undo "$T/images/parts"
expect_status 4
tree_sum "$T/images/parts" | diff "$T/without" - || fail "one damaged part, and others were put back"
cp "$T/good" "$last"
run "$w7" undo "$T/images/parts"
expect_status 0
tree_sum "$T/images/parts" | diff "$T/with-mak" - || fail "undo did not give the parts back"
exit 0
