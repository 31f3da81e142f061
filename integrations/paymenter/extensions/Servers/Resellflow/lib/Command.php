<?php

declare(strict_types=1);

namespace Resellflow\Paymenter;

use Resellflow\Requests;

/** What Paymenter's jobs want of a service. */
enum Command: string
{
    case Create = 'create';
    case Suspend = 'suspend';
    case Unsuspend = 'unsuspend';
    case Terminate = 'terminate';
    case Upgrade = 'upgrade';

    /** @return string "success" or a sentence for the shop's staff */
    public function run(Desk $desk): string
    {
        return match ($this) {
            self::Create => $desk->provisioning->create(),
            self::Suspend => $desk->provisioning->suspend(),
            self::Unsuspend => self::unsuspend($desk),
            self::Terminate => $desk->provisioning->terminate(),
            self::Upgrade => $desk->provisioning->changePackage(),
        };
    }

    /** @return list<self> what is not wanted any more if this is */
    public function replaces(): array
    {
        return match ($this) {
            self::Suspend => [self::Unsuspend],
            self::Unsuspend => [self::Suspend],
            self::Terminate => [self::Create, self::Suspend, self::Unsuspend, self::Upgrade],
            self::Create => [self::Terminate],
            self::Upgrade => [],
        };
    }

    /** @return list<string> names of what it asks of Resellflow */
    public function wishes(): array
    {
        return match ($this) {
            self::Unsuspend => ['resume'],
            self::Upgrade => ['package', 'addons'],
            default => [$this->value],
        };
    }

    /** Who paid late has paid for the next term too: it is renewed first, as a term that has ended can't be resumed. */
    private static function unsuspend(Desk $desk): string
    {
        $renewed = $desk->terms->renewIfDue($desk->provisioning->service());
        $resumed = $desk->provisioning->unsuspend();
        return $renewed === Requests::SUCCESS ? $resumed : $renewed;
    }
}
