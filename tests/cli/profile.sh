#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# profile list, show, check, advise.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
w7=$BUILD/w7prep

run "$w7" profile list
expect_status 0
for p in kms mak-proxy mak no-activation oem single; do
	expect_out "^$p "
done

for p in profiles/*.ini; do
	run "$w7" profile check "$p"
	expect_status 0
	expect_out 'fine'
done

cat >"$T/bad.ini" <<'X'
[profile]
name = bad
[activation]
strategy = kms
kms_hots = kms.example.org
kms_port = 99999
X
run "$w7" profile check "$T/bad.ini"
expect_status 3
expect_err 'bad.ini:5: '
expect_err "did you mean '?kms_host"
expect_err 'bad.ini:6: '

run "$w7" profile check --json "$T/bad.ini"
expect_status 3
jq -e '.profiles[0].error.code == "profile"' "$T/out" >/dev/null || fail "JSON error"

run "$w7" profile check "$T/none.ini"
expect_status 2
run "$w7" profile show nosuch
[ "$status" -eq 2 ] || [ "$status" -eq 3 ] || fail "status $status"
expect_err 'kms'

cat >"$T/room.ini" <<'X'
[profile]
name = room12
extends = kms
[activation]
kms_host = kms.school.example
X
run "$w7" profile show "$T/room.ini"
expect_status 0
expect_out 'kms_host .*kms\.school\.example.*room\.ini:5'
expect_out 'strategy .*kms'

cat >"$T/auto.ini" <<'X'
[profile]
name = auto
[activation]
strategy = auto
mak_key_file = mak.key
[lab]
seats = 20
reclone_days = 14
licence = mak
X
run "$w7" profile advise "$T/auto.ini"
expect_status 0
expect_out 'because'
sed -i 's/^seats.*/seats = 40\nkms_clients = 40/; s/^licence.*/licence = kms/' "$T/auto.ini"
run "$w7" profile advise --json "$T/auto.ini"
expect_status 0
[ "$(jq -r '.profiles[0].strategy' "$T/out")" = kms ] || fail "40 clients with a KMS key are not advised kms"

run "$w7" profile frob
expect_status 2
exit 0
