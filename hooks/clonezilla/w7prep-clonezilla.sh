# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What postrun and prerun of the Clonezilla kit share; see w7prep-clonezilla(7). Sourced.
#
# Clonezilla exports nothing and takes no notice of a hook's status, so all that is known comes
# from /var/lib/clonezilla/ocs-vars, and a failure stays on the screen for a while.
#
# Settings, from the environment (a test's too):
: "${W7PREP_KIT:=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}"
: "${W7PREP_BIN:=$W7PREP_KIT/w7prep-static-$(uname -m | sed 's/^i.86$/i386/')}"
: "${W7PREP_RULES:=$W7PREP_KIT/labs.conf}"
: "${W7PREP_PROFILE_DIR:=$W7PREP_KIT/profiles}"
: "${W7PREP_LOG:=/var/log/w7prep.log}"
: "${W7PREP_WAIT:=60}" # seconds that a failure stays on the screen
: "${W7PREP_OCS_VARS:=/var/lib/clonezilla/ocs-vars}"
: "${W7PREP_CMDLINE:=/proc/cmdline}"
: "${W7PREP_DEV:=/dev}"

for labs in "$W7PREP_KIT/labs.sh" "$W7PREP_KIT/../labs.sh"; do
	[ ! -r "$labs" ] || break
done
# shellcheck source=hooks/labs.sh
. "$labs" || exit 1

scratch='' mounted=''

say() {
	echo "w7prep: $*"
	echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $*" >>"$W7PREP_LOG"
}

cleanup() {
	[ -z "$mounted" ] || umount "$scratch/mnt" 2>/dev/null
	# never into a volume that could not be unmounted
	[ -z "$scratch" ] || ! rmdir "$scratch/mnt" 2>/dev/null || rm -rf "$scratch"
}

give_up() { # MESSAGE
	say "FAILED: $*"
	printf '\n*** w7prep: this PC is NOT prepared: %s\n*** %s\n\n' "$*" "log: $W7PREP_LOG" >&2
	sleep "$W7PREP_WAIT"
	exit 1
}

