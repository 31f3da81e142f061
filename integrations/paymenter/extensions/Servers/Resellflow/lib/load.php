<?php

declare(strict_types=1);

if (!is_file(__DIR__ . '/common/load.php')) {
    throw new RuntimeException('The extension for Resellflow was copied without the files that "lib/common" links to: copy it with "cp -rL".');
}

require_once __DIR__ . '/common/load.php';
require_once __DIR__ . '/Properties.php';
require_once __DIR__ . '/SoldService.php';
require_once __DIR__ . '/Terms.php';
require_once __DIR__ . '/Desk.php';
require_once __DIR__ . '/Command.php';
require_once __DIR__ . '/Forms.php';
require_once __DIR__ . '/Comparison.php';
