<?php
/* SPDX-License-Identifier: GPL-3.0-or-later */
$fog_plugin = [];
$fog_plugin['name'] = 'w7prep';
$fog_plugin['description'] = 'Windows 7 images are prepared for activation after they were captured.';
$fog_plugin['menuicon'] = 'fab fa-windows fa-fw';
$fog_plugin['version'] = '0.1.0';
$fog_plugin['fog_min'] = '1.6.0';
$fog_plugin['author'] = 'w7prep';
