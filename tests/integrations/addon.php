<?php

declare(strict_types=1);

namespace WHMCS\Service;

use AllowDynamicProperties;

/** What WHMCS hands to a module as `model` if a product's addon uses it. */
#[AllowDynamicProperties]
final class Addon
{
}
