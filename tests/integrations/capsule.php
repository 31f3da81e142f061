<?php

declare(strict_types=1);

namespace WHMCS\Database;

/** The servers of WHMCS's settings, as far as a hook reads them. */
final class Capsule
{
    /** @var list<object> */
    public static array $servers = [];

    public static function table(string $name): self
    {
        return new self();
    }

    public function where(string $column, mixed $value): self
    {
        return $this;
    }

    /** @return list<object> */
    public function get(): array
    {
        return self::$servers;
    }
}
