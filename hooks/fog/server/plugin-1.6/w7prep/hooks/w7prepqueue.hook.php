<?php
/* SPDX-License-Identifier: GPL-3.0-or-later */

namespace FOG\Plugins\W7prep;

require_once __DIR__ . '/../queue.php';

/**
 * FOG 1.6: puts captured images into the queue of w7prep.
 */
class W7prepQueue extends \FOG\Base\Hook
{
    public $name = 'W7prepQueue';
    public $description = 'Puts captured images into the queue of w7prep.';
    public $active = true;
    public $node = 'w7prep';

    public function __construct()
    {
        parent::__construct();
        $this->registerInstalled([
            ['HOST_TASKING_COMPLETE', 'taskingComplete'],
        ]);
    }

    /**
     * @param array $arguments Host and Task
     *
     * @return void
     */
    public function taskingComplete($arguments)
    {
        \w7prep_tasking_complete($arguments);
    }
}
