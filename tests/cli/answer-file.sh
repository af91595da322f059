#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Answer files in an image: mended where Windows will use them, looked at with xmllint and cmp.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires wimlib-imagex
requires xmllint
w7=$BUILD/w7prep
enterprise=33PXH-7Y6KF-2VJC9-XBBR8-HVTHH
professional=FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4
mak=BCDFG-HJKMP-QRTVW-XY234-6789B
place=/Windows/Panther/Unattend/Unattend.xml

answer() { # OUT KEY: as Windows SIM writes it, with more in it than we know
	printf '\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n' >"$1"
	sed 's/$/\r/' >>"$1" <<X
<!-- Computerräume & mehr -->
<unattend xmlns="urn:schemas-microsoft-com:unattend">
    <settings pass="generalize">
        <component name="Microsoft-Windows-Security-SPP" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS" xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
            <SkipRearm>1</SkipRearm>
        </component>
    </settings>
    <settings pass="specialize">
        <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
            <!-- from the handout --><ProductKey><!-- ours -->$2</ProductKey>
            <ComputerName>*</ComputerName><TimeZone
                x='"'>W. Europe Standard Time</TimeZone>
        </component>
        <component name="Microsoft-Windows-Security-SPP-UX" processorArchitecture="amd64">
            <SkipAutoActivation><![CDATA[true]]></SkipAutoActivation>
        </component>
    </settings>
    <cpi:offlineImage cpi:source="catalog:d:/install_windows 7 ENTERPRISE.clg" xmlns:cpi="urn:schemas-microsoft-com:cpi" />
</unattend>
X
}
utf16() { # UTF-8 file with a byte order mark → UTF-16LE with one
	printf '\xff\xfe'
	tail -c +4 "$1" | sed 's/"utf-8"/"utf-16"/' | iconv -f utf-8 -t utf-16le
}
extract() { # WIM PATH OUT
	wimlib-imagex extract "$1" 1 "$2" --to-stdout >"$3" 2>"$T/wimlib.log" || fail "cannot extract $2"
}
value() { # FILE PASS ELEMENT
	xmllint --nonet --xpath "string(//*[local-name()='settings'][@pass='$2']//*[local-name()='$3'])" "$1"
}
no_secrets() { # in what the last run said
	grep -q "${mak:6:11}\|vagrant" "$T/out" "$T/err" && fail "a secret is in the output"
}

answer "$T/a.xml" "$professional"
phony_wim "$T/a.wim" --answer-file="$T/a.xml" --answer-place=panther-unattend
before=$(sha "$T/a.wim")

run "$w7" inspect "$T/a.wim"
expect_status 0
expect_out 'Unattend.xml \(used for generalize, specialize; product key: client-key-of-another-edition; SkipRearm;'
run "$w7" inspect --json "$T/a.wim"
jq -e '.images[0].windows[0].answers[0] | .product_key == "client-key-of-another-edition" and .skip_rearm and
    .skip_auto_activation and .cached == false and .encoding == "utf-8" and .error == null' "$T/out" >/dev/null ||
    fail "inspect does not tell what is in the answer file"
run "$w7" plan -p kms "$T/a.wim"
expect_status 10
expect_out 'answer_file .*another edition, with which Setup fails'
grep -q "$professional" "$T/out" && fail "a key is in the plan"

run "$w7" apply -p kms "$T/a.wim"
expect_status 0
extract "$T/a.wim" "$place" "$T/kms.xml"
# byte for byte what it was, but for the three values
sed "s/$professional/$enterprise/; s/<SkipRearm>1/<SkipRearm>0/; s/<!\[CDATA\[true\]\]>/false/" "$T/a.xml" >"$T/want.xml"
cmp "$T/want.xml" "$T/kms.xml" || fail "more or less was changed than the three values"
xmllint --nonet --noout "$T/kms.xml" || fail "not well-formed any more"
[ "$(value "$T/kms.xml" specialize ProductKey)" = "$enterprise" ] || fail "ProductKey"
[ "$(value "$T/kms.xml" generalize SkipRearm)" = 0 ] || fail "SkipRearm"
[ "$(value "$T/kms.xml" specialize SkipAutoActivation)" = false ] || fail "SkipAutoActivation"
run "$w7" verify -p kms "$T/a.wim"
expect_status 0
run "$w7" undo "$T/a.wim"
expect_status 0
[ "$(sha "$T/a.wim")" = "$before" ] || fail "undo did not put the image back"

