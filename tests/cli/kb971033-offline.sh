#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# remove = offline on a directory and on a WIM, looked at with find, hivexregedit and wimlib-imagex:
# nothing of KB971033 is left by any name, everything else is as it was, and undo puts it back.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
# shellcheck source=tests/fixtures/images.sh
. "$(dirname "$0")/../fixtures/images.sh"
requires hivexregedit
requires wimlib-imagex
requires jq
requires ntfsfix
w7=$BUILD/w7prep
# the package, its programs, components and tasks, by every name they have
names='wat(adminsvc|ux|web)|windowsactivationtechnologies|windows activation technologies|kb971033|s\.\.(ivationtechnologies|ologies-webcontrols|technologies-deploy)_31bf|_(system32|syswow64)_wat_|/wat(/|$)|gies-deploy_'

cat >"$T/offline.ini" <<X
[profile]
name = offline
[activation]
strategy = single
[kb971033]
remove = offline
X

hive_dump() { # HIVE
	# shellcheck disable=SC1003 # the root key
	hivexregedit --export "$1" '\' >"$1.reg" 2>"$T/hivex.log" || fail "hivexregedit: $(cat "$T/hivex.log")"
	# strings are UTF-16 in hexadecimal there: make them readable as well
	perl -pe 's/hex\([127]\):([0-9a-f,]+)/my $h = $1; $h =~ tr{,}{}d; my $s = pack("H*", $h);
	    $s =~ tr{\0}{}d; $s =~ s{[^ -~]}{.}g; $s/ge; s/hex\(3\):([0-9a-f,]+)/my $h = $1;
	    $h =~ tr{,}{}d; my $s = pack("H*", $h); $s =~ s{[^ -~]}{.}g; "$&=$s"/ge' "$1.reg"
}

# A directory: every path with its content's hash, hives as readable dumps.
describe() { # DIR OUT
	(cd "$1" && find . -path ./.w7prep -prune -o -print | LC_ALL=C sort) >"$2.paths"
	(cd "$1" && find . -path ./.w7prep -prune -o -type f ! -path '*/config/S[OY]*' \
	    ! -path '*/config/COMPONENTS' -exec sha256sum {} +) | LC_ALL=C sort >"$2.sums"
	local hive
	for hive in SYSTEM SOFTWARE COMPONENTS; do
		cp "$1/Windows/System32/config/$hive" "$T/hive"
		hive_dump "$T/hive" >"$2.$hive"
	done
}

expect_nothing_named() { # DESCRIPTION
	local f
	for f in "$1".paths "$1".SYSTEM "$1".SOFTWARE "$1".COMPONENTS; do
		! grep -aEiq "$names" "$f" || fail "left: $(grep -aEi "$names" "$f" | head -n 3)"
	done
}

findings() { # OPTION…
	"$w7" inspect --servicing --json "$@" | jq -c '.images[].windows[].servicing.findings'
}

