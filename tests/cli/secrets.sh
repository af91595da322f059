#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A MAK appears nowhere but in the one file in the image that only SYSTEM and Administrators may read.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires wimlib-imagex
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

run "$w7" apply -p "$T/mak.ini" "$T/a.wim"
expect_status 0
wimlib-imagex dir "$T/a.wim" 1 >"$T/paths"
found=
while read -r p; do
	wimlib-imagex extract "$T/a.wim" 1 "$p" --to-stdout >"$T/file" 2>/dev/null || continue
	grep -qa "$key" "$T/file" && found="$found $p"
done < <(grep -i '/Setup/Scripts/.*\.' "$T/paths")
[ "$(wc -w <<<"$found")" -eq 1 ] || fail "the key is in:$found"

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
