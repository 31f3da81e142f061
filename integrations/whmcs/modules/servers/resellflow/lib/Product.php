<?php

declare(strict_types=1);

namespace Resellflow;

/** What a customer has bought in WHMCS, in the words of Resellflow. */
final class Product
{
    private const MONTHS = [
        'monthly' => 1, 'quarterly' => 3, 'semi-annually' => 6, 'semiannually' => 6, 'annually' => 12,
        'biennially' => 24, 'triennially' => 36,
    ];

    /** @param array<string, mixed> $params */
    public function __construct(private readonly array $params)
    {
    }

    public function plan(): string
    {
        $plan = trim((string) ($this->params['configoption1'] ?? ''));
        if ($plan === '') {
            throw new Problem('Choose a plan in the module settings of this product.');
        }
        return $plan;
    }

    /** The billing cycle, unless the product's settings name another number of months. */
    public function months(): int
    {
        $chosen = (int) ($this->params['configoption3'] ?? 0);
        $cycle = (string) ($this->params['model']->billingcycle ?? '');
        $months = $chosen ?: (self::MONTHS[strtolower($cycle)] ?? 0);
        if ($months === 0) {
            throw new Problem("The billing cycle \"$cycle\" is no number of months. Set the months in the product's module settings.");
        }
        return $months;
    }

    /**
     * Configurable options whose name begins with `addon.`: `addon.ram|Memory` is add-on ram.
     *
     * @param array<string, mixed> $plan the plan's document, which says what kind each add-on is of
     * @return array<string, int|bool|string>
     */
    public function addons(array $plan): array
    {
        $kinds = array_column($plan['addons'] ?? [], 'kind', 'name');
        $addons = [];
        foreach ($this->options('addon.') as $name => $value) {
            $addons[$name] = match ($kinds[$name] ?? 'quantity') {
                'switch' => in_array(strtolower((string) $value), ['1', 'on', 'yes', 'true'], true),
                'choice' => (string) $value,
                default => is_numeric($value) ? (int) $value : (string) $value,
            };
        }
        return $addons;
    }

    /** @return array<string, string> */
    public function parameters(): array
    {
        $template = trim((string) ($this->params['configoption2'] ?? ''));
        $chosen = array_map('strval', $this->options('parameter.'));
        return array_filter($chosen + ['template' => $template], static fn (string $value) => $value !== '');
    }

    /** @return array<string, mixed> */
    private function options(string $prefix): array
    {
        $found = [];
        foreach ($this->params['configoptions'] ?? [] as $name => $value) {
            $name = explode('|', (string) $name)[0];
            if (str_starts_with($name, $prefix)) {
                $found[substr($name, strlen($prefix))] = $value;
            }
        }
        return $found;
    }
}
