<?php

declare(strict_types=1);

namespace Resellflow;

/**
 * Wishes of the shop, sent to Resellflow as requests.
 *
 * Every key begins with the kind of shop, the service's id and the number of its order (see State::generation).
 */
final class Requests
{
    public const SUCCESS = 'success';

    private const POLL_MICROSECONDS = 250_000;
    private const WAIT_SECONDS = 10.0;
    private const NEEDS_A_PERSON = ['needs_attention', 'awaiting_manual_task'];

    public function __construct(private readonly Api $api, private readonly State $state, private readonly Sale $sale)
    {
    }

    /** The shop's service and the number of its order. Resellflow shows it on the service. */
    public function reference(): string
    {
        return $this->sale->id() . '.' . $this->state->generation();
    }

    /**
     * A request whose number is new for each wish, and the same for its retries.
     *
     * @param callable(): ?array<string, mixed> $body
     * @return string "success" or a sentence for the shop's staff
     */
    public function wanted(string $name, string $target, string $method, string $path, callable $body): string
    {
        $pending = $this->state->wish($name);
        $number = $pending !== null && $pending['identity'] === $target ? 0 : $this->state->next($name);
        $readable = $target === '' ? '' : '-' . (preg_match('/^[\w.-]{1,64}$/D', $target) ? $target : substr(sha1($target), 0, 16));
        $operation = $this->carryOut($name, $target, "$name$readable-$number", $method, $path, $body);
        if ($operation['is_old']) {
            $this->state->settle($name);
            return "Nothing was asked for: operation {$operation['number']} is another request, or one of this moment. Run the command again to ask anew.";
        }
        return $this->judged($name, $operation);
    }

    /**
     * Send a wish, or what is left of it, and follow its operation for a while. Raises Problem if it was refused, or if
     * it is not known whether it arrived.
     *
     * @param callable(): ?array<string, mixed> $body asked only for a new wish
     * @param array<string, mixed> $more what is to be kept with it
     * @return array<string, mixed> the operation; `is_old`: a new wish was answered with what an earlier one made
     */
    public function carryOut(string $name, string $identity, string $key, string $method, string $path, callable $body, array $more = []): array
    {
        $wish = $this->state->wish($name);
        $isNew = $wish === null || $wish['identity'] !== $identity;
        if ($isNew) {
            $wish = $more + [
                'identity' => $identity,
                'key' => "{$this->sale->shop()}-{$this->reference()}-$key",
                'method' => $method,
                'path' => $path,
                'body' => $body(),
            ];
            $this->state->remember($name, $wish);
        }
        try {
            $answer = $this->api->send($wish['method'], $wish['path'], $wish['body'], $wish['key']);
        } catch (Problem $problem) {
            if ($problem->isRefusal()) {
                $this->state->settle($name);
                throw $problem;
            }
            throw new Problem(
                $problem->getMessage() . ' If the request arrived it is carried out. Run the command again: it is the same request, and nothing is bought twice.',
                $problem->status,
            );
        }
        $this->state->set(['service' => $answer['service']['number']]);
        $isOld = $isNew && $this->api->lastStatus === 200;
        return $this->followed($answer['operation']) + ['is_old' => $isOld];
    }

    /**
     * What is accepted is carried out, so it is a success, unless a person is needed.
     *
     * @param array<string, mixed> $operation
     * @return string "success" or a sentence for the shop's staff
     */
    public function judged(string $name, array $operation): string
    {
        if ($operation['stage'] === 'cancelled') {
            $this->state->settle($name);
            return "Operation {$operation['number']} was cancelled: {$this->reason($operation)} Run the command again to ask anew.";
        }
        if (in_array($operation['stage'], self::NEEDS_A_PERSON, true)) {
            return "Operation {$operation['number']} waits for {$operation['waits_for']}. {$this->reason($operation)}"
                . ' Run the command again later: it shows how far it is, and orders nothing.';
        }
        $this->state->settle($name);
        return self::SUCCESS;
    }

    /** @param array<string, mixed> $operation */
    public function reason(array $operation): string
    {
        $stages = $operation['stages'] ?? $this->api->get("/v1/operations/{$operation['number']}")['stages'];
        return rtrim((string) (end($stages)['reason'] ?? ''), '.') . '.';
    }

    /**
     * @param array<string, mixed> $operation
     * @return array<string, mixed> the same, once it has ended, needs a person, or the time is over
     */
    private function followed(array $operation): array
    {
        $rests = ['completed', 'cancelled', ...self::NEEDS_A_PERSON];
        $end = microtime(true) + ($this->sale->wait() ?? self::WAIT_SECONDS);
        while (!in_array($operation['stage'], $rests, true) && microtime(true) < $end) {
            usleep(self::POLL_MICROSECONDS);
            try {
                $operation = $this->api->get("/v1/operations/{$operation['number']}");
            } catch (Problem) {
                break; // it is accepted: that is known
            }
        }
        return $operation;
    }
}
