<?php

declare(strict_types=1);

namespace Resellflow;

/** A message of Resellflow, signed as Standard Webhooks specifies. */
final class Webhook
{
    private const WINDOW_SECONDS = 300;

    /**
     * @param array<string, string> $headers names in lower case
     * @param string $secrets one secret, or two with a space between while it is changed
     * @return string why it is not believed; empty: it is Resellflow's
     */
    public static function doubt(array $headers, string $body, string $secrets, int $now): string
    {
        $id = $headers['webhook-id'] ?? '';
        $time = $headers['webhook-timestamp'] ?? '';
        if ($id === '' || !ctype_digit($time)) {
            return 'The headers webhook-id and webhook-timestamp are needed.';
        }
        if (abs($now - (int) $time) > self::WINDOW_SECONDS) {
            return 'The message is older or newer than five minutes. Compare the clocks.';
        }
        $given = explode(' ', $headers['webhook-signature'] ?? '');
        foreach (array_filter(explode(' ', $secrets)) as $secret) {
            $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
            if ($key === false || $key === '') {
                continue;
            }
            $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $key, true));
            foreach ($given as $signature) {
                if (hash_equals($expected, $signature)) {
                    return '';
                }
            }
        }
        return 'The signature is wrong.';
    }
}
