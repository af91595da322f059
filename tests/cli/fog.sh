#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# FOG: fog install, check, remove; the hook in a stand-in of FOG's client system, on NTFS volumes.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
w7=$BUILD/w7prep mk=$BUILD/fixtures
[ -x "$BUILD/w7prep-static-$(uname -m)" ] || make -s BUILD="$BUILD" W7PREP_NO_DEPS=1 static >"$T/log" 2>&1 ||
    fail "make static: $(tail -n 3 "$T/log")"

# ---- install, check, remove ----

down="$T/images dir/postdownloadscripts" init="$T/images dir/dev/postinitscripts"
mkdir -p "$down" "$init"
printf '#!/bin/bash\n## the admin'\''s own line:\n. "${postdownpath}drivers.sh"' >"$down/fog.postdownload"
printf 'echo drivers\n' >"$down/drivers.sh"
printf '#!/bin/bash\n' >"$init/fog.postinit"
chmod 755 "$down/fog.postdownload"
cp "$down/fog.postdownload" "$T/original"

run "$w7" fog install "$T/images dir"
expect_status 2
expect_err 'hint: name the directory .*/images dir/postdownloadscripts$'
run "$w7" fog check "$down"
expect_status 8
expect_out '^wrong  .*fog.postdownload: no line sources w7prep'
run "$w7" fog install -p kms "$down"
expect_status 0
expect_err 'added one line'
[ "$(sed -n 4p "$down/fog.postdownload")" = \
    'if [[ -r "${postdownpath}w7prep/fog.w7prep" ]]; then . "${postdownpath}w7prep/fog.w7prep"; fi # w7prep (no newline before)' ] ||
    fail "line: $(sed -n 4p "$down/fog.postdownload")"
[ "$(head -c "$(stat -c %s "$T/original")" "$down/fog.postdownload")" = "$(cat "$T/original")" ] ||
    fail "the admin's lines were changed"
[ "$(stat -c %a "$down/fog.postdownload")" = 755 ] || fail "mode"
grep -qx 'default   kms' "$down/w7prep/labs.conf" || fail "no default"
find "$down" -type f -exec sha256sum {} + | sort >"$T/first"
run "$w7" fog install -p kms "$down"
expect_status 0
expect_no_err 'wrote|added'
find "$down" -type f -exec sha256sum {} + | sort >"$T/second"
cmp -s "$T/first" "$T/second" || fail "a second install changed something"

# every fault is named
wrong() { # COMMAND REGEX: after COMMAND check says REGEX
	cp -a "$down" "$T/spoilt"
	(cd "$T/spoilt" && eval "$1") || fail "$1"
	run "$w7" fog check "$T/spoilt"
	expect_status 8
	expect_out "^wrong  .*$2"
	rm -rf "$T/spoilt"
}
wrong "sed -i 's/^if .*w7prep/# &/' fog.postdownload" 'no line sources w7prep'
wrong "sed -i 's/postdownpath}w7/postinitpath}w7/g' fog.postdownload" 'postinitpath is empty in this script'
wrong "sed -i '2a exit 0' fog.postdownload" ':3: ends the script before line 5'
wrong "sed -i 's/\$/\r/' fog.postdownload" ':1: ends in a carriage return'
wrong "chmod 700 fog.postdownload" 'not everybody may read'
wrong "chmod 700 ." 'not everybody may read and run it'
wrong "chmod 600 w7prep/labs.conf" 'labs.conf: mode 0600: not everybody may read'
wrong "chmod 600 w7prep/profiles/kms.ini" 'kms.ini: mode 0600: not everybody may read'
wrong "chmod 700 w7prep/profiles" 'profiles: mode 0700: not everybody may'
wrong "chmod 644 w7prep/w7prep-static-*" 'not everybody may read and run it'
wrong "chmod 700 w7prep" 'not everybody may read and run it'
wrong "rm w7prep/fog.w7prep" 'fog.w7prep: No such file'
wrong "rm w7prep/w7prep-static-*" 'no program at all'
wrong "cp '$w7' w7prep/w7prep-static-$(uname -m)" 'wants shared libraries'
wrong "cp '$w7' w7prep/w7prep-static-aarch64" 'for another architecture|wants shared'
wrong "echo 'host room* nowhere' >w7prep/labs.conf" 'there is no .*/nowhere.ini'
wrong "echo 'hostname room* kms' >w7prep/labs.conf" "no rule 'hostname'"
wrong "echo 'host room kms more' >w7prep/labs.conf" 'PATTERN PROFILE expected'
wrong "echo 'host room[1] kms' >w7prep/labs.conf" 'not a pattern'
wrong "echo 'default oem' >>w7prep/labs.conf" 'a second default'
wrong "echo 'default ../kms' >w7prep/labs.conf" 'not the name of a profile'
wrong "echo 'strategi = kms' >>w7prep/profiles/kms.ini" 'kms.ini:'
wrong "rm -r w7prep" 'w7prep is not there'
cp "$down/w7prep/labs.conf" "$T/labs.conf"
echo 'host room13-* mak' >>"$down/w7prep/labs.conf"
run "$w7" fog check "$down"
expect_status 0
expect_out '^note .*/mak.ini names a key file'
cp "$T/labs.conf" "$down/w7prep/labs.conf"
run "$w7" fog check "$down"
expect_no_out 'key file'
run "$w7" fog check --json "$down"
expect_status 0
jq -e '.command == "fog" and ([.findings[].level] | index("ok") != null)' "$T/out" >/dev/null || fail "JSON"

