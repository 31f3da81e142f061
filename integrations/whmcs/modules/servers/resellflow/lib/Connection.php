<?php

declare(strict_types=1);

namespace Resellflow\Whmcs;

use Resellflow\Api;
use Resellflow\Problem;

/** The Resellflow that a server in WHMCS's settings stands for. */
final class Connection
{
    /** @param array<string, mixed> $params what WHMCS hands to every function of a module */
    public static function of(array $params): Api
    {
        $host = trim((string) ($params['serverhostname'] ?: $params['serverip'] ?? ''));
        $token = trim((string) ($params['serverpassword'] ?? ''));
        if ($host === '' || $token === '') {
            throw new Problem('The server of this product needs a hostname, and the storefront token as its password.');
        }
        $scheme = !empty($params['serversecure']) ? 'https' : 'http';
        $port = empty($params['serverport']) ? '' : ':' . (int) $params['serverport'];
        $log = static fn (string $action, string $request, string $answer) =>
            logModuleCall('resellflow', $action, $request, $answer, '', [$token]);
        return new Api("$scheme://$host$port", $token, $log);
    }
}
