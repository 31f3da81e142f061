<?php

/**
 * Calls one function of the WHMCS module as WHMCS documents it. Our own words for what WHMCS brings: parameters, service
 * properties, `logModuleCall`.
 *
 * Standard input: {"module": directory, "function": name, "params": {…}, "model": {…}, "properties": file}.
 * Standard output: {"result": what it returned, "log": what it logged}.
 */

declare(strict_types=1);

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
$model = (object) ($call['model'] ?? []);
$model->serviceProperties = new PropertiesInAFile($call['properties']);
try {
    $function = "resellflow_{$call['function']}";
    $arguments = in_array($call['function'], ['MetaData', 'ConfigOptions', 'AdminCustomButtonArray'], true) ? [] : [$call['params'] + ['model' => $model]];
    $result = $function(...$arguments);
} catch (Throwable $error) {
    $result = ['exception' => $error->getMessage()];
}
echo json_encode(['result' => $result, 'log' => $logged], JSON_THROW_ON_ERROR);
