#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# No room to write: status 6, one clear line, the image as it was, nothing left behind. A limit on the
# size of files stands for the full disk: the kernel refuses the write at the same place.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
w7=$BUILD/w7prep
mkdir "$T/dir" "$T/scratch"
export TMPDIR=$T/scratch

limited() { # KIB COMMAND…
	local kib=$1
	shift
	run bash -c "ulimit -f $kib; exec \"\$@\"" - "$@"
}
unchanged() { # WHAT IMAGE SHA
	[ "$status" -eq 6 ] || fail "$1: status $status instead of 6"
	expect_err '^w7prep: error: '
	[ "$(sha "$2")" = "$3" ] || fail "$1: the image changed"
	[ -z "$(ls -A "$T/scratch")" ] || fail "$1: scratch files are left: $(ls "$T/scratch")"
	[ "$(find "$T/dir" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ] || fail "$1: left behind: $(ls -A "$T/dir")"
}

phony_wim "$T/dir/a.wim" --hive-mb=4
before=$(sha "$T/dir/a.wim")
size=$(($(stat -c %s "$T/dir/a.wim") / 1024))
rounds=0
for more in 0 1 16 64 200; do
	limited $((size + more)) "$w7" apply -p kms "$T/dir/a.wim"
	[ "$status" -eq 0 ] && break
	unchanged "WIM, $more KiB left" "$T/dir/a.wim" "$before"
	rounds=$((rounds + 1))
done
[ "$rounds" -ge 2 ] || fail "the limit was never reached"
[ "$status" -ne 0 ] || { run "$w7" undo "$T/dir/a.wim"; expect_status 0; }
limited $((size / 2)) "$w7" apply -p kms "$T/dir/a.wim" -o "$T/dir/b.wim"
unchanged "-o" "$T/dir/a.wim" "$before"
limited $((size + 20)) "$w7" apply -p kms --rebuild "$T/dir/a.wim"
[ "$status" -eq 0 ] || unchanged "--rebuild" "$T/dir/a.wim" "$before"
rm -rf "$T/dir"
mkdir "$T/dir"

# the overlay, the undo record, or the container itself cannot grow
phony_disk vhd mbr "$T/dir/a.vhd" --hive-mb=4
before=$(sha "$T/dir/a.vhd")
for kib in 100 400 1000 $(($(stat -c %s "$T/dir/a.vhd") / 1024)); do
	limited "$kib" "$w7" apply --engine=direct -p kms "$T/dir/a.vhd"
	[ "$status" -eq 0 ] && break
	unchanged "VHD, files of at most $kib KiB" "$T/dir/a.vhd" "$before"
done
# without a limit it works
[ "$status" -eq 0 ] || run "$w7" apply --engine=direct -p kms "$T/dir/a.vhd"
expect_status 0
exit 0
