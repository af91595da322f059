#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Debian's static libraries of another architecture, unpacked in a directory: what the static program
# needs for it. Nothing is installed, dpkg knows no foreign architecture afterwards; no root.
#   ci/sysroot.sh i386|arm64 DIR
set -eu

arch=$1 dir=$2
packages="libhivex-dev libiniparser-dev libxml2-dev libjansson-dev nettle-dev libsqlite3-dev libicu-dev
liblzma-dev zlib1g-dev ntfs-3g-dev libzstd-dev liblz4-dev libxxhash-dev
libsodium-dev"

mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial" "$dir/debs"
dir=$(cd "$dir" && pwd)
# apt's own state, beside the system's; sources and keys are the system's
apt() {
	apt-get -q -o Dir::State="$dir/apt" -o Dir::State::lists="$dir/apt/lists" \
	    -o Dir::State::status="$dir/apt/status" -o Dir::Cache="$dir/apt" \
	    -o Dir::Cache::archives="$dir/apt/archives" -o APT::Architecture="$arch" \
	    -o APT::Architectures="$arch" -o APT::Sandbox::User= -o Acquire::Languages=none "$@"
}
: >"$dir/apt/status"
log=$dir/apt/log
# an index that cannot be had leaves older packages to take, or none: then the download fails
apt update >"$log" 2>&1 || grep '^E: Failed' "$log" >&2 || true
{ cd "$dir/debs" && apt download $packages; } >>"$log" 2>&1 || {
	tail -n 5 "$log" >&2
	echo "ci/sysroot.sh: cannot get the libraries for $arch" >&2
	exit 1
}
for deb in "$dir"/debs/*.deb; do
	dpkg-deb -x "$deb" "$dir"
done
rm -rf "$dir/apt" "$dir/debs"