on_tree() { # ARCH
	local tree=$T/tree-$1
	_made "$mk/mkphony" tree "$tree" --servicing=full --arch="$1" --store-fault=package-watch
	describe "$tree" "$T/before"
	grep -aEiq "$names" "$T/before.paths" || fail "the fixture has no KB971033"
	local fault
	fault=$(findings --root "$tree")
	[[ $fault == *'CBS Watchlist Package Missing'* ]] || fail "inspect --servicing found $fault"

	run "$w7" plan -p "$T/offline.ini" --root "$tree"
	expect_status 10
	expect_out 'delete-key +COMPONENTS.*Deployments'
	expect_no_out 'write-file'
	expect_no_out set-value
	run "$w7" apply -p "$T/offline.ini" --root "$tree"
	expect_status 0
	expect_out verified
	describe "$tree" "$T/after"
	expect_nothing_named "$T/after"
	[ "$(findings --root "$tree")" = "$fault" ] || fail "the store's findings changed"

	# what is gone was the package's, what is there was there before, byte for byte
	LC_ALL=C comm -13 "$T/before.sums" "$T/after.sums" >"$T/new"
	[ ! -s "$T/new" ] || fail "new or changed: $(head -n 3 "$T/new")"
	LC_ALL=C comm -23 "$T/before.paths" "$T/after.paths" | grep -aEiv "$names" >"$T/gone"
	# its catalog goes by its hash
	[ "$(grep -c '/winsxs/Catalogs/[0-9a-f]*\.cat$' "$T/gone")" = 1 ] || fail "catalog"
	! grep -qv '/winsxs/Catalogs/[0-9a-f]*\.cat$' "$T/gone" || fail "gone: $(cat "$T/gone")"
	local hive
	for hive in SYSTEM SOFTWARE COMPONENTS; do
		diff "$T/before.$hive" "$T/after.$hive" | grep '^>' >"$T/new"
		[ ! -s "$T/new" ] || fail "new in $hive: $(head -n 3 "$T/new")"
		[ "$(wc -l <"$T/after.$hive")" -lt "$(wc -l <"$T/before.$hive")" ] || fail "$hive is unchanged"
	done
	# of the other packages every value is there
	for hive in SOFTWARE COMPONENTS; do
		[ "$(grep -aEc 'Package_for_KB|[Pp]art[0-9]{3}' "$T/before.$hive")" = \
		    "$(grep -aEc 'Package_for_KB|[Pp]art[0-9]{3}' "$T/after.$hive")" ] ||
		    fail "$hive lost something of another package"
	done

	run "$w7" verify -p "$T/offline.ini" --root "$tree"
	expect_status 0
	run "$w7" apply -p "$T/offline.ini" --root "$tree"
	expect_status 0
	expect_out 'nothing to do'
	run "$w7" undo --root "$tree"
	expect_status 0
	describe "$tree" "$T/undone"
	local what
	for what in paths sums SYSTEM SOFTWARE COMPONENTS; do
		cmp -s "$T/before.$what" "$T/undone.$what" || fail "undo: $what differ"
	done
	rm -rf "$tree"
}
on_tree amd64
on_tree x86

# one thing that is not known: nothing is changed, and the other way is named
_made "$mk/mkphony" tree "$T/odd" --servicing=full --store-packages=12 --store-shape=other-owner
describe "$T/odd" "$T/before"
run "$w7" apply -p "$T/offline.ini" --root "$T/odd"
expect_status 5
expect_err 'Owners!Microsoft-Windows-Security-WindowsActivationTechnologies.*names the package'
expect_err 'remove = windows'
describe "$T/odd" "$T/after"
cmp -s "$T/before.sums" "$T/after.sums" || fail "a refused apply changed something"
run "$w7" inspect --servicing --root "$T/odd"
expect_status 0
expect_out 'not possible for KB971033'
run "$w7" inspect --root "$T/odd"
expect_no_out 'servicing store'
run "$w7" plan -p kms --servicing --root "$T/odd"
expect_status 2
sed 's/offline$/windows/' "$T/offline.ini" >"$T/windows.ini"
run "$w7" apply -p "$T/windows.ini" --root "$T/odd"
expect_status 0

# one rename that a file system only says it has made: the check afterwards notices, and all is put back
broken_promise() { # NUMBER of the rename, ERROR
	run env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$T/calls" -e trace=renameat \
	    -e "inject=renameat:retval=0:when=$1" "$w7" apply -p "$T/offline.ini" --root "$T/lied"
	grep -q INJECTED "$T/calls" || fail "there is no rename number $1"
	expect_status 8
	expect_err "$2"
	describe "$T/lied" "$T/after"
	cmp -s "$T/before.sums" "$T/after.sums" || fail "files differ after status 8"
	cmp -s "$T/before.paths" "$T/after.paths" || fail "names differ after status 8"
	run "$w7" undo --root "$T/lied"
	expect_err 'there is no undo record'
}
if strace -qq -o /dev/null true 2>/dev/null; then
	_made "$mk/mkphony" tree "$T/lied" --servicing=full --store-packages=12
	describe "$T/lied" "$T/before"
	broken_promise 3 'left damaged: CBS Catalog Missing: .*[0-9a-f]{64}.cat'	# COMPONENTS
	broken_promise 4 'left damaged: CBS Registry Error: .*16395.mum'
	broken_promise 5 'did not take effect: delete-file .*16395.cat'
	run "$w7" apply -p "$T/offline.ini" --root "$T/lied"
	expect_status 0