# a MAK in it: taken out under none and mak, never shown
answer "$T/mak.xml" "$mak"
printf '%s\n' "$mak" >"$T/mak.key"
chmod 600 "$T/mak.key"
printf '[profile]\nname = mak\n[activation]\nstrategy = mak\nmak_key_file = mak.key\n' >"$T/mak.ini"
for p in no-activation "$T/mak.ini"; do
	phony_wim "$T/b.wim" --answer-file="$T/mak.xml" --answer-place=panther-unattend
	for c in "plan" "plan --json" "apply -v"; do
		# shellcheck disable=SC2086
		run "$w7" $c -p "$p" "$T/b.wim"
		case $c in apply*) expect_status 0 ;; *) expect_status 10 ;; esac
		no_secrets
	done
	extract "$T/b.wim" "$place" "$T/b.xml"
	grep -q "${mak:6:11}" "$T/b.xml" && fail "-p $p: the MAK is still in the answer file"
	[ -z "$(value "$T/b.xml" specialize ProductKey)" ] || fail "-p $p: ProductKey"
	grep -q '<!-- from the handout -->' "$T/b.xml" || fail "-p $p: a comment went with it"
	run "$w7" verify -p "$p" "$T/b.wim"
	expect_status 0
done

# UTF-16, as editors save it; in sysprep's directory
utf16 "$T/a.xml" >"$T/wide.xml"
utf16 "$T/want.xml" >"$T/wide-want.xml"
phony_wim "$T/c.wim" --answer-file="$T/wide.xml" --answer-place=sysprep
wimlib-imagex dir "$T/c.wim" 1 --path=/Windows/System32/sysprep --detailed >"$T/names.before"
run "$w7" apply -p kms "$T/c.wim"
expect_status 0
extract "$T/c.wim" /Windows/System32/sysprep/unattend.xml "$T/c.xml"
cmp "$T/wide-want.xml" "$T/c.xml" || fail "UTF-16: more or less was changed than the three values"
xmllint --nonet --noout "$T/c.xml" || fail "UTF-16: not well-formed any more"
# content, size and time of writing are new; name, attributes, descriptor stay
wimlib-imagex dir "$T/c.wim" 1 --path=/Windows/System32/sysprep --detailed >"$T/names.after"
for what in 'Full Path' 'Short Name' 'Attributes' 'Security' 'Creation Time'; do
	grep -q "^$what" "$T/names.before" || [ "$what" = 'Short Name' ] || fail "wimlib-imagex does not tell: $what"
	diff <(grep "^$what" "$T/names.before") <(grep "^$what" "$T/names.after") >"$T/diff" ||
	    fail "$what: $(cat "$T/diff")"
done

# the copy in Panther is told, not edited
phony_wim "$T/d.wim" --answer-file="$T/a.xml" --answer-place=panther
run "$w7" apply -p kms "$T/d.wim"
expect_status 0
expect_out 'Panther\\unattend.xml: product key of another edition.*cached copy'
extract "$T/d.wim" /Windows/Panther/unattend.xml "$T/d.xml"
cmp "$T/a.xml" "$T/d.xml" || fail "the cached copy was edited"

# what is broken or has a document type is named, with the line, and left alone
printf '<?xml version="1.0"?>\n<unattend xmlns="urn:schemas-microsoft-com:unattend">\n<settings>\n</unattend>\n' >"$T/broken.xml"
printf '<!DOCTYPE unattend [<!ENTITY a "b"><!ENTITY x SYSTEM "file:///etc/passwd">]>\n<unattend>&x;&a;</unattend>\n' >"$T/entities.xml"
left_alone() { # NAME LINE
	phony_wim "$T/e.wim" --answer-file="$T/$1.xml" --answer-place=root
	run "$w7" inspect "$T/e.wim"
	expect_status 0
	expect_out "/Unattend.xml \\(cannot be read: line $2: "
	run "$w7" apply -p kms "$T/e.wim"
	expect_status 0
	expect_out "\\\\Unattend.xml: line $2: .*left alone"
	extract "$T/e.wim" /Unattend.xml "$T/e.xml"
	cmp "$T/$1.xml" "$T/e.xml" || fail "$1: changed"
}
left_alone broken 4
left_alone entities 1

# files that others wrote
data=${W7PREP_TESTDATA:-../shared/data}/unattend
if [ ! -d "$data" ]; then
	skip_part "no real answer files here (W7PREP_TESTDATA)"
	exit 0
fi
for f in win7x64-enterprise win7-packer; do
	phony_wim "$T/f.wim" --answer-file="$data/$f.xml" --answer-place=panther-unattend
	run "$w7" apply -p no-activation "$T/f.wim"
	expect_status 0
	no_secrets
	extract "$T/f.wim" "$place" "$T/f.xml"
	[ "$(value "$T/f.xml" specialize SkipAutoActivation)" = true ] || fail "$f: SkipAutoActivation"
	diff "$data/$f.xml" "$T/f.xml" | grep -q '^<' && fail "$f: a line was lost"
	run "$w7" verify -p no-activation "$T/f.wim"
	expect_status 0
done
exit 0