# ---- the script of FOG is given back as it was ----

there_and_back() { # TEXT (for printf)
	rm -rf "$T/back"
	mkdir "$T/back"
	# shellcheck disable=SC2059
	printf "$1" >"$T/back/fog.postinit"
	cp -p "$T/back/fog.postinit" "$T/before"
	run "$w7" fog install "$T/back"
	[ "$(grep -c 'postinitpath}w7prep/fog.w7prep' "$T/back/fog.postinit")" -eq 1 ] || fail "no line"
	bash -n "$T/back/fog.postinit" || fail "the script is no script any more"
	[ -z "${2-}" ] || printf '%s\n' "$2" >>"$T/back/fog.postinit"
	run "$w7" fog remove "$T/back"
	expect_status 0
	cmp -s <(cat "$T/before"; [ -z "${2-}" ] || printf '%s%s\n' "${3-}" "$2") "$T/back/fog.postinit" ||
		fail "not given back: $(cat -A "$T/back/fog.postinit")"
}
there_and_back ''
there_and_back '#!/bin/bash\n. ${postinitpath}mine\n'
there_and_back '#!/bin/bash\n. ${postinitpath}mine'
there_and_back '#!/bin/bash\n\n\n'
# somebody went on after our line: that stays, on a line of its own
there_and_back 'one\n' 'two'
there_and_back 'one' 'two' $'\n'
# written by hand: not ours to take out
mkdir "$T/hand"
printf 'if true; then\n\t. "${postdownpath}w7prep/fog.w7prep"\nfi\n' >"$T/hand/fog.postdownload"
cp "$T/hand/fog.postdownload" "$T/before"
run "$w7" fog install "$T/hand"
expect_status 0
expect_out "^note .*:2: sources w7prep, but is not the line"
run "$w7" fog remove --all "$T/hand"
expect_status 5
expect_err ':2: sources w7prep, but not by the line'
expect_err 'hint: take it out by hand'
cmp -s "$T/before" "$T/hand/fog.postdownload" && [ -d "$T/hand/w7prep" ] || fail "remove changed something"

# ---- the hook ----

cannot_mount() { skip_part "$1: the hook was not run"; exit 0; }
[ "$(id -u)" -eq 0 ] || cannot_mount "only root mounts"
[ -c /dev/fuse ] || cannot_mount "no /dev/fuse"
requires ntfs-3g

