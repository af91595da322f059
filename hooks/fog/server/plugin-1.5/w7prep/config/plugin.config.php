<?php
/* SPDX-License-Identifier: GPL-3.0-or-later */
$fog_plugin = array();
$fog_plugin['name'] = 'w7prep';
$fog_plugin['description'] = 'Windows 7 images are prepared for activation after they were captured.';
$fog_plugin['menuicon'] = 'fa fa-windows fa-fw';
$fog_plugin['menuicon_hover'] = null;
// FOG runs this file if it is there: nothing here may be of that name
$fog_plugin['entrypoint'] = 'html/run.php';
