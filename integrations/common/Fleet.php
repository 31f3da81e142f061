<?php

declare(strict_types=1);

namespace Resellflow;

/** The services of a shop as Resellflow has them. Of each of the shop's services only the latest order counts. */
final class Fleet
{
    private const STATE_KINDS = ['open', 'suspend', 'resume', 'close'];

    public function __construct(private readonly Api $api)
    {
    }

    /** @return array<int, array<string, mixed>> by the shop's id, newest first */
    public function all(): array
    {
        return $this->latest([]);
    }

    /**
     * The service that an event is about. Only its customer's services are read.
     *
     * @return array<int, array<string, mixed>> the same, with one entry; empty: it is not this shop's
     */
    public function about(int $number): array
    {
        try {
            $found = $this->api->get("/v1/services/$number");
        } catch (Problem $problem) {
            if ($problem->status === 404) {
                return [];
            }
            throw $problem;
        }
        $id = self::shopId($found);
        return $id === null ? [] : array_intersect_key($this->latest(['customer' => $found['customer']]), [$id => true]);
    }

    /** The shop may have asked for another state, which Resellflow does not show yet. A renewal that waits is no reason. */
    public function isBusy(int $number): bool
    {
        $operations = $this->api->get('/v1/operations', ['service' => $number, 'limit' => 50])['items'];
        $changesState = static fn (array $one) => in_array($one['kind'], self::STATE_KINDS, true) && $one['ended_at'] === null;
        return array_filter($operations, $changesState) !== [];
    }

    /**
     * @param array<string, string> $query
     * @return array<int, array<string, mixed>>
     */
    private function latest(array $query): array
    {
        $services = [];
        foreach ($this->api->items('/v1/services', $query) as $service) {
            $id = self::shopId($service);
            if ($id !== null) {
                $services[$id] ??= $service;
            }
        }
        return $services;
    }

    /** @param array<string, mixed> $service */
    private static function shopId(array $service): ?int
    {
        return preg_match('/^(\d+)\.\d+$/D', (string) $service['reference'], $found) ? (int) $found[1] : null;
    }
}
