#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A MAK appears nowhere but in the one file in the image that only SYSTEM and Administrators may read.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires wimlib-imagex
requires partclone.ntfs
w7=$BUILD/w7prep
key=BCDFG-HJKMP-QRTVW-XY234-6789B

printf '%s\n' "$key" >"$T/mak.key"
chmod 600 "$T/mak.key"
cat >"$T/mak.ini" <<'X'
[profile]
name = mak
[activation]
strategy = mak
mak_key_file = mak.key
X
phony_wim "$T/a.wim" --channel=mak
for c in "plan" "plan -v" "plan --json" "apply -v --json --log-file=$T/log" "verify --json" "inspect --json" "undo --json"; do
	p="-p $T/mak.ini"
	case $c in inspect* | undo*) p= ;; esac
	# shellcheck disable=SC2086
	run "$w7" $c $p "$T/a.wim"
	[ "$status" -eq 0 ] || [ "$status" -eq 10 ] || fail "$c: status $status"
	for f in "$T/out" "$T/err" "$T/log"; do
		[ -e "$f" ] || continue
		grep -qi "$key\|QRTVW\|6789B" "$f" && fail "$c: the key is in $f"
	done
	case $c in apply*)
		grep -rqa "$key" "$T/.w7prep" && fail "the key is in the undo record"
		;;
	esac
done

# nor in an argument or the environment of any program that is run
mkdir "$T/bin"
for tool in qemu-img qemu-nbd mkntfs; do
	printf '#!/bin/sh\n{ printf "%%s " "$0" "$@"; env; } >>"%s/ran"\nPATH=%s exec %s "$@"\n' \
	    "$T" "$PATH" "$tool" >"$T/bin/$tool"
	chmod +x "$T/bin/$tool"
done
phony_disk raw bare "$T/a.raw" --channel=mak
run env PATH="$T/bin:$PATH" "$w7" apply --engine=direct -p "$T/mak.ini" "$T/a.raw"
expect_status 0
grep -q qemu-img "$T/ran" || fail "no program was watched"
grep -qi "$key" "$T/ran" && fail "the key is in an argument or the environment"
rm -f "$T/a.raw"

# nor in the undo record of the change that placed it, also when that is unpacked
"$BUILD/fixtures/mkphony" tree "$T/tree" || fail mkphony
run "$w7" apply -p "$T/mak.ini" --root "$T/tree"
expect_status 0
records=0
while read -r f; do
	records=$((records + 1))
	case $f in *.zst) zstd -qdc "$f" ;; *) cat "$f" ;; esac >"$T/unpacked"
	grep -qa "$key" "$T/unpacked" && fail "the key is in the undo record, $f"
done < <(find "$T/.w7prep/a.raw" "$T/.w7prep/tree" -type f -size +0)
[ "$records" -gt 5 ] || fail "there are no undo records to look at"

run "$w7" apply -p "$T/mak.ini" "$T/a.wim"
expect_status 0
wimlib-imagex dir "$T/a.wim" 1 >"$T/paths"
found=
while read -r p; do
	wimlib-imagex extract "$T/a.wim" 1 "$p" --to-stdout >"$T/file" 2>/dev/null || continue
	grep -qa "$key" "$T/file" && found="$found $p"
done < <(grep -i '/Setup/Scripts/.*\.' "$T/paths")
[ "$(wc -w <<<"$found")" -eq 1 ] || fail "the key is in:$found"

