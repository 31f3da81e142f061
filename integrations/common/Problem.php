<?php

declare(strict_types=1);

namespace Resellflow;

use RuntimeException;

/** Why something was not done, as a sentence for the shop's staff. */
final class Problem extends RuntimeException
{
    /**
     * @param int $status HTTP status; 0: no answer came, so it is not known whether the request arrived
     * @param array<string, mixed> $document the problem+json document, empty if there was none
     */
    public function __construct(string $sentence, public readonly int $status = 0, public readonly array $document = [])
    {
        parent::__construct($sentence);
    }

    /** The request was read and refused. Nothing was made, and a retry of the same request would be refused again. */
    public function isRefusal(): bool
    {
        return in_array($this->status, [400, 404, 409, 422], true);
    }

    /** RFC 9457: `detail` says what is wrong, `errors` has the single fields. */
    public static function fromAnswer(int $status, string $body): self
    {
        $document = json_decode($body, true);
        if (!is_array($document) || !isset($document['detail'])) {
            return new self("Resellflow answered with status $status and no explanation. Try again later.", $status);
        }
        $sentence = (string) $document['detail'];
        foreach ($document['errors'] ?? [] as $error) {
            $sentence .= " {$error['field']}: {$error['detail']}.";
        }
        if (isset($document['field'])) {
            $sentence = "{$document['field']}: $sentence";
        }
        $prefix = match (true) {
            $status === 401 => 'Resellflow does not accept the token of this server. ',
            $status === 403 => 'The token of this server may not do that. ',
            $status >= 500 => 'Resellflow is not ready, try again later. ',
            default => '',
        };
        return new self($prefix . $sentence, $status, $document);
    }
}