client() { # FUNCTION ARG…: a process of FOS; its variables are in the environment
	: >"$T/fos"
	last_command="client $*"
	FOS_LOG=$T/fos FOS_DISKS="${disks_of_pc-$T/disk/sda}" FOS_HOST_KEY=${key-} imgType=${image_type-n} \
	    TMPDIR=$T/tmp bash -c '. tests/fixtures/fos.sh; "$@"' fos "$@" >"$T/out" 2>&1 </dev/null
	status=$?
	[ -z "$(findmnt -rno TARGET | grep "$T" | grep -vx "$T/share")" ] || fail "something is still mounted"
	[ -z "$(ls "$T/tmp")" ] || fail "left in /tmp: $(ls "$T/tmp")"
}
restore() { # [OPTION…]: what FOG has written to the PC's disk
	mkdir -p "$T/disk"
	phony_volume "$T/disk/sda2" "$@"
}
told() { grep -qE -- "$1" "$T/fos" || fail "FOG was not told /$1/: $(cat "$T/fos")"; }
prepared() {
	mkdir -p "$T/mnt"
	ntfs-3g -o ro "$T/disk/sda2" "$T/mnt" || fail "mount"
	run "$w7" verify -p "${1-kms}" --root "$T/mnt"
	umount "$T/mnt"
	expect_status "${2-0}"
}

mkdir -p "$T/disk" "$T/boot" "$T/tmp"
"$mk/mkphony" boot "$T/boot/tree" >/dev/null && "$mk/mkvolume" "$T/disk/sda1" 8 "$T/boot/tree" >/dev/null ||
    fail "System Reserved"
head -c 1048576 /dev/zero >"$T/disk/sda3"
export hostname=ROOM12-pc01 mac=00:11:22:AA:bb:cc img=win7-labs osid=5 web=http://fog/fog/ sysuuid=1

restore
client fos_download "$down"
expect_status 0
expect_out '^drivers$'
expect_out 'Preparing Windows 7 on .*/sda2 \(w7prep, kms.ini\).*Done'
[ "$(cat "$T/fos")" = 'task complete' ] || fail "FOG was told: $(cat "$T/fos")"
diff "$T/fos.before" "$T/fos.after" | grep -vE '^[0-9,acd]+$|^[<>] (BASH_REMATCH|PIPESTATUS|_|BASH_ARG[CV]|part|parts)$' &&
    fail "the hook left something in FOS's shell"
prepared
run ntfsfix -n "$T/disk/sda2"
expect_status 0
client fos_download "$down"
[ "$(cat "$T/fos")" = 'task complete' ] || fail "a second run: $(cat "$T/fos")"

# kernel argument, then rules, then default
restore
w7prep_profile=no-activation client fos_download "$down"
expect_out 'no-activation.ini'
prepared no-activation
choose() { # WANTED-PROFILE RULE…
	local want=$1
	shift
	printf '%s\n' "$@" >"$down/w7prep/labs.conf"
	restore
	client fos_download "$down"
	expect_status 0
	expect_out "w7prep, $want.ini"
}
choose single '# comment' '' 'host room13-* kms' 'host ROOM12-* single' 'default kms'
choose oem 'mac 00:11:23:* kms' 'mac 00-11-22-aa-* oem  # the last'
choose oem 'image win7-* oem' 'host * kms'
choose kms $'host nobody single\r' $'default kms\r'
printf 'host nobody kms\n' >"$down/w7prep/labs.conf"
client fos_download "$down"
expect_status 0
expect_out 'Windows is left as it is'
printf 'host nobody\n' >"$down/w7prep/labs.conf"
client fos_download "$down"
expect_status 1
told '^error: w7prep: .*labs.conf:1: not '
printf 'image win7-* off\ndefault kms\n' >"$down/w7prep/labs.conf"
restore
before=$(sha "$T/disk/sda2")
client fos_download "$down"
expect_out 'Windows is left as it is'
[ "$(sha "$T/disk/sda2")" = "$before" ] || fail "the volume was touched"
printf 'default kms\n' >"$down/w7prep/labs.conf"
for bad in '../kms' '/etc/kms' 'kms;reboot' 'nowhere' '$(reboot)'; do
	w7prep_profile=$bad client fos_download "$down"
	expect_status 1
	told '^error: w7prep: (kernel argument|.*there is no profile)'
	[ "$(sha "$T/disk/sda2")" = "$before" ] || fail "the volume was touched"
done

