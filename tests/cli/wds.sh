#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# wds kit: what is in it, for each strategy; what must not be; and that it is there whole or not at all.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires xmllint
requires wimlib-imagex
w7=$BUILD/w7prep
kit=$T/kit
scripts="$kit/image1/\$OEM\$/\$\$/Setup/Scripts"
unattend=$kit/image1/ImageUnattend.xml

make_kit() { # PROFILE WIM [OPTION…]
	rm -rf "$kit"
	run "$w7" wds kit -p "$1" "$2" -o "$kit" "${@:3}"
	expect_status 0
}
value() { # XPATH without name spaces, in the answer file
	xmllint --xpath "string(//*[local-name()='${1//\//\']/*[local-name()=\'}'])" "$unattend"
}

phony_wim "$T/a.wim"
before=$(sha "$T/a.wim")
make_kit kms "$T/a.wim"
[ "$(sha "$T/a.wim")" = "$before" ] || fail "the image was changed"
xmllint --noout "$unattend" || fail "ImageUnattend.xml"
[ "$(value ProductKey)" = 33PXH-7Y6KF-2VJC9-XBBR8-HVTHH ] || fail "key $(value ProductKey)"
[ "$(xmllint --xpath "string(//*[local-name()='package']/@action)" "$unattend")" = remove ] || fail "no package"
[ "$(xmllint --xpath "string(//*[local-name()='settings']/@pass)" "$unattend")" = specialize ] || fail "pass"
for f in w7prep-wds.cmd CustomSettings.ini README.txt image1/ImageUnattend.xml; do
	[ "$(tr -cd '\r' <"$kit/$f" | wc -c)" -eq "$(wc -l <"$kit/$f")" ] || fail "$f: not CRLF"
done
LC_ALL=C grep -q '[^ -~[:space:]]' "$kit/w7prep-wds.cmd" "$kit/CustomSettings.ini" && fail "not ASCII"
[ "$(find "$kit" -perm /077 | wc -l)" -eq 0 ] || fail "others can read it"

# The scripts are those that apply places, byte for byte, from an image that nobody prepared yet or that is.
cp "$T/a.wim" "$T/b.wim"
printf '[profile]\nextends = kms\n[tokens]\nstrip = first-boot\n' >"$T/first-boot.ini"
run "$w7" apply -p "$T/first-boot.ini" "$T/b.wim"
expect_status 0
wimlib-imagex extract "$T/b.wim" 1 /Windows/Setup/Scripts --dest-dir="$T/x" --no-acls >"$T/log" 2>&1 || fail "extract"
diff -r "$T/x/Scripts" "$scripts" || fail "other scripts than apply places"
run "$w7" wds kit -p "$T/first-boot.ini" "$T/b.wim" -o "$T/kit-b" --json
expect_status 0
[ "$(jq '.kits[0].images[0].needs_apply | length' "$T/out")" -eq 0 ] || fail "a prepared image needs apply"
diff -r "$kit/image1" "$T/kit-b/image1" || fail "a prepared image gives another kit"

# somebody's own SetupComplete.cmd stays, and runs first
phony_wim "$T/c.wim" --setup-complete=crlf
make_kit kms "$T/c.wim"
wimlib-imagex extract "$T/c.wim" 1 /Windows/Setup/Scripts/SetupComplete.cmd --to-stdout >"$T/own" 2>/dev/null
tail -n +2 "$scripts/SetupComplete.cmd" | cmp - "$T/own" || fail "not the image's own SetupComplete.cmd below our line"

# strategies
printf 'BCDFG-HJKMP-QRTVW-XY234-6789B\n' >"$T/mak.key"
chmod 600 "$T/mak.key"
printf '[activation]\nstrategy = mak\nmak_key_file = mak.key\n' >"$T/mak.ini"
make_kit "$T/mak.ini" "$T/a.wim"
! grep -rqi -e 'BCDFG' -e '6789B' "$kit" || fail "the MAK is in the kit"
expect_out 'MAK is not in this kit'
[ -z "$(value ProductKey)" ] || fail "a product key"
[ ! -e "$scripts/w7prep/mak.key" ] || fail "mak.key"
grep -q 'OverrideProductKey' "$kit/CustomSettings.ini" || fail "nothing said of OverrideProductKey"
! grep -Eqi '^ *(Override)?ProductKey *=' "$kit/CustomSettings.ini" || fail "sets a key"
for p in no-activation mak-proxy; do
	make_kit $p "$T/a.wim"
	[ "$(value SkipAutoActivation)" = true ] || fail "$p: SkipAutoActivation '$(value SkipAutoActivation)'"
	[ -z "$(value ProductKey)" ] || fail "$p: a product key"
done
phony_wim "$T/oem.wim" --channel=oem --kb971033=absent
make_kit oem "$T/oem.wim"
[ ! -e "$unattend" ] || fail "oem: an answer file"
! grep -q 'Set-Image' "$kit/w7prep-wds.cmd" || fail "oem: Set-Image without an answer file"

# an administrator's own answer file goes on: all of it but what decides about activation
cat >"$T/own.xml" <<'Y'
<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend" xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
  <settings pass="specialize">
    <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
      <ComputerName>%MACHINENAME%</ComputerName><!-- Büro -->
    </component>
  </settings>
</unattend>
Y
make_kit kms "$T/a.wim" --unattend="$T/own.xml"
grep -q '<ComputerName>%MACHINENAME%</ComputerName><!-- Büro -->' "$unattend" || fail "the own answer file is gone"
[ "$(value ProductKey)" = 33PXH-7Y6KF-2VJC9-XBBR8-HVTHH ] || fail "no key in the merged answer file"
grep -q 'set "overwrite=Yes"' "$kit/w7prep-wds.cmd" || fail "a merged answer file does not replace the old one"
sed 's,<ComputerName>.*,<ProductKey>BCDFG-HJKMP-QRTVW-XY234-6789B</ProductKey>,' "$T/own.xml" >"$T/key.xml"
make_kit kms "$T/a.wim" --unattend="$T/key.xml"
! grep -rq BCDFG "$kit" || fail "kms: the MAK stays"
rm -rf "$kit"
run "$w7" wds kit -p "$T/mak.ini" "$T/a.wim" -o "$kit" --unattend="$T/key.xml"
expect_status 2
expect_err 'holds a product key'
expect_no_err BCDFG
[ ! -e "$kit" ] || fail "a kit all the same"
run "$w7" wds kit -p kms "$T/a.wim" -o "$kit" --unattend="$T/a.wim"
[ "$status" -ne 0 ] && [ ! -e "$kit" ] || fail "a WIM as an answer file"

# several images: one answer file each, of its own edition and architecture
phony_wim_multi "$T/multi.wim"
make_kit kms "$T/multi.wim"
grep -q 33PXH "$kit/image1/ImageUnattend.xml" || fail "image 1: key"
grep -q FJ82H "$kit/image2/ImageUnattend.xml" || fail "image 2: key"
grep -q 'processorArchitecture="x86"' "$kit/image2/ImageUnattend.xml" || fail "image 2: architecture"
[ "$(find "$kit" -name 'image*' | wc -l)" -eq 2 ] || fail "directories: $(ls "$kit")"
make_kit kms "$T/multi.wim" --image=2
[ "$(ls -d "$kit"/image*)" = "$kit/image2" ] || fail "--image"

# ---- DIR ----

run "$w7" wds kit -p kms "$T/a.wim" -o "$kit"
expect_status 2
expect_err 'is there already'
[ -e "$kit/image2" ] || fail "the old kit is gone"
run "$w7" wds kit -p kms "$T/a.wim" -o "$kit/" --force
expect_status 0
[ -e "$kit/image1" ] && [ ! -e "$kit/image2" ] || fail "not replaced"
mkdir "$T/empty" "$T/full"
touch "$T/full/file"
run "$w7" wds kit -p kms "$T/a.wim" -o "$T/empty"
expect_status 0
for place in "$T/full" "$T/a.wim"; do
	run "$w7" wds kit -p kms "$T/a.wim" -o "$place" --force
	expect_status 2
done
[ -e "$T/full/file" ] && [ "$(sha "$T/a.wim")" = "$before" ] || fail "--force took what is no kit"
run "$w7" wds kit -p kms "$T/a.wim" -o "$T/none/kit"
[ "$status" -ne 0 ] || fail "a kit in a directory that is not there"
leftover=$(find "$T" -maxdepth 1 -name 'w7prep.*')
[ -z "$leftover" ] || fail "left over: $leftover"

# ---- refused ----

refused() { # STATUS REGEX ARGUMENT…
	rm -rf "$kit"
	run "$w7" wds kit "${@:3}" -o "$kit"
	expect_status "$1"
	expect_err "$2"
	[ ! -e "$kit" ] || fail "a kit all the same"
}
wrong_image metadata-only "$T/meta.wim"
refused 4 'only metadata' -p kms "$T/meta.wim"
expect_err 'hint: export .*wdsutil /Export-Image'
phony_wim "$T/u.wim" --sealed=no
refused 5 'not sealed' -p kms "$T/u.wim"
printf '[activation]\nstrategy = kms\n[clone]\nrequire_sealed = no\n' >"$T/unsealed.ini"
refused 5 'not sealed' -p "$T/unsealed.ini" "$T/u.wim"
wimlib-imagex info "$T/a.wim" 1 '' >/dev/null 2>&1
refused 5 'has no name' -p kms "$T/a.wim"
expect_err 'wimlib-imagex info'
phony_disk vhd mbr "$T/d.vhd"
refused 4 'WIM files' -p kms "$T/d.vhd"
refused 2 'takes a profile' "$T/a.wim"
refused 2 'no such file' -p kms "$T/none.wim"
mv "$T/b.wim" "$T/a:b.wim"
refused 2 'file of that name' -p kms "$T/a:b.wim"
run "$w7" wds kti
expect_status 2
exit 0
