#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Names of files that pipelines meet: each image is prepared, verified and put back, and no
# name and nothing in an image can command a terminal or spoil what a machine reads.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
requires jq
w7=$BUILD/w7prep

phony_wim "$T/a.wim"
esc=$(printf '\033')
commands() { LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" "$1"; }

cd "$T" || exit 1
for name in 'with space.wim' 'Prüfung.wim' $'new\nline.wim' -dash.wim "quote'\"\$(x).wim" \
    $'bad\xff.wim' "esc${esc}[2J.wim" "$(printf 'x%.0s' {1..251}).wim"; do
	cp a.wim "./$name"
	run "$w7" apply -p kms -- "$name"
	expect_status 0
	commands out && fail "control characters on standard output"
	run "$w7" verify --json -p kms -- "$name"
	expect_status 0
	jq -e '.images[0].path' out >/dev/null || fail "no JSON"
	run "$w7" undo -- "$name"
	expect_status 0
	commands out && fail "control characters on standard output"
	cmp -s a.wim "./$name" || fail "not what it was"
	rm -f -- "./$name"
done

# an error reaches the machine that reads it, whatever the name
run "$w7" inspect --progress=json $'nothing\xff.wim'
expect_status 2
jq -es '.[0] | .type == "error" and .code == "no-such-file"' err >/dev/null || fail "no error"

# an image is not trusted
cd "$OLDPWD" || exit 1
phony_wim "$T/b.wim" --computer-name="${esc}[31mPC" --kms-host="${esc}]0;x"$'\u009b'.example
for command in inspect 'plan -p kms'; do
	# shellcheck disable=SC2086 # several words
	run "$w7" $command "$T/b.wim"
	commands "$T/out" && fail "control characters of the image on standard output"
	grep -q $'\u009b' "$T/out" && fail "a C1 control on standard output"
done
run "$w7" inspect "$T/b.wim"
expect_out 'computer name +\[31mPC'

# where the result goes
run "$w7" apply -p kms "$T/a.wim" -o -
expect_status 2
expect_err 'standard output'
[ ! -e - ] || fail "a file called -"
run "$w7" apply -p kms "$T/a.wim" -o "$T/nothing/b.wim"
expect_status 6
expect_err 'hint: this directory must be there'

# text in columns stays in columns
printf '[profile]\nname = Käfer\n' >"$T/k.ini"
run "$w7" profile show "$T/k.ini"
expect_out "^profile     name                    Käfer                    $T/k.ini:2$"
exit 0
