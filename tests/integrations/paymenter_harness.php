<?php

/**
 * Calls one function of the extension for Paymenter as Paymenter does it: see its ExtensionHelper and its jobs.
 *
 * Standard input: {"extension": directory, "function": name, "rows": file, "service": id, "request": {…}}.
 * Standard output: {"result": what it returned, "asked": what it asked of Paymenter}.
 */

declare(strict_types=1);

use App\Helpers\ExtensionHelper;
use App\Models\Service;
use Illuminate\Http\Request;
use Paymenter\Extensions\Servers\Resellflow\CompareJob;
use Paymenter\Extensions\Servers\Resellflow\Resellflow;
use Tests\Rows;

error_reporting(E_ALL);
set_error_handler(static function (int $level, string $message, string $file, int $line): never {
    throw new ErrorException($message, 0, $level, $file, $line);
});
require __DIR__ . '/paymenter_stubs.php';

$call = json_decode((string) stream_get_contents(STDIN), true);
spl_autoload_register(static function (string $class) use ($call): void {
    require $call['extension'] . '/' . basename(str_replace('\\', '/', $class)) . '.php';
});
Rows::$all = json_decode((string) file_get_contents($call['rows']), true);
$extension = new Resellflow(Rows::$all['server']);
$function = $call['function'];
$service = isset($call['service']) ? Service::find($call['service']) : null;
try {
    $result = match (true) {
        $function === 'webhook' => $extension->webhook(new Request($call['request']['headers'], $call['request']['body'])),
        $function === 'CompareJob' => (new CompareJob(...$call['arguments']))->handle(),
        $function === 'getCheckoutConfig' => $extension->getCheckoutConfig($service->product, [], $service->product->settings),
        $service === null => $extension->$function(),
        default => $extension->$function($service, $service->product->settings, ExtensionHelper::getServiceProperties($service)),
    };
} catch (Exception $problem) {
    $result = ['exception' => $problem->getMessage()];
}
file_put_contents($call['rows'], json_encode(Rows::$all, JSON_THROW_ON_ERROR));
echo json_encode(['result' => $result, 'asked' => Rows::$asked], JSON_THROW_ON_ERROR);
