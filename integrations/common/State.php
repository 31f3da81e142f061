<?php

declare(strict_types=1);

namespace Resellflow;

/**
 * What the module remembers of one service of the shop. The shop keeps it with the service.
 *
 * A wish is one request, written down before it is sent: its key and body stay the same until it is settled. So a retry
 * is the same request, also when the product was edited, or the expiry date moved, in between.
 */
final class State
{
    private const PROPERTY = 'Resellflow state';
    private const SERVICE = 'Resellflow service';

    /** @var array<string, mixed> */
    private array $values;

    /** @var array<string, mixed> what was changed here: two commands may run for a service at once, and each keeps the other's changes */
    private array $changes = [];
    private bool $isAnew = false;

    /** @param object $properties of the shop's service, as WHMCS has them: `get(name)` is a text or nothing, `save([name => text])` */
    public function __construct(private readonly object $properties)
    {
        $this->values = $this->stored();
    }

    public function get(string $name): mixed
    {
        return $this->values[$name] ?? null;
    }

    /** @param array<string, mixed> $changes null removes */
    public function set(array $changes): void
    {
        $this->changes = array_merge($this->changes, $changes);
        $base = $this->isAnew ? [] : $this->stored();
        $this->values = array_filter(array_merge($base, $this->changes), static fn ($value) => $value !== null);
        $this->properties->save([
            self::PROPERTY => json_encode($this->values, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE),
            self::SERVICE => (string) ($this->values['service'] ?? ''),
        ]);
    }

    /** How many orders this service has used up: raised when one was terminated or cancelled. */
    public function generation(): int
    {
        return (int) ($this->values['generation'] ?? 0);
    }

    /** @return array<string, mixed>|null the wish of this name that is not settled */
    public function wish(string $name): ?array
    {
        return $this->values['wishes'][$name] ?? null;
    }

    /** @return list<string> */
    public function unsettled(): array
    {
        return array_keys($this->values['wishes'] ?? []);
    }

    /** @param array<string, mixed> $wish */
    public function remember(string $name, array $wish): void
    {
        $this->set(['wishes' => [$name => $wish] + ($this->values['wishes'] ?? [])]);
    }

    public function settle(string $name): void
    {
        $wishes = $this->values['wishes'] ?? [];
        unset($wishes[$name]);
        $this->set(['wishes' => $wishes ?: null]);
    }

    /** A number that is new for each wish of this name. */
    public function next(string $name): int
    {
        $counters = $this->values['counters'] ?? [];
        $counters[$name] = ($counters[$name] ?? 0) + 1;
        $this->set(['counters' => $counters]);
        return $counters[$name];
    }

    /** The order is over; the next Create is a new one. */
    public function beginAnew(): void
    {
        $this->changes = ['generation' => $this->generation() + 1];
        $this->isAnew = true;
        $this->set([]);
    }

    /** @return array<string, mixed> */
    private function stored(): array
    {
        $text = (string) $this->properties->get(self::PROPERTY);
        $values = json_decode($text, true) ?? json_decode(html_entity_decode($text, ENT_QUOTES), true);
        if ($text !== '' && !is_array($values)) {
            throw new Problem('The property "' . self::PROPERTY . '" of this service is damaged: it must be a JSON object.');
        }
        return $values ?? [];
    }
}
