<?php

declare(strict_types=1);

namespace Resellflow;

/**
 * The commands of WHMCS, as requests to Resellflow. Each returns "success" or a sentence for the shop's staff.
 *
 * Every key begins with the WHMCS service's id and the number of its order (see State::generation).
 */
final class Provisioning
{
    private const PLAIN_SUCCESS = 'success';
    private const POLL_MICROSECONDS = 250_000;
    private const WAIT_SECONDS = 10.0;
    private const BY_HAND = 'by hand';
    private const ONE_MORE = ' To buy one more term, use "Prolong by one more term".';
    private const NEEDS_A_PERSON = ['needs_attention', 'awaiting_manual_task'];

    private readonly Api $api;
    private readonly State $state;
    private readonly Product $product;

    /** @param array<string, mixed> $params */
    public function __construct(private readonly array $params)
    {
        $this->api = Api::of($params);
        $this->state = new State($params['model']->serviceProperties);
        $this->product = new Product($params);
    }

    /** "success" only when the service is active: WHMCS then sends the welcome e-mail. */
    public function create(): string
    {
        if ($this->state->get('service') !== null && $this->state->wish('create') === null) {
            $service = $this->service();
            if ($service['status'] !== 'closed') {
                return $this->alreadyThere($service);
            }
            $this->state->beginAnew();
        }
        $operation = $this->carryOut('create', (string) $this->state->generation(), '', 'POST', '/v1/services', function (): array {
            $plan = $this->plan();
            return array_filter([
                'plan' => $plan['name'],
                'period_months' => $this->product->months(),
                'customer' => $this->customer(),
                'domain' => trim((string) ($this->params['domain'] ?? '')) ?: null,
                'parameters' => $this->product->parameters(),
                'addons' => $this->product->addons($plan),
                'reference' => $this->reference(),
            ]);
        });
        if ($operation['is_old'] && $this->service()['status'] === 'closed') {
            $this->state->beginAnew(); // what the module knew was lost: that order is over
            return $this->create();
        }
        if ($operation['stage'] === 'completed') {
            $this->learnExpiry();
            $this->state->settle('create');
            return self::PLAIN_SUCCESS;
        }
        if ($operation['stage'] === 'cancelled') {
            $this->state->beginAnew();
            return "Order {$operation['number']} was cancelled: {$this->reason($operation)} Create orders anew.";
        }
        return "Ordered as service {$operation['service']}. Operation {$operation['number']} waits for {$operation['waits_for']}."
            . ' It is not lost: the service becomes active here by itself when the order is completed. Create again shows how far it is, and orders nothing.';
    }

    /** One term for each due date of WHMCS. Another term for the same date is asked for with `renewOnceMore`. */
    public function renew(): string
    {
        $due = (string) ($this->params['model']->nextduedate ?? '');
        $renewed = $this->state->get('renewed');
        if ($this->state->wish('renew') === null && $due !== '' && ($renewed['due'] ?? null) === $due) {
            return "Nothing was ordered for the due date $due: {$renewed['why']}" . self::ONE_MORE;
        }
        $pending = $this->state->wish('renew');
        $result = $this->prolong($pending['due'] ?? $due);
        // What was left over belonged to an earlier due date: this one's turn comes now.
        $isOlder = $pending !== null && $pending['due'] !== $due;
        return $isOlder && $result === self::PLAIN_SUCCESS ? $this->prolong($due) : $result;
    }

    /** A new wish of a person. */
    public function renewOnceMore(): string
    {
        return $this->prolong(self::BY_HAND);
    }

    private function prolong(string $due): string
    {
        $wish = $this->state->wish('renew');
        if ($wish === null && ($this->state->get('renewed')['under_way'] ?? false)) {
            $this->learnExpiry(); // our own renewal has moved it, or will
        }
        $expires = $wish['expires_on'] ?? $this->state->get('expires_on') ?? $this->learnExpiry();
        if ($expires === null) {
            return 'Nothing was ordered: Resellflow does not know yet when this service expires. Try again later.';
        }
        $again = (int) (($this->state->get('cancelled_renewals') ?? [])[$expires] ?? 0);
        $key = "renew-$expires" . ($again ? "-$again" : '');
        $body = fn (): array => ['period_months' => $this->product->months(), 'expires_on' => $expires, 'reference' => $this->reference()];
        $more = ['expires_on' => $expires, 'due' => $due];
        try {
            $operation = $this->carryOut('renew', $expires, $key, 'POST', $this->path('/prolong'), $body, $more);
        } catch (Problem $problem) {
            if ($problem->status === 409) {
                $this->renewed($due, $problem->getMessage());
                $this->learnExpiry();
            }
            throw $problem;
        }
        if ($operation['is_old']) {
            $this->state->settle('renew');
            return "Nothing was ordered: operation {$operation['number']} has renewed the term until $expires, or is doing so." . self::ONE_MORE;
        }
        if ($operation['stage'] === 'cancelled') {
            $this->state->set(['cancelled_renewals' => [$expires => $again + 1]]);
        }
        $result = $this->judged('renew', $operation);
        if ($result === self::PLAIN_SUCCESS) {
            $isDone = $operation['stage'] === 'completed';
            $this->renewed($due, "operation {$operation['number']} has renewed the term that ended on $expires, or is doing so.", !$isDone);
            if ($isDone) {
                $this->learnExpiry();
            }
        }
        return $result;
    }

