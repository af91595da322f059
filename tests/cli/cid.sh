#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Confirmation IDs: the store, lists in and out, and a PC's own in its image.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires sqlite3
requires jq
w7=$BUILD/w7prep
export XDG_DATA_HOME=$T/data
store=$XDG_DATA_HOME/w7prep/cid.sqlite

digits() { printf "%0$2d" 0 | tr 0 "$1"; } # DIGIT COUNT
iid1=$(digits 1 54) cid1=$(digits 5 48)
iid2=$(digits 2 54) cid2=$(digits 6 48)
iid3=$(digits 3 54) cid3=$(digits 7 48)
groups() { sed 's/....../&-/g; s/-$//' <<<"$1"; }

# ---- nothing is stored yet
run "$w7" cid list
expect_status 2
expect_err 'hint: .*cid import'
[ ! -e "$XDG_DATA_HOME" ] || fail "list made something"
run "$w7" cid list --json
expect_status 2
jq -e '.command == "cid" and .error.code == "no-such-file"' "$T/out" >/dev/null || fail "error in JSON"

# ---- import: a list as a spreadsheet saves it, one as w7prep writes it
printf '\xef\xbb\xbfComputer Name;Room;MAC Address;Installation ID;Confirmation ID\r\n' >"$T/room.csv"
printf 'pc01.school.example;12;00-1b-21-aa-bb-01;%s;%s\r\n' "$(groups "$iid1")" "$(groups "$cid1")" >>"$T/room.csv"
printf '"PC02";"12, left";;"%s";%s\r\n' "$iid2" "$cid2" >>"$T/room.csv"
printf 'PC03;12;;%s;\r\n' "$iid3" >>"$T/room.csv"
(umask 000 && exec "$w7" cid import "$T/room.csv") >"$T/out" 2>"$T/err" || fail "import: $(cat "$T/err")"
expect_out '2 rows: 2 new, 0 known'
expect_err '1 row without a confirmation ID'
[ "$(stat -c %a "$store")" = 600 ] || fail "the store has mode $(stat -c %a "$store")"
[ "$(stat -c %a "${store%/*}")" = 700 ] || fail "its directory has mode $(stat -c %a "${store%/*}")"
sqlite3 "$store" 'SELECT computer, mac, installation_id, confirmation_id FROM confirmation ORDER BY seq' >"$T/rows"
printf '%s\n' "PC01|00:1B:21:AA:BB:01|$iid1|$cid1" "PC02||$iid2|$cid2" | diff - "$T/rows" || fail "other rows"
[ "$(sqlite3 "$store" 'PRAGMA integrity_check; PRAGMA user_version')" = "ok
1" ] || fail "not a sound database"
run "$w7" cid import "$T/room.csv"
expect_status 0
expect_out '2 rows: 0 new, 2 known'

# ---- list and export
run "$w7" cid list
expect_out '^PC01 +00:1B:21:AA:BB:01 +111111…111111 +555555…555555 +- +20[0-9-]+$'
expect_no_out "$cid1"
[ "$(wc -l <"$T/out")" -eq 3 ] || fail "other rows are listed"
run "$w7" cid list --json
jq -e --arg i "$iid1" --arg c "$cid1" '.confirmations | length == 2 and .[1].installation_id == $i and
    .[1].confirmation_id == $c and .[1].computer == "PC01" and .[0].mac == null' "$T/out" >/dev/null || fail "list --json"
run "$w7" cid list --json --mac 001b21aabb01
jq -e '.confirmations | length == 1 and .[0].computer == "PC01"' "$T/out" >/dev/null || fail "list --mac"
run "$w7" cid export
expect_status 0
cp "$T/out" "$T/all.csv"
printf '%s\r\n' computer,mac,installation_id,confirmation_id,partial_product_key \
    "PC01,00:1B:21:AA:BB:01,$iid1,$cid1," "PC02,,$iid2,$cid2," | diff - "$T/all.csv" || fail "export"
run "$w7" cid import --store "$T/copy" "$T/all.csv"
expect_out '2 rows: 2 new'
run "$w7" cid export --store "$T/copy"
cmp "$T/out" "$T/all.csv" || fail "an export of an import differs"
run "$w7" cid export --computer pc02
[ "$(wc -l <"$T/out")" -eq 2 ] || fail "export --computer"
run "$w7" cid export --json
expect_status 2

# ---- all or nothing, with the line
before=$(sha "$store")
{ cat "$T/all.csv"; printf 'PC04,,%s,%s,\r\nPC05,,123,%s,\r\n' "$iid3" "$cid3" "$cid3"; } >"$T/bad.csv"
run "$w7" cid import "$T/bad.csv"
expect_status 3
expect_err "bad.csv:5: installation ID: 3 digits instead of 54"
{ printf 'mac,iid,cid\n00:1b:21:aa:bb:09,%s,%s\n' "$iid3" "$cid3"; printf '00:1b:21:aa:bb:01,%s,%s\n' "$iid1" "$cid2"; } >"$T/other.csv"
run "$w7" cid import "$T/other.csv"
expect_status 3
expect_err "other.csv:3: .*PC01.* another confirmation ID"
expect_err 'hint: .*--force'
[ "$(sha "$store")" = "$before" ] || fail "a refused list changed the store"
run "$w7" cid import --store "$T/other" --force --json "$T/all.csv" "$T/other.csv"
expect_status 0
jq -e '.imports | length == 2 and .[1].added == 1 and .[1].replaced == 1' "$T/out" >/dev/null || fail "import --json"
printf 'computer,iid,cid,partial product key\nPC1,%s,%s,BCDFG-HJKMP-QRTVW-XY234-6789B\n' "$iid1" "$cid1" >"$T/key.csv"
run "$w7" cid import "$T/key.csv"
expect_status 3
expect_no_err '6789B|HJKMP'

# ---- usage
for wrong in "" "frobnicate" "import" "list x" "export x" "import x --mac 001b21aabb01" "list --force" \
	"list --mac 12" "list --computer a/b"; do
	# shellcheck disable=SC2086
	run "$w7" cid $wrong
	expect_status 2
	expect_err 'hint:|--mac|--computer'
done
chmod 644 "$store"
run "$w7" cid list
expect_status 3
expect_err 'hint: chmod 600'
chmod 600 "$store"

# ---- a PC's own in its image
"$BUILD/fixtures/mkphony" tree "$T/pc" --channel=mak || fail "mkphony"
file="$T/pc/Windows/Setup/Scripts/w7prep/cid.txt"
run "$w7" plan -p mak-proxy --root "$T/pc" --computer PC01
expect_status 10
expect_out 'cid.txt = <secret>'
expect_no_out "$cid1|$iid1"
[ ! -e "$file" ] || fail "plan changed something"
run "$w7" apply -p mak-proxy --root "$T/pc" --mac 00-1B-21-AA-BB-01 -v --json --log-file "$T/log"
expect_status 0
! grep -q "$cid1" "$T/out" "$T/err" "$T/log" || fail "the confirmation ID is in a report"
printf '%s %s\r\n' "$iid1" "$cid1" | cmp - "$file" || fail "cid.txt"
for same in "--mac 00:1b:21:aa:bb:01" "--computer pc01" "--computer PC01 --mac 001b21aabb01" ""; do
	# shellcheck disable=SC2086
	run "$w7" verify -p mak-proxy --root "$T/pc" $same
	expect_status 0
done
run "$w7" verify -p mak-proxy --root "$T/pc" --computer PC02
expect_status 10
run "$w7" apply -p mak-proxy --root "$T/pc" --computer PC01 --mac 00:1b:21:aa:bb:01
expect_status 0
run "$w7" apply -p mak-proxy --root "$T/pc" --computer PC02
expect_status 0
printf '%s %s\r\n' "$iid2" "$cid2" | cmp - "$file" || fail "not the IDs of PC02"
# a new PC: a note, and nobody else's IDs
run "$w7" apply -p mak-proxy --root "$T/pc" --computer PC77
expect_status 0
expect_out 'PC77: no confirmation ID is stored'
[ ! -e "$file" ] || fail "the IDs of another PC stayed"
run "$w7" undo --root "$T/pc" --all
expect_status 0
[ ! -e "${file%/*}" ] || fail "undo left something"

# several IDs of one PC: all are placed, the newest first
run "$w7" apply -p mak-proxy --root "$T/pc" --store "$T/other" --mac 001b21aabb01 --computer pc02
expect_status 0
[ "$(wc -l <"$file")" -eq 2 ] || fail "not both rows"

# a WIM, read back by another tool
phony_wim "$T/a.wim" --channel=mak
run "$w7" apply -p mak-proxy --computer PC01 "$T/a.wim"
expect_status 0
wimlib-imagex extract "$T/a.wim" 1 /Windows/Setup/Scripts/w7prep/cid.txt --to-stdout 2>/dev/null |
	grep -q "^$iid1 $cid1" || fail "not in the WIM"
run "$w7" verify -p mak-proxy "$T/a.wim"
expect_status 0

# no store is an empty one, unless it was named; one that cannot be used is an error
rm -rf "$T/pc"
"$BUILD/fixtures/mkphony" tree "$T/pc" --channel=mak || fail "mkphony"
run env XDG_DATA_HOME="$T/nowhere" "$w7" apply -p mak-proxy --root "$T/pc" --computer PC01
expect_status 0
expect_out 'PC01: no confirmation ID is stored'
run "$w7" plan -p mak-proxy --root "$T/pc" --computer PC01 --store "$T/nothing"
expect_status 2
expect_err 'nothing: there are no confirmation IDs yet'
run "$w7" plan -p mak-proxy --root "$T/pc" --computer PC01 --store "$T/room.csv" --json
expect_status 3
jq -e '.error.code == "lab-data" and .images == []' "$T/out" >/dev/null || fail "error in JSON"
run "$w7" plan -p mak-proxy --root "$T/pc" --store "$store"
expect_status 2
expect_err 'which PC'
run "$w7" plan -p mak-proxy "$T/a.wim" "$T/a.wim" --computer PC01
expect_status 2
expect_err 'one image at a time'
run "$w7" plan -p kms --root "$T/pc" --computer PC01
expect_status 10
expect_out 'none is placed under kms'
exit 0
