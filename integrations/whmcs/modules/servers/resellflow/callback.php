<?php

/**
 * Receives Resellflow's webhooks. It answers 204 only when the message is on the disk; the cron job does the work.
 * It does not load WHMCS, so that it answers at once, and while WHMCS is being upgraded.
 */

declare(strict_types=1);

use Resellflow\Whmcs\Inbox;
use Resellflow\Webhook;

require_once __DIR__ . '/lib/load.php';

$answer = static function (int $status, string $sentence = ''): never {
    http_response_code($status);
    header('Content-Type: text/plain; charset=utf-8');
    exit($sentence);
};

if (($_SERVER['REQUEST_METHOD'] ?? '') !== 'POST') {
    header('Allow: POST');
    $answer(405, 'Webhooks are posted.');
}
$settings = Inbox::settings();
if ($settings === null) {
    $answer(503, 'settings.php is missing.');
}
$headers = [];
foreach (['id', 'timestamp', 'signature'] as $name) {
    $headers["webhook-$name"] = (string) ($_SERVER['HTTP_WEBHOOK_' . strtoupper($name)] ?? '');
}
$body = (string) file_get_contents('php://input');
$doubt = Webhook::doubt($headers, $body, $settings['webhook_secret'], time());
if ($doubt !== '') {
    $answer(401, $doubt);
}
if (!(new Inbox($settings['inbox']))->store($headers['webhook-id'], $body)) {
    $answer(503, 'The message could not be stored. See the directory that settings.php names.');
}
$answer(204);
