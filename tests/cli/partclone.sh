#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The partition images of FOG and Clonezilla through inspect, plan, apply, verify and undo, made and
# read back with partclone, pigz, zstd, xz, lz4 and split as those two do it.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
# shellcheck source=tests/fixtures/images.sh
. "$(dirname "$0")/../fixtures/images.sh"
for tool in partclone.ntfs partclone.restore pigz zstd xz lz4 wimlib-imagex ntfsfix; do
	requires "$tool"
done
w7=$BUILD/w7prep

phony_volume "$T/volume.ntfs" --sppuinotify-disabled=yes --kms-host=old.example
for mode in 0 1; do
	partclone.ntfs -c -s "$T/volume.ntfs" -O "$T/a$mode.ptcl" -a$mode -L "$T/log" \
	    >"$T/partclone.txt" 2>&1 || fail "partclone.ntfs: $(tail -n1 "$T/partclone.txt")"
done
for mode in xxh64 xxh128 xxh128-canonical v1 v1-wide; do
	"$mk/mkpartclone" "$T/a0.ptcl" "$T/$mode.ptcl" $mode || fail "mkpartclone $mode"
done

# Path, attributes, descriptor and content of every file of an NTFS volume, as wimlib sees them.
files_of() { # VOLUME OUT
	rm -f "$T/files.wim"
	wimlib-imagex capture "$1" "$T/files.wim" --compress=none >"$T/wimlib.txt" 2>&1 ||
	    fail "wimlib-imagex: $(tail -n1 "$T/wimlib.txt")"
	wimlib-imagex dir "$T/files.wim" 1 --detailed | awk -F'"' '
		/^Full Path/ {if (p) print p "\t" rest; p = $2; rest = ""}
		/^(Attributes|Security Descriptor|Hash) / {sub(/^[^=]*= /, ""); rest = rest " " $0}
		END {print p "\t" rest}' | sort >"$2"
}
files_of "$T/volume.ntfs" "$T/files.before"
[ "$(wc -l <"$T/files.before")" -gt 50 ] || fail "wimlib-imagex lists too little"

# What the plan names: nothing else may differ.
"$w7" plan --json -p kms "$T/volume.ntfs" --engine=direct >"$T/plan.json" 2>"$T/err"
jq -r '.images[0].windows[0].changes[] | select(.op | test("file|tree")) | .target' "$T/plan.json" |
    tr '\\' / | sort -u >"$T/planned"
[ -s "$T/planned" ] || fail "no plan: $(head -c 300 "$T/plan.json")"
printf '/Windows/System32/config/%s\n' SYSTEM SOFTWARE >>"$T/planned"

unpack() { # CODEC
	case $1 in
	gz) pigz -dc ;;
	zst) zstdmt -qdc ;;
	xz) xz -dc ;;
	lz4) lz4 -qdc ;;
	none) cat ;;
	esac
}

pack() { # CODEC
	case $1 in
	gz) pigz -6 ;;
	zst) zstdmt -q --rsyncable --ultra -6 ;;
	xz) xz -T2 -1 ;;
	lz4) lz4 -qc ;;
	none) cat ;;
	esac
}