    /** Nothing more is bought for this due date: the expiry date that we know may move before WHMCS asks again. */
    private function renewed(string $due, string $why, bool $underWay = false): void
    {
        $before = $this->state->get('renewed') ?? [];
        $told = $due === self::BY_HAND ? $before : ['due' => $due, 'why' => $why];
        $this->state->set(['renewed' => ['under_way' => $underWay] + $told]);
    }

    /**
     * The end of the term as the shop knows it. It is learned only from orders and renewals of this shop, and from
     * refusals: if anybody else renews meanwhile, a renewal that names the old end is refused instead of bought.
     */
    private function learnExpiry(): ?string
    {
        $expires = $this->service()['expires_on'];
        $this->state->set(['expires_on' => $expires]);
        return $expires;
    }

    /** Another plan, or other add-ons, as the product and its configurable options now say. */
    public function changePackage(): string
    {
        $service = $this->service();
        $plan = $this->plan();
        $target = (string) $plan['name'];
        $result = self::PLAIN_SUCCESS;
        if ($this->state->wish('package') !== null || $service['plan'] !== $target || ($this->state->get('plan') ?? $target) !== $target) {
            $body = static fn (): array => ['plan' => $target];
            $result = $this->wanted('package', $target, 'POST', $this->path('/change-plan'), $body);
            if ($result === self::PLAIN_SUCCESS) {
                $this->state->set(['plan' => $target]);
            }
        }
        $addons = $this->product->addons($plan);
        if ($result !== self::PLAIN_SUCCESS || !$this->differ($addons, $service['addons'])) {
            return $result;
        }
        $identity = json_encode($addons, JSON_THROW_ON_ERROR);
        return $this->wanted('addons', $identity, 'PATCH', $this->path(''), static fn (): array => ['addons' => $addons]);
    }

    public function suspend(string $reason): string
    {
        return $this->switchTo('suspended', 'suspend', fn (): array => array_filter(['reason' => trim($reason)]));
    }

    public function unsuspend(): string
    {
        return $this->switchTo('active', 'resume', static fn (): array => []);
    }

    /** The next Create is a new order. */
    public function terminate(): string
    {
        if ($this->state->get('service') === null && !$this->find()) {
            $this->state->beginAnew();
            return self::PLAIN_SUCCESS;
        }
        if ($this->service()['status'] === 'closed') {
            $this->state->beginAnew();
            return self::PLAIN_SUCCESS;
        }
        $result = $this->wanted('terminate', '', 'DELETE', $this->path(''), static fn (): ?array => null);
        if ($result === self::PLAIN_SUCCESS) {
            $this->state->beginAnew();
        }
        return $result;
    }

    /** A password that the provider makes up; it is stored nowhere here. */
    public function newPassword(): string
    {
        return $this->wanted('password', '', 'PATCH', $this->path(''), static fn (): array => ['password' => 'new']);
    }

    /** @return array<string, mixed> the service as Resellflow has it now */
    public function service(): array
    {
        return $this->api->get($this->path(''));
    }

    /** @return array<string, string> for the shop's staff */
    public function summary(): array
    {
        $service = $this->service();
        $latest = $this->api->get('/v1/operations', ['service' => $service['number'], 'limit' => 1])['items'][0];
        return [
            'Resellflow service' => "{$service['number']}, {$service['status']}, plan {$service['plan']}",
            'Paid until' => $service['expires_on'] ?? 'not known yet',
            'Latest operation' => "{$latest['number']} ({$latest['kind']}): {$latest['stage']}; waits for {$latest['waits_for']}",
        ];
    }

