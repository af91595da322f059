# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Clones under Wine: sourced after functions.sh. The scripts that w7prep placed run in Wine's
# cmd.exe on a PC whose Windows is "D:\My Windows"; the tools they call are stand-ins that record
# how they were called (standin.c).
#
#	clone PROFILE [mkphony option …]  a prepared clone in $windows; PROFILE: INI text
#	recapture			  that clone captured again and prepared by the same profile
#	first_boot [TEXT=STATUS …]	  Windows Setup calls SetupComplete.cmd; the stand-in of a call
#					  in which TEXT occurs ends with STATUS. $calls: what was called
#	run_in_clone SCRIPT [TEXT=STATUS …]  the same for another script
#
#	wine_case WHAT			  say that WHAT runs under Wine (run.sh lists it); false where
#					  Wine is missing
#
# Without Wine the whole test is skipped, unless it sets wine_optional=1 before: then $windows is
# there to be looked at, and wine_case guards what runs in it.
#
# Wine gives every new process the SystemRoot C:\windows, so a script is called within the cmd.exe
# that set it to the clone's.
requires "$BUILD/w7prep"
wine_missing=
wine=/usr/lib/wine/wine64
[ -x "$wine" ] || wine=$(command -v wine64) || wine_missing="Wine is not installed"
kernel32=/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/kernel32.dll
[ -n "$wine_missing" ] || [ -e "$kernel32" ] || wine_missing="there is no $kernel32"
for tool in clang ld; do
	[ -n "$wine_missing" ] || command -v $tool >/dev/null || wine_missing="$tool is not installed"
done
if [ -n "$wine_missing" ] && [ -z "${wine_optional-}" ]; then
	echo "$wine_missing: the scripts of the first boot were not run (ci/deps.sh)"
	exit 77
fi

export WINEDEBUG=-all WINEPREFIX=$BUILD/wine WINEDLLOVERRIDES="mscoree,mshtml="
unset DISPLAY
here=tests/wine
standin=$BUILD/wine-standin.exe
windows="$T/d/My Windows"
placed="$windows/Setup/Scripts/w7prep"
log=$placed/activation.log
calls=$T/calls
mkdir -p "$T/d"

# One test at a time: all share Wine's registry, its server and what D: is, as a prefix of their own
# would take each 700 MB. Whoever else uses this $BUILD waits.
own_wine() {
	exec {wine_lock}>"$BUILD/wine.lock" && flock "$wine_lock" || fail "cannot lock $BUILD/wine.lock"
}

make_wine() {
	own_wine
	if [ ! -e "$WINEPREFIX/ready" ]; then
		rm -rf "$WINEPREFIX"
		"$wine" cmd /c ver >"$T/wineboot" 2>&1 </dev/null || {
			cat "$T/wineboot"
			fail "Wine does not start"
		}
		touch "$WINEPREFIX/ready"
	fi
	ln -sfn "$T/d" "$WINEPREFIX/dosdevices/d:"
	at_exit 'WINEPREFIX="$WINEPREFIX" /usr/lib/wine/wineserver64 -k 2>/dev/null'
	[ ! "$standin" -nt "$here/standin.c" ] || return 0
	clang -target x86_64-pc-windows-gnu -O1 -Wall -Wextra -Werror -ffreestanding \
	    -c "$here/standin.c" -o "$T/standin.o" || fail "standin.c does not compile"
	ld -m i386pep -e start --subsystem console -o "$standin" "$T/standin.o" "$kernel32" ||
		fail "standin.c does not link"
}
[ -n "$wine_missing" ] || make_wine

wine_case() { # WHAT
	[ -z "$wine_missing" ] || return 1
	echo "WINE: $*"
}

# 1: log.vbs itself writes activation.log, in Wine's script host
real_log=0
# What the phony PC has in SetupComplete.cmd before w7prep comes; empty: no such file.
existing=
# More options of w7prep apply.
apply_with=()

clone() { # PROFILE [OPTION …]
	rm -rf "$T/tree" "$windows"
	printf '%s\n' "$1" >"$T/lab.ini"
	shift
	"$BUILD/fixtures/mkphony" tree "$T/tree" "$@" || fail "mkphony"
	if [ -n "$existing" ]; then
		mkdir -p "$T/tree/Windows/Setup/Scripts"
		printf '%b' "$existing" >"$T/tree/Windows/Setup/Scripts/SetupComplete.cmd"
	fi
	prepare
}

# The PC as it is now, captured again and prepared by the same profile.
recapture() {
	mv "$windows" "$T/tree/Windows"
	prepare
}

prepare() {
	run "$BUILD/w7prep" apply -p "$T/lab.ini" --root "$T/tree" "${apply_with[@]}"
	expect_status 0
	mv "$T/tree/Windows" "$windows"
	put_tools
}

put_tools() {
	local tool
	[ -z "$wine_missing" ] || return 0
	# Wine would load the phony libraries that lie beside a program
	rm -f "$windows"/System32/*.dll
	for tool in net sc dism cscript schtasks shutdown reg fsutil attrib msg; do
		cp "$standin" "$windows/System32/$tool.exe"
	done
}

# Paths and the interpreter are left out: "slmgr.vbs /ato".
short_calls() {
	tr -d '\r' <"$T/d/record" |
		sed -e 's/"D:\\My Windows\\[^"]*\\\([^"\\]*\)"/\1/g' -e 's,^cscript //nologo //B ,,' \
		    -e 's/ *$//' >"$calls"
}

run_in_clone() { # SCRIPT [TEXT=STATUS …]
	local script=$1
	shift
	rm -f "$T/d/record"
	: >"$T/d/record"
	printf '%s\n' "$@" >"$T/d/answers"
	printf '@set "%s"\r\n' 'SystemRoot=D:\My Windows' 'windir=D:\My Windows' 'W7_RECORD=D:\record' \
	    'W7_ANSWERS=D:\answers' "W7_REAL_LOG=$real_log" >"$T/d/enter.cmd"
	printf '@call %%1\r\n' >>"$T/d/enter.cmd"
	printf '@D:\\enter.cmd %s\r\n' "$script" >"$T/d/run.cmd"
	run "$wine" cmd /d /c 'D:\run.cmd'
	short_calls
}

# A script's path as Windows would expand it there.
in_clone() { printf '%s' "${1/\%SystemRoot%/D:\\My Windows}"; }

first_boot() { # [TEXT=STATUS …]
	run_in_clone '"D:\My Windows\Setup\Scripts\SetupComplete.cmd"' "$@"
}

expect_calls() { # LINE … : exactly these, in this order
	printf '%s\n' "$@" >"$T/expected"
	diff -u "$T/expected" "$calls" >"$T/diff" || {
		cat "$T/diff"
		fail "other calls than expected"
	}
}

expect_log() { # REGEX
	grep -Eq -- "$1" "$log" || {
		cat "$log"
		fail "no line of activation.log matches /$1/"
	}
}

# The key may be in the one call that installs it, nowhere else.
expect_secret() { # KEY
	local part
	for part in "$1" "${1##*-}" "${1%%-*}"; do
		! grep -aqi -- "$part" "$T/out" "$T/err" "$log" || fail "a part of the key was printed or logged"
	done
}
