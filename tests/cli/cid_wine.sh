#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a re-cloned PC does at first boot with the confirmation IDs that were placed for it, in Wine.
# licensing_wine.sh has what licensing.vbs makes of them.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
# shellcheck source=tests/wine/wine.sh
. "$(dirname "$0")/../wine/wine.sh"

mak=BCDFG-HJKMP-QRTVW-XY234-6789B
iid=$(printf '1%.0s' {1..54}) cid=$(printf '5%.0s' {1..48})
export XDG_DATA_HOME=$T/data
printf 'computer,iid,cid\nPC07,%s,%s\n' "$iid" "$cid" >"$T/room.csv"
run "$BUILD/w7prep" cid import "$T/room.csv"
expect_status 0
printf '%s\n' "$mak" >"$T/mak.key"
chmod 600 "$T/mak.key"

wine_case "mak-proxy: a stored confirmation ID is deposited, or not"
# The key is installed first: the installation ID depends on it. Nothing else activates.
proxy='[activation]
strategy = mak-proxy
mak_key_file = mak.key'
apply_with=(--computer pc07)
clone "$proxy" --kb971033=absent
cp -a "$placed" "$T/pristine"
calls_wanted=(
	"licensing.vbs install-key mak.key" "key $mak" "attrib -r mak.key"
	"fsutil file setzerodata offset=0 length=31 mak.key" "slmgr.vbs /cpky" "licensing.vbs deposit cid.txt"
)
while IFS='|' read -r answer line; do
	rm -rf "$placed" && cp -a "$T/pristine" "$placed"
	first_boot "deposit=$answer"
	expect_calls "${calls_wanted[@]}"
	expect_log " deposit-confirmation-id $line"
	expect_log ' first-boot 0x00000000 finished'
	printf '%s %s\r\n' "$iid" "$cid" | cmp - "$placed/cid.txt" || fail "cid.txt is not as it was"
	! grep -aq "$iid\|$cid" "$T/out" "$T/err" "$log" || fail "an ID was printed or logged"
	expect_secret "$mak"
done <<'X'
0|0x00000000 licensed by the stored confirmation ID
1|0x00000001 nothing done: the installation ID is none of those stored \(hardware or key changed\)
2|0x00000002 nothing done: licensed already
3|0x00000003 nothing done: no product key is installed
4|0x00000004 deposited, but not licensed
-1073418163|0xC004F04D
X
first_boot
[ ! -s "$calls" ] || fail "a second run did something"
expect_log ' first-boot 0x00000000 was done before'

# Without a key of its own it is the only thing to do; a PC without an ID does not ask.
proxy='[activation]
strategy = mak-proxy'
clone "$proxy" --kb971033=absent --channel=mak
first_boot
expect_calls "licensing.vbs deposit cid.txt"
apply_with=(--computer pc08)
clone "$proxy" --channel=mak
first_boot
! grep -q deposit "$calls" || fail "something was deposited"
exit 0
