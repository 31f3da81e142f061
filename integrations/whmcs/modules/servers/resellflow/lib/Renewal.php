<?php

declare(strict_types=1);

namespace Resellflow\Whmcs;

use Resellflow\Api;
use Resellflow\Problem;
use Resellflow\Provisioning;
use Resellflow\Requests;
use Resellflow\State;

/**
 * One term for each due date of WHMCS: its cron job and a payment's callback may both renew. Another term for the same
 * date is asked for with `onceMore`.
 */
final class Renewal
{
    private const BY_HAND = 'by hand';
    private const ONE_MORE = ' To buy one more term, use "Prolong by one more term".';

    public function __construct(
        private readonly Api $api,
        private readonly State $state,
        private readonly Requests $requests,
        private readonly Provisioning $provisioning,
    ) {
    }

    /** @param string $due WHMCS's next due date */
    public function renew(string $due): string
    {
        $pending = $this->state->wish('renew');
        $renewed = $this->state->get('renewed');
        if ($pending === null && $due !== '' && ($renewed['due'] ?? null) === $due && !$this->wasCancelled($renewed)) {
            return "Nothing was ordered for the due date $due: {$renewed['why']}" . self::ONE_MORE;
        }
        $result = $this->prolong($pending['due'] ?? $due);
        // What was left over belonged to an earlier due date: this one's turn comes now.
        $isOlder = $pending !== null && $pending['due'] !== $due;
        return $isOlder && $result === Requests::SUCCESS ? $this->prolong($due) : $result;
    }

    /** A new wish of a person. */
    public function onceMore(): string
    {
        return $this->prolong(self::BY_HAND);
    }

    private function prolong(string $due): string
    {
        $wish = $this->state->wish('renew');
        if ($wish === null && ($this->state->get('renewed')['under_way'] ?? false)) {
            $this->provisioning->learnExpiry(); // our own renewal has moved it, or will
        }
        $expires = $wish['expires_on'] ?? $this->state->get('expires_on') ?? $this->provisioning->learnExpiry();
        if ($expires === null) {
            return 'Nothing was ordered: Resellflow does not know yet when this service expires. Try again later.';
        }
        try {
            $operation = $this->provisioning->prolong($expires, ['due' => $due]);
        } catch (Problem $problem) {
            if ($problem->status === 409) {
                $this->remember($due, $problem->getMessage());
                $this->provisioning->learnExpiry();
            }
            throw $problem;
        }
        if ($operation['is_old']) {
            $why = "operation {$operation['number']} has renewed the term until $expires, or is doing so.";
            $this->state->settle('renew');
            $this->remember($due, $why, $operation['number']);
            return "Nothing was ordered: $why" . self::ONE_MORE;
        }
        $result = $this->requests->judged('renew', $operation);
        if ($result === Requests::SUCCESS) {
            $why = "operation {$operation['number']} has renewed the term that ended on $expires, or is doing so.";
            $isDone = $operation['stage'] === 'completed';
            $this->remember($due, $why, $isDone ? null : $operation['number']);
            if ($isDone) {
                $this->provisioning->learnExpiry();
            }
        }
        return $result;
    }

    /** Nothing more is bought for this due date: the expiry date that we know may move before WHMCS asks again. */
    private function remember(string $due, string $why, ?int $underWay = null): void
    {
        $before = $this->state->get('renewed') ?? [];
        $told = $due === self::BY_HAND ? $before : ['due' => $due, 'why' => $why];
        $this->state->set(['renewed' => ['under_way' => $underWay] + $told]);
    }

    /** @param array<string, mixed> $renewed */
    private function wasCancelled(array $renewed): bool
    {
        $number = $renewed['under_way'] ?? null;
        return is_int($number) && $this->api->get("/v1/operations/$number")['stage'] === 'cancelled';
    }
}
