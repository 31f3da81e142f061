<?php

declare(strict_types=1);

namespace Resellflow\Paymenter;

use App\Helpers\ExtensionHelper;
use App\Jobs\Server\CreateJob;
use App\Models\Server;
use App\Models\Service;
use Illuminate\Support\Facades\Log;
use Resellflow\Api;
use Resellflow\Fleet;
use Resellflow\Requests;
use Throwable;

/**
 * Brings Paymenter and Resellflow together: Paymenter tries a command once and never again, so what got no answer is
 * sent again here; what became of orders is told, and terms are renewed.
 */
final class Comparison
{
    private readonly Fleet $fleet;

    public function __construct(private readonly Server $server, private readonly Api $api)
    {
        $this->fleet = new Fleet($api);
    }

    /** Every service of this server. */
    public function all(): void
    {
        $isUnsettled = static fn ($query) => $query->where('key', Properties::STATE)->where('value', 'like', '%"commands"%');
        foreach (Service::whereHas('properties', $isUnsettled)->get() as $service) {
            $this->each($service, fn (Desk $desk) => $this->finish($service, $desk));
        }
        $this->compare($this->fleet->all());
    }

    /** The service that a message is about, if it is this shop's. */
    public function about(int $number): void
    {
        $found = $this->fleet->about($number);
        foreach (array_keys($found) as $id) {
            $service = Service::find($id);
            if ($service !== null) {
                $this->each($service, fn (Desk $desk) => $this->finish($service, $desk));
            }
        }
        $this->compare($found);
    }

    /** @param array<int, array<string, mixed>> $found by Paymenter's id */
    private function compare(array $found): void
    {
        foreach ($found as $id => $one) {
            $service = Service::find($id);
            if ($service === null) {
                Log::warning("Resellflow: service {$one['number']} belongs to Paymenter's service $id, which is not there.");
            } else {
                $this->each($service, fn (Desk $desk) => $this->one($service, $desk, $one));
            }
        }
    }

    /** @param callable(Desk): void $work; a service with trouble does not hold up the others */
    private function each(Service $service, callable $work): void
    {
        if ($service->product->server?->id !== $this->server->id) {
            return;
        }
        try {
            $settings = ExtensionHelper::settingsToArray($service->product->settings);
            $work(new Desk($this->api, $service, $settings, ExtensionHelper::getServiceProperties($service), 0.0));
        } catch (Throwable $trouble) {
            Log::warning("Resellflow: service {$service->id} was not compared: {$trouble->getMessage()}");
        }
    }

    /** Run what is not settled again: the requests are the same, so nothing is done twice. */
    private function finish(Service $service, Desk $desk): void
    {
        foreach ($desk->unsettled() as $name) {
            $command = Command::from($name);
            $isDone = $desk->carryOut($command) === Requests::SUCCESS;
            if ($isDone && $command === Command::Create) {
                CreateJob::dispatch($service); // it finds the service there, and writes to the customer
            }
        }
    }

    /** @param array<string, mixed> $found */
    private function one(Service $service, Desk $desk, array $found): void
    {
        if ($desk->unsettled() !== []) {
            return;
        }
        $isActive = $service->status === Service::STATUS_ACTIVE;
        $renewed = Requests::SUCCESS;
        if ($found['status'] !== 'closed' && ($isActive || $service->status === Service::STATUS_SUSPENDED)) {
            $renewed = $desk->terms->renewIfDue($found);
        }
        $news = match (true) {
            $found['status'] === 'closed' => $this->isToEnd($service, $desk, $found) ? 'it was closed at the provider.' : null,
            $service->status === Service::STATUS_CANCELLED =>
                "Resellflow's service {$found['number']} is {$found['status']}, and cancelled in Paymenter. Look at its operations.",
            $renewed !== Requests::SUCCESS => $renewed,
            $found['status'] === 'suspended' && $isActive => 'the provider has suspended it: ' . ($found['suspend_reason'] ?? 'no reason'),
            default => '',
        };
        if ($news === null || ($news !== '' && $this->fleet->isBusy((int) $found['number']))) {
            return;
        }
        if ($found['status'] === 'closed') {
            $this->end($service);
        }
        if ($desk->properties->report($news)) {
            Log::warning("Resellflow: service {$service->id}: $news");
        }
    }

    /** @param array<string, mixed> $found */
    private function isToEnd(Service $service, Desk $desk, array $found): bool
    {
        $isRunning = in_array($service->status, [Service::STATUS_ACTIVE, Service::STATUS_SUSPENDED], true);
        return $isRunning && $desk->state->get('service') === $found['number'];
    }

    /** As Paymenter itself does it: no invoice is to be paid for nothing. */
    private function end(Service $service): void
    {
        $service->update(['status' => Service::STATUS_CANCELLED]);
        $service->invoices()->where('status', 'pending')->update(['status' => 'cancelled']);
    }
}
