<?php

declare(strict_types=1);

namespace Paymenter\Extensions\Servers\Resellflow;

use App\Attributes\ExtensionMeta;
use App\Classes\Extension\Server as ServerExtension;
use App\Helpers\ExtensionHelper;
use App\Models\Product;
use App\Models\Server;
use App\Models\Service;
use Exception;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Facades\Log;
use Illuminate\Support\Facades\Route;
use Illuminate\Support\Facades\Schedule;
use Resellflow\Api;
use Resellflow\Paymenter\Command;
use Resellflow\Paymenter\Comparison;
use Resellflow\Paymenter\Desk;
use Resellflow\Paymenter\Forms;
use Resellflow\Problem;
use Resellflow\Requests;
use Resellflow\Webhook;
use Throwable;

require_once __DIR__ . '/lib/load.php';

#[ExtensionMeta(name: 'Resellflow', description: 'Orders services at a Resellflow', version: '1.0.0', author: 'Resellflow')]
class Resellflow extends ServerExtension
{
    private const SHOWN = ['name' => 'Name', 'status' => 'Status', 'ip' => 'Address', 'expires_on' => 'Paid until'];

    public function boot()
    {
        Route::post('/extensions/servers/resellflow/webhook', [self::class, 'webhook'])->name('extensions.servers.resellflow.webhook');
        Schedule::call([self::class, 'compare'])->name('resellflow')->everyTenMinutes()->withoutOverlapping()->onOneServer();
    }

    public function getConfig($values = [])
    {
        return Forms::server();
    }

    public function getProductConfig($values = [])
    {
        return Forms::product($this->api());
    }

    public function getCheckoutConfig(Product $product, $values = [], $settings = [])
    {
        return Forms::checkout($this->api(), $settings);
    }

    public function testConfig(): bool|string
    {
        try {
            $holder = $this->api()->get('/v1/token');
        } catch (Problem $problem) {
            return $problem->getMessage();
        }
        $isShop = ($holder['role'] ?? '') === 'storefront';
        return $isShop ?: "The token belongs to {$holder['name']}, whose role is {$holder['role']}. Use the token of a storefront.";
    }

    /** @return array<string, string> `name`, `status`, `ip` and `expires_on` for the e-mail to the customer, which Paymenter sends when this returns */
    public function createServer(Service $service, $settings, $properties)
    {
        $desk = $this->carriedOut($service, $settings, $properties, Command::Create);
        return self::shown($desk);
    }

    public function suspendServer(Service $service, $settings, $properties)
    {
        $this->carriedOut($service, $settings, $properties, Command::Suspend);
        return true;
    }

    public function unsuspendServer(Service $service, $settings, $properties)
    {
        $this->carriedOut($service, $settings, $properties, Command::Unsuspend);
        return true;
    }

    public function terminateServer(Service $service, $settings, $properties)
    {
        $this->carriedOut($service, $settings, $properties, Command::Terminate);
        return true;
    }

    public function upgradeServer(Service $service, $settings, $properties)
    {
        $this->carriedOut($service, $settings, $properties, Command::Upgrade);
        return true;
    }

    /** What the customer sees of the service. */
    public function getActions(Service $service, $settings, $properties)
    {
        try {
            $shown = self::shown(new Desk($this->api(), $service, $settings, $properties));
        } catch (Problem) {
            $shown = ['status' => 'being set up']; // not ordered yet, or Resellflow is away: customers need no reasons
        }
        $fields = [];
        foreach (array_filter($shown) as $name => $text) {
            $fields[] = ['type' => 'text', 'label' => self::SHOWN[$name], 'text' => $text];
        }
        return $fields;
    }

    /** Resellflow's messages. The answer is 204 only when the work is in the queue. */
    public function webhook(Request $request): Response
    {
        $headers = [];
        foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
            $headers[$name] = (string) $request->header($name);
        }
        $doubt = 'No server of this shop has a secret for webhooks.';
        foreach (self::servers() as $server) {
            $secret = (string) (ExtensionHelper::settingsToArray($server->settings)['webhook_secret'] ?? '');
            if ($secret === '') {
                continue;
            }
            $doubt = Webhook::doubt($headers, $request->getContent(), $secret, time());
            if ($doubt === '') {
                $service = (int) (json_decode($request->getContent(), true)['data']['service'] ?? 0);
                if ($service > 0) {
                    CompareJob::dispatch($server->id, $service);
                }
                return new Response('', 204);
            }
        }
        return new Response($doubt, 401);
    }

    /** Compare all services of all servers; the scheduler calls it. */
    public static function compare(): void
    {
        foreach (self::servers() as $server) {
            try {
                self::comparison($server)->all();
            } catch (Throwable $trouble) {
                Log::warning("Resellflow: the services of server {$server->name} were not compared: {$trouble->getMessage()}");
            }
        }
    }

    public static function comparison(Server $server): Comparison
    {
        $extension = new self(ExtensionHelper::settingsToArray($server->settings));
        return new Comparison($server, $extension->api());
    }

    /** @return iterable<Server> */
    private static function servers(): iterable
    {
        return Server::where('extension', 'Resellflow')->get();
    }

    private function api(): Api
    {
        $address = rtrim(trim((string) $this->config('address')), '/');
        $token = trim((string) $this->config('token'));
        if ($address === '' || $token === '') {
            throw new Problem("The server's settings need the address of Resellflow and the token of a storefront.");
        }
        return new Api($address, $token);
    }

    /**
     * Raises Exception with a sentence for the shop's staff: Paymenter then calls the job failed and sends no e-mail.
     *
     * @param array<string, mixed> $settings
     * @param array<string, mixed> $properties
     */
    private function carriedOut(Service $service, array $settings, array $properties, Command $command): Desk
    {
        $desk = new Desk($this->api(), $service, $settings, $properties);
        $result = $desk->carryOut($command);
        if ($result !== Requests::SUCCESS) {
            throw new Exception($result);
        }
        return $desk;
    }

    /** @return array<string, string> what customers may see */
    private static function shown(Desk $desk): array
    {
        return array_map('strval', array_intersect_key($desk->provisioning->service(), self::SHOWN));
    }
}
