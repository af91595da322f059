#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The command line: wrong input gets one clear line, a hint, and status 2.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"

w7=$BUILD/w7prep

run "$w7"
expect_status 2
expect_err 'what is to be done'

run "$w7" inspct x
expect_status 2
expect_err "no command 'inspct'"
expect_err 'did you mean: w7prep inspect'

run "$w7" x
expect_status 2
expect_no_err 'did you mean'
expect_err 'see: w7prep --help'

run "$w7" inspect --jsn x
expect_status 2
expect_err 'there is no option --jsn'
expect_err 'did you mean: --json'

run "$w7" inspect --json=yes x
expect_status 2
expect_err 'takes no value'

run "$w7" plan x
expect_status 2
expect_err 'which profile'

run "$w7" plan -p
expect_status 2
expect_err 'needs a value'

run "$w7" inspect
expect_status 2
expect_err 'too few arguments'

run "$w7" inspect -p kms x
expect_status 2
expect_err '--profile is not for'

run "$w7" undo --rebuild x
expect_status 2
expect_err '--rebuild is not for'

run "$w7" apply -p kms a b -o c
expect_status 2
expect_err 'one image file at a time'

run "$w7" inspect --image=0 x
expect_status 2
expect_err 'not a number from 1'

run "$w7" inspect -q -v x
expect_status 2

run "$w7" inspect --engine=warp "$w7"
[ "$status" -eq 2 ] || [ "$status" -eq 4 ] || fail "status $status"

run "$w7" inspect "$T/nothing"
expect_status 2
expect_err 'no such file'

echo 'just text, no image at all' >"$T/text"
run "$w7" inspect "$T/text"
expect_status 4
[ "$(wc -l <"$T/err")" -le 2 ] || fail "more than one line and a hint"

# errors as JSON
run "$w7" inspect --json "$T/text"
expect_status 4
[ "$(jq -r '.images[0].error.code' "$T/out")" = not-an-image ] || fail "no error in JSON"
[ "$(jq .status "$T/out")" = 4 ] || fail "status in JSON"
run "$w7" plan --json x
expect_status 2
[ "$(jq -r .error.code "$T/out")" = usage ] || fail "usage error in JSON"

# help and version go to standard output and succeed
run "$w7" --help
expect_status 0
for c in inspect plan apply verify undo profile; do
	expect_out "w7prep $c"
	run "$w7" "$c" --help
	expect_status 0
	expect_out 'Usage: w7prep'
	run "$w7" --help
done
run "$w7" help
expect_status 0
cmp -s "$T/out" <("$w7" --help) || fail "help is not --help"
run "$w7" help fog
expect_status 0
cmp -s "$T/out" <("$w7" fog --help) || fail "help fog is not fog --help"
run "$w7" help --help
expect_status 0
expect_out 'Usage: w7prep help'
run "$w7" help fgo
expect_status 2
expect_err "no command 'fgo'"
run "$w7" help fog wds
expect_status 2
expect_err 'one argument too many'
run "$w7" --version
expect_status 0
expect_out 'libwim 1\.'

# a full disk is not a success
if [ -e /dev/full ]; then
	"$w7" --help >/dev/full 2>"$T/err"
	[ $? -eq 1 ] || fail "a report that could not be written was called done"
fi

# the log file is private and has what was said
run "$w7" inspect --log-file="$T/log" "$T/text"
expect_status 4
[ "$(stat -c %a "$T/log")" = 600 ] || fail "log file mode"
grep -q 'Z error: ' "$T/log" || fail "the error is not in the log file"
exit 0
