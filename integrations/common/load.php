<?php

/** What the modules for all shops have in common. Each module has this directory inside its own, by a link. */

declare(strict_types=1);

require_once __DIR__ . '/Problem.php';
require_once __DIR__ . '/Api.php';
require_once __DIR__ . '/State.php';
require_once __DIR__ . '/Sale.php';
require_once __DIR__ . '/Requests.php';
require_once __DIR__ . '/Provisioning.php';
require_once __DIR__ . '/Fleet.php';
require_once __DIR__ . '/Webhook.php';
