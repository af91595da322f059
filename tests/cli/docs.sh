#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The manual is complete: every command, option, exit status and profile key is in it.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
w7=$BUILD/w7prep
man=plugin/man/w7prep.1.pod

"$w7" --long-options >"$T/words"
grep -q -- --profile "$T/words" || fail "no word list"
while read -r word; do
	case $word in
	--*) grep -q "^=item.*B<$word>" $man || fail "$word is not in $man" ;;
	*) grep -q "^=item B<$word" $man || fail "command $word is not in $man" ;;
	esac
	"$w7" --help | grep -q -- "$word" || fail "$word is not in --help"
done <"$T/words"

# and the other way round
grep -o '^=item.*B<--[a-z-]*>' $man | grep -o -- '--[a-z-]*' | sort -u | while read -r word; do
	grep -qx -- "$word" "$T/words" || { echo "$word is in the manual only"; exit 1; }
done || fail "the manual has options that are not there"

for s in 0 1 2 3 4 5 6 7 8 10; do
	grep -q "^=item B<$s>" $man || fail "exit status $s is not in $man"
	grep -q "^| $s |" README.md || fail "exit status $s is not in README.md"
done
# the header's table is the source
sed -n 's/^\tEXIT_[A-Z_]* = \([0-9]*\),/\1/p' common/error.h | while read -r s; do
	grep -q "^=item B<$s>" $man || { echo "$s"; exit 1; }
done || fail "an exit status of common/error.h is not in the manual"

# every key of a profile
"$w7" profile show kms --json | jq -r '.profiles[0].settings[].key' >"$T/keys"
[ "$(wc -l <"$T/keys")" -gt 10 ] || fail "profile show knows no keys"
while read -r key; do
	grep -q "^=item B<$key>" plugin/man/w7prep-profile.5.pod || fail "$key is not in w7prep-profile(5)"
done <"$T/keys"

for pod in plugin/man/*.pod; do
	podchecker "$pod" >"$T/pod" 2>&1 || fail "$(cat "$T/pod")"
done
for m in w7prep.1 w7prep-profile.5 w7prep-strategies.7 w7prep-clonezilla.7 w7prep-fog.7 w7prep-wds.7; do
	[ -s "$BUILD/man/$m" ] || fail "man page $m was not made"
done

# the shipped profiles are those of the README's table
for p in profiles/*.ini; do
	n=$(basename "$p" .ini)
	grep -q "^| \`$n\` |" README.md || fail "profile $n is not in README.md"
done
exit 0
