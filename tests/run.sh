#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run tests and count them: tests/run.sh unit|cli|valgrind …
# A shell test prints nothing when all is well. Exit status 77 means skipped, and its
# last line says why; a part of a test that was skipped prints "SKIP: why", and what was run
# under Wine "WINE: what".
# A unit test binary is a Check suite; "SKIP: why" lines are counted there too.
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=$PWD/build}"
export BUILD
export XDG_STATE_HOME=$BUILD/state
export MALLOC_PERTURB_=$((RANDOM % 255 + 1))
export LC_ALL=C.UTF-8
# gdb and Check's fork mode would hide where a sanitizer stopped
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1} UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}
logs=$BUILD/logs
mkdir -p "$logs"

passed=0 failed=0 skipped=0
reasons='' in_wine=''

note_skips() { # FILE NAME
	local line
	while IFS= read -r line; do
		skipped=$((skipped + 1))
		reasons="$reasons
  $2: ${line#SKIP: }"
	done < <(grep '^SKIP: ' "$1")
}

note_wine_cases() { # FILE NAME
	local line
	while IFS= read -r line; do
		in_wine="$in_wine
  $2: ${line#WINE: }"
	done < <(grep '^WINE: ' "$1")
}

run_unit() { # BINARY
	local name log checks
	name=${1##*/}
	log=$logs/$name.log
	if "${wrap[@]}" "$1" >"$log" 2>&1; then
		checks=$(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), .*/\1/p' "$log" | awk '{n+=$1} END {print n+0}')
		if [ "$checks" -eq 0 ]; then
			echo "FAIL $name (no check ran)"
			failed=$((failed + 1))
			return
		fi
		passed=$((passed + checks))
		echo "ok   $name ($checks)"
	else
		failed=$((failed + 1))
		echo "FAIL $name"
		tail -n 40 "$log" | sed 's/^/     /'
	fi
	note_skips "$log" "$name"
}

run_cli() { # SCRIPT
	local name log rc start
	name=${1##*/}
	log=$logs/$name.log
	start=$SECONDS
	timeout -k 10 "${W7PREP_TEST_TIMEOUT:-600}" bash "$1" >"$log" 2>&1 </dev/null
	rc=$?
	case $rc in
	0)
		passed=$((passed + 1))
		echo "ok   $name ($((SECONDS - start)) s)"
		note_wine_cases "$log" "$name"
		;;
	77)
		skipped=$((skipped + 1))
		reasons="$reasons
  $name: $(tail -n 1 "$log")"
		echo "skip $name"
		return
		;;
	*)
		failed=$((failed + 1))
		echo "FAIL $name (status $rc)"
		tail -n 40 "$log" | sed 's/^/     /'
		;;
	esac
	note_skips "$log" "$name"
}

wrap=()
for what; do
	case $what in
	unit)
		for t in "$BUILD"/tests/test_*; do
			case $t in *.d | *.o) continue ;; esac
			[ -x "$t" ] && run_unit "$t"
		done
		;;
	valgrind)
		wrap=(valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite
		    --show-leak-kinds=definite --suppressions=tests/valgrind.supp)
		export CK_TIMEOUT_MULTIPLIER=20
		for t in "$BUILD"/tests/test_*; do
			case $t in
			*.d | *.o) continue ;;
			*/test_guestfs | */test_guestfs_launch)
				skipped=$((skipped + 1))
				reasons="$reasons
  ${t##*/}: valgrind 3.19 lacks the system calls that watch a launch (pidfd)"
				continue
				;;
			esac
			[ -x "$t" ] && run_unit "$t"
		done
		wrap=()
		;;
	cli)
		for t in tests/cli/*.sh; do
			case $t in */functions.sh) continue ;; esac
			[ -e "$t" ] && run_cli "$t"
		done
		;;
	*)
		echo "tests/run.sh: unit, cli or valgrind" >&2
		exit 2
		;;
	esac
done

[ -z "$in_wine" ] || printf 'run under Wine:%s\n' "$in_wine"
[ -z "$reasons" ] || printf 'skipped:%s\n' "$reasons"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
