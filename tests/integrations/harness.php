<?php

/**
 * Calls one function of the WHMCS module, or a hook of it, as WHMCS documents them. Our own words for what WHMCS brings:
 * parameters, service properties, `logModuleCall`, `localAPI`, the table of servers.
 *
 * Standard input: {"module": directory, "function": name or "hook:" and name, "params": {…}, "model": {…},
 * "properties": file, "products": {service id: columns}}.
 * Standard output: {"result": what it returned, "log": what it logged, "asked": what it asked of `localAPI`}.
 */

declare(strict_types=1);

use WHMCS\Database\Capsule;

require __DIR__ . '/capsule.php';
require __DIR__ . '/addon.php';

error_reporting(E_ALL);
set_error_handler(static function (int $level, string $message, string $file, int $line): never {
    throw new ErrorException($message, 0, $level, $file, $line);
});

const WHMCS = true;

$logged = [];

/** @param list<string> $secrets */
function logModuleCall(string $module, string $action, mixed $request, mixed $answer, mixed $processed = '', array $secrets = []): void
{
    global $logged;
    $logged[] = str_replace($secrets, '***', "$action\n$request\n$answer");
}

$asked = [];
$hooks = [];

function logActivity(string $text): void
{
    global $asked;
    $asked[] = ['logActivity', $text];
}

function add_hook(string $point, int $priority, callable $function): void
{
    global $hooks;
    $hooks[$point][] = $function;
}

/**
 * @param array<string, mixed> $values
 * @return array<string, mixed>
 */
function localAPI(string $command, array $values): array
{
    global $asked, $call;
    if ($command === 'DecryptPassword') {
        return ['result' => 'success', 'password' => strrev($values['password2'])];
    }
    if ($command === 'GetClientsProducts') {
        $product = $call['products'][$values['serviceid']] ?? null;
        return ['result' => 'success', 'products' => $product === null ? '' : ['product' => [$product]]];
    }
    $asked[] = [$command, $values];
    return ['result' => 'success'];
}

/** WHMCS keeps a service property as a custom field: text, whose quotes may come back as entities. */
final class PropertiesInAFile
{
    public function __construct(private readonly string $file)
    {
    }

    public function get(string $name): string
    {
        return htmlspecialchars($this->all()[$name] ?? '', ENT_QUOTES);
    }

    /** @param array<string, string> $values */
    public function save(array $values): void
    {
        file_put_contents($this->file, json_encode($values + $this->all()));
    }

    /** @return array<string, string> */
    private function all(): array
    {
        return is_file($this->file) ? json_decode((string) file_get_contents($this->file), true) : [];
    }
}

$call = json_decode((string) stream_get_contents(STDIN), true);
require "{$call['module']}/resellflow.php";
$class = $call['model']['class'] ?? stdClass::class;
$model = new $class();
foreach ($call['model'] ?? [] as $column => $value) {
    $model->$column = $value;
}
$model->serviceProperties = new PropertiesInAFile($call['properties']);
try {
    $arguments = in_array($call['function'], ['MetaData', 'ConfigOptions', 'AdminCustomButtonArray'], true) ? [] : [$call['params'] + ['model' => $model]];
    if (str_starts_with($call['function'], 'hook:')) {
        $server = $call['params'];
        Capsule::$servers = [(object) [
            'name' => 'main',
            'hostname' => $server['serverhostname'],
            'ipaddress' => '',
            'port' => $server['serverport'],
            'secure' => '',
            'password' => strrev($server['serverpassword']),
        ]];
        require "{$call['module']}/hooks.php";
        foreach ($hooks[substr($call['function'], 5)] as $hook) {
            $hook([]);
        }
        $result = null;
    } else {
        $result = "resellflow_{$call['function']}"(...$arguments);
    }
} catch (Throwable $error) {
    $result = ['exception' => $error->getMessage()];
}
echo json_encode(['result' => $result, 'log' => $logged, 'asked' => $asked], JSON_THROW_ON_ERROR);