# $T/new.ptcl is a sound image, and its volume what the plan made of it.
check_result() { # WHAT
	local what=$1 size
	"$mk/mkpartclone" "$T/new.ptcl" "$T/plain.ptcl" none 2>"$T/mk.txt" || fail "$what: $(cat "$T/mk.txt")"
	partclone.chkimg -s "$T/plain.ptcl" -L "$T/log" >"$T/partclone.txt" 2>&1 ||
	    fail "$what: partclone.chkimg: $(tail -n1 "$T/partclone.txt")"
	# 0.3.23 looks at what is not there and now and then takes it for a device: an empty file is there
	rm -f "$T/new.ntfs"
	: >"$T/new.ntfs"
	partclone.restore -C -s "$T/plain.ptcl" -O "$T/new.ntfs" -L "$T/log" >"$T/partclone.txt" 2>&1 ||
	    fail "$what: partclone.restore: $(tail -n5 "$T/partclone.txt" "$T/log")"
	chmod 600 "$T/new.ntfs"
	size=$(stat -c %s "$T/volume.ntfs")
	truncate -s "$size" "$T/new.ntfs"
	# the copy of the boot sector is in no image: FOG has ntfsfix make it, we take the old one
	dd if="$T/volume.ntfs" of="$T/new.ntfs" bs=512 skip=$((size / 512 - 1)) seek=$((size / 512 - 1)) \
	    conv=notrunc status=none
	ntfsfix -n "$T/new.ntfs" >"$T/ntfsfix.txt" 2>&1 || fail "$what: ntfsfix: $(tail -n1 "$T/ntfsfix.txt")"
	ntfsinfo -m "$T/new.ntfs" >"$T/ntfsinfo.txt" 2>&1 || fail "$what: ntfsinfo"
	files_of "$T/new.ntfs" "$T/files.after"
	diff "$T/files.before" "$T/files.after" | sed -n 's/^[<>] \([^\t]*\)\t.*/\1/p' | sort -u >"$T/changed"
	[ "$(wc -l <"$T/changed")" -ge "$(wc -l <"$T/planned")" ] || fail "$what: not all that was planned changed"
	local path
	while IFS= read -r path; do
		# or a directory made for one of them
		grep -qiF -- "$path" "$T/planned" || fail "$what: $path changed, the plan does not name it"
	done <"$T/changed"
	ntfscat "$T/new.ntfs" Windows/System32/config/SYSTEM >"$T/SYSTEM" 2>/dev/null || fail "$what: no SYSTEM"
	[ "$(hivexget "$T/SYSTEM" 'ControlSet001\services\WatAdminSvc' Start)" = 4 ] ||
	    fail "$what: WatAdminSvc is not disabled"
}

sums() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k2); }

# What must stay as it is: device size and block count, block size, checksum options.
header_of() { # stream on standard input
	head -c 110 >"$T/header"
	xxd -p -s 52 -l 16 "$T/header"
	xxd -p -s 84 -l 4 "$T/header"
	xxd -p -s 96 -l 9 "$T/header"
}
# All parts but the last have the length of the first.
check_parts() { # WHAT DIR GLOB LENGTH
	local part last='' n=0
	for part in "$2"/$3; do
		[ -z "$last" ] || [ "$(stat -c %s "$last")" -eq "$4" ] || fail "$1: $last is not $4 bytes long"
		last=$part n=$((n + 1))
	done
	[ "$n" -eq 1 ] || [ "$(stat -c %s "$last")" -le "$4" ] || fail "$1: $last is longer than $4 bytes"
}

# A whole cycle on an image directory; the stream of its Windows partition is "cat GLOB".
cycle() { # WHAT DIR NAMED GLOB CODEC
	local what=$1 dir=$2 named=$3 glob=$4 codec=$5 before header length
	before=$(sums "$dir")
	# shellcheck disable=SC2086 # a glob
	header=$(cd "$dir" && cat $glob | unpack "$codec" | header_of)
	# shellcheck disable=SC2086
	length=$(cd "$dir" && stat -c %s $glob | head -n 1)
	run "$w7" inspect --json "$named"
	expect_status 0
	jq -e '.images[0].windows[0] | .edition == "Enterprise" and .sealed and .kb971033.installed' \
	    "$T/out" >/dev/null || fail "$what: inspect does not tell the facts"
	[ "$(jq -r '.images[0].format' "$T/out")" = partclone ] || fail "$what: format"
	run "$w7" plan -p kms "$named"
	expect_status 10
	[ "$(sums "$dir")" = "$before" ] || fail "$what: plan changed the image"
	[ ! -e "$dir/../.w7prep" ] || fail "$what: plan left something behind"

	run "$w7" apply -p kms "$named"
	expect_status 0
	expect_out verified
	find "$dir" -mindepth 1 -printf '%f\n' >"$T/names"
	! grep -vE "$names_allowed" "$T/names" || fail "$what: a stray file"
	# shellcheck disable=SC2086
	(cd "$dir" && cat $glob) | unpack "$codec" >"$T/new.ptcl"
	check_result "$what"
	check_parts "$what" "$dir" "$glob" "$length"
	if [ -z "${converted:-}" ]; then
		[ "$(header_of <"$T/new.ptcl")" = "$header" ] ||
		    fail "$what: device size, block count, block size or checksums changed"
	fi
	run "$w7" verify -p kms "$named"
	expect_status 0
	run "$w7" apply -p kms "$named"
	expect_status 0
	expect_out 'nothing to do'

	run "$w7" undo "$named"
	expect_status 0
	[ "$(sums "$dir")" = "$before" ] || fail "$what: undo did not give the original back"
	[ ! -e "$dir/../.w7prep" ] || fail "$what: undo left its record behind"
}

