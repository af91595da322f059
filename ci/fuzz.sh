#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run the fuzz targets in $BUILD/fuzz, each for FUZZ_SECONDS (20) or, with FUZZ_RUNS, on that
# many inputs, the same ones every time. FUZZ_TARGETS="hive_edit csv": only these.
#
# The first inputs are made here and by mkseeds; what a run finds interesting stays in
# $BUILD/fuzz-corpus/TARGET and is where the next one goes on (not with FUZZ_RUNS). An input that
# crashes, leaks or takes too long is kept in $BUILD/fuzz-found: run the target with it as its argument.
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=$PWD/build-fuzz}" "${FUZZ_SECONDS:=20}" "${FUZZ_RUNS:=}"
if [ -w /dev/shm ]; then
	TMPDIR=$(mktemp -d /dev/shm/w7prep-fuzz.XXXXXX)
else
	TMPDIR=$(mktemp -d)
fi
export TMPDIR W7PREP_TMPDIR=$TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1:allocator_may_return_null=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}
seeds=$TMPDIR/seeds found=$BUILD/fuzz-found
mkdir -p "$seeds" "$found"

text() { # TARGET NAME: stdin
	mkdir -p "$seeds/$1"
	cat >"$seeds/$1/$2"
}

disk_seeds() {
	local format
	mkdir -p "$seeds/probe"
	for format in vpc vhdx vmdk qcow2; do
		qemu-img create -q -f $format "$TMPDIR/disk" 1M || return 1
		head -c 65536 "$TMPDIR/disk" >"$seeds/probe/$format"
		rm "$TMPDIR/disk"
	done
	printf '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="%s"\n%s\n' \
	    monolithicFlat 'RW 2048 FLAT "disk-flat.vmdk" 0' | text probe vmdk-text
	printf 'MSWIM\0\0\0' | text probe wim
	printf 'partclone-image0.3.23' | gzip | text probe gzip
	printf 'partclone-image0.3.23' | zstd -q | text probe zstd
}

unattend_seeds() {
	local i file=$TMPDIR/unattend.xml
	cat >"$file" <<-'XML'
	<?xml version="1.0" encoding="utf-8"?>
	<unattend xmlns="urn:schemas-microsoft-com:unattend">
	    <servicing><package action="install"><assemblyIdentity name="x" language=""/></package></servicing>
	    <settings pass="generalize">
	        <component name="Microsoft-Windows-Security-SPP" processorArchitecture="amd64">
	            <SkipRearm>1</SkipRearm>
	        </component>
	    </settings>
	    <settings pass="specialize" wasPassProcessed="false">
	        <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64">
	            <ProductKey><!-- key --><![CDATA[33PXH-7Y6KF-2VJC9-XBBR8-HVTHH]]></ProductKey>
	            <ComputerName>*</ComputerName>
	        </component>
	        <component name="Microsoft-Windows-Security-SPP-UX" processorArchitecture="amd64"/>
	    </settings>
	    <settings pass="windowsPE">
	        <component name="Microsoft-Windows-Setup" processorArchitecture="amd64">
	            <UserData><ProductKey><Key /></ProductKey></UserData>
	        </component>
	    </settings>
	</unattend>
	XML
	# the first byte chooses the edit
	for i in 0 1 2 3 4 5 6 7 8 9 10 11 12; do
		{ printf '%b' "\\x$(printf %x $i)" && cat "$file"; } | text unattend "utf8-$i"
	done
	{ printf '\001' && sed 's/$/\r/' "$file" | iconv -f utf-8 -t utf-16; } | text unattend utf16
	{ printf '\002\357\273\277' && sed 's/$/\r/' "$file"; } | text unattend bom
	{ printf '\003' && sed 's/utf-8/windows-1252/' "$file"; } | text unattend code-page
}

list_seeds() {
	local iid=111111-222222-333333-444444-555555-666666-777777-888888-999999
	local cid=111111-222222-333333-444444-555555-666666-777777-888888
	printf 'Computer Name,MAC address,IID,CID,partial_product_key,x\r\n%s\r\n' \
	    "pc01.lab,00-1b-21-aa-bb-cc,$iid,$cid,ABCDE,\"a \"\"b\"\"\"" | text csv commas
	printf '\357\273\277computer;installation_id;confirmation_id\n\npc02;%s;\npc03;%s;%s\n' \
	    "$iid" "$iid" "$cid" | text csv semicolons
	printf '\0computer,mac,installation_id,confirmation_id\npc02,001b21aabbcc,%s,%s\n' \
	    "$iid" "$cid" | text cid_store list
}

