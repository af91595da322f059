#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The static program, where there is nothing but it: an empty chroot with a Windows in it.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
# shellcheck source=tests/fixtures/images.sh
. "$(dirname "$0")/../fixtures/images.sh"
for tool in file partclone.ntfs zstd pigz; do
	requires "$tool"
done
arch=$(uname -m)
static=$BUILD/w7prep-static-$arch
[ -x "$static" ] || make -s BUILD="$BUILD" W7PREP_NO_DEPS=1 static >"$T/log" 2>&1 ||
    fail "make static: $(tail -n 3 "$T/log")"

file -L "$static" | grep -Eq 'static(-pie|ally) linked' || fail "$(file -L "$static")"
[ "$arch" != x86_64 ] || file -L "$static" | grep -q x86-64 || fail "$(file -L "$static")"
run ldd "$static"
expect_no_out '=>'
readelf -d "$static" | grep NEEDED && fail "wants a shared library"
[ "$(stat -c %s "$static")" -lt $((16 << 20)) ] || fail "larger than what a room should load"

jail=$T/jail
# what is there besides the program and the images: /proc, as in every imaging client
enter=(unshare --mount --pid --fork --root="$jail" --mount-proc)
[ "$(id -u)" -eq 0 ] || enter+=(--map-root-user)
mkdir -p "$jail/proc"
cp "$static" "$jail/w7prep"
if ! "${enter[@]}" /w7prep --version >/dev/null 2>"$T/err" && grep -q '^unshare:' "$T/err"; then
	echo "neither root nor user namespaces: no chroot ($(cat "$T/err"))"
	exit 77
fi
cp profiles/kms.ini "$jail/kms.ini"
"$BUILD/fixtures/mkphony" tree "$jail/win" >"$T/log" 2>&1 || fail "mkphony: $(cat "$T/log")"
cp -a "$jail/win" "$T/before"
in_jail() { run env -i PATH="$PATH" "${enter[@]}" /w7prep "$@"; }

in_jail --version
expect_status 0
expect_out static
in_jail inspect --root /win --json
expect_status 0
[ "$(jq -r '.images[0].windows[0].edition' "$T/out")" = Enterprise ] || fail "edition"
in_jail plan -p /kms.ini --root /win
expect_status 10
in_jail apply -p /kms.ini --root /win
expect_status 0
in_jail verify -p /kms.ini --root /win
expect_status 0
hivexget "$jail/win/Windows/System32/config/SYSTEM" 'ControlSet001\services\WatAdminSvc' Start \
    >"$T/start" 2>&1 || fail "$(cat "$T/start")"
grep -q '4$' "$T/start" || fail "KB971033's service still starts: $(cat "$T/start")"
in_jail undo --root /win
expect_status 0
diff -r --no-dereference "$T/before" "$jail/win" || fail "undo did not give the tree back"

# a stored image of FOG, and one of Clonezilla
phony_volume "$T/volume.ntfs" --kms-host=old.example
for mode in 0 1; do
	partclone.ntfs -c -s "$T/volume.ntfs" -O "$T/a$mode.ptcl" -a$mode -L "$T/log" >"$T/partclone.txt" 2>&1 ||
	    fail "partclone.ntfs: $(tail -n 1 "$T/partclone.txt")"
done
mkdir -p "$jail/images/win7" "$jail/images/cz"
echo 'label: dos' >"$jail/images/win7/d1.partitions"
zstdmt -q --rsyncable --ultra -6 <"$T/a0.ptcl" | split -a 3 -d -b 100k - "$jail/images/win7/d1p2.img."
mv "$jail/images/win7/d1p2.img.000" "$jail/images/win7/d1p2.img"
echo sda2 >"$jail/images/cz/parts"
pigz <"$T/a1.ptcl" >"$jail/images/cz/sda2.ntfs-ptcl-img.gz"
cp -a "$jail/images" "$T/images"
prepare() { # IMAGE: inspect, apply, verify, undo, with $in
	"$in" inspect --json "/images/$1"
	expect_status 0
	[ "$(jq -r '.images[0].windows[0].edition' "$T/out")" = Enterprise ] || fail "$1: edition"
	"$in" apply -p /kms.ini "/images/$1"
	expect_status 0
	! diff -rq "$T/images/$1" "$jail/images/$1" >"$T/diff" || fail "$1: nothing was changed"
	"$in" verify -p /kms.ini "/images/$1"
	expect_status 0
}
in=in_jail
for image in win7 cz; do
	prepare $image
	# the program with all its libraries is of the same opinion
	run "$BUILD/w7prep" verify -p kms "$jail/images/$image"
	expect_status 0
	in_jail undo "/images/$image"
	expect_status 0
done
diff -r "$T/images" "$jail/images" || fail "undo did not give the images back"
[ ! -e "$jail/images/.w7prep" ] || fail "undo left its record"

# a WIM is not for this program, and it says so
printf 'MSWIM\0\0\0' >"$jail/x.wim"
in_jail inspect /x.wim
expect_status 4
expect_err '^w7prep: error: /x.wim: '

# those for other architectures, where they were built
for other in x86_64 i386 aarch64; do
	program=$BUILD/w7prep-static-$other
	[ "$other" != "$arch" ] || continue
	# of another state of the sources
	[ ! "$program" -ot "$static" ] || continue
	if [ ! -x "$program" ]; then
		skip_part "$other: not built (make static-all)"
		continue
	fi
	file -L "$program" | grep -Eq 'static(-pie|ally) linked' || fail "$(file -L "$program")"
	case $arch-$other in
	x86_64-i386) as=() ;;
	*) as=("qemu-$other-static") ;;
	esac
	if ! "${as[@]}" "$program" --version >/dev/null 2>&1; then
		skip_part "$other: cannot be run here (qemu-user-static)"
		continue
	fi
	run "${as[@]}" "$program" apply -p "$jail/kms.ini" --root "$jail/win"
	expect_status 0
	run "$BUILD/w7prep" verify -p "$jail/kms.ini" --root "$jail/win"
	expect_status 0
	run "${as[@]}" "$program" undo --root "$jail/win"
	expect_status 0
	diff -r --no-dereference "$T/before" "$jail/win" || fail "$other: undo did not give the tree back"
	for image in win7 cz; do
		run "${as[@]}" "$program" apply -p "$jail/kms.ini" "$jail/images/$image"
		expect_status 0
		run "$BUILD/w7prep" verify -p kms "$jail/images/$image"
		expect_status 0
		run "${as[@]}" "$program" undo "$jail/images/$image"
		expect_status 0
	done
	diff -r "$T/images" "$jail/images" || fail "$other: undo did not give the images back"
done

# beside it and the tree, nothing was left
left=$(cd "$jail" && find . -mindepth 1 -maxdepth 1 ! -name win ! -name w7prep ! -name kms.ini \
    ! -name x.wim ! -name .w7prep ! -name proc ! -name images)
[ -z "$left" ] || fail "left behind: $left"
exit 0