else
	skip_part "strace cannot keep a system call from being made here"
fi

# an image that was prepared the other way before: its first-boot step goes with the rest
_made "$mk/mkphony" tree "$T/late" --servicing=full --store-packages=12
run "$w7" apply -p "$T/windows.ini" --root "$T/late"
expect_status 0
[ -e "$T/late/Windows/Setup/Scripts/w7prep/kb971033.cmd" ] || fail "no step for the first boot"
run "$w7" verify -p "$T/offline.ini" --root "$T/late"
expect_status 10
run "$w7" apply -p "$T/offline.ini" --root "$T/late"
expect_status 0
describe "$T/late" "$T/after"
expect_nothing_named "$T/after"

# a volume: NTFS stays sound, and undo gives every byte back
phony_volume "$T/a.raw" --servicing=full --store-packages=40
before=$(sha "$T/a.raw")
run "$w7" apply --engine=direct -p "$T/offline.ini" "$T/a.raw"
expect_status 0
ntfsfix -n "$T/a.raw" >"$T/ntfsfix.txt" 2>&1 || fail "ntfsfix: $(tail -n1 "$T/ntfsfix.txt")"
ntfsls -f -R "$T/a.raw" >"$T/list.txt" 2>/dev/null || fail ntfsls
grep -q WindowsActivation "$T/list.txt" && fail "ntfsls shows the package"
[ "$(findings --engine=direct "$T/a.raw")" = '[]' ] || fail "findings after the change"
run "$w7" undo "$T/a.raw"
expect_status 0
[ "$(sha "$T/a.raw")" = "$before" ] || fail "undo did not give the volume back"

# a WIM: the same, and every file that stays keeps all of its metadata
phony_wim "$T/a.wim" --servicing=full --store-packages=40
before=$(sha "$T/a.wim")
wimlib-imagex dir "$T/a.wim" 1 --detailed >"$T/before.txt"
run "$w7" apply -p "$T/offline.ini" "$T/a.wim" --json
expect_status 0
jq -e '.images[0].verified and (.images[0].windows[0].changes | length > 60 and
    all(.hook == "kb971033"))' "$T/out" >/dev/null || fail "JSON of apply"
wimlib-imagex verify "$T/a.wim" >"$T/verify.txt" 2>&1 || fail "verify: $(tail -n1 "$T/verify.txt")"
wimlib-imagex dir "$T/a.wim" 1 --detailed >"$T/after.txt"
! sed -n 's/^Full Path *= *"\(.*\)"$/\1/p' "$T/after.txt" | grep -aEiq "$names" || fail "a path is left"
"$(dirname "$0")/wim-diff.awk" "$T/before.txt" "$T/after.txt" >"$T/diff.txt"
grep -q '^removed' "$T/diff.txt" || fail "the comparison found nothing"
while read -r how path; do
	case $how:$path in
	removed:*) [[ ${path,,} =~ $names|/winsxs/catalogs/[0-9a-f]+\.cat$ ]] || fail "removed: $path" ;;
	content:/Windows/System32/config/S[OY]* | content:/Windows/System32/config/COMPONENTS) ;;
	*) fail "unexpected change: $how $path" ;;
	esac
done <"$T/diff.txt"
for hive in SYSTEM SOFTWARE COMPONENTS; do
	wimlib-imagex extract "$T/a.wim" 1 "/Windows/System32/config/$hive" --dest-dir="$T/x" --no-acls \
	    >/dev/null 2>&1 || fail "cannot extract $hive"
	hive_dump "$T/x/$hive" >"$T/x/$hive.txt"
	! grep -aEiq "$names" "$T/x/$hive.txt" || fail "$hive names the package"
done
[ "$(findings "$T/a.wim")" = '[]' ] || fail "findings after the change: $(findings "$T/a.wim")"
run "$w7" undo "$T/a.wim"
expect_status 0
[ "$(sha "$T/a.wim")" = "$before" ] || fail "undo did not give the original back"
exit 0
