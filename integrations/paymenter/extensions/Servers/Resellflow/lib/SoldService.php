<?php

declare(strict_types=1);

namespace Resellflow\Paymenter;

use App\Models\Service;
use Resellflow\Problem;
use Resellflow\Sale;

/** What a customer has bought in Paymenter. */
final class SoldService extends Sale
{
    private const MONTHS = ['month' => 1, 'year' => 12];
    private const YES = 'yes';

    /**
     * @param array<string, mixed> $settings of the product
     * @param array<string, mixed> $properties what the customer chose, and the names of the options' values
     * @param ?float $wait seconds; null: as the product's settings say
     */
    public function __construct(
        private readonly Service $service,
        private readonly array $settings,
        private readonly array $properties,
        private readonly ?float $wait = null,
    ) {
    }

    public function shop(): string
    {
        return 'paymenter';
    }

    public function id(): int
    {
        return (int) $this->service->id;
    }

    public function customer(): int
    {
        return (int) $this->service->user_id;
    }

    public function domain(): string
    {
        return trim((string) ($this->properties['domain'] ?? ''));
    }

    public function plan(): string
    {
        $quantity = (int) $this->service->quantity;
        if ($quantity > 1) {
            throw new Problem("This service was sold $quantity times in one, and would be delivered once. Let the product's quantity not be \"combined\".");
        }
        $plan = trim((string) ($this->settings['plan'] ?? ''));
        if ($plan === '') {
            throw new Problem('Choose a plan in the server settings of this product.');
        }
        return $plan;
    }

    public function months(): int
    {
        $plan = $this->service->plan;
        $cycle = (int) $plan->billing_period * (self::MONTHS[$plan->billing_unit] ?? 0);
        $months = (int) ($this->settings['months'] ?? 0) ?: ($plan->type === 'recurring' ? $cycle : 0);
        if ($months === 0) {
            throw new Problem("The plan's billing is no number of months. Set the months in the server settings of this product.");
        }
        return $months;
    }

    public function wait(): ?float
    {
        $wait = $this->settings['wait'] ?? '';
        return $this->wait ?? (is_numeric($wait) ? (float) $wait : null);
    }

    /** Paymenter calls a service active as soon as it is paid: its status says nothing about the delivery. */
    public function isKnownAsDelivered(): bool
    {
        return false;
    }

    protected function template(): string
    {
        return trim((string) ($this->settings['template'] ?? ''));
    }

    /**
     * Config options and checkout fields by their environment variables: `addon_ram` is add-on ram.
     *
     * A checkbox that is not ticked leaves nothing behind, and a ticked one a text of any kind.
     */
    protected function options(string $kind): array
    {
        $chosen = $this->properties;
        foreach ($this->service->product->configOptions as $option) {
            if ($option->type === 'checkbox') {
                $value = $chosen[$option->env_variable] ?? '0';
                $chosen[$option->env_variable] = is_numeric($value) ? $value : self::YES;
            }
        }
        $found = [];
        foreach ($chosen as $name => $value) {
            if (str_starts_with((string) $name, "{$kind}_") && $value !== null && $value !== '') {
                $found[substr((string) $name, strlen($kind) + 1)] = $value;
            }
        }
        return $found;
    }
}
