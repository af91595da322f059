# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# For tests of the real binary: sourced first. The program under test is $BUILD/w7prep; $T is
# a scratch directory that goes away at the end. A test prints nothing when all is well.
#
#	requires TOOL		skip the whole test where TOOL is not installed
#	run COMMAND…		$status, $T/out, $T/err
#	expect_status N		of the last run
#	expect_out REGEX	a line of standard output (extended regular expression)
#	expect_err REGEX	a line of standard error
#	skip_part MESSAGE	say that a part of the test was skipped
#	sha FILE		SHA-256 of the content
#	fail MESSAGE		end the test
set -u
: "${BUILD:=$PWD/build}"
export BUILD LC_ALL=C.UTF-8
PATH=$PATH:/usr/sbin:/sbin

T=$(mktemp -d "${TMPDIR:-/var/tmp}/w7prep-test.XXXXXX") || exit 1
export T
export XDG_STATE_HOME=$T/state
cleanup_commands=
# Commands for the end of the test, before $T is removed: at_exit COMMAND…
at_exit() { cleanup_commands="$*; $cleanup_commands"; }
end_test() {
	local rc=$?
	eval "$cleanup_commands"
	rm -rf "$T"
	exit "$rc"
}
trap end_test EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

status="" last_command=""

fail() {
	echo "FAIL ${0##*/}:${BASH_LINENO[$((${#BASH_LINENO[@]} - 2))]}: $*"
	[ -z "$last_command" ] || {
		echo "  last run: $last_command"
		echo "  status $status"
		sed 's/^/  out: /' "$T/out" | head -n 30
		sed 's/^/  err: /' "$T/err" | head -n 30
	}
	exit 1
}

requires() { # TOOL
	command -v "$1" >/dev/null 2>&1 && return
	echo "$1 is not installed (ci/deps.sh)"
	exit 77
}

skip_part() { echo "SKIP: $*"; }

run() {
	last_command="$*"
	"$@" >"$T/out" 2>"$T/err" </dev/null
	status=$?
}

expect_status() { [ "$status" -eq "$1" ] || fail "status $status instead of $1"; }
expect_out() { grep -Eq -- "$1" "$T/out" || fail "no line of output matches /$1/"; }
expect_err() { grep -Eq -- "$1" "$T/err" || fail "no line of standard error matches /$1/"; }
expect_no_out() { ! grep -Eq -- "$1" "$T/out" || fail "a line of output matches /$1/"; }
expect_no_err() { ! grep -Eq -- "$1" "$T/err" || fail "a line of standard error matches /$1/"; }

sha() { sha256sum "$1" | cut -d' ' -f1; }
