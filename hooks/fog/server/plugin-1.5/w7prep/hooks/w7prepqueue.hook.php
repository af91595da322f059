<?php
/* SPDX-License-Identifier: GPL-3.0-or-later */
require_once __DIR__ . '/../queue.php';

/**
 * FOG 1.5: puts captured images into the queue of w7prep.
 */
class W7prepQueue extends Hook
{
    public $name = 'W7prepQueue';
    public $description = 'Puts captured images into the queue of w7prep.';
    public $active = true;
    public $node = 'w7prep';

    public function __construct()
    {
        parent::__construct();
        self::$HookManager->register(
            'HOST_TASKING_COMPLETE',
            array($this, 'taskingComplete')
        );
    }

    /**
     * @param array $arguments Host and Task
     *
     * @return void
     */
    public function taskingComplete($arguments)
    {
        if (in_array($this->node, (array)self::$pluginsinstalled)) {
            w7prep_tasking_complete($arguments);
        }
    }
}
