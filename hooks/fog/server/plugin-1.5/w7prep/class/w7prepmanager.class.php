<?php
/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * FOG wants to install and uninstall a database for every plugin; this one has none.
 */
class W7prepManager
{
    /**
     * @return bool
     */
    public function install()
    {
        return true;
    }

    /**
     * The inherited one of FOG's managers would drop a table.
     *
     * @return bool
     */
    public function uninstall()
    {
        return true;
    }
}
