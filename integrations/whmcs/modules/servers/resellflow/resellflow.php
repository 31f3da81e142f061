<?php

/** WHMCS provisioning module for Resellflow. README.md of integrations/whmcs says how to install it. */

declare(strict_types=1);

use Resellflow\Problem;
use Resellflow\Provisioning;
use Resellflow\Requests;
use Resellflow\State;
use Resellflow\Whmcs\Connection;
use Resellflow\Whmcs\Product;
use Resellflow\Whmcs\Renewal;
use Resellflow\Whmcs\Sync;

if (!defined('WHMCS')) {
    exit('This file is loaded by WHMCS.');
}

require_once __DIR__ . '/lib/load.php';

/** @return array<string, mixed> */
function resellflow_MetaData(): array
{
    return [
        'DisplayName' => 'Resellflow',
        'APIVersion' => '1.1',
        'RequiresServer' => true,
        'DefaultNonSSLPort' => '8080',
        'DefaultSSLPort' => '443',
    ];
}

/** @return array<string, array<string, mixed>> */
function resellflow_ConfigOptions(): array
{
    return [
        'Plan' => ['Type' => 'text', 'Size' => '25', 'Loader' => 'resellflow_Plans', 'SimpleMode' => true],
        'Template' => ['Type' => 'text', 'Size' => '25', 'Description' => 'operating system, where the plan has several', 'SimpleMode' => true],
        'Months' => ['Type' => 'text', 'Size' => '3', 'Description' => 'length of a term; empty: the billing cycle'],
        'Wait' => ['Type' => 'text', 'Size' => '3', 'Default' => '10', 'Description' => 'seconds that a command waits for the order to be completed'],
    ];
}

/**
 * The plans that can be ordered, for the list in the product's settings. WHMCS shows the message of an exception.
 *
 * @param array<string, mixed> $params
 * @return array<string, string>
 */
function resellflow_Plans(array $params): array
{
    $plans = [];
    foreach (Connection::of($params)->items('/v1/plans', ['active' => 'true']) as $plan) {
        $prices = array_map(
            static fn (array $period) => "{$period['in_words']}: {$period['price']['amount']} {$period['price']['currency']}",
            array_filter($plan['periods'], static fn (array $period) => $period['price'] !== null),
        );
        $plans[$plan['name']] = "{$plan['name']} ({$plan['product_type']}; " . implode(', ', $prices) . ')';
    }
    ksort($plans);
    return $plans;
}

/** @param array<string, mixed> $params */
function resellflow_CreateAccount(array $params): string
{
    $answer = resellflow_answered($params, static fn (Provisioning $it) => $it->create());
    if ($answer === Requests::SUCCESS) {
        resellflow_keep_address($params);
    }
    return $answer;
}

/** @param array<string, mixed> $params */
function resellflow_SuspendAccount(array $params): string
{
    return resellflow_answered($params, static fn (Provisioning $it) => $it->suspend((string) ($params['suspendreason'] ?? '')));
}

/** @param array<string, mixed> $params */
function resellflow_UnsuspendAccount(array $params): string
{
    return resellflow_answered($params, static fn (Provisioning $it) => $it->unsuspend());
}

/** @param array<string, mixed> $params */
function resellflow_TerminateAccount(array $params): string
{
    return resellflow_answered($params, static fn (Provisioning $it) => $it->terminate());
}

/** @param array<string, mixed> $params */
function resellflow_Renew(array $params): string
{
    return resellflow_answered($params, static fn (Provisioning $it, Renewal $renewal) => $renewal->renew((string) ($params['model']->nextduedate ?? '')));
}

/** @param array<string, mixed> $params */
function resellflow_ChangePackage(array $params): string
{
    return resellflow_answered($params, static fn (Provisioning $it) => $it->changePackage());
}

/**
 * WHMCS would store the password that it made up, and the provider makes up another one. Customers read this answer too.
 *
 * @param array<string, mixed> $params
 */
function resellflow_ChangePassword(array $params): string
{
    return "The password was not changed: it can't be chosen, because the provider makes up passwords itself. Support can have a new one made.";
}

/** @return array<string, string> */
function resellflow_AdminCustomButtonArray(): array
{
    return ['Prolong by one more term' => 'RenewOnceMore', 'Set a new password' => 'NewPassword'];
}

