#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# profile list, show (with the DNS record), check, advise.
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

# The DNS record, read by the name servers' own programs.
run "$w7" profile show --json "$T/room.ini"
expect_status 0
dns() { jq -r ".profiles[0].dns.$1" "$T/out"; }
[ "$(dns zone):$(dns target):$(dns port)" = school.example:kms.school.example:1688 ] || fail "another record"
[ "$(dns windows)" = 'dnscmd /RecordAdd school.example _vlmcs._tcp 3600 SRV 0 0 1688 kms.school.example.' ] ||
	fail "another command for a Windows DNS server"
if command -v named-checkzone >/dev/null; then
	printf '@ 3600 IN SOA ns admin 1 3600 600 86400 3600\n@ IN NS ns\nns IN A 192.0.2.1\nkms IN A 192.0.2.2\n%s\n' \
	    "$(dns bind)" >"$T/zone"
	named-checkzone -D school.example "$T/zone" >"$T/checked" 2>&1 || fail "named: $(cat "$T/checked")"
	grep -Eq '^_vlmcs\._tcp\.school\.example\.\s+3600\s+IN\s+SRV\s+0 0 1688 kms\.school\.example\.$' "$T/checked" ||
		fail "named reads another record: $(cat "$T/checked")"
else
	skip_part "bind9-utils is not installed: named did not read the DNS record"
fi
if command -v dnsmasq >/dev/null; then
	dns dnsmasq >"$T/dnsmasq.conf"
	dnsmasq --test -C "$T/dnsmasq.conf" >"$T/checked" 2>&1 || fail "dnsmasq: $(cat "$T/checked")"
else
	skip_part "dnsmasq-base is not installed: dnsmasq did not read the DNS record"
fi
run "$w7" profile show "$T/room.ini"
expect_out '^  BIND +_vlmcs\._tcp\.school\.example\. '
expect_out '^  dnsmasq +srv-host=_vlmcs\._tcp\.school\.example,kms\.school\.example,1688,0,0$'
expect_out '^  Windows DNS +dnscmd /RecordAdd school\.example _vlmcs\._tcp 3600 SRV 0 0 1688 kms\.school\.example\.$'
run "$w7" profile show --json kms
[ "$(jq '.profiles[0].dns' "$T/out")" = null ] || fail "a record without a host"
sed -i 's/^kms_host.*/kms_host = 10.0.0.1/' "$T/room.ini"
run "$w7" profile show "$T/room.ini"
expect_out "needs the KMS host's name"

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
