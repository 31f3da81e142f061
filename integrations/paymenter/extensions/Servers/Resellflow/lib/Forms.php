<?php

declare(strict_types=1);

namespace Resellflow\Paymenter;

use Resellflow\Api;

/** The fields that Paymenter shows in its settings and at the checkout. */
final class Forms
{
    private const SECRET = ['type' => 'text', 'encrypted' => true];

    /** @return list<array<string, mixed>> of a server */
    public static function server(): array
    {
        return [
            [
                'name' => 'address',
                'label' => 'Address',
                'type' => 'text',
                'description' => 'of the API, for example https://resellflow.example.com',
                'required' => true,
                'validation' => 'url',
            ],
            ['name' => 'token', 'label' => 'Token', 'description' => 'of a storefront', 'required' => true] + self::SECRET,
            ['name' => 'webhook_secret', 'label' => 'Secret of the webhooks', 'description' => 'optional', 'required' => false] + self::SECRET,
        ];
    }

    /** @return list<array<string, mixed>> of a product */
    public static function product(Api $api): array
    {
        $plans = [];
        foreach ($api->items('/v1/plans', ['active' => 'true']) as $plan) {
            $plans[$plan['name']] = "{$plan['name']} ({$plan['product_type']})";
        }
        ksort($plans);
        return [
            ['name' => 'plan', 'label' => 'Plan', 'type' => 'select', 'options' => $plans, 'required' => true],
            [
                'name' => 'template',
                'label' => 'Template',
                'type' => 'text',
                'description' => 'operating system, where the plan has several; empty: the customer chooses',
                'required' => false,
            ],
            self::number('months', 'Months', 'length of a term; empty: the billing cycle of the plan'),
            self::number('wait', 'Wait', 'seconds that a command waits for the order to be completed; empty: 10'),
            self::number('lead', 'Lead', 'days before the end of a term from which it is renewed; empty: ' . Terms::LEAD_DAYS),
        ];
    }

    /**
     * What the customer has to say before the plan can be ordered.
     *
     * @param array<string, mixed> $settings of the product
     * @return list<array<string, mixed>>
     */
    public static function checkout(Api $api, array $settings): array
    {
        $plan = $api->get('/v1/plans/' . rawurlencode((string) ($settings['plan'] ?? '')));
        $fields = [];
        if (isset($plan['order_schema']['properties']['domain'])) {
            $isRequired = in_array('domain', $plan['order_schema']['required'] ?? [], true);
            $fields[] = ['name' => 'domain', 'label' => 'Domain', 'type' => 'text', 'required' => $isRequired];
        }
        foreach ($plan['parameters']['properties'] ?? [] as $name => $form) {
            $isTemplate = $name === 'template' && $plan['templates'] !== [];
            $isRequired = in_array($name, $plan['parameters']['required'] ?? [], true);
            if ($isTemplate ? ($settings['template'] ?? '') !== '' : !$isRequired) {
                continue;
            }
            $choices = $isTemplate ? array_column($plan['templates'], 'name') : ($form['enum'] ?? []);
            $fields[] = ['name' => "parameter_$name", 'label' => ucfirst((string) $name), 'required' => $isRequired || $isTemplate]
                + ($choices ? ['type' => 'select', 'options' => array_combine($choices, $choices)] : ['type' => 'text']);
        }
        return $fields;
    }

    /** @return array<string, mixed> */
    private static function number(string $name, string $label, string $description): array
    {
        return ['name' => $name, 'label' => $label, 'type' => 'number', 'description' => $description, 'min_value' => 0, 'required' => false];
    }
}
