<?php

declare(strict_types=1);

namespace Resellflow;

/** The commands of a shop for one service. Each returns "success" or a sentence for the shop's staff, or raises Problem. */
final class Provisioning
{
    private readonly Requests $requests;

    public function __construct(private readonly Api $api, private readonly State $state, private readonly Sale $sale)
    {
        $this->requests = new Requests($api, $state, $sale);
    }

    /** "success" only when the service is active: the shop then writes to the customer. */
    public function create(): string
    {
        if ($this->state->get('service') !== null && $this->state->wish('create') === null) {
            $service = $this->service();
            if ($service['status'] !== 'closed') {
                return $this->alreadyThere($service);
            }
            $this->state->beginAnew();
        }
        $operation = $this->requests->carryOut('create', (string) $this->state->generation(), 'create', 'POST', '/v1/services', $this->order(...));
        if ($operation['is_old'] && $this->service()['status'] === 'closed') {
            $this->state->beginAnew(); // what the module knew was lost: that order is over
            return $this->create();
        }
        if ($operation['stage'] === 'completed') {
            $this->learnExpiry();
            $this->state->settle('create');
            return Requests::SUCCESS;
        }
        if ($operation['stage'] === 'cancelled') {
            $this->state->beginAnew();
            return "Order {$operation['number']} was cancelled: {$this->requests->reason($operation)} Create orders anew.";
        }
        return "Ordered as service {$operation['service']}. Operation {$operation['number']} waits for {$operation['waits_for']}."
            . ' It is not lost: the shop is told by itself when the order is completed. Create again shows how far it is, and orders nothing.';
    }

    /**
     * One more term after the one that ends on $expires.
     *
     * @param array<string, mixed> $more what is to be kept with the wish until it is settled
     * @return array<string, mixed> the operation; `is_old`: an earlier wish has renewed this term, or is doing so
     */
    public function prolong(string $expires, array $more = []): array
    {
        $again = (int) (($this->state->get('cancelled_renewals') ?? [])[$expires] ?? 0);
        $body = fn (): array => ['period_months' => $this->sale->months(), 'expires_on' => $expires, 'reference' => $this->requests->reference()];
        $operation = $this->requests->carryOut(
            'renew',
            $expires,
            "renew-$expires" . ($again ? "-$again" : ''),
            'POST',
            $this->path('/prolong'),
            $body,
            ['expires_on' => $expires] + $more,
        );
        if ($operation['stage'] !== 'cancelled') {
            return $operation;
        }
        $this->state->set(['cancelled_renewals' => [$expires => $again + 1]]);
        if (!$operation['is_old']) {
            return $operation;
        }
        $this->state->settle('renew');
        return $this->prolong($expires, $more); // a person cancelled an earlier wish: this one is new
    }

    /**
     * The end of the term as the shop knows it. It is learned only from orders and renewals of this shop, and from
     * refusals: if anybody else renews meanwhile, a renewal that names the old end is refused instead of bought.
     */
    public function learnExpiry(): ?string
    {
        $expires = $this->service()['expires_on'];
        $this->state->set(['expires_on' => $expires]);
        return $expires;
    }

    /** Another plan, or other add-ons, as the shop's records now say. */
    public function changePackage(): string
    {
        $service = $this->service();
        $plan = $this->plan();
        $target = (string) $plan['name'];
        $result = Requests::SUCCESS;
        if ($this->state->wish('package') !== null || $service['plan'] !== $target || ($this->state->get('plan') ?? $target) !== $target) {
            $body = static fn (): array => ['plan' => $target];
            $result = $this->requests->wanted('package', $target, 'POST', $this->path('/change-plan'), $body);
            if ($result === Requests::SUCCESS) {
                $this->state->set(['plan' => $target]);
            }
        }
        $addons = $this->sale->addons($plan);
        if ($result !== Requests::SUCCESS || !$this->differ($addons, $service['addons'])) {
            return $result;
        }
        $identity = json_encode($addons, JSON_THROW_ON_ERROR);
        return $this->requests->wanted('addons', $identity, 'PATCH', $this->path(''), static fn (): array => ['addons' => $addons]);
    }

