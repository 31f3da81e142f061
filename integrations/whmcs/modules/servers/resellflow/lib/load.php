<?php

declare(strict_types=1);

if (!is_file(__DIR__ . '/common/load.php')) {
    throw new RuntimeException('The module for Resellflow was copied without the files that "lib/common" links to: copy it with "cp -rL".');
}

require_once __DIR__ . '/common/load.php';
require_once __DIR__ . '/Connection.php';
require_once __DIR__ . '/Product.php';
require_once __DIR__ . '/Renewal.php';
require_once __DIR__ . '/Inbox.php';
require_once __DIR__ . '/Sync.php';
