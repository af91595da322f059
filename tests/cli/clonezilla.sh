#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The Clonezilla kit on real NTFS volumes, mounted by ntfs-3g; only Clonezilla itself (its file of
# variables, the boot parameters) and lsblk, which wants block devices, are stand-ins.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
for tool in ntfs-3g ntfscat ntfsinfo ntfsfix blkid; do
	requires "$tool"
done
w7=$BUILD/w7prep

# As make install and the manual lay it out.
kit=$T/partimag/w7prep
mkdir -p "$kit" "$T/dev" "$T/bin" "$T/tmp"
cp hooks/clonezilla/*.sh hooks/labs.sh "$kit"
cp -r profiles "$kit/profiles"
cp "$w7" "$kit/w7prep-static-$(uname -m | sed 's/^i.86$/i386/')"
chmod 600 "$kit/w7prep-static-"* # as on a Samba share: not executable
printf 'image win7-library* no-activation\ndefault kms\n' >"$kit/labs.conf"

# a disk with two partitions: System Reserved, Windows; a third that is not NTFS
phony_volume "$T/windows" --label=Windows
phony_volume "$T/reserved" --data --volume-mb=20
fresh() {
	cp "$T/windows" "$T/dev/sda2"
	cp "$T/reserved" "$T/dev/sda1"
	truncate -s 1M "$T/dev/sda3"
	: >"$T/dev/sda"
	rm -f "$T/log"
}
cat >"$T/bin/lsblk" <<'Y'
#!/bin/sh
for d; do :; done
case $d in
*/sda) echo "$d disk"; for n in 1 2 3; do echo "$d$n part"; done ;;
*) echo "$d part" ;;
esac
Y
chmod +x "$T/bin/lsblk"

# Can this machine mount at all?
fresh
mkdir "$T/mnt"
if [ ! -e /dev/fuse ] || ! ntfs-3g -o rw "$T/dev/sda2" "$T/mnt" 2>"$T/log"; then
	echo "an NTFS volume cannot be mounted here"
	exit 77
fi
umount "$T/mnt"

export W7PREP_DEV=$T/dev W7PREP_OCS_VARS=$T/ocs-vars W7PREP_CMDLINE=$T/cmdline W7PREP_LOG=$T/log W7PREP_WAIT=0
export TMPDIR=$T/tmp
clonezilla() { # HOOK TYPE DEVICE IMAGE [BOOT-PARAMETERS]: interactive, as ocs-sr writes its variables
	printf 'ocs_cmd="ocs-sr"\nocs_sr_type="%s"\nocs_sr_dev="%s"\ntarget_dir="%s"\ntarget_hd="%s"\n' \
	    "$2" "$([[ $2 == *parts ]] && echo "$3" || echo ask_user)" "$4" \
	    "$([[ $2 == *parts ]] || echo "$3")" >"$T/ocs-vars"
	echo 'ocs_sr_img_name="ask_user"; ocs_sr_mode="interactive"; postaction="reboot"' >>"$T/ocs-vars"
	echo "boot=live union=overlay quiet ${5-}" >"$T/cmdline"
	run env PATH="$T/bin:$PATH" "$kit/w7prep-$1.sh"
	[ -z "$(ls -A "$T/tmp")" ] || fail "left in the scratch directory: $(ls -A "$T/tmp")"
	! grep -q "$T/" /proc/mounts || fail "left mounted"
}
strategy_of() { # VOLUME
	ntfscat -f "$1" Windows/Setup/Scripts/w7prep/settings.cmd 2>/dev/null |
		tr -d '\r"' | sed -n 's/^@set W7_STRATEGY=//p'
}
prepared() { # STRATEGY
	[ "$(strategy_of "$T/dev/sda2")" = "$1" ] || fail "prepared for '$(strategy_of "$T/dev/sda2")'"
	ntfsfix -n "$T/dev/sda2" >"$T/fsck" 2>&1 || fail "ntfsfix: $(tail -n1 "$T/fsck")"
	ntfs-3g.probe --readwrite "$T/dev/sda2" || fail "the volume was not unmounted cleanly"
}
untouched() { cmp -s "$T/windows" "$T/dev/sda2" || fail "the volume was changed"; }

# a whole disk; the rule by the image's name, its default, the boot parameter
clonezilla postrun restoredisk sda win7-room
expect_status 0
expect_out 'profile kms, chosen by .*labs.conf:2'
expect_out 'sda2: prepared'
prepared kms
cmp -s "$T/reserved" "$T/dev/sda1" || fail "System Reserved was changed"
grep -q 'sda2: prepared' "$T/log" || fail "not in the log"
run "$w7" verify -p kms --engine direct "$T/dev/sda2"
expect_status 0
# once more: nothing to do
clonezilla postrun restoredisk sda win7-room
expect_status 0
prepared kms

fresh
clonezilla postrun restoredisk sda win7-library-3
expect_status 0
prepared none
fresh
clonezilla postrun restoredisk /dev/sda win7-library-3 'w7prep_profile=mak-proxy ocs_live_batch=yes'
expect_status 0
expect_out 'chosen by kernel argument'
[ -z "$(strategy_of "$T/dev/sda2")" ] || prepared mak-proxy

# one partition; and a person's choice of partitions, which Clonezilla does not pass on
fresh
clonezilla postrun restoreparts sda2 win7-room
expect_status 0
prepared kms
fresh
clonezilla postrun restoreparts ask_user win7-room
expect_status 1
expect_err 'w7prep_devices='
untouched
clonezilla postrun restoreparts ask_user win7-room w7prep_devices=sda1,sda2
expect_status 0
prepared kms