/** @param array<string, mixed> $params */
function resellflow_RenewOnceMore(array $params): string
{
    return resellflow_answered($params, static fn (Provisioning $it, Renewal $renewal) => $renewal->onceMore());
}

/** @param array<string, mixed> $params */
function resellflow_NewPassword(array $params): string
{
    return resellflow_answered($params, static fn (Provisioning $it) => $it->newPassword());
}

/**
 * @param array<string, mixed> $params
 * @return array{success: bool, error: string}
 */
function resellflow_TestConnection(array $params): array
{
    try {
        $holder = Connection::of($params)->get('/v1/token');
        $isShop = ($holder['role'] ?? '') === 'storefront';
        $error = $isShop ? '' : "The token belongs to {$holder['name']}, whose role is {$holder['role']}. Use the token of a storefront.";
        return ['success' => $isShop, 'error' => $error];
    } catch (Throwable $trouble) {
        return ['success' => false, 'error' => $trouble->getMessage()];
    }
}

/**
 * What the customer sees of the service.
 *
 * @param array<string, mixed> $params
 * @return array<string, mixed>
 */
function resellflow_ClientArea(array $params): array
{
    $shown = ['name' => (string) ($params['domain'] ?? ''), 'status' => 'being set up', 'ip' => '', 'expires_on' => ''];
    try {
        [$it] = resellflow_of($params);
        $service = $it->service();
        $shown = array_map('strval', array_intersect_key($service, $shown));
    } catch (Throwable) {
        // Not ordered yet, or Resellflow is away: customers need no reasons.
    }
    return ['tabOverviewReplacementTemplate' => 'templates/overview.tpl', 'templateVariables' => ['resellflow' => $shown]];
}

/**
 * What the shop's staff see of the service.
 *
 * @param array<string, mixed> $params
 * @return array<string, string> HTML by label
 */
function resellflow_AdminServicesTabFields(array $params): array
{
    try {
        [$it] = resellflow_of($params);
        $fields = $it->summary();
        $unsettled = (new State($params['model']->serviceProperties))->unsettled();
        $fields['Not settled'] = implode(', ', $unsettled) ?: 'nothing';
    } catch (Throwable $trouble) {
        $fields = ['Resellflow' => $trouble->getMessage()];
    }
    return array_map(static fn (string $text) => htmlspecialchars($text, ENT_QUOTES), $fields);
}

/**
 * WHMCS calls it once a day for each server. Resellflow measures no disk space or traffic; the states are compared.
 *
 * @param array<string, mixed> $params
 */
function resellflow_UsageUpdate(array $params): void
{
    try {
        (new Sync(Connection::of($params)))->all();
    } catch (Throwable $trouble) {
        logActivity("Resellflow: the services of a server were not compared: {$trouble->getMessage()}");
    }
}

/**
 * WHMCS's own field for it, so that its e-mails and lists can show the address. Nothing depends on it.
 *
 * @param array<string, mixed> $params
 */
function resellflow_keep_address(array $params): void
{
    try {
        [$it] = resellflow_of($params);
        $params['model']->serviceProperties->save(['Dedicated IP' => (string) $it->service()['ip']]);
    } catch (Throwable $trouble) {
        logActivity("Resellflow: the address of WHMCS service {$params['serviceid']} was not stored: {$trouble->getMessage()}");
    }
}

/**
 * @param array<string, mixed> $params
 * @return array{Provisioning, Renewal}
 */
function resellflow_of(array $params): array
{
    $api = Connection::of($params);
    $sale = new Product($params);
    $state = new State($params['model']->serviceProperties);
    $provisioning = new Provisioning($api, $state, $sale);
    return [$provisioning, new Renewal($api, $state, new Requests($api, $state, $sale), $provisioning)];
}

/**
 * @param array<string, mixed> $params
 * @param callable(Provisioning, Renewal): string $command
 */
function resellflow_answered(array $params, callable $command): string
{
    try {
        return $command(...resellflow_of($params));
    } catch (Problem $problem) {
        return $problem->getMessage();
    } catch (Throwable $trouble) {
        return "The module failed: {$trouble->getMessage()}. Run the command again: nothing is bought twice.";
    }
}
