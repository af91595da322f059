#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-3.0-or-later
# Compare two listings of `wimlib-imagex dir --detailed`, a block a file: print "removed PATH", "added PATH",
# "content PATH" (only hashes and sizes differ), "links PATH" (only the link count), "metadata PATH".
function flush_block() {
	if (path == "")
		return
	if (!second) {
		meta1[path] = meta; data1[path] = data; links1[path] = links
	} else {
		meta2[path] = meta; data2[path] = data; links2[path] = links
	}
	path = ""
}
function start() { meta = ""; data = ""; links = "" }
FNR == 1 && NR > 1 { flush_block(); second = 1 }
/^-----/ { flush_block(); start(); next }
/^Full Path/ { path = $0; sub(/^[^"]*"/, "", path); sub(/".*$/, "", path); next }
/^Link Count/ { links = $0; next }
# numbers that wimlib gives out afresh each time it writes
/^(Security ID|Hard Link Group ID|Link Group ID|Inode Number|Reference Count|Uncompressed size|Raw compressed size|Offset in WIM|Part Number|Flags|Compressed size|Raw size|Uncompressed Size)/ { next }
/[Hh]ash|SHA1|sha1/ { data = data $0 "\n"; next }
/[Ll]ast [Aa]ccess/ { next }
{ meta = meta $0 "\n" }
END {
	flush_block()
	for (p in meta1) {
		if (!(p in meta2)) print "removed " p
		else if (meta1[p] != meta2[p]) print "metadata " p
		else if (data1[p] != data2[p]) print "content " p
		else if (links1[p] != links2[p]) print "links " p
	}
	for (p in meta2) if (!(p in meta1)) print "added " p
}
