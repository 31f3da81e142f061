<?php

declare(strict_types=1);

namespace Resellflow;

/**
 * Brings WHMCS up to date with Resellflow, by WHMCS's own API (`localAPI`).
 *
 * An order that is completed is told by running Create again: WHMCS then marks the service active and sends its e-mail.
 */
final class Sync
{
    private const OURS = 'Provider: ';
    private const STATE_KINDS = ['open', 'suspend', 'resume', 'close'];

    public function __construct(private readonly Api $api)
    {
    }

    /** Every service of this storefront. */
    public function all(): void
    {
        $this->apply($this->pages([]));
    }

    /** The service that an event is about, if it is this storefront's. Only its customer's services are read. */
    public function about(int $service): void
    {
        try {
            $found = $this->api->get("/v1/services/$service");
        } catch (Problem $problem) {
            if ($problem->status === 404) {
                return; // another server's
            }
            throw $problem;
        }
        $belongs = static fn (array $one) => explode('.', (string) $one['reference'])[0];
        $same = static fn (array $one) => $belongs($one) === $belongs($found);
        $this->apply(array_filter($this->pages(['customer' => $found['customer']]), $same));
    }

    /**
     * @param array<string, string> $query
     * @return list<array<string, mixed>> newest first
     */
    private function pages(array $query): array
    {
        $services = [];
        $query['limit'] = '200';
        do {
            $page = $this->api->get('/v1/services', $query);
            $services = [...$services, ...$page['items']];
            $query['cursor'] = $page['next_cursor'] ?? null;
        } while ($query['cursor'] !== null);
        return $services;
    }

    /** @param array<array<string, mixed>> $services newest first: of a WHMCS service only its latest order counts */
    private function apply(array $services): void
    {
        $seen = [];
        foreach ($services as $service) {
            if (!preg_match('/^(\d+)\.\d+$/D', (string) $service['reference'], $found) || isset($seen[$found[1]])) {
                continue;
            }
            $seen[$found[1]] = true;
            $this->one((int) $found[1], $service);
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
        if ($change === null || $this->isBusy((int) $service['number'])) {
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
     * @return array<string, string>|null what to change in WHMCS; []: run Create again; null: nothing
     */
    private function change(string $inWhmcs, string $reason, array $service): ?array
    {
        $isRunning = in_array($inWhmcs, ['Active', 'Suspended'], true);
        return match (true) {
            $service['status'] === 'active' && $inWhmcs === 'Pending' => [],
            $service['status'] === 'active' && $inWhmcs === 'Suspended' && str_starts_with($reason, self::OURS) =>
                ['status' => 'Active', 'suspendreason' => ''],
            $service['status'] === 'suspended' && $inWhmcs === 'Active' =>
                ['status' => 'Suspended', 'suspendreason' => self::OURS . ($service['suspend_reason'] ?? 'no reason')],
            $service['status'] === 'closed' && $isRunning => ['status' => 'Terminated'],
            in_array($inWhmcs, ['Terminated', 'Cancelled'], true) && $service['status'] !== 'closed' =>
                ['warning' => "service {$service['number']} is {$service['status']}, and terminated in WHMCS. Look at its operations."],
            default => null,
        };
    }

    /** WHMCS may have asked for another state, which Resellflow does not show yet. A renewal that waits is no reason. */
    private function isBusy(int $service): bool
    {
        $operations = $this->api->get('/v1/operations', ['service' => $service, 'limit' => 50])['items'];
        $changesState = static fn (array $one) => in_array($one['kind'], self::STATE_KINDS, true) && $one['ended_at'] === null;
        return array_filter($operations, $changesState) !== [];
    }
}
