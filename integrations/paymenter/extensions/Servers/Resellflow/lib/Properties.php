<?php

declare(strict_types=1);

namespace Resellflow\Paymenter;

use App\Models\Service;

/** What the extension remembers of a service, in Paymenter's own properties of it. Staff see them below the service. */
final class Properties
{
    /** State's name of its JSON document, as a key of Paymenter. */
    public const STATE = 'resellflow_state';
    private const SAID = 'Resellflow says';
    private const REPORTED = 'Resellflow reports';

    public function __construct(private readonly Service $service)
    {
    }

    /** Read anew each time: two jobs may work for a service at once. */
    public function get(string $name): ?string
    {
        return $this->service->properties()->where('key', self::key($name))->first()?->value;
    }

    /** @param array<string, string> $values an empty one removes */
    public function save(array $values): void
    {
        foreach ($values as $name => $value) {
            if ($value === '') {
                $this->service->properties()->where('key', self::key($name))->delete();
            } else {
                $this->service->properties()->updateOrCreate(['key' => self::key($name)], ['name' => $name, 'value' => $value]);
            }
        }
    }

    /** The sentence that staff see: the answer to the latest command; empty: it succeeded. */
    public function say(string $sentence): void
    {
        $this->save([self::SAID => $sentence]);
    }

    /**
     * What the comparison found; empty: all is well.
     *
     * @return bool whether it is news
     */
    public function report(string $sentence): bool
    {
        if ((string) $this->get(self::REPORTED) === $sentence) {
            return false;
        }
        $this->save([self::REPORTED => $sentence]);
        return $sentence !== '';
    }

    private static function key(string $name): string
    {
        return strtolower(str_replace(' ', '_', $name));
    }
}
