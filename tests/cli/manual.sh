#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What w7prep-fog(7) and w7prep-clonezilla(7) say to type, pasted from the pages, in a file system of its own below
# $root: each line works, the second time too, and removing gives the first state back.
# shellcheck source=tests/cli/functions.sh
. "$(dirname "$0")/functions.sh"
requires php
[ -x "$BUILD/w7prep-static-$(uname -m)" ] || make -s BUILD="$BUILD" W7PREP_NO_DEPS=1 static >"$T/log" 2>&1 ||
    fail "make static: $(tail -n 3 "$T/log")"
root=$T/root
make -s BUILD="$BUILD" W7PREP_NO_DEPS=1 install DESTDIR="$root" PREFIX=/usr/local >"$T/log" 2>&1 ||
    fail "make install: $(tail -n 3 "$T/log")"

# systemd is told of, not to: it would act on this machine
mkdir "$T/bin"
printf '#!/bin/sh\necho "$0 $*" | sed "s,.*/,," >>%s/told\n' "$T" >"$T/bin/systemctl"
cat >"$T/bin/systemd-tmpfiles" <<X
#!/bin/sh
set -- $root/etc/tmpfiles.d/\$2
grep '^d ' "\$1" | while read -r _ dir mode _; do mkdir -m "\$mode" "$root\$dir"; done
X
chmod +x "$T/bin"/*
export PATH=$root/usr/local/bin:$T/bin:$PATH

page=
paste_block() { # FIRST [LAST]: the lines of a page's example from the one with FIRST to the one with LAST
	awk -v a="$1" -v b="${2-$1}" '/^ / && index($0, a) {on = 1} on {print substr($0, 2)} on && index($0, b) {exit}' \
		"$page" >"$T/block"
	[ -s "$T/block" ] || fail "$page has no example with $1"
	sed -Ei "s#(^|[ \"(])/(usr/local|images|srv|opt|etc|var)/#\1$root/\2/#g; s/\bsudo //" "$T/block"
	run bash -e "$T/block"
	expect_status 0
}
tree() { (cd "$root" && find . -printf '%y %m %p\n' -type f -exec sha256sum {} + | sort); }

# ---- FOG ----

page=plugin/man/w7prep-fog.7.pod
mkdir -p "$root"/images/postdownloadscripts "$root"/images/dev/postinitscripts "$root"/etc/systemd/system \
	"$root"/etc/tmpfiles.d "$root"/var/www/html/fog/lib/plugins "$root"/opt/fog/plugins "$root"/var/spool
printf 'docroot="%s/var/www/html/"\nwebroot="/fog/"\n' "$root" >"$root/opt/fog/.fogsettings"
printf '#!/bin/bash\n. ${postdownpath}drivers' >"$root/images/postdownloadscripts/fog.postdownload"
printf '#!/bin/bash\n' >"$root/images/dev/postinitscripts/fog.postinit"
tree >"$T/first"
for _ in 1 2; do
	paste_block 'w7prep fog install -p kms /images/postdownloadscripts' 'fog check'
done
paste_block 'cd /usr/local/share/w7prep/fog/server' 'enable --now'
grep -qx 'systemctl enable --now w7prep-fog.path' "$T/told" || fail "systemd was told: $(cat "$T/told")"
[ -d "$root/var/spool/w7prep-fog" ] || fail "no queue"
paste_block '(. /opt/fog/.fogsettings &&' '/lib/plugins/")'
paste_block 'plugin-1.6/w7prep /opt/fog/plugins/'
for plugin in 1.5:var/www/html/fog/lib/plugins 1.6:opt/fog/plugins; do
	run php tests/fixtures/fog_plugin.php "${plugin%%:*}" "$root/${plugin#*:}/w7prep" install
	expect_out '^installed$'
done
paste_block 'mkdir -p /etc/w7prep/profiles' 'win7-room12.ini'
run w7prep profile check "$root/etc/w7prep/profiles/win7-room12.ini"
expect_status 0

paste_block '(. /opt/fog/.fogsettings && rm' 'rm -rf /opt/fog/plugins/w7prep'
paste_block 'systemctl disable --now' 'rm -r /var/spool/w7prep-fog'
paste_block 'w7prep fog remove --all /images/postdownloadscripts'
rm -r "$root/etc/w7prep" # "your profiles"
tree >"$T/last"
diff "$T/first" "$T/last" >"$T/out" || fail "not the first state any more: $(cat "$T/out")"

# ---- Clonezilla ----

page=plugin/man/w7prep-clonezilla.7.pod
mkdir -p "$root/srv/partimag"
tree >"$T/first"
paste_block 'mkdir -p /srv/partimag/w7prep' 'cp -rn'
(cd "$root/srv/partimag/w7prep" && find . -type f | sort) >"$T/files"
for file in w7prep-postrun.sh w7prep-prerun.sh w7prep-clonezilla.sh labs.sh labs.conf profiles/kms.ini "w7prep-static-$(uname -m)"; do
	grep -qxF "./$file" "$T/files" || fail "$file was not copied"
done
echo 'default mak-proxy' >"$root/srv/partimag/w7prep/labs.conf"
paste_block 'mkdir -p /srv/partimag/w7prep' 'cp -rn'
grep -qx 'default mak-proxy' "$root/srv/partimag/w7prep/labs.conf" || fail "an update took the admin's rules"
(cd "$root/srv/partimag/w7prep" && find . -type f | sort) | cmp -s - "$T/files" || fail "an update put files elsewhere"
# the boot parameters that the page shows are those of the files that are there
sed -n 's,.*bash /home/partimag/w7prep/\([a-z0-9-]*\.sh\)".*,\1,p' "$page" | sort -u >"$T/named"
[ -s "$T/named" ] || fail "no boot parameter in $page"
while read -r file; do
	[ -f "$root/srv/partimag/w7prep/$file" ] || fail "a boot parameter names $file"
done <"$T/named"
paste_block 'rm -r /srv/partimag/w7prep'
tree >"$T/last"
diff "$T/first" "$T/last" >"$T/out" || fail "not the first state any more: $(cat "$T/out")"
exit 0