    public function suspend(string $reason = ''): string
    {
        return $this->switchTo('suspended', 'suspend', 'resume', static fn (): array => array_filter(['reason' => trim($reason)]));
    }

    public function unsuspend(): string
    {
        return $this->switchTo('active', 'resume', 'suspend', static fn (): array => []);
    }

    /** The next Create is a new order. */
    public function terminate(): string
    {
        if (($this->state->get('service') === null && !$this->find()) || $this->service()['status'] === 'closed') {
            $this->state->beginAnew();
            return Requests::SUCCESS;
        }
        $result = $this->requests->wanted('terminate', '', 'DELETE', $this->path(''), static fn (): ?array => null);
        if ($result === Requests::SUCCESS) {
            $this->state->beginAnew();
        }
        return $result;
    }

    /** A password that the provider makes up; it is stored nowhere here. */
    public function newPassword(): string
    {
        return $this->requests->wanted('password', '', 'PATCH', $this->path(''), static fn (): array => ['password' => 'new']);
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

    /** @return array<string, mixed> the body of an order */
    private function order(): array
    {
        $plan = $this->plan();
        return array_filter([
            'plan' => $plan['name'],
            'period_months' => $this->sale->months(),
            'customer' => $this->customer(),
            'domain' => $this->sale->domain() ?: null,
            'parameters' => $this->sale->parameters(),
            'addons' => $this->sale->addons($plan),
            'reference' => $this->requests->reference(),
        ]);
    }

    /** @param callable(): array<string, mixed> $body */
    private function switchTo(string $status, string $command, string $opposite, callable $body): string
    {
        if ($this->state->wish($opposite) !== null) {
            $this->state->settle($opposite); // the shop wants the other now: if that request arrived, it was before this one
            $this->state->set(['switch' => $opposite]);
        }
        $last = $this->state->get('switch') ?? 'resume';
        if ($this->state->wish($command) === null && $last === $command && $this->service()['status'] === $status) {
            return Requests::SUCCESS;
        }
        try {
            $result = $this->requests->wanted($command, '', 'POST', $this->path("/$command"), $body);
        } catch (Problem $problem) {
            if ($problem->status !== 409 || $this->service()['status'] !== $status) {
                throw $problem;
            }
            $result = Requests::SUCCESS;
        }
        if ($result === Requests::SUCCESS) {
            $this->state->set(['switch' => $command]);
        }
        return $result;
    }

    /** @param array<string, mixed> $service */
    private function alreadyThere(array $service): string
    {
        if ($service['status'] === 'active' && !$this->sale->isKnownAsDelivered()) {
            return Requests::SUCCESS; // the shop did not hear of it
        }
        return "Nothing was ordered: this is service {$service['number']}, which is {$service['status']}. Terminate it first to order anew.";
    }

    /** Look for the order whose answer was lost. */
    private function find(): bool
    {
        foreach ($this->api->items('/v1/services', ['customer' => $this->customer()]) as $service) {
            if ($service['reference'] === $this->requests->reference()) {
                $this->state->set(['service' => $service['number']]);
                return true;
            }
        }
        return false;
    }

    /** @return array<string, mixed> */
    private function plan(): array
    {
        return $this->api->get('/v1/plans/' . rawurlencode($this->sale->plan()));
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
        return "{$this->sale->shop()}-{$this->sale->customer()}";
    }

    /**
     * @param array<string, int|bool|string> $wanted
     * @param array<string, int|string> $there
     */
    private function differ(array $wanted, array $there): bool
    {
        foreach ($wanted as $name => $value) {
            $absent = is_bool($value) ? 'off' : (is_int($value) ? '0' : ''); // what is not there is not listed
            $value = is_bool($value) ? ($value ? 'on' : 'off') : $value;
            if ((string) ($there[$name] ?? $absent) !== (string) $value) {
                return true;
            }
        }
        return false;
    }
}
