#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every --json answer is one object that the published schema describes.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
w7=$BUILD/w7prep
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || { echo "python3-jsonschema is not installed"; exit 77; }

conforms() { # FILE
	/usr/bin/python3 - "$1" <<'X' || fail "$(cat "$T/cmd"): not as plugin/schema/w7prep-1.json says"
import json, sys, jsonschema
with open("plugin/schema/w7prep-1.json") as f:
    schema = json.load(f)
jsonschema.Draft7Validator.check_schema(schema)
with open(sys.argv[1]) as f:
    jsonschema.Draft7Validator(schema).validate(json.load(f))
X
}
answers() { # WANTED-STATUS COMMAND…
	local want=$1
	shift
	echo "$*" >"$T/cmd"
	run "$w7" "$@" --json
	expect_status "$want"
	conforms "$T/out"
	[ "$(jq .status "$T/out")" = "$want" ] || fail "$*: status in JSON is not the exit status"
}
has() { # JQ-CONDITION
	jq -e "$1" "$T/out" >/dev/null || fail "$(cat "$T/cmd"): not true: $1"
}

phony_wim "$T/a.wim"
answers 0 inspect --servicing "$T/a.wim"
has '.images[0].windows[0].servicing | .packages > 0 and (.findings[0].kind | startswith("CBS")) and
    (.kb971033_unknown | length > 0)'
answers 0 inspect "$T/a.wim"
has '.images[0].windows[0] | has("servicing") | not'
has '.schema == 1 and .images[0].format == "wim"'
has '.images[0].windows[0] | has("index") and has("product_name") and .arch == "amd64" and .build == 7601 and
    .service_pack == 1 and .sealed == true'
has '.images[0].windows[0].kb971033 | .installed and (.signs | index("service") != null)'
has '.images[0].windows[0].spp | has("tokens") and has("cache") and (.store_files | length >= 2) and has("kms_host") and
    has("kms_port") and has("skip_rearm") and .key_channel == "Volume:GVLK"'
has '.images[0].windows[0].refusals == []'
answers 10 plan -p kms "$T/a.wim"
has '.strategy == "kms" and (.reasons | length > 0)'
has '.images[0].windows[0].changes | length > 5 and all(has("hook") and has("op") and has("target") and has("reason"))'
answers 10 verify -p kms "$T/a.wim"
answers 0 apply -p kms "$T/a.wim"
has '.verified and .engine == "wim" and .seconds > 0 and .undo_record == .images[0].undo_record'
has '.images[0] | .verified and .changed and .engine == "wim" and .seconds > 0 and (.undo_record | type == "string")'
[ -f "$(jq -r '.images[0].undo_record' "$T/out")/record.json" ] || fail "undo_record is not where it says"
answers 0 verify -p kms "$T/a.wim"
answers 0 undo "$T/a.wim"
has '.images[0].undone == 1'
answers 5 undo "$T/a.wim"
has '.images[0].error.code == "no-undo-record"'
answers 2 inspect "$T/nothing"
has '.images[0].error.code == "no-such-file"'
answers 0 profile list
answers 0 profile show kms
printf '[profile]\nextends = kms\n[activation]\nkms_host = kms.school.example\n' >"$T/named.ini"
answers 0 profile show "$T/named.ini"
has '.profiles[0].dns.port == 1688'
answers 0 profile advise kms
export XDG_DATA_HOME=$T/data
answers 2 cid list
printf 'computer,iid,cid\nPC01,%054d,%048d\nPC02,%054d,\n' 1 2 3 >"$T/room.csv"
answers 0 cid import "$T/room.csv"
has '.imports[0] | .rows == 1 and .added == 1 and .without_confirmation_id == 1'
answers 0 cid list
has '.confirmations | length == 1'
answers 3 cid import "$T/a.wim"
mkdir "$T/scripts"
answers 2 fog check "$T/scripts"
echo "echo hello" >"$T/scripts/fog.postdownload"
answers 8 fog check "$T/scripts"
has ".findings[0].level == \"wrong\""
phony_wim "$T/home.wim" --edition=HomePremium --channel=retail
answers 4 plan -p kms "$T/home.wim"
has '.images[0].error.code == "edition"'
printf '<unattend xmlns="urn:schemas-microsoft-com:unattend"/>' >"$T/answers.xml"
phony_wim "$T/answers.wim" --answer-file="$T/answers.xml"
answers 0 inspect "$T/answers.wim"
has '.images[0].windows[0].answers | length == 1 and .[0].cached and .[0].product_key == "none"'
answers 0 inspect "$T/home.wim" "$T/a.wim"
has '.images | length == 2'

# --progress=json: every line of standard error is an object
phony_wim "$T/p.wim"
run "$w7" apply -p kms --progress=json -v "$T/p.wim"
expect_status 0
jq -e -s 'length > 2 and all(has("type")) and any(.type == "progress" and .done <= .total)' "$T/err" >/dev/null ||
    fail "--progress=json: $(head -n 3 "$T/err")"
run "$w7" apply -p nosuch --progress=json "$T/p.wim"
jq -e -s 'any(.type == "error")' "$T/err" >/dev/null || fail "an error is not JSON with --progress=json"
answers 0 wds kit -p kms "$T/a.wim" -o "$T/kit"
has '.kits[0] | (.files | index("w7prep-wds.cmd") != null) and .images[0].unattend and (.images[0].scripts | length > 3)'
answers 2 wds kit -p kms "$T/a.wim" -o "$T/kit"
has '.error.code == "exists"'
answers 0 pxe menu kms --fog=fog.ipxe -o "$T/menu.ipxe"
has '.menus[0].profiles == ["kms"]'
exit 0
