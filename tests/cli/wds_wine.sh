#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The .cmd of a WDS kit in a real command interpreter (Wine's), with a wdsutil that records how it
# was called: names with everything in them that means something to cmd.exe.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires wimlib-imagex
# shellcheck source=tests/wine/wine.sh
. "$(dirname "$0")/../wine/wine.sh"

mkdir -p "$T/d/bin"
cp "$standin" "$T/d/bin/wdsutil.exe"
# a share's directory is no friendlier than an image's name (but %: Wine expands the result of %~dp0
# once more, which Windows' cmd.exe does not)
folder='Kit & co (new) ^!'

make_kit() { # NAME [OPTION…]: of a WIM whose image is called so
	local name=$1
	shift
	phony_wim "$T/install one.wim"
	wimlib-imagex info "$T/install one.wim" 1 "$name" >"$T/log" 2>&1 || fail "wimlib: $(cat "$T/log")"
	rm -rf "${T:?}/d/$folder"
	run "$BUILD/w7prep" wds kit -p kms "$T/install one.wim" -o "$T/d/$folder" "$@"
	expect_status 0
}
wds() { # STEP GROUP [overwrite] [TEXT=STATUS]: runs the .cmd; $calls: what wdsutil got
	local step=$1 group=$2 third=${3-}
	printf '%s\n' "${4-}" >"$T/d/answers"
	rm -f "$T/d/record"
	: >"$T/d/record"
	printf '@set "%s"\r\n' 'W7_RECORD=D:\record' 'W7_ANSWERS=D:\answers' 'PATH=D:\bin;%PATH%' >"$T/d/run.cmd"
	printf '@"D:\\%s\\w7prep-wds.cmd" %s "%s" %s\r\n' "$folder" "$step" "$group" "$third" >>"$T/d/run.cmd"
	run "$wine" cmd /d /c 'D:\run.cmd'
	tr -d '\r' <"$T/d/record" | sed 's/ *$//' >"$calls"
}
dir="D:\\$folder"
steps() { # NAME GROUP: as they are to arrive, NAME as the C library's rules spell it
	local image="/ImageType:Install /ImageGroup:\"$2\""
	wds export "$2"
	expect_status 0
	expect_calls "wdsutil /Export-Image /Image:\"$1\" $image /DestinationImage /FilePath:\"$dir\\install one.wim\" /Overwrite:No"
	wds replace "$2"
	expect_status 0
	expect_calls "wdsutil /Replace-Image /Image:\"$1\" $image /ReplacementImage /ImageFile:\"$dir\\install one.wim\" /SourceImage:\"$1\"" \
	    "wdsutil /Set-Image /Image:\"$1\" $image /UnattendFile:\"$dir\\image1\\ImageUnattend.xml\" /OverwriteUnattend:No"
	wds unattend "$2" overwrite
	expect_status 0
	expect_calls "wdsutil /Set-Image /Image:\"$1\" $image /UnattendFile:\"$dir\\image1\\ImageUnattend.xml\" /OverwriteUnattend:Yes"
	wds add "$2"
	expect_status 0
	expect_calls "wdsutil /Add-Image /ImageFile:\"$dir\\install one.wim\" $image /SingleImage:\"$1\" /UnattendFile:\"$dir\\image1\\ImageUnattend.xml\""
}

make_kit 'Windows 7 Room 12'
! grep -q 65001 "$T/d/$folder/w7prep-wds.cmd" || fail "another code page for an ASCII name"
steps 'Windows 7 Room 12' 'Schule'
steps 'Windows 7 Room 12' 'Group & co (x) ^!'
make_kit 'R&D 100% ^(x) !a! %PATH% a;b,c=d <1|2>'
steps 'R&D 100% ^(x) !a! %PATH% a;b,c=d <1|2>' 'Images'
make_kit 'The "best" & only "one'
steps 'The \"best\" & only \"one' 'Images'
make_kit 'back\"slash\'
steps 'back\\\"slash\\' 'Images'

# a failure is the .cmd's, and what comes after it is not tried
make_kit 'Windows 7'
wds replace Images '' 'Replace-Image=-1056767744'
[ "$status" -ne 0 ] || fail "a failure of wdsutil is not the script's"
[ "$(grep -c . "$calls")" -eq 1 ] || fail "it went on after a failure"
expect_out 'wdsutil failed'
for step in '' frobnicate; do
	wds "$step" "Images"
	expect_status 2
	expect_out 'Usage: '
	[ ! -s "$calls" ] || fail "wdsutil was called"
done

# several images: exported into one file
phony_wim_multi "$T/multi.wim"
run "$BUILD/w7prep" wds kit -p kms "$T/multi.wim" -o "$T/d/$folder" --force
expect_status 0
wds export Images
expect_status 0
[ "$(sed 's,.*/Overwrite:,,' "$calls" | tr '\n' ' ')" = 'No Append ' ] || fail "$(cat "$calls")"

# Umlauts are in UTF-8, after the change of the code page, which is taken back. (Wine without a console has
# no code page to change, so the name arrives in pieces there.)
make_kit 'Büro'
wds export Images
expect_status 0
[ "$(grep -c '/Image:"B.*ro" /ImageType' "$calls")" -eq 1 ] || fail "$(cat "$calls")"
tr -d '\r' <"$T/d/$folder/w7prep-wds.cmd" >"$T/cmd"
iconv -f UTF-8 -t UTF-16 "$T/cmd" >/dev/null || fail "not UTF-8"
grep -n -e '^chcp 65001' -e 'Büro' -e '^if defined cp chcp %cp%' "$T/cmd" | sed 's/:.*chcp.*/ page/; s/:.*/ name/' |
	cut -d' ' -f2 | uniq | tr '\n' ' ' >"$T/order"
[ "$(cat "$T/order")" = 'page name page ' ] || fail "order: $(cat "$T/order")"
exit 0
