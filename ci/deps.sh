#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Install what building and testing need and this machine lacks, from Debian 12.
# Does nothing, and needs no root, when everything is there.
#   ci/deps.sh          install what is missing
#   ci/deps.sh --list   print the package names
set -eu

build="gcc make pkg-config libc6-dev perl
libguestfs-dev libwim-dev libhivex-dev libnbd-dev ntfs-3g-dev libarchive-dev libiniparser-dev
libxml2-dev libjansson-dev nettle-dev libsqlite3-dev libicu-dev liblzma-dev zlib1g-dev
libzstd-dev liblz4-dev libxxhash-dev libsodium-dev"
run="qemu-utils qemu-system-x86 ntfs-3g xz-utils"
test="check wimtools libhivex-bin libwin-hivex-perl guestfs-tools libguestfs-tools partclone
jq python3-jsonschema libxml2-utils shellcheck cppcheck valgrind wine wine64 zstd time
ipxe-qemu
clang libclang-rt-14-dev attr sqlite3 fdisk pigz lz4 acl
bind9-utils dnsmasq-base file php-cli git strace"

packages=$(printf '%s ' $build $run $test)
if [ "${1-}" = --list ]; then
	printf '%s\n' $packages
	exit 0
fi

missing=
installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 2>/dev/null | sed -n 's/^ii //p')
for p in $packages; do
	printf '%s\n' "$installed" | grep -qx "$p" || missing="$missing $p"
done
# libguestfs builds its appliance from a kernel in /boot
set -- /boot/vmlinuz-*
[ -e "$1" ] || missing="$missing linux-image-cloud-amd64"

[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	sudo=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
	sudo="sudo -n"
else
	echo "ci/deps.sh: these packages are missing and only root may install them:$missing" >&2
	echo "ci/deps.sh: run  sudo ci/deps.sh  once" >&2
	exit 1
fi
echo "ci/deps.sh: installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { $sudo apt-get update -q && $sudo apt-get install -q -y --no-install-recommends $missing; } \
    >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "ci/deps.sh: apt-get failed" >&2
	exit 1
fi
