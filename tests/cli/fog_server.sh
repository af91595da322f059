#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The FOG server: a finished capture is put into the queue by the plugin, and prepared by the worker.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/../fixtures/images.sh"
for tool in php partclone.ntfs zstd; do
	requires "$tool"
done
w7=$BUILD/w7prep
make -s BUILD="$BUILD" W7PREP_NO_DEPS=1 install DESTDIR="$T/root" PREFIX=/usr >"$T/log" 2>&1 ||
    fail "make install: $(tail -n 3 "$T/log")"
kit=$T/root/usr/share/w7prep/fog/server

for layout in 1.5 1.6; do
	for action in install uninstall; do
		run php tests/fixtures/fog_plugin.php $layout "$kit/plugin-$layout/w7prep" $action
		[ "$(cat "$T/out")" = "${action}ed" ] || fail "FOG $layout cannot $action the plugin: $(cat "$T/out" "$T/err")"
	done
done

# ---- the plugin ----

export W7PREP_FOG_QUEUE=$T/queue
mkdir "$T/queue"
tell() { # LAYOUT capture|deploy IMAGE [not-installed]: what FOG does at the end of a task
	run php tests/fixtures/fog_hook.php "$kit/plugin-$1/w7prep/hooks/w7prepqueue.hook.php" "$2" "$3" \
	    00:11:22:AA:bb:cc "${4-}"
	expect_status 0
	# the PC waits for this
	[ "$(cat "$T/out")" = '##' ] || fail "FOG's answer to the PC was changed"
}
for layout in 1.5 1.6; do
	tell $layout deploy win7
	tell $layout capture win7 not-installed
	[ -z "$(ls -A "$T/queue")" ] || fail "$layout: a deploy was queued"
	tell $layout capture 'win7 lab'
	[ "$(cat "$T/queue"/*)" = $'win7 lab\n00:11:22:aa:bb:cc' ] || fail "$layout: $(cat "$T/queue"/*)"
	rm -f "$T/queue"/*
	tell $layout capture $'win7\nother'
	[ -z "$(ls -A "$T/queue")" ] || fail "$layout: a name of two lines was queued"
	W7PREP_FOG_QUEUE=$T/nowhere tell $layout capture win7
	expect_err 'cannot write to .*nowhere'
done

# ---- the worker ----

export W7PREP_IMAGES=$T/images W7PREP_FOG_PROFILES=$T/profiles W7PREP=$w7 W7PREP_FOG_PAUSE=0.2
mkdir -p "$T/images/dev" "$T/profiles"
phony_volume "$T/volume.ntfs"
partclone.ntfs -c -s "$T/volume.ntfs" -O "$T/plain.ptcl" -a0 -L "$T/log" >/dev/null 2>&1 || fail "partclone.ntfs"
image() { # NAME
	rm -rf "$T/images/$1"
	mkdir "$T/images/$1"
	zstd -q "$T/plain.ptcl" -o "$T/images/$1/d1p2.img"
	printf 'label: dos\n' >"$T/images/$1/d1.partitions"
}
work() { run "$kit/w7prep-fog-queue"; }
prepared() { # IMAGE STATUS
	"$w7" verify -q -p kms "$T/images/$1" >/dev/null 2>"$T/log"
	[ $? -eq "$2" ] || fail "$1: $(cat "$T/log")"
}
empty() { [ -z "$(ls -A "$T/queue")" ] || fail "left in the queue: $(ls -A "$T/queue")"; }
for name in 'win7 lab' room12 other; do
	image "$name"
done
cp profiles/kms.ini "$T/profiles/win7 lab.ini"
cp profiles/kms.ini "$T/profiles/room12.ini"
tell 1.5 capture 'win7 lab'
tell 1.6 capture room12
tell 1.6 capture other
work
expect_status 0
expect_err 'win7 lab: prepared'
expect_err 'other: there is no .*other.ini: left as it was captured'
empty
prepared 'win7 lab' 0
prepared room12 0
prepared other 10

# FOG is still moving the upload to its name: waited for, and the new image is what is prepared
image room12
mkdir "$T/images/dev/001122aabbcc"
tell 1.6 capture room12
(sleep 1 && rmdir "$T/images/dev/001122aabbcc") &
work
wait
expect_status 0
expect_err 'room12: prepared'
prepared room12 0

# being deployed: tried again, then given up
image room12
tell 1.6 capture room12
exec 7<"$T/images/room12/d1p2.img"
W7PREP_FOG_TRIES=2 work
expect_status 1
expect_err 'given up, still in use: room12'
exec 7<&-
prepared room12 10
empty

# what fails is said, and does not keep the others waiting
image broken
truncate -s 1000 "$T/images/broken/d1p2.img"
cp profiles/kms.ini "$T/profiles/broken.ini"
tell 1.6 capture broken
tell 1.6 capture room12
work
expect_status 1
expect_err 'broken: failed \(status 4\)'
expect_err 'room12: prepared'
empty

# names that lead elsewhere
ln -s other "$T/images/link"
cp profiles/kms.ini "$T/profiles/link.ini"
mkdir "$T/images/bell"$'\a'
for name in ../images/other /etc . dev link '' 'a/b' $'bell\a'; do
	tell 1.6 capture "$name"
done
ln -s /etc/passwd "$T/queue/9-link"
# what a web server that somebody else has taken over could leave there
mkdir -p "$T/queue/8-directory/below"
mkfifo "$T/queue/7-fifo"
work
expect_status 0
[ "$(grep -c 'not the name of an image' "$T/err")" -eq 8 ] || fail "not every bad name was seen"
for odd in 9-link 8-directory 7-fifo; do
	expect_err "$odd: not a file"
done
empty
prepared other 10

# ---- the units ----

for unit in path service; do
	grep -q '@' "$kit/w7prep-fog.$unit" && fail "w7prep-fog.$unit was not filled in"
done
if command -v systemd-analyze >/dev/null; then
	mkdir -p "$T/root/units"
	sed "s|=/usr/|=$T/root/usr/|" "$kit/w7prep-fog.service" >"$T/root/units/w7prep-fog.service"
	cp "$kit/w7prep-fog.path" "$T/root/units/"
	run systemd-analyze verify --man=no "$T/root/units/w7prep-fog.path" "$T/root/units/w7prep-fog.service"
	expect_status 0
	expect_no_err w7prep-fog
else
	skip_part "systemd-analyze is not installed: the units were not verified"
fi
exit 0
