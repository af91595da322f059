#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The rules by which the hooks of FOG and Clonezilla choose a profile.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
# shellcheck source=hooks/labs.sh
. hooks/labs.sh

printf '%s\r\n' '# a classroom' 'host  Room12-*   room12' 'mac 00-1B-21-*  mak/proxy # comment' \
    $'image\twin7-lib?\tno-activation' '' 'default kms' >"$T/labs.conf"

chooses() { # PROFILE FROM ARGUMENT HOST MACS IMAGE
	w7prep_choose "$3" "$T/labs.conf" "$4" "$5" "$6" || fail "$*: $w7prep_problem"
	[ "$w7prep_chosen" = "$1" ] || fail "$*: $w7prep_chosen"
	[[ $w7prep_chosen_by == *"$2"* ]] || fail "$*: $w7prep_chosen_by"
}
refuses() { # WHY ARGUMENT [RULES-LINE…]
	local why=$1 argument=$2
	shift 2
	[ $# -eq 0 ] || printf '%s\n' "$@" >"$T/bad.conf"
	! w7prep_choose "$argument" "$T/bad.conf" room12-01 '' win7 || fail "$why: chose $w7prep_chosen"
	[ -z "$w7prep_chosen" ] || fail "$why: chose $w7prep_chosen all the same"
	[[ $w7prep_problem == *"$why"* ]] || fail "$why: said $w7prep_problem"
}

chooses single 'kernel argument' single room12-01 '' win7
chooses room12 'labs.conf:2' '' ROOM12-07 '' win7-liba
chooses mak/proxy 'labs.conf:3' '' pc1 '52:54:00:12:34:56 00:1b:21:AA:BB:CC' win7
chooses no-activation 'labs.conf:4' '' pc1 52:54:00:12:34:56 WIN7-LIBx
chooses kms 'default' '' pc1 52:54:00:12:34:56 win7-library
chooses kms 'default' '' '' '' ''
printf '\xef\xbb\xbfhost * all' >"$T/labs.conf" # Notepad, no newline at the end
chooses all 'labs.conf:1' '' pc1 '' ''

for argument in 'kms;reboot' '../../etc/passwd' '/etc/passwd' "\$(id)" 'a b' '-p' 'x/../y' 'a=b' '"'; do
	refuses 'kernel argument' "$argument"
done
refuses 'cannot be read' ''
refuses 'bad.conf:2' '' 'host a b' 'hots room12-* kms'
refuses 'bad.conf:1' '' 'host room12-*'
refuses 'bad.conf:1' '' 'host room[12]* kms'
refuses 'bad.conf:1' '' 'host room12-* kms more'
# a mistake behind the rule that fits shows too
refuses 'bad.conf:2' '' 'host room12-* kms' 'mac $(id) kms'
refuses 'bad.conf:2' '' 'default kms' 'default mak'
refuses 'bad.conf:1' '' 'image * ../kms'
refuses 'no default' '' 'host other kms'

mkdir "$T/p" && touch "$T/p/kms.ini" "$T/secret.ini"
w7prep_profile_file "$T/p" kms && [ "$w7prep_profile_path" = "$T/p/kms.ini" ] || fail "profile not found"
w7prep_profile_file "$T/p" kms.ini || fail "profile not found by its file name"
! w7prep_profile_file "$T/p" ../secret.ini || fail "a way out of the directory"
! w7prep_profile_file "$T/p" none || fail "found a profile that is not there"

# the example as shipped
w7prep_choose '' hooks/labs.conf pc '' '' || fail "labs.conf: $w7prep_problem"
exit 0