# what the exit status deserves
restore --sealed=no
client fos_download "$down"
expect_status 0
told '^warning: w7prep: .*sda2: not prepared, Windows is unchanged: .*seal'
told '^task complete'
restore --version=6.3 --build=9600 --edition=Professional
client fos_download "$down"
expect_out 'not Windows 7: left as it is'
[ "$(cat "$T/fos")" = 'task complete' ] || fail "Windows 8.1: $(cat "$T/fos")"
restore --edition=HomePremium --channel=oem
client fos_download "$down"
told '^warning: w7prep: .*cannot be prepared'
cp "$down/w7prep/profiles/kms.ini" "$T/kms.ini"
echo 'strategi = kms' >>"$down/w7prep/profiles/kms.ini"
client fos_download "$down"
expect_status 1
told '^error: w7prep: the profile kms.ini or the installation'
cp "$T/kms.ini" "$down/w7prep/profiles/kms.ini"
restore --data
client fos_download "$down"
expect_out 'no partition with a Windows'
told '^task complete'

# a program that fails half-way is undone, and the PC does not go on
mv "$down/w7prep/w7prep-static-$(uname -m)" "$T/program"
cat >"$down/w7prep/w7prep-static-$(uname -m)" <<X
#!/bin/bash
"$T/program" "\$@" || exit
[ "\$1" != apply ] || { echo 'w7prep: error: the disk is full: C:\\new\\table' >&2; exit 7; }
X
chmod 755 "$down/w7prep/w7prep-static-$(uname -m)"
restore
client fos_download "$down"
expect_status 1
told '^error: .*failed \(status 7\); Windows is as it was: the disk is full: C:\\new\\table'
prepared kms 10
rm "$down/w7prep/w7prep-static-$(uname -m)"
client fos_download "$down"
expect_status 1
told '^error: .*no program .*w7prep-static-'
# copied to another storage node without its rights
cp "$T/program" "$down/w7prep/w7prep-static-$(uname -m)"
chmod 644 "$down/w7prep/w7prep-static-$(uname -m)"
client fos_download "$down"
[ "$(cat "$T/fos")" = 'task complete' ] || fail "not executable: $(cat "$T/fos")"
prepared
mv "$T/program" "$down/w7prep/w7prep-static-$(uname -m)"

# the key that FOG has for the host
restore
key=AAAAA-BBBBB-CCCCC-DDDDD-EEEEE client fos_download "$down"
told '^warning: .*product key for this host that contradicts the profile kms.ini'
grep -q AAAAA "$T/out" "$T/fos" && fail "the key was shown"
key=33PXH-7Y6KF-2VJC9-XBBR8-HVTHH client fos_download "$down"
[ "$(cat "$T/fos")" = 'task complete' ] || fail "the client setup key does not contradict: $(cat "$T/fos")"
w7prep_profile=oem key=33PXH-7Y6KF-2VJC9-XBBR8-HVTHH client fos_download "$down"
told 'contradicts the profile oem.ini'
hostproductkey=AAAAA-BBBBB-CCCCC-DDDDD-EEEEE client fos_download "$down"
told contradicts

# hibernated: a restored PC loses what the image had; one about to be captured keeps it, and is not captured
run "$w7" fog install -p kms "$init"
expect_status 0
restore --hiberfil=hibr
client fos_download "$down"
[ "$(cat "$T/fos")" = 'task complete' ] || fail "hibernated in the image: $(cat "$T/fos")"
prepared
restore --hiberfil=hibr
client fos_init "$init" up
expect_status 1
told '^error: '
restore
client fos_init "$init" down
expect_status 0
expect_no_out w7prep
prepared kms 10
client fos_init "$init" up
expect_status 0
expect_out 'Preparing Windows 7 on .*Done'
told '^task goes on'
[ -s "$T/fos.curl" ] && ! grep -q . "$T/fos.curl" && fail "curl"
prepared
restore --sealed=no
client fos_init "$init" up
expect_status 1
told '^error: .*not prepared'

# not shut down cleanly: what was restored has its log reset, as FOG does it; what is to be captured does not
restore --dirty
client fos_download "$down"
[ "$(cat "$T/fos")" = 'task complete' ] || fail "dirty: $(cat "$T/fos")"
[ "$(ntfscat -f "$T/disk/sda2" Windows/Setup/Scripts/w7prep/settings.cmd 2>/dev/null | wc -c)" -gt 0 ] || fail "a dirty volume was not prepared"
restore --log=unclean
client fos_download "$down"
[ "$(cat "$T/fos")" = 'task complete' ] || fail "unclean log: $(cat "$T/fos")"
prepared
restore --log=unclean
before=$(sha "$T/disk/sda2")
client fos_init "$init" up
expect_status 1
told '^error: w7prep: .*sda2: not prepared, Windows is unchanged: it is mounted read-only \(.*not shut down cleanly'
[ "$(sha "$T/disk/sda2")" = "$before" ] || fail "the log of a PC about to be captured was reset"