# what else Clonezilla may say instead of a device's name
for name in all unmounted_disk SERIALNO=XYZ; do
	fresh
	clonezilla postrun restoreparts $name win7-room
	expect_status 1
	expect_err "cannot be known from '$name': boot with w7prep_devices="
	untouched
done

# ntfsresize, by which Clonezilla makes a volume fit the disk, has Windows check it at the next start
phony_volume "$T/dev/sda2" --dirty
clonezilla postrun restoredisk sda win7-room
expect_status 0
[ "$(strategy_of "$T/dev/sda2")" = kms ] || fail "a resized volume was not prepared"
ntfsinfo -f -m "$T/dev/sda2" 2>/dev/null | grep -q 'Volume Flags: 0x0001 DIRTY' || fail "Windows would not check the volume"

# each hook minds its own business
for other in savedisk saveparts; do
	fresh
	clonezilla postrun $other sda win7-room
	expect_status 0
	untouched
done
clonezilla prerun restoredisk sda win7-room
expect_status 0
untouched
clonezilla prerun savedisk sda win7-room
expect_status 0
prepared kms
fresh
clonezilla prerun saveparts sda2 win7-room
expect_status 0
prepared kms
# linked into Clonezilla's own directories, which serve saving and restoring alike
fresh
mkdir -p "$T/drbl"
ln -s "$kit/w7prep-postrun.sh" "$kit/w7prep-prerun.sh" "$T/drbl"
run env PATH="$T/bin:$PATH" "$T/drbl/w7prep-postrun.sh"
expect_status 0
untouched
run env PATH="$T/bin:$PATH" "$T/drbl/w7prep-prerun.sh"
expect_status 0
prepared kms
fresh
clonezilla postrun restoredisk sda win7-room w7prep=off
expect_status 0
expect_out 'switched off'
untouched

clonezilla postrun restoredisk sda win7-room w7prep_profile=off
expect_status 0
expect_out 'left as it is'
untouched

# a disk without Windows is none of ours
clonezilla postrun restoreparts sda1 data
expect_status 0
expect_out 'no Windows 7 on sda1'

# as Clonezilla's ocs-run-boot-param calls it, which does so once in a session but after a failure
cat >"$T/bin/ocs-run-boot-param" <<'Y'
#!/bin/bash
# COMMAND
[ ! -e "$STATE" ] || { echo "has been successfully run before, so skip it"; exit 0; }
eval "$1"
rc=$?
[ $rc -ne 0 ] || touch "$STATE"
exit $rc
Y
chmod +x "$T/bin/ocs-run-boot-param"
clonezilla postrun restoredisk sda win7-room w7prep=off # writes the variables
for image in win7-room win7-library-3 off; do
	fresh
	echo "boot=live quiet $([ $image != off ] || echo w7prep_profile=off)" >"$T/cmdline"
	sed -i "s/^target_dir=.*/target_dir=\"$image\"/" "$T/ocs-vars"
	run env PATH="$T/bin:$PATH" STATE="$T/state" ocs-run-boot-param "bash $kit/w7prep-postrun.sh"
	case $image in
	win7-room) prepared kms ;;
	win7-library-3) prepared none ;;
	off)
		expect_out 'left as it is'
		untouched
		;;
	esac
done

# so is another Windows
phony_volume "$T/dev/sda2" --version=6.3 --build=9600 --edition=Professional
clonezilla postrun restoredisk sda win81
expect_status 0
expect_out 'sda2: not Windows 7: left as it is'

# ---- what must not go unseen ----

refused() { # REGEX [BOOT-PARAMETERS]
	clonezilla postrun restoredisk sda win7-room "${2-}"
	[ "$status" -ne 0 ] || fail "status 0"
	expect_err 'is NOT prepared'
	expect_err "$1"
	grep -Eq "FAILED: .*" "$T/log" || fail "not in the log"
}
fresh
refused "not the name of a profile" 'w7prep_profile=kms;reboot'
untouched
refused "no profile 'room99'" w7prep_profile=room99
untouched
mv "$kit/labs.conf" "$T/labs.conf"
refused 'labs.conf cannot be read'
mv "$T/labs.conf" "$kit/labs.conf"
phony_volume "$T/dev/sda2" --sealed=no
refused 'status 5 .*the state of the image'
[ -z "$(strategy_of "$T/dev/sda2")" ] || fail "an unsealed image was prepared"
phony_volume "$T/dev/sda2" --edition=HomePremium --channel=retail
refused 'status 4 '
phony_volume "$T/dev/sda2" --hiberfil=hibr
refused 'hibernated'
phony_volume "$T/dev/sda2" --log=unclean
cp "$T/dev/sda2" "$T/before"
refused 'not shut down cleanly'
cmp -s "$T/before" "$T/dev/sda2" || fail "a volume that was not shut down cleanly was changed"
# a program that fails half-way is undone
fresh
mv "$kit"/w7prep-static-* "$T/program"
cat >"$kit/w7prep-static-$(uname -m | sed 's/^i.86$/i386/')" <<Y
#!/bin/bash
"$T/program" "\$@" || exit
[ "\$1" != apply ] || { echo "w7prep: error: the disk is full" >&2; exit 7; }
Y
chmod 700 "$T/program"
refused 'sda2: w7prep ended with status 7; Windows is as it was'
expect_err 'error: the disk is full'
[ -z "$(strategy_of "$T/dev/sda2")" ] || fail "a half-prepared Windows was left"
sed -i 's/^\[.*/case $1 in apply) exit 7 ;; undo) exit 6 ;; esac/' "$kit"/w7prep-static-*
refused 'could not be put back: do not use this PC'
fresh
rm "$kit"/w7prep-static-*
refused 'no .*w7prep-static'
untouched
exit 0