fog_dir() { # DIR
	mkdir -p "$1"
	echo 'label: dos' >"$1/d1.partitions"
	head -c 512 /dev/zero >"$1/d1.mbr"
	echo '/dev/sda2 ntfs' >"$1/d1.original.fstypes"
	echo 1 >"$1/d1.fixed_size_partitions"
}

# ---- FOG, each imgFormat ----
names_allowed='^(d1\.[a-z._]+|d1p[12]\.img(\.[0-9]{3})?)$'
for format in 0 2 3 4 5 6; do
	dir=$T/images/format$format
	fog_dir "$dir"
	case $format in
	0 | 2) codec=gz ;;
	3 | 4) codec=none ;;
	*) codec=zst ;;
	esac
	case $format in
	0 | 3 | 5) pack $codec <"$T/a0.ptcl" >"$dir/d1p2.img" ;;
	*)
		size=100k
		[ $codec = none ] && size=1000000
		pack $codec <"$T/a0.ptcl" | split -a 3 -d -b $size - "$dir/d1p2.img."
		mv "$dir/d1p2.img.000" "$dir/d1p2.img"
		[ -e "$dir/d1p2.img.002" ] || fail "format $format: not split"
		;;
	esac
	named=$dir
	[ $format = 5 ] && named=$dir/d1p2.img
	[ $format = 6 ] && named=$dir/d1p2.img.001
	cycle "FOG format $format" "$dir" "$named" 'd1p2.img*' $codec
done

# a System Reserved and a data partition are beside it; the second is on a second disk
dir=$T/images/several
fog_dir "$dir"
mkdir "$T/boot"
"$mk/mkphony" boot "$T/boot" && "$mk/mkvolume" "$T/boot.ntfs" 8 "$T/boot" || fail mkvolume
partclone.ntfs -c -s "$T/boot.ntfs" -O "$T/boot.ptcl" -a0 -L "$T/log" >/dev/null 2>&1 || fail partclone.ntfs
pack zst <"$T/boot.ptcl" >"$dir/d1p1.img"
pack zst <"$T/a0.ptcl" >"$dir/d1p2.img"
cp "$dir/d1p1.img" "$dir/d2p1.img"
names_allowed='^(d1\.[a-z._]+|d1p[12]\.img|d2p1.img)$'
before=$(sha "$dir/d1p1.img")
cycle 'FOG, several partitions' "$dir" "$dir" 'd1p2.img' zst
[ "$(sha "$dir/d1p1.img")" = "$before" ] || fail "the other partition changed"