# cannot be mounted at all
restore
dd if=/dev/zero of="$T/disk/sda2" bs=4096 seek=1 count=64 conv=notrunc status=none
client fos_download "$down"
told '^warning: w7prep: .*sda2: cannot be mounted, a Windows on it is not prepared: .'
client fos_init "$init" up
expect_status 1
told '^error: w7prep: .*sda2: cannot be mounted'

# other disks: only what FOG images is touched; BitLocker is passed over, FOG itself would stop there
restore
phony_volume "$T/disk/sdb1" --bitlocker
phony_volume "$T/disk/sdb2"
before=$(sha "$T/disk/sdb2")
disks_of_pc="$T/disk/sda $T/disk/sdb"
client fos_download "$down"
[ "$(cat "$T/fos")" = 'task complete' ] || fail "two disks: $(cat "$T/fos")"
prepared
[ "$(sha "$T/disk/sdb2")" = "$before" ] || fail "a disk that FOG did not restore was prepared"
restore
client fos_init "$init" up
told '^task goes on'
prepared
[ "$(sha "$T/disk/sdb2")" = "$before" ] || fail "a disk that FOG does not capture was prepared"
restore
fdrive=$T/disk/sdb client fos_init "$init" up
expect_status 0
expect_out 'sdb1: encrypted by BitLocker: left as it is'
expect_out 'Preparing Windows 7 on .*/sdb2'
prepared kms 10
phony_volume "$T/disk/sdb2"
image_type=mpa client fos_init "$init" up
told '^task goes on'
expect_out 'Preparing Windows 7 on .*/sda2'
expect_out 'sdb1: encrypted by BitLocker'
expect_out 'Preparing Windows 7 on .*/sdb2'
prepared
image_type=mpa client fos_download "$down"
told '^error: Found bitlocker signature'
unset disks_of_pc
rm "$T/disk/sdb"*

# one partition of the disk was imaged, or none: a Windows on another is somebody's, with its hibernation
phony_volume "$T/disk/sda4" --hiberfil=hibr
before=$(sha "$T/disk/sda4")
restore
imgPartitionType=2 client fos_download "$down"
prepared
restore
before2=$(sha "$T/disk/sda2")
imgPartitionType=mbr client fos_download "$down"
expect_out 'no partition with a Windows'
[ "$(sha "$T/disk/sda2")" = "$before2" ] || fail "the boot record alone was restored"
[ "$(sha "$T/disk/sda4")" = "$before" ] || fail "a partition that FOG did not restore was touched"
rm "$T/disk/sda4"

# the share as FOG's clients have it: read-only
restore
if mkdir "$T/share" && mount --bind "$down" "$T/share" 2>"$T/log" && at_exit "umount '$T/share' 2>/dev/null" &&
	mount -o remount,bind,ro "$T/share" 2>"$T/log"; then
	! touch "$T/share/here" 2>/dev/null || fail "the share is not read-only"
	client fos_download "$T/share"
	[ "$(cat "$T/fos")" = 'task complete' ] || fail "read-only: $(cat "$T/fos")"
	prepared
else
	skip_part "no bind mount here: the hook was not run from a read-only share"
fi
umount "$T/share" 2>/dev/null

# ---- and away again ----

run "$w7" fog remove "$down"
expect_status 0
cmp -s "$T/original" "$down/fog.postdownload" || fail "remove left something in FOG's script"
[ -e "$down/w7prep/labs.conf" ] || fail "remove took the admin's rules"
restore
client fos_download "$down"
[ "$(cat "$T/fos")" = 'task complete' ] || fail "removed: $(cat "$T/fos")"
prepared kms 10
run "$w7" fog remove --all "$down"
expect_status 0
[ "$(ls "$down")" = $'drivers.sh\nfog.postdownload' ] || fail "left: $(ls "$down")"
exit 0
