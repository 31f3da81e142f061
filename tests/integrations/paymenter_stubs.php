<?php

/**
 * What the extension uses of Paymenter and Laravel, in our own words: names and signatures are theirs, and the bodies do
 * no more than our stories need. The services are kept in a file between two calls.
 */

declare(strict_types=1);

namespace App\Attributes {
    use Attribute;

    #[Attribute(Attribute::TARGET_CLASS)]
    final class ExtensionMeta
    {
        public function __construct(
            public string $name,
            public string $description,
            public string $version,
            public string $author,
            public string $url = '',
            public string $icon = '',
        ) {
        }
    }
}

namespace App\Classes\Extension {
    class Extension
    {
        public function __construct(public $config = [])
        {
        }

        public function config($key)
        {
            return $this->config[$key] ?? null;
        }

        public function getConfig($values = [])
        {
            return [];
        }

        public function boot()
        {
        }
    }

    class Server extends Extension
    {
    }
}

namespace App\Models {
    use DateTimeImmutable;
    use Tests\Records;
    use Tests\Rows;

    class Product
    {
        public array $settings = [];
        public array $configOptions = [];
        public ?Server $server = null;
    }

    class Plan
    {
        public string $type = 'recurring';
        public string $billing_unit = 'month';
        public int $billing_period = 1;
    }

    class Server
    {
        public int $id = 1;
        public string $name = 'main';
        public string $extension = 'Resellflow';
        public array $settings = [];

        public static function where(string $column, mixed $value): Records
        {
            return (new Records(array_values(self::every())))->where($column, $value);
        }

        public static function findOrFail(int $id): self
        {
            return self::every()[$id];
        }

        public static function every(): array
        {
            $server = new self();
            $server->settings = Rows::$all['server'];
            return [$server->id => $server];
        }
    }

    class Service
    {
        public const STATUS_PENDING = 'pending';
        public const STATUS_ACTIVE = 'active';
        public const STATUS_CANCELLED = 'cancelled';
        public const STATUS_SUSPENDED = 'suspended';

        public int $user_id = 7;
        public int $quantity = 1;
        public string $status;
        public ?DateTimeImmutable $expires_at;
        public Product $product;
        public Plan $plan;

        public function __construct(public int $id)
        {
            $row = Rows::$all['services'][$id];
            $this->status = $row['status'];
            $this->quantity = $row['quantity'] ?? 1;
            $this->expires_at = ($row['expires_at'] ?? null) === null ? null : new DateTimeImmutable($row['expires_at']);
            $this->plan = new Plan();
            foreach ($row['plan'] ?? [] as $name => $value) {
                $this->plan->$name = $value;
            }
            $this->product = new Product();
            $this->product->settings = $row['settings'];
            $this->product->configOptions = array_map(static fn (array $option) => (object) $option, $row['options'] ?? []);
            $this->product->server = new Server();
            $this->product->server->id = $row['server_id'] ?? 1;
        }

        public static function find(int $id): ?self
        {
            return isset(Rows::$all['services'][$id]) ? new self($id) : null;
        }

        public static function whereHas(string $relation, callable $narrowed): Records
        {
            $services = array_map(static fn (int $id) => new self($id), array_keys(Rows::$all['services']));
            return new Records(array_filter($services, static fn (self $one) => $narrowed($one->$relation())->get() !== []));
        }

        public function properties(): Records
        {
            return new Records(Rows::of($this->id, 'properties'), $this->id, 'properties');
        }

        public function invoices(): Records
        {
            return new Records(Rows::of($this->id, 'invoices'), $this->id, 'invoices');
        }

        public function update(array $values): bool
        {
            Rows::$all['services'][$this->id] = $values + Rows::$all['services'][$this->id];
            $this->status = $values['status'] ?? $this->status;
            return true;
        }
    }
}

namespace App\Jobs\Server {
    use App\Models\Service;
    use Tests\Rows;

    class CreateJob
    {
        public static function dispatch(Service $service): void
        {
            Rows::$asked[] = ['CreateJob', $service->id];
        }
    }
}