# ---- Clonezilla ----
clonezilla_dir() { # DIR
	mkdir -p "$1"
	echo sda >"$1/disk"
	echo sda2 >"$1/parts"
	echo 'This image was saved by Clonezilla' >"$1/clonezilla-img"
}
names_allowed='^(disk|parts|clonezilla-img|[A-Z0-9]+SUMS|sda2\.ntfs-ptcl-img(\.(gz|zst|xz|lz4|uncomp))(\.[a-z]{2})?)$'
clonezilla() { # MODE CODEC SUFFIX SPLIT
	local dir=$T/images/cz-$1-$2-${4:-whole} name=sda2.ntfs-ptcl-img.$3
	clonezilla_dir "$dir"
	if [ -n "$4" ]; then
		pack "$2" <"$T/$1.ptcl" | split -a 2 -b "$4" - "$dir/$name."
	else
		pack "$2" <"$T/$1.ptcl" >"$dir/$name"
	fi
	(cd "$dir" && md5sum ./* >"$T/MD5SUMS" && b2sum -- * >"$T/B2SUMS" && mv "$T/MD5SUMS" "$T/B2SUMS" .)
	local named=$dir
	[ -n "$4" ] && named=$dir/$name.aa
	cycle "Clonezilla $1 $2 ${4:-whole}" "$dir" "$named" "$name*" "$2"
}
clonezilla a1 gz gz ''
clonezilla a1 gz gz 50000
clonezilla a1 zst zst ''
clonezilla xxh128 zst zst 40000
clonezilla xxh64 zst zst ''
clonezilla xxh128-canonical none uncomp ''
clonezilla a1 xz xz ''
clonezilla a1 lz4 lz4 ''
clonezilla a1 none uncomp 700k

# checksum files name what is there, and what was in them stays
dir=$T/images/cz-a1-gz-50000
run "$w7" apply -p kms "$dir"
expect_status 0
[ "$(jq -r '.images[0].windows[0].index' <("$w7" inspect --json "$dir"))" = 2 ] || fail "sda2 is not partition 2"
(cd "$dir" && md5sum --quiet -c MD5SUMS && b2sum --quiet -c B2SUMS) >"$T/out" 2>&1 || fail "checksum files"
for f in "$dir"/*.gz.*; do
	grep -q "  \./${f##*/}\$" "$dir/MD5SUMS" || fail "MD5SUMS lacks ${f##*/}"
done
[ "$(wc -l <"$dir/MD5SUMS")" -eq "$(find "$dir" -type f ! -name '*SUMS' | wc -l)" ] || fail "MD5SUMS has more lines than files"
run "$w7" undo "$dir"
expect_status 0

# ---- version 1: read; written as version 2 ----
names_allowed='^(d1\.[a-z._]+|d1p2\.img)$'
converted=yes
for mode in v1 v1-wide; do
	dir=$T/images/$mode
	fog_dir "$dir"
	pack gz <"$T/$mode.ptcl" >"$dir/d1p2.img"
	cycle "version 1 ($mode)" "$dir" "$dir" d1p2.img gz
done
converted=

# ---- a file on its own, and -o ----
pack zst <"$T/a0.ptcl" >"$T/lone.img"
run "$w7" apply -p kms "$T/lone.img" -o "$T/prepared.img"
expect_status 0
unpack zst <"$T/prepared.img" >"$T/new.ptcl"
check_result '-o'
unpack zst <"$T/lone.img" | cmp -s - "$T/a0.ptcl" || fail "-o changed the input"
run "$w7" apply -p kms "$T/lone.img"
expect_status 0
[ -d "$T/.w7prep/lone.img" ] || fail "no record beside a lone file"

# ---- two passes, not one for every file ----
run "$w7" -v inspect "$T/prepared.img"
expect_err 'pass 2'
expect_no_err 'pass 3'

# what nobody announced is fetched a directory at a time
run "$w7" -v inspect --servicing "$T/prepared.img"
expect_status 0
expect_err 'pass 3'
expect_no_err 'pass 8'

# also when a whole package is taken out of the servicing store
phony_volume "$T/store.ntfs" --servicing=full --store-packages=40
partclone.ntfs -c -s "$T/store.ntfs" -O "$T/store.ptcl" -a0 -L "$T/log" >/dev/null 2>&1 || fail partclone.ntfs
pack gz <"$T/store.ptcl" >"$T/store.img"
printf '[profile]\nname = offline\nextends = kms\n[kb971033]\nremove = offline\n' >"$T/offline.ini"
before=$(sha "$T/store.img")
run "$w7" -v apply -p "$T/offline.ini" "$T/store.img"
expect_status 0
expect_no_err 'pass 8'
run "$w7" verify -p "$T/offline.ini" "$T/store.img"
expect_status 0
run "$w7" undo "$T/store.img"
[ "$(sha "$T/store.img")" = "$before" ] || fail "undo of remove = offline"

# ---- in use: by a program of this machine ----
dir=$T/images/format5
before=$(sums "$dir")
exec 8<"$dir/d1p2.img"
run "$w7" apply -p kms "$dir"
expect_status 5
expect_err 'd1p2.img is open in another program'
exec 8<&-
run "$w7" apply -p kms "$dir"
expect_status 0
exec 8<"$dir/d1p2.img"
run "$w7" undo "$dir"
expect_status 5
exec 8<&-
# undo of what somebody replaced since
cp -p "$dir/d1p2.img" "$T/prepared"
printf x >>"$dir/d1p2.img"
run "$w7" undo "$dir"
expect_status 5
expect_err 'was changed after'
cp -p "$T/prepared" "$dir/d1p2.img"
run "$w7" undo "$dir"
expect_status 0
[ "$(sums "$dir")" = "$before" ] || fail "undo"

# ---- faults: a clear line, the documented status, nothing changed ----
fault() { # STATUS REGEX: of apply on $T/images/fault
	local dir=$T/images/fault before
	before=$(sums "$dir")
	run "$w7" apply -p kms "$dir"
	expect_status "$1"
	expect_err "$2"
	[ "$(sums "$dir")" = "$before" ] || fail "the image was changed"
	[ ! -e "$T/images/.w7prep" ] || fail "something was left behind"
	rm -rf "$dir"
	fog_dir "$dir"
}
fog_dir "$T/images/fault"
fault_file=$T/images/fault/d1p2.img
spoiled() { # HOW CODEC STATUS REGEX
	"$mk/mkpartclone" "$T/${base:-a0}.ptcl" "$T/spoiled" "$1" || fail "mkpartclone $1"
	pack "$2" <"$T/spoiled" >"$fault_file"
	fault "$3" "$4"
}
spoiled bad-header-crc zst 4 'header is damaged: its checksum is wrong'
spoiled bad-version none 4 'partclone image of version'
spoiled bad-count gz 4 'blocks are stored, its bitmap says'
spoiled bad-bitmap gz 4 'bitmap is damaged'
spoiled trailing-data zst 4 'something follows the last block'
spoiled trailing-data none 4 'bytes instead of'
spoiled big-endian none 4 'big-endian'
spoiled imager none 4 'without a bitmap'
spoiled no-first-block zst 4 'first block is not stored'
spoiled huge none 4 'blocks'
base=a1
spoiled bad-block zst 4 'checksum wrong'
spoiled bad-sum gz 4 'checksum wrong'
base=
# a codec's own checksum is all that an image without checksums has
for codec in gz zst xz lz4; do
	pack $codec <"$T/a0.ptcl" >"$T/good"
	size=$(stat -c %s "$T/good")
	head -c $((size * 2 / 3)) "$T/good" >"$fault_file"
	fault 4 'ends too early|ends after'
	head -c $((size - 1)) "$T/good" >"$fault_file"
	fault 4 'ends too early'
	cp "$T/good" "$fault_file"
	printf '\125' | dd of="$fault_file" bs=1 seek=$((size / 2)) conv=notrunc status=none
	cmp -s "$T/good" "$fault_file" || fault 4 'is damaged|damaged|wrong|ends'
done
pack none <"$T/a0.ptcl" | head -c 2000000 >"$fault_file"
fault 4 'bytes instead of'
# parts: one missing in between, one at the end
for missing in 001 last; do
	pack zst <"$T/a0.ptcl" | split -a 3 -d -b 100k - "$fault_file."
	mv "$fault_file.000" "$fault_file"
	last=$(find "$T/images/fault" -name 'd1p2.img.*' | sort | tail -n 1)
	[ $missing = 001 ] && rm "$fault_file.001"
	[ $missing = last ] && rm "$last"
	fault 4 'part d1p2.img.001 is missing|ends too early'
done
# other kinds
bzip2 <"$T/a0.ptcl" >"$fault_file" 2>/dev/null && fault 4 'bzip2'
printf 'PaRtImAgE-VoLuMe%4096s' x | gzip >"$fault_file"
run "$w7" inspect "$fault_file"
expect_status 4
expect_err 'partimage image'
"$mk/mkpartclone" "$T/a0.ptcl" "$fault_file" bad-magic
run "$w7" inspect "$fault_file"
expect_status 4
rm "$fault_file"
mkdir "$T/cz"
clonezilla_dir "$T/cz"
pack gz <"$T/a1.ptcl" >"$T/cz/sda2.ntfs-ptcl-img.zst"
run "$w7" inspect "$T/cz"
expect_status 4
expect_err 'not what its name says'

# a disk that fills up while the new image is written: the limit of a file's size stands in for it
pack none <"$T/a0.ptcl" >"$fault_file"
before=$(sums "$T/images/fault")
run bash -c 'ulimit -f 2000; trap "" XFSZ; exec "$@"' - "$w7" apply -p kms "$T/images/fault"
expect_status 6
expect_err 'File too large'
[ "$(sums "$T/images/fault")" = "$before" ] || fail "a full disk changed the image"
[ ! -e "$T/images/.w7prep" ] || fail "a full disk left something behind"

# the records of a run that was killed in the middle of the exchange are rolled back by the next
dir=$T/images/format6
before=$(sums "$dir")
run "$w7" apply -p kms "$dir"
expect_status 0
record=$T/images/.w7prep/format6/0001/record.json
jq '.state = "committing"' "$record" >"$T/record" && cp "$T/record" "$record"
cp "$T/images/.w7prep/format6/0001/old/d1p2.img.001" "$dir/d1p2.img.001"
run "$w7" inspect "$dir"
expect_status 5
run "$w7" undo "$dir"
expect_status 0
[ "$(sums "$dir")" = "$before" ] || fail "rolling back did not give the original"
exit 0
