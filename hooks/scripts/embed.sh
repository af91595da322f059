#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Print C source that holds the named scripts, with the CRLF line ends that cmd.exe wants.
set -eu
printf '/* made by hooks/scripts/embed.sh */\n#include "hooks/scripts.h"\n\n'
n=0
for f; do
	printf 'static const unsigned char s%d[] = {' "$n"
	sed 's/\r*$/\r/' "$f" | od -An -v -tx1 | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
	printf '0};\n'
	n=$((n + 1))
done
printf '\nconst struct script scripts[] = {\n'
n=0
for f; do
	printf '\t{"%s", s%d, sizeof(s%d) - 1},\n' "${f##*/}" "$n" "$n"
	n=$((n + 1))
done
printf '\t{0, 0, 0},\n};\n'
