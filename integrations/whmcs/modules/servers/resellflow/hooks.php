<?php

/** WHMCS loads this file by itself, because the module is in use by a product. */

declare(strict_types=1);

use Resellflow\Whmcs\Connection;
use Resellflow\Whmcs\Inbox;
use Resellflow\Whmcs\Sync;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    exit('This file is loaded by WHMCS.');
}

require_once __DIR__ . '/lib/load.php';

/** With webhooks: what they were about. Without: everything. Once a day `resellflow_UsageUpdate` compares everything. */
add_hook('AfterCronJob', 1, static function (): void {
    $settings = Inbox::settings();
    if ($settings === null) {
        resellflow_with_each_server(static fn (Sync $sync) => $sync->all());
        return;
    }
    $inbox = new Inbox($settings['inbox']);
    $events = $inbox->waiting();
    $services = array_unique(array_filter(array_map(static fn (array $event) => (int) ($event['data']['service'] ?? 0), $events)));
    $isDone = resellflow_with_each_server(static function (Sync $sync) use ($services): void {
        foreach ($services as $service) {
            $sync->about($service);
        }
    });
    if ($isDone) {
        array_map($inbox->done(...), array_keys($events));
        $inbox->tidy();
    }
});

/**
 * @param callable(Sync): void $work
 * @return bool whether it succeeded with all servers
 */
function resellflow_with_each_server(callable $work): bool
{
    $isDone = true;
    foreach (Capsule::table('tblservers')->where('type', 'resellflow')->where('disabled', 0)->get() as $server) {
        try {
            $password = localAPI('DecryptPassword', ['password2' => $server->password])['password'] ?? '';
            $work(new Sync(Connection::of([
                'serverhostname' => $server->hostname,
                'serverip' => $server->ipaddress,
                'serverport' => $server->port,
                'serversecure' => $server->secure,
                'serverpassword' => $password,
            ])));
        } catch (Throwable $trouble) {
            $isDone = false;
            logActivity("Resellflow: the services of server {$server->name} were not compared: {$trouble->getMessage()}");
        }
    }
    return $isDone;
}
