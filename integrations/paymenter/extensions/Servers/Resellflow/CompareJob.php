<?php

declare(strict_types=1);

namespace Paymenter\Extensions\Servers\Resellflow;

use App\Models\Server;
use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;

/** What a message was about is compared. If this fails, the comparison of all services makes up for it. */
final class CompareJob implements ShouldQueue
{
    use Dispatchable;
    use Queueable;

    public int $timeout = 120;

    public function __construct(public readonly int $server, public readonly int $service)
    {
    }

    public function handle(): void
    {
        Resellflow::comparison(Server::findOrFail($this->server))->about($this->service);
    }
}