    /** @param callable(): array<string, mixed> $body */
    private function switchTo(string $status, string $command, callable $body): string
    {
        if ($this->state->wish($command) === null && $this->service()['status'] === $status && $this->lastSwitch() === $command) {
            return self::PLAIN_SUCCESS;
        }
        try {
            $result = $this->wanted($command, '', 'POST', $this->path("/$command"), $body);
        } catch (Problem $problem) {
            if ($problem->status === 409 && $this->service()['status'] === $status) {
                $result = self::PLAIN_SUCCESS;
            } else {
                throw $problem;
            }
        }
        if ($result === self::PLAIN_SUCCESS) {
            $this->state->set(['switch' => $command]);
        }
        return $result;
    }

    private function lastSwitch(): string
    {
        return (string) ($this->state->get('switch') ?? 'resume');
    }

    /**
     * A request whose number is new for each wish, and the same for its retries.
     *
     * @param callable(): ?array<string, mixed> $body
     */
    private function wanted(string $name, string $target, string $method, string $path, callable $body): string
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
     * Send a wish, or what is left of it, and follow its operation for a while.
     *
     * @param callable(): ?array<string, mixed> $body asked only for a new wish
     * @param array<string, mixed> $more what is to be kept with it
     * @return array<string, mixed> the operation; `is_old`: a new wish was answered with what an earlier one made
     */
    private function carryOut(string $name, string $identity, string $key, string $method, string $path, callable $body, array $more = []): array
    {
        $wish = $this->state->wish($name);
        $isNew = $wish === null || $wish['identity'] !== $identity;
        if ($isNew) {
            $start = "whmcs-{$this->reference()}";
            $wish = $more + [
                'identity' => $identity,
                'key' => $key === '' ? "$start-$name" : "$start-$key",
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
     * @param array<string, mixed> $operation
     * @return array<string, mixed> the same, once it has ended, needs a person, or the time is over
     */
    private function followed(array $operation): array
    {
        $rests = ['completed', 'cancelled', ...self::NEEDS_A_PERSON];
        $wait = $this->params['configoption4'] ?? '';
        $end = microtime(true) + (is_numeric($wait) ? (float) $wait : self::WAIT_SECONDS);
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

    /**
     * What is accepted is carried out, so it is a success, unless a person is needed.
     *
     * @param array<string, mixed> $operation
     */
    private function judged(string $name, array $operation): string
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
        return self::PLAIN_SUCCESS;
    }

    /** @param array<string, mixed> $operation */
    private function reason(array $operation): string
    {
        $stages = $operation['stages'] ?? $this->api->get("/v1/operations/{$operation['number']}")['stages'];
        return rtrim((string) (end($stages)['reason'] ?? ''), '.') . '.';
    }

    /** @param array<string, mixed> $service */
    private function alreadyThere(array $service): string
    {
        if (($this->params['model']->domainstatus ?? '') !== 'Active') {
            return self::PLAIN_SUCCESS; // WHMCS did not hear of it
        }
        return "Nothing was ordered: this is service {$service['number']}, which is {$service['status']}. Terminate it first to order anew.";
    }

    /** Look for the order whose answer was lost. */
    private function find(): bool
    {
        $query = ['customer' => $this->customer(), 'limit' => 200];
        do {
            $page = $this->api->get('/v1/services', $query);
            foreach ($page['items'] as $service) {
                if ($service['reference'] === $this->reference()) {
                    $this->state->set(['service' => $service['number']]);
                    return true;
                }
            }
            $query['cursor'] = $page['next_cursor'] ?? null;
        } while ($query['cursor'] !== null);
        return false;
    }

    /** @return array<string, mixed> */
    private function plan(): array
    {
        return $this->api->get('/v1/plans/' . rawurlencode($this->product->plan()));
    }

    private function path(string $rest): string
    {
        $number = $this->state->get('service');
        if ($number === null) {
            throw new Problem('There is no order in Resellflow for this service. Run Create first.');
        }
        return "/v1/services/$number$rest";
    }

    private function customer(): string
    {
        return 'whmcs-' . (int) $this->params['userid'];
    }

    /** The WHMCS service and the number of its order. Resellflow shows it on the service. */
    private function reference(): string
    {
        return (int) $this->params['serviceid'] . '.' . $this->state->generation();
    }

    /**
     * @param array<string, int|bool|string> $wanted
     * @param array<string, int|string> $there
     */
    private function differ(array $wanted, array $there): bool
    {
        foreach ($wanted as $name => $value) {
            $value = is_bool($value) ? ($value ? 'on' : 'off') : $value;
            if ((string) ($there[$name] ?? '') !== (string) $value) {
                return true;
            }
        }
        return false;
    }
}