kernel_argument() { # NAME: its value, the last one counts
	local words word value=
	read -r -a words <"$W7PREP_CMDLINE"
	for word in "${words[@]}"; do
		word=${word//\"/}
		[[ $word != "$1="* ]] || value=${word#*=}
	done
	printf '%s' "$value"
}

# ocs-vars is shell code; what it sets stays in a shell of its own.
read_ocs_vars() { # sets $action, $devices, $image
	local values
	[ -r "$W7PREP_OCS_VARS" ] || give_up "$W7PREP_OCS_VARS cannot be read: not called by Clonezilla?"
	mapfile -t values < <(
		set +eu
		ocs_sr_type='' ocs_sr_dev='' target_hd='' target_dir='' ocs_sr_img_name=''
		# shellcheck source=/dev/null
		. "$W7PREP_OCS_VARS" >/dev/null 2>&1
		printf '%s\n' "$ocs_sr_type" "$target_hd" "$ocs_sr_dev" "${target_dir:-$ocs_sr_img_name}"
	)
	action=${values[0]-} image=${values[3]-}
	devices=$(kernel_argument w7prep_devices)
	devices=${devices//,/ }
	# what a person chose is in target_hd; ocs_sr_dev then only says "ask_user"
	[ -n "$devices" ] || devices=${values[1]-}
	[ -n "$devices" ] || devices=${values[2]-}
}

macs() {
	cat /sys/class/net/*/address 2>/dev/null | grep -v '^00:00:00:00:00:00$' | tr '\n' ' '
}

# The NTFS partitions of a disk, or of the partition itself.
ntfs_partitions() { # DEVICE…
	local name part
	for name; do
		name=$W7PREP_DEV/${name#/dev/}
		lsblk -lnpo NAME,TYPE "$name" 2>/dev/null | while read -r part _; do
			# asked of the disk itself: udev may not have looked at it since it was restored
			[ "$(blkid -p -s TYPE -o value "$part" 2>/dev/null)" != ntfs ] || echo "$part"
		done
	done
}

# ntfs-3g tells upper from lower case.
holds_windows() (
	shopt -s nocaseglob nullglob
	set -- "$1"/window[s]/system3[2]/confi[g]/softwar[e]
	[ $# -eq 1 ]
)

# From an image store on Samba or with noexec the program cannot be run.
fetch_program() {
	[ -r "$W7PREP_BIN" ] || give_up "no $W7PREP_BIN: copy it there (make static)"
	cp "$W7PREP_BIN" "$scratch/w7prep" && chmod 700 "$scratch/w7prep" ||
		give_up "cannot copy $W7PREP_BIN to $scratch"
}

# It failed half-way, or is not as it should be: put it back before anybody starts it. Adds to $problem.
put_back() {
	[ -e "$scratch/.w7prep" ] || return 0
	if "$scratch/w7prep" undo -q --root "$scratch/mnt" >/dev/null; then
		problem="$problem; Windows is as it was"
	else
		problem="$problem and could not be put back: do not use this PC before it is imaged again"
	fi
}

other_windows=99

run_w7prep() { # its status, $other_windows for another Windows; $problem
	local rc=0
	# each change is in the log
	W7PREP_PROFILES=$W7PREP_PROFILE_DIR "$scratch/w7prep" apply --json -p "$w7prep_profile_path" \
	    --root "$scratch/mnt" --log-file="$W7PREP_LOG" --progress=none >"$scratch/report" || rc=$?
	problem="w7prep ended with status $rc"
	case $rc in
	4)
		! grep -q '"not-windows-7"' "$scratch/report" || rc=$other_windows
		problem="$problem (not an image that it supports)"
		;;
	5) problem="$problem (the state of the image forbids it)" ;;
	1 | 7 | 8) put_back ;;
	esac
	# the next apply may see the same scratch directory with another disk below it
	rm -rf "$scratch/.w7prep"
	return $rc
}

prepare() { # PARTITION: 0 done; 1 failed; 2 no Windows in it
	local rc=0
	# norecover: a volume that was not shut down cleanly comes read-only, and w7prep says so
	if ! ntfs-3g -o rw,norecover "$1" "$scratch/mnt" 2>>"$W7PREP_LOG"; then
		problem="$1 cannot be mounted: see the log"
		return 1
	fi
	mounted=yes
	if holds_windows "$scratch/mnt"; then
		say "$1: Windows, profile $w7prep_chosen, chosen by $w7prep_chosen_by"
		run_w7prep || rc=$?
	else
		rc=none
	fi
	if ! umount "$scratch/mnt"; then
		problem="$1 cannot be unmounted"
		return 1
	fi
	mounted=
	case $rc in
	0) say "$1: prepared" ;;
	none) return 2 ;;
	"$other_windows")
		say "$1: not Windows 7: left as it is"
		return 2
		;;
	*)
		problem="$1: $problem"
		return 1
		;;
	esac
}

# Where a person chose on the screen ("ask_user"), or all partitions of the image were meant ("all",
# "unmounted_disk"), Clonezilla does not pass on which; disks can also be named by serial number.
check_devices() {
	local name
	[ -n "$devices" ] || give_up "$W7PREP_OCS_VARS names no device: boot with w7prep_devices=sda2"
	for name in $devices; do
		[ -e "$W7PREP_DEV/${name#/dev/}" ] ||
			give_up "which devices were $action cannot be known from '$name': boot with w7prep_devices=sda2"
	done
}

prepare_all() {
	local part parts rc done=0 failed=''
	check_devices
	# shellcheck disable=SC2086 # a list
	mapfile -t parts < <(ntfs_partitions $devices | sort -u)
	for part in "${parts[@]}"; do
		prepare "$part"
		rc=$?
		[ $rc -ne 0 ] || done=$((done + 1))
		[ $rc -ne 1 ] || failed=$problem
		[ -z "$mounted" ] || break
	done
	[ -z "$failed" ] || give_up "$failed"
	[ "$done" -gt 0 ] || say "nothing to do: no Windows 7 on ${devices:-any device}"
}

# The same rules as FOG's hook has; status 2 and the profile "off" mean that this PC is left alone.
choose_profile() {
	local rc=0
	w7prep_choose "$(kernel_argument w7prep_profile)" "$W7PREP_RULES" "$(hostname)" "$(macs)" "$image" ||
		rc=$?
	if [ $rc -eq 2 ] || [ "${w7prep_chosen,,}" = off ]; then
		say "no profile for this PC: Windows is left as it is (${w7prep_chosen_by:-$w7prep_problem})"
		exit 0
	fi
	[ $rc -eq 0 ] && w7prep_profile_file "$W7PREP_PROFILE_DIR" "$w7prep_chosen" || give_up "$w7prep_problem"
}

# ocs-run-boot-param runs the command of a boot parameter once in a session, unless it ends with a status: a
# second restore without a new start would be left out. Nobody looks at the status otherwise.
finish() {
	local rc=$? caller=''
	cleanup
	read -r caller <"/proc/$PPID/comm"
	[[ $caller != ocs-run-boot-* ]] || rc=1
	exit $rc
}

w7prep_main() { # ACTION-PATTERN…
	local pattern ours=
	trap finish EXIT
	trap 'exit 1' HUP INT TERM
	[ "$(kernel_argument w7prep)" != off ] || { say "switched off (w7prep=off)" && exit 0; }
	read_ocs_vars
	for pattern; do
		# shellcheck disable=SC2053 # a pattern
		[[ $action != $pattern ]] || ours=yes
	done
	# the directories of Clonezilla's hooks serve saving and restoring alike
	[ -n "$ours" ] || exit 0
	choose_profile
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/w7prep.XXXXXX") && mkdir "$scratch/mnt" ||
		give_up "no scratch directory in ${TMPDIR:-/tmp}"
	fetch_program
	prepare_all
}
