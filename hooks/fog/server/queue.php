<?php
/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A captured image is put into the queue of w7prep-fog-queue: a file with the image's path below
 * FOG's store and the MAC address of the PC that it came from. This runs inside the request on
 * which that PC is waiting: nothing else is done here, and no failure of it is the PC's.
 */

if (!function_exists('w7prep_enqueue')) {
    /**
     * Put an image into the queue.
     *
     * @param string $image path of the image below the store
     * @param string $mac   address of the captured PC
     *
     * @return bool whether it is in the queue
     */
    function w7prep_enqueue($image, $mac)
    {
        $queue = getenv('W7PREP_FOG_QUEUE') ?: '/var/spool/w7prep-fog';
        $text = $image . "\n" . strtolower($mac) . "\n";
        if (substr_count($text, "\n") !== 2 || strlen($text) > 1024) {
            error_log('w7prep: not the name of an image');
            return false;
        }
        // the worker passes over what begins with a dot: a file appears when it is whole
        $name = sprintf('%d-%s', time(), bin2hex(random_bytes(8)));
        if (@file_put_contents("$queue/.$name", $text) !== strlen($text)
            || !@rename("$queue/.$name", "$queue/$name")
        ) {
            @unlink("$queue/.$name");
            error_log("w7prep: cannot write to $queue: see w7prep-fog(7)");
            return false;
        }
        return true;
    }

    /**
     * What HOST_TASKING_COMPLETE tells of a capture goes into the queue.
     *
     * @param array $arguments Host and Task
     *
     * @return void
     */
    function w7prep_tasking_complete($arguments)
    {
        try {
            $task = $arguments['Task'];
            if ($task->isCapture()) {
                w7prep_enqueue(
                    (string)$task->getImage()->get('path'),
                    (string)$arguments['Host']->get('mac')
                );
            }
        } catch (\Throwable $e) {
            error_log('w7prep: ' . $e->getMessage());
        }
    }
}
