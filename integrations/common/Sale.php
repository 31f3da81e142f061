<?php

declare(strict_types=1);

namespace Resellflow;

/** One service of a shop: what was sold, in the words of Resellflow. */
abstract class Sale
{
    private const YES = ['1', 'on', 'yes', 'true'];
    private const NO = ['', '0', 'off', 'no', 'false', 'none'];

    /** The kind of shop, in small letters: idempotency keys and the names of customers begin with it. */
    abstract public function shop(): string;

    /** The service's id in the shop. */
    abstract public function id(): int;

    /** The customer's id in the shop. */
    abstract public function customer(): int;

    /** What the service is to be called, a domain; empty: the name is made up. */
    abstract public function domain(): string;

    /** Raises Problem if the product's settings name none. */
    abstract public function plan(): string;

    /** Length of a term. Raises Problem if neither the billing cycle nor the settings are a number of months. */
    abstract public function months(): int;

    /** How long a command waits for its operation to end, in seconds; null: as long as usual. */
    abstract public function wait(): ?float;

    /** Whether the shop's own records say that the service was delivered. */
    abstract public function isKnownAsDelivered(): bool;

    /** Of the product's settings; empty: none. */
    abstract protected function template(): string;

    /**
     * @param string $kind `addon` or `parameter`
     * @return array<string, mixed> what the customer chose, by Resellflow's name of it
     */
    abstract protected function options(string $kind): array;

    /**
     * @param array<string, mixed> $plan the plan's document, which says what kind each add-on is of
     * @return array<string, int|bool|string>
     */
    final public function addons(array $plan): array
    {
        $kinds = array_column($plan['addons'] ?? [], 'kind', 'name');
        $addons = [];
        foreach ($this->options('addon') as $name => $value) {
            $addons[$name] = match ($kinds[$name] ?? 'quantity') {
                'switch' => $this->isOn($name, strtolower((string) $value)),
                'choice' => (string) $value,
                default => is_numeric($value) ? (int) $value : (string) $value,
            };
        }
        return $addons;
    }

    /** @return array<string, string> */
    final public function parameters(): array
    {
        $chosen = array_map('strval', $this->options('parameter'));
        return array_filter($chosen + ['template' => $this->template()], static fn (string $value) => $value !== '');
    }

    private function isOn(string $name, string $value): bool
    {
        if (!in_array($value, [...self::YES, ...self::NO], true)) {
            throw new Problem("The add-on \"$name\" is a switch. The option that sells it must have the values 1 and 0, or on and off, and not \"$value\".");
        }
        return in_array($value, self::YES, true);
    }
}
