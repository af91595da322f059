#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# After a restore: prepares the Windows that was restored, on this PC's disk.
# Called by Clonezilla: boot parameters ocs_restoredisk_postrun, ocs_restoreparts_postrun, or
# from /usr/share/drbl/postrun/ocs/ with ocs-sr -o1. See w7prep-clonezilla(7).

# shellcheck source=hooks/clonezilla/w7prep-clonezilla.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/w7prep-clonezilla.sh" || exit 1
w7prep_main '*restoredisk' '*restoreparts'