record_seeds() {
	printf '\1w7prep sealed 1\n' | text seal raw
	printf '\0' | text seal whole
	printf '\0\0\1\0\0\0\0\0\0\0\1' | text seal byte
	printf '\0\0\0\200\0\0\0\0\0\1\0\0\1\0\0\0\0\2\0\2' | text seal moved
	local meta='"mode":33188,"uid":0,"gid":0,"atime":[1,2],"mtime":[3,4],"sd":"","attributes":"","times":"","dos_name":""'
	local record='{"schema":1,"image":"image","kind":"%s","state":"%s","detail":%s}'
	local detail op state
	for op in create mkdir write move unlink rmdir beside; do
		for detail in '{}' '{"sealed":true}'; do
			# shellcheck disable=SC2059
			{
				printf "\\001$record\\000" tree-files committing "$detail"
				printf '{"op":"%s","path":"/file","copy":"1","after":"00","before":{%s}}\n' $op "$meta"
			} | text undo "tree-$op-${#detail}"
		done
	done
	detail='{"before":{"size":300,"header":"4d5357494d","tail":""},"after":{"size":300,"sha256":""}}'
	for state in committing 'done'; do
		# shellcheck disable=SC2059
		printf "\\000$record" wim-append $state "$detail" | text undo "append-$state"
		# shellcheck disable=SC2059
		printf "\\000$record" whole-file $state '{"original":"original.wim"}' |
		    text undo "whole-$state"
		# shellcheck disable=SC2059
		printf "\\001$record" partition-files $state \
		    '{"old":["1"],"new":["file"],"after":[{"names":["file"],"xxh128":"00"}]}' |
		    text undo "partition-$state"
	done
}

text_seeds() {
	local p
	for p in profiles/*.ini; do
		text profile "${p##*/}" <"$p"
	done
	printf '@echo off\r\ncall setup.exe\r\nexit /b 0\r\n' | text setup_complete crlf
	printf '\357\273\277rem\necho on' | text setup_complete bom
	printf '@if not defined W7PREP_CHAIN (x) & rem w7prep\r\nrest' | text setup_complete ours
	printf '#!/bin/bash\n. ${postdownpath}other\nexit 0\n' | text fog_line plain
	printf '. "${postdownpath}w7prep/fog.w7prep"\r\n # w7prep/fog.w7prep' | text fog_line ours
	printf '\0\0\2\0Dumping attribute $DATA (0x80) from mft record 5\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n' \
	    '	Resident: 		 No' '	Name length:		 0 (0x0)' \
	    '	Attribute flags:	 0x0000' '	Lowest VCN		 0 (0x0)' \
	    '	Data size:		 131072 (0x20000)' '	Initialized size:	 131072 (0x20000)' \
	    '	Runlist:	VCN		LCN		Length' \
	    '			0x0		0x262a		0x20' | text guestfs_runs plain
}

run_target() { # NAME
	local log=$TMPDIR/log corpus=$TMPDIR/corpus/$1 limit
	if [ -n "$FUZZ_RUNS" ]; then
		limit=$FUZZ_RUNS
		# each of its inputs is a whole apply
		[ "$1" = servicing ] && limit=$((FUZZ_RUNS / 5))
		limit="-runs=$limit -seed=1"
	else
		corpus=$BUILD/fuzz-corpus/$1
		limit="-max_total_time=$FUZZ_SECONDS"
	fi
	mkdir -p "$corpus" "$seeds/$1"
	# shellcheck disable=SC2086
	if "$BUILD/fuzz/fuzz_$1" $limit -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	    -artifact_prefix="$found/$1-" "$corpus" "$seeds/$1" >"$log" 2>&1; then
		awk -v name="$1" '/number_of_executed_units/ {n = $2} /cov: / {sub(/.*cov: /, ""); c = $1}
		    END {printf "ok   %-16s %9d executions%s\n", name, n, c ? ", " c " edges" : ""}' "$log"
		return 0
	fi
	echo "FAIL $1"
	grep -v '^#' "$log" | tail -n 60 | sed 's/^/     /'
	return 1
}

"$BUILD/fuzz/mkseeds" "$seeds" && disk_seeds && unattend_seeds && list_seeds && record_seeds &&
    text_seeds || exit 1
failed=0 targets=0
for t in "$BUILD"/fuzz/fuzz_*; do
	name=${t##*/fuzz_}
	case $t in *.d | *.o) continue ;; esac
	case " ${FUZZ_TARGETS:-$name} " in *" $name "*) ;; *) continue ;; esac
	targets=$((targets + 1))
	run_target "$name" || failed=$((failed + 1))
done
echo "$targets targets, $failed failed"
[ "$failed" -eq 0 ] && [ "$targets" -gt 0 ]
