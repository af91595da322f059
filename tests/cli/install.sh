#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# make install DESTDIR= PREFIX=, the installed program with its profiles, make uninstall.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"

make -s BUILD="$BUILD" W7PREP_NO_DEPS=1 install DESTDIR="$T/root" PREFIX=/usr >"$T/log" 2>&1 ||
    fail "make install: $(tail -n 3 "$T/log")"
for f in bin/w7prep share/w7prep/profiles/kms.ini share/w7prep/schema/w7prep-1.json share/man/man1/w7prep.1 \
    share/man/man5/w7prep-profile.5 share/man/man7/w7prep-strategies.7 share/bash-completion/completions/w7prep \
    share/man/man7/w7prep-clonezilla.7 share/w7prep/clonezilla/w7prep-postrun.sh \
    share/w7prep/clonezilla/w7prep-prerun.sh share/w7prep/clonezilla/labs.sh \
    share/w7prep/fog/fog.w7prep share/w7prep/fog/labs.conf share/man/man7/w7prep-fog.7 share/man/man7/w7prep-wds.7; do
	[ -s "$T/root/usr/$f" ] || fail "$f was not installed"
done
run env -C / "$T/root/usr/bin/w7prep" profile list
expect_status 0
expect_out '^kms '
bash -n "$T/root/usr/share/bash-completion/completions/w7prep" || fail "completion"

make -s BUILD="$BUILD" W7PREP_NO_DEPS=1 uninstall DESTDIR="$T/root" PREFIX=/usr || fail "make uninstall"
left=$(find "$T/root" ! -type d)
[ -z "$left" ] || fail "uninstall left $left"
exit 0
