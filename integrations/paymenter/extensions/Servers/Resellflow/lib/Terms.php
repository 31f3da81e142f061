<?php

declare(strict_types=1);

namespace Resellflow\Paymenter;

use App\Models\Service;
use DateTimeImmutable;
use DateTimeZone;
use Resellflow\Api;
use Resellflow\Problem;
use Resellflow\Provisioning;
use Resellflow\Requests;
use Resellflow\State;

/**
 * Renewals. Paymenter has no command for them: it moves the day until which the customer has paid. A term is bought when
 * its end is near and the customer has paid for more. So it does not matter how often, by whom and how early that day is moved.
 */
final class Terms
{
    public const LEAD_DAYS = 7;
    /** Months differ in length, and orders wait: that the two dates differ by so much means nothing. */
    private const SLACK_DAYS = 3;

    public function __construct(
        private readonly Api $api,
        private readonly Service $service,
        private readonly State $state,
        private readonly Requests $requests,
        private readonly Provisioning $provisioning,
        private readonly int $lead,
    ) {
    }

    /**
     * @param array<string, mixed> $found the service as Resellflow has it now
     * @return string "success", also if nothing was due, or a sentence for the shop's staff
     */
    public function renewIfDue(array $found): string
    {
        $pending = $this->state->wish('renew');
        $expires = $pending['expires_on'] ?? $found['expires_on'];
        if ($pending === null && !$this->isDue($found['status'], $expires)) {
            return Requests::SUCCESS;
        }
        $known = $this->state->get('renewing');
        if ($pending === null && $known !== null && $known['expires_on'] === $expires) {
            return $this->whatBecameOf((int) $known['operation'], (string) $expires);
        }
        try {
            $operation = $this->provisioning->prolong((string) $expires);
        } catch (Problem $problem) {
            if ($problem->status !== 409) {
                throw $problem;
            }
            return $problem->getMessage(); // somebody else has renewed this term, or is doing so
        }
        if ($operation['is_old']) {
            $this->state->settle('renew');
            $result = Requests::SUCCESS;
        } else {
            $result = $this->requests->judged('renew', $operation);
        }
        $this->state->set(['renewing' => ['expires_on' => $expires, 'operation' => $operation['number']]]);
        return $result;
    }

    /** Once a term is asked for, people decide about it in Resellflow. */
    private function whatBecameOf(int $number, string $expires): string
    {
        $operation = $this->api->get("/v1/operations/$number");
        return $operation['stage'] === 'cancelled'
            ? "The term until $expires is not renewed: operation $number was cancelled: {$this->requests->reason($operation)} Renew it in Resellflow."
            : Requests::SUCCESS;
    }

    private function isDue(string $status, ?string $expires): bool
    {
        $paid = $this->service->expires_at?->format('Y-m-d');
        if ($paid === null || $expires === null || !in_array($status, ['active', 'suspended'], true)) {
            return false;
        }
        $today = (new DateTimeImmutable('now', new DateTimeZone('UTC')))->format('Y-m-d');
        return self::days($today, $expires) <= $this->lead && self::days($expires, $paid) > self::SLACK_DAYS;
    }

    private static function days(string $from, string $to): int
    {
        $utc = new DateTimeZone('UTC');
        return (int) (new DateTimeImmutable($from, $utc))->diff(new DateTimeImmutable($to, $utc))->format('%r%a');
    }
}
