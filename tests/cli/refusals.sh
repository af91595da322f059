#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything that must be refused: one line that says why, a hint, the documented status, and an
# image that nobody has touched.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
w7=$BUILD/w7prep

listing() { find "$T/dir" \( -type d -printf '%P/\n' -o -printf '%P %s %T@\n' \) | sort; }

refused() { # KIND STATUS CODE
	local img before
	img=$T/dir/$1.img
	mkdir -p "$T/dir"
	wrong_image "$1" "$img"
	before=$(sha "$img")
	listing >"$T/listing"
	for command in plan apply; do
		run "$w7" $command --engine="$(engine_of "$img")" -p kms --json "$img"
		[ "$status" -eq "$2" ] || fail "$1: $command: status $status instead of $2"
		[ "$(jq -r '.images[0].error.code' "$T/out")" = "$3" ] ||
		    fail "$1: $command: code $(jq -c '.images[0].error' "$T/out") instead of $3"
		[ "$(grep -c '^w7prep: error: ' "$T/err")" -eq 1 ] || fail "$1: not one line of error"
		[ "$(grep -c '^  hint: ' "$T/err")" -eq 1 ] || fail "$1: no hint"
		grep '^w7prep: error: ' "$T/err" | grep -qF "$img" || fail "$1: the error does not name the image"
		[ "$(sha "$img")" = "$before" ] || fail "$1: $command changed the image"
	done
	listing | cmp -s - "$T/listing" || fail "$1: files were left behind: $(listing | diff - "$T/listing")"
	# inspect still tells what can be told, and never crashes
	run "$w7" inspect --engine="$(engine_of "$img")" --json "$img"
	[ "$status" -eq 0 ] || [ "$status" -eq "$2" ] || fail "$1: inspect: status $status"
	jq -e --arg code "$3" '[.images[0].error.code, .images[0].windows[]?.refusals[]?.code] |
	    . != []' "$T/out" >/dev/null || fail "$1: inspect says nothing"
	rm -rf "$T/dir"
}

engine_of() { # FILE: direct for disk images, the default for everything else
	case $(head -c 5 "$1" | tr -d '\0') in
	MSWIM | WLPWM | This* | '') echo "${other_engine:-wim}" ;;
	*) echo direct ;;
	esac
}

n=0
while read -r kind want code; do
	refused "$kind" "$want" "$code"
	n=$((n + 1))
done < <(wrong_kinds)
[ "$n" -ge 25 ] || fail "only $n kinds"

# locked by another program
mkdir "$T/dir"
phony_wim "$T/dir/a.wim"
lock_image "$T/dir/a.wim"
run "$w7" apply -p kms "$T/dir/a.wim"
expect_status 5
expect_err 'hint: '
phony_disk qcow2 mbr "$T/dir/a.qcow2"
qemu-nbd -f qcow2 --persistent --socket="$T/nbd" "$T/dir/a.qcow2" >/dev/null 2>&1 &
nbd=$!
at_exit "kill $nbd 2>/dev/null"
for _ in $(seq 100); do [ -S "$T/nbd" ] && break; sleep 0.05; done
run "$w7" apply --engine=direct -p kms "$T/dir/a.qcow2"
expect_status 5
expect_err 'hint: '
kill $nbd
wait $nbd 2>/dev/null

# not ours to read
if [ "$(id -u)" -eq 0 ]; then
	skip_part "a file without read permission: root reads everything"
else
	chmod 0 "$T/dir/a.qcow2"
	run "$w7" inspect "$T/dir/a.qcow2"
	expect_status 6
fi

# several editions: the whole is refused unless the ones meant are named
phony_wim_multi "$T/dir/multi.wim"
run "$w7" inspect --json "$T/dir/multi.wim"
expect_status 0
run "$w7" plan -p kms "$T/dir/multi.wim" --image=99
expect_status 4
expect_err 'no image 99'
exit 0
