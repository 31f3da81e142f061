<?php

declare(strict_types=1);

namespace Resellflow\Whmcs;

use Resellflow\Api;
use Resellflow\Fleet;

/**
 * Brings WHMCS up to date with Resellflow, by WHMCS's own API (`localAPI`).
 *
 * An order that is completed is told by running Create again: WHMCS then marks the service active and sends its e-mail.
 */
final class Sync
{
    private const OURS = 'Provider: ';

    private readonly Fleet $fleet;

    public function __construct(Api $api)
    {
        $this->fleet = new Fleet($api);
    }

    /** Every service of this storefront. */
    public function all(): void
    {
        $this->apply($this->fleet->all());
    }

    /** The service that an event is about, if it is this storefront's. */
    public function about(int $service): void
    {
        $this->apply($this->fleet->about($service));
    }

    /** @param array<int, array<string, mixed>> $services by WHMCS's id */
    private function apply(array $services): void
    {
        foreach ($services as $id => $service) {
            $this->one($id, $service);
        }
    }

    /** @param array<string, mixed> $service */
    private function one(int $id, array $service): void
    {
        $found = localAPI('GetClientsProducts', ['serviceid' => $id]);
        $product = $found['products']['product'][0] ?? null;
        if ($product === null) {
            logActivity("Resellflow: service {$service['number']} belongs to WHMCS service $id, which is not there.");
            return;
        }
        $change = $this->change((string) $product['status'], (string) ($product['suspensionreason'] ?? ''), $service);
        if ($change === null || $this->fleet->isBusy((int) $service['number'])) {
            return;
        }
        if ($change === []) {
            localAPI('ModuleCreate', ['serviceid' => $id, 'accountid' => $id]);
        } elseif (isset($change['warning'])) {
            logActivity("Resellflow: {$change['warning']}");
        } else {
            localAPI('UpdateClientProduct', ['serviceid' => $id] + $change);
        }
    }

    /**
     * @param array<string, mixed> $service
     * @return array<string, string|list<string>>|null what to change in WHMCS; []: run Create again; null: nothing
     */
    private function change(string $inWhmcs, string $reason, array $service): ?array
    {
        $isRunning = in_array($inWhmcs, ['Active', 'Suspended'], true);
        return match (true) {
            $service['status'] === 'active' && $inWhmcs === 'Pending' => [],
            $service['status'] === 'active' && $inWhmcs === 'Suspended' && str_starts_with($reason, self::OURS) =>
                ['status' => 'Active', 'unset' => ['suspendreason']],
            $service['status'] === 'suspended' && $inWhmcs === 'Active' =>
                ['status' => 'Suspended', 'suspendreason' => self::OURS . ($service['suspend_reason'] ?? 'no reason')],
            $service['status'] === 'closed' && $isRunning => ['status' => 'Terminated'],
            in_array($inWhmcs, ['Terminated', 'Cancelled'], true) && $service['status'] !== 'closed' =>
                ['warning' => "service {$service['number']} is {$service['status']}, and terminated in WHMCS. Look at its operations."],
            default => null,
        };
    }
}
