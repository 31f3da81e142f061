<?php

declare(strict_types=1);

require_once __DIR__ . '/Problem.php';
require_once __DIR__ . '/Api.php';
require_once __DIR__ . '/State.php';
require_once __DIR__ . '/Product.php';
require_once __DIR__ . '/Provisioning.php';
require_once __DIR__ . '/Webhook.php';
require_once __DIR__ . '/Inbox.php';
require_once __DIR__ . '/Sync.php';
