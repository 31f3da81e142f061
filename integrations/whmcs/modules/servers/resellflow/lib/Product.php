<?php

declare(strict_types=1);

namespace Resellflow\Whmcs;

use Resellflow\Problem;
use Resellflow\Sale;
use WHMCS\Service\Addon;

/** What a customer has bought in WHMCS. */
final class Product extends Sale
{
    private const MONTHS = [
        'monthly' => 1, 'quarterly' => 3, 'semi-annually' => 6, 'semiannually' => 6, 'annually' => 12,
        'biennially' => 24, 'triennially' => 36,
    ];

    /** @param array<string, mixed> $params */
    public function __construct(private readonly array $params)
    {
        if ($params['model'] instanceof Addon) {
            throw new Problem(
                "Product addons can't be ordered with this module. Sell it as a product, or as a configurable option whose name begins with \"addon.\"."
            );
        }
    }

    public function shop(): string
    {
        return 'whmcs';
    }

    public function id(): int
    {
        return (int) $this->params['serviceid'];
    }

    public function customer(): int
    {
        return (int) $this->params['userid'];
    }

    public function domain(): string
    {
        return trim((string) ($this->params['domain'] ?? ''));
    }

    public function plan(): string
    {
        $quantity = (int) ($this->params['model']->qty ?? 1);
        if ($quantity > 1) {
            throw new Problem("This service was sold $quantity times in one, and would be delivered once. Let the product's quantities be services of their own.");
        }
        $plan = trim((string) ($this->params['configoption1'] ?? ''));
        if ($plan === '') {
            throw new Problem('Choose a plan in the module settings of this product.');
        }
        return $plan;
    }

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

    public function wait(): ?float
    {
        $wait = $this->params['configoption4'] ?? '';
        return is_numeric($wait) ? (float) $wait : null;
    }

    public function isKnownAsDelivered(): bool
    {
        return in_array($this->params['model']->domainstatus ?? '', ['Active', 'Suspended'], true);
    }

    protected function template(): string
    {
        return trim((string) ($this->params['configoption2'] ?? ''));
    }

    /** Configurable options by the beginning of their names: `addon.ram|Memory` is add-on ram. */
    protected function options(string $kind): array
    {
        $found = [];
        foreach ($this->params['configoptions'] ?? [] as $name => $value) {
            $name = explode('|', (string) $name)[0];
            if (str_starts_with($name, "$kind.")) {
                $found[substr($name, strlen($kind) + 1)] = $value;
            }
        }
        return $found;
    }
}