namespace App\Helpers {
    use App\Models\Service;
    use Tests\Rows;

    class ExtensionHelper
    {
        public static function settingsToArray($settings)
        {
            return $settings;
        }

        public static function getServiceProperties(Service $service)
        {
            $stored = array_column(Rows::$all['services'][$service->id]['properties'] ?? [], 'value', 'key');
            return (Rows::$all['services'][$service->id]['chosen'] ?? []) + $stored;
        }
    }
}

namespace Illuminate\Http {
    class Request
    {
        public function __construct(private readonly array $headers, private readonly string $content)
        {
        }

        public function header(string $name): ?string
        {
            return $this->headers[$name] ?? null;
        }

        public function getContent(): string
        {
            return $this->content;
        }
    }

    class Response
    {
        public function __construct(public readonly string $content, public readonly int $status)
        {
        }
    }
}

namespace Illuminate\Contracts\Queue {
    interface ShouldQueue
    {
    }
}

namespace Illuminate\Bus {
    trait Queueable
    {
    }
}

namespace Illuminate\Foundation\Bus {
    use Tests\Rows;

    trait Dispatchable
    {
        public static function dispatch(mixed ...$arguments): void
        {
            Rows::$asked[] = ['CompareJob', ...$arguments];
        }
    }
}

namespace Illuminate\Support\Facades {
    use Tests\Rows;

    class Log
    {
        public static function warning(string $text): void
        {
            Rows::$asked[] = ['warning', $text];
        }
    }

    class Route
    {
        public static function post(string $path, array $action): self
        {
            Rows::$asked[] = ['route', $path];
            return new self();
        }

        public function name(string $name): self
        {
            return $this;
        }
    }

    class Schedule
    {
        private bool $isNamed = false;

        public static function call(callable $work): self
        {
            Rows::$asked[] = ['schedule', $work[1]];
            return new self();
        }

        public function name(string $name): self
        {
            $this->isNamed = true;
            return $this;
        }

        public function everyTenMinutes(): self
        {
            return $this;
        }

        public function withoutOverlapping(): self
        {
            return $this->isNamed ? $this : throw new \LogicException('needs a name');
        }

        public function onOneServer(): self
        {
            return $this->withoutOverlapping();
        }
    }
}

namespace Tests {
    /** Everything in the file. */
    final class Rows
    {
        public static array $all = [];
        public static array $asked = [];

        /** @return list<object> */
        public static function of(int $service, string $relation): array
        {
            return array_map(static fn (array $row) => (object) $row, self::$all['services'][$service][$relation] ?? []);
        }
    }

    /** Of a query builder and a relation what the extension calls. */
    final class Records
    {
        public function __construct(private array $rows, private readonly int $service = 0, private readonly string $relation = '')
        {
        }

        public function where(string $column, mixed $operator, mixed $value = null): self
        {
            $holds = $operator === 'like'
                ? static fn (object $row) => str_contains($row->$column, trim($value, '%'))
                : static fn (object $row) => $row->$column === $operator;
            return new self(array_values(array_filter($this->rows, $holds)), $this->service, $this->relation);
        }

        public function get(): array
        {
            return $this->rows;
        }

        public function first(): ?object
        {
            return $this->rows[0] ?? null;
        }

        public function update(array $values): void
        {
            foreach (Rows::$all['services'][$this->service][$this->relation] ?? [] as $at => $row) {
                if (in_array((object) $row, $this->rows)) {
                    Rows::$all['services'][$this->service][$this->relation][$at] = $values + $row;
                }
            }
        }

        public function delete(): void
        {
            $kept = array_filter(Rows::of($this->service, $this->relation), fn (object $row) => !in_array($row, $this->rows));
            Rows::$all['services'][$this->service][$this->relation] = array_values(array_map(static fn (object $row) => (array) $row, $kept));
        }

        public function updateOrCreate(array $found, array $values): void
        {
            $this->where('key', $found['key'])->delete();
            Rows::$all['services'][$this->service][$this->relation][] = $found + $values;
        }
    }
}
