<?php

declare(strict_types=1);

namespace Resellflow\Whmcs;

/** Messages that were received, one file each, until the cron job has worked them off. */
final class Inbox
{
    /** Longer than Resellflow tries a message again. */
    private const REMEMBERED_SECONDS = 10 * 86_400;

    public function __construct(private readonly string $directory)
    {
    }

    /** @return array{webhook_secret: string, inbox: string}|null null: no webhooks are set up */
    public static function settings(): ?array
    {
        $file = dirname(__DIR__) . '/settings.php';
        return is_file($file) ? require $file : null;
    }

    /** True once it is on the disk, also if it was before. The file appears whole or not at all. */
    public function store(string $id, string $body): bool
    {
        $name = $this->directory . '/' . hash('sha256', $id);
        if (is_file("$name.json") || is_file("$name.done")) {
            return true;
        }
        $draft = $name . '.' . bin2hex(random_bytes(6)) . '.draft';
        $file = @fopen($draft, 'xb');
        if ($file === false) {
            return false;
        }
        $written = fwrite($file, $body) === strlen($body) && fflush($file) && fsync($file);
        fclose($file);
        return $written && rename($draft, "$name.json");
    }

    /** @return array<string, array<string, mixed>> file and event */
    public function waiting(): array
    {
        $events = [];
        foreach (glob($this->directory . '/*.json') ?: [] as $file) {
            $events[$file] = json_decode((string) file_get_contents($file), true) ?? [];
        }
        return $events;
    }

    /** What is left of it is empty: its id is not taken again. */
    public function done(string $file): void
    {
        file_put_contents($file, '');
        rename($file, preg_replace('/json$/', 'done', $file));
    }

    public function tidy(): void
    {
        foreach (glob($this->directory . '/*.{done,draft}', GLOB_BRACE) ?: [] as $file) {
            if (filemtime($file) < time() - self::REMEMBERED_SECONDS) {
                unlink($file);
            }
        }
    }
}
