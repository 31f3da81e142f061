<?php

declare(strict_types=1);

namespace Resellflow;

use Closure;
use Generator;

/** The HTTP API of one Resellflow, as one storefront. */
final class Api
{
    private const CONNECT_SECONDS = 5;
    private const ANSWER_SECONDS = 20;
    private const PAGE = 200;

    /** HTTP status of the last answer: 201 if the request made something, 200 if an earlier one with its key had. */
    public int $lastStatus = 0;

    /**
     * @param string $address scheme, host and port, without a path
     * @param ?Closure(string, string, string): void $log gets the action, the request and the answer of each call; the token is in neither
     */
    public function __construct(private readonly string $address, private readonly string $token, private readonly ?Closure $log = null)
    {
    }

    /**
     * @param array<string, string|int> $query
     * @return array<string, mixed>
     */
    public function get(string $path, array $query = []): array
    {
        return $this->send('GET', $path . ($query ? '?' . http_build_query($query) : ''));
    }

    /**
     * Every item of a list, page by page.
     *
     * @param array<string, string|int> $query
     * @return Generator<int, array<string, mixed>>
     */
    public function items(string $path, array $query = []): Generator
    {
        $query['limit'] = self::PAGE;
        do {
            $page = $this->get($path, $query);
            yield from array_values($page['items']);
            $query['cursor'] = $page['next_cursor'] ?? null;
        } while ($query['cursor'] !== null);
    }

    /**
     * Raises Problem. With the same key and body Resellflow gives the same answer for ever and does nothing twice.
     *
     * @param array<string, mixed>|null $body
     * @return array<string, mixed>
     */
    public function send(string $method, string $path, ?array $body = null, ?string $key = null): array
    {
        $headers = ["Authorization: Bearer {$this->token}", 'Accept: application/json'];
        if ($key !== null) {
            $headers[] = "Idempotency-Key: $key";
        }
        $options = [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_CONNECTTIMEOUT => self::CONNECT_SECONDS,
            CURLOPT_TIMEOUT => self::ANSWER_SECONDS,
        ];
        $sent = '';
        if ($body !== null) {
            $sent = json_encode((object) $body, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
            $headers[] = 'Content-Type: application/json';
            $options[CURLOPT_POSTFIELDS] = $sent;
        }
        $line = curl_init($this->address . $path);
        curl_setopt_array($line, $options + [CURLOPT_HTTPHEADER => $headers]);
        $answer = curl_exec($line);
        $status = (int) curl_getinfo($line, CURLINFO_RESPONSE_CODE);
        $this->lastStatus = $status;
        $trouble = curl_error($line);
        if ($this->log !== null) {
            ($this->log)("$method $path", "$sent\n" . ($key === null ? '' : "key $key"), $answer === false ? $trouble : (string) $answer);
        }
        if ($answer === false) {
            throw new Problem("There was no answer from Resellflow at {$this->address} ($trouble).");
        }
        if ($status < 200 || $status > 299) {
            throw Problem::fromAnswer($status, (string) $answer);
        }
        $document = json_decode((string) $answer, true);
        if (!is_array($document)) {
            throw new Problem("Something else than Resellflow answered at {$this->address}. Check the address in the server's settings.");
        }
        return $document;
    }
}
