#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Before a save: prepares the Windows on the reference PC's disk, so that the image is saved prepared.
# Called by Clonezilla: boot parameters ocs_savedisk_prerun, ocs_saveparts_prerun, or
# from /usr/share/drbl/prerun/ocs/ with ocs-sr -o0. See w7prep-clonezilla(7).

# shellcheck source=hooks/clonezilla/w7prep-clonezilla.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/w7prep-clonezilla.sh" || exit 1
w7prep_main 'savedisk' 'saveparts'
