<?php

declare(strict_types=1);

namespace Resellflow\Paymenter;

use App\Models\Service;
use Resellflow\Api;
use Resellflow\Problem;
use Resellflow\Provisioning;
use Resellflow\Requests;
use Resellflow\State;

/** Everything that belongs to one service: commands, what is remembered of it, its renewals. */
final class Desk
{
    public readonly State $state;
    public readonly Properties $properties;
    public readonly Provisioning $provisioning;
    public readonly Terms $terms;

    /**
     * @param array<string, mixed> $settings of the product
     * @param array<string, mixed> $chosen what the customer chose
     */
    public function __construct(Api $api, Service $service, array $settings, array $chosen, ?float $wait = null)
    {
        $sale = new SoldService($service, $settings, $chosen, $wait);
        $this->properties = new Properties($service);
        $this->state = new State($this->properties);
        $this->provisioning = new Provisioning($api, $this->state, $sale);
        $lead = $settings['lead'] ?? '';
        $this->terms = new Terms(
            $api,
            $service,
            $this->state,
            new Requests($api, $this->state, $sale),
            $this->provisioning,
            is_numeric($lead) ? (int) $lead : Terms::LEAD_DAYS,
        );
    }

    /**
     * Carry a command out, and keep the answer for the shop's staff. It is remembered until it is settled.
     *
     * @return string "success" or a sentence
     */
    public function carryOut(Command $command): string
    {
        $replaced = array_map(static fn (Command $one) => $one->value, [$command, ...$command->replaces()]);
        $others = array_values(array_diff($this->unsettled(), $replaced));
        $this->state->set(['commands' => [...$others, $command->value]]);
        $isOpen = false;
        try {
            $result = $command->run($this);
            $isOpen = array_intersect($command->wishes(), $this->state->unsettled()) !== [];
        } catch (Problem $problem) {
            $result = $problem->getMessage();
            $isOpen = !$problem->isRefusal();
        }
        $this->state->set(['commands' => $isOpen ? [...$others, $command->value] : ($others ?: null)]);
        $this->properties->say($result === Requests::SUCCESS ? '' : $result);
        return $result;
    }

    /** @return list<string> commands that got no answer, or whose request waits */
    public function unsettled(): array
    {
        return $this->state->get('commands') ?? [];
    }
}