# Another profile takes the MAK out of the WIM's files, --rebuild out of the WIM itself, and plan and
# apply say so while there is something to say.
rm -rf "$T/.w7prep"
phony_wim "$T/held.wim" --compress=none
run "$w7" apply -p "$T/mak.ini" "$T/held.wim"
expect_status 0
expect_out 'then holds a MAK: whoever can read the image'
expect_no_out '--rebuild'
run "$w7" plan -p kms "$T/held.wim"
expect_out 'held the product key of mak.key: a WIM keeps it .*--rebuild'
run "$w7" apply -p kms "$T/held.wim"
expect_status 0
expect_out 'held the product key of mak.key: a WIM keeps it .*--rebuild'
grep -qa "$key" "$T/held.wim" || fail "nothing is superseded, so the test looks at nothing"
grep -rqa "$key" "$T/.w7prep" && fail "the key is in the undo record of a WIM that was appended to"
run "$w7" apply --rebuild -p kms "$T/held.wim" -o "$T/clean.wim"
expect_status 0
expect_out 'rewritten without superseded data'
grep -qa "$key" "$T/clean.wim" && fail "the key is still in the WIM"
wimlib-imagex verify "$T/clean.wim" >/dev/null 2>&1 || fail "the rebuilt WIM is damaged"
grep -rqa "$key" "$T/.w7prep" && fail "-o left a record with the key"
run "$w7" apply --rebuild -p kms "$T/held.wim"
expect_status 0
cmp "$T/held.wim" "$T/clean.wim" || fail "another WIM in place than with -o"
# what undo needs is for nobody else's eyes
find "$T/.w7prep" -type d -perm /077 | grep . && fail "others can reach the undo record"
run "$w7" undo "$T/held.wim"
expect_status 0
grep -qa "$key" "$T/held.wim" || fail "not the WIM from before the rebuild"

# an image that only we may read: nor may others read what is made of it
cp "$T/a.wim" "$T/private.wim"
chmod 600 "$T/private.wim"
run "$w7" apply -p "$T/mak.ini" "$T/private.wim" -o "$T/out.wim"
expect_status 0
[ "$(stat -c %a "$T/out.wim")" = 600 ] || fail "OUT has mode $(stat -c %a "$T/out.wim")"
chmod 644 "$T/private.wim"
run "$w7" apply --force -p "$T/mak.ini" "$T/private.wim" -o "$T/out.wim"
expect_status 0
[ "$(stat -c %a "$T/out.wim")" = 600 ] || fail "the new OUT has mode $(stat -c %a "$T/out.wim")"
chmod 444 "$T/private.wim"
run "$w7" apply -p "$T/mak.ini" "$T/private.wim" -o "$T/out2.wim"
expect_status 0

# a MAK is about to be in a file that everybody here can read: that is said, and OUT is not such a file
chmod 644 "$T/private.wim"
for c in plan "apply -o $T/out3.wim" apply plan; do
	# shellcheck disable=SC2086
	run "$w7" $c -p "$T/mak.ini" "$T/private.wim"
	case $c in
	*-o*) expect_no_out 'everybody'; [ "$(stat -c %a "$T/out3.wim")" = 640 ] || fail "OUT: $(stat -c %a "$T/out3.wim")" ;;
	*) expect_out "everybody on this machine can read it, and the MAK in it: chmod o-rwx $T/private.wim" ;;
	esac
done
run "$w7" apply -p kms "$T/private.wim"
expect_no_out 'everybody'
chmod 640 "$T/private.wim"
run "$w7" plan -p "$T/mak.ini" "$T/private.wim"
expect_no_out 'everybody'
mkdir "$T/fog"
echo 'label: dos' >"$T/fog/d1.partitions"
phony_volume "$T/volume.ntfs"
partclone.ntfs -c -s "$T/volume.ntfs" -O - -a0 -L "$T/log2" 2>/dev/null | gzip -1 >"$T/fog/d1p2.img"
run "$w7" plan -p "$T/mak.ini" "$T/fog"
expect_out "everybody on this machine can read it, and the MAK in it: chmod o-rwx $T/fog\$"
chmod 750 "$T/fog"
run "$w7" plan -p "$T/mak.ini" "$T/fog"
expect_no_out 'everybody'

# a key file that others can read is refused, and not quoted
chmod 644 "$T/mak.key"
run "$w7" plan -p "$T/mak.ini" "$T/a.wim"
expect_status 3
expect_err 'chmod'
grep -qi "$key" "$T/err" && fail "the key is in the error"
chmod 600 "$T/mak.key"
echo "QQQQQ-WWWWW-EEEEE-RRRRR-TTTTT extra" >"$T/mak.key"
run "$w7" plan -p "$T/mak.ini" "$T/a.wim"
expect_status 3
grep -qi 'WWWWW' "$T/err" && fail "a wrong key is quoted"
exit 0
