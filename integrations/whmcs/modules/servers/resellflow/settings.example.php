<?php

// Copy this file to settings.php. It is needed for webhooks only.
return [
    // The secret that `resell webhooks add` printed. While it is changed: both, with a space between.
    'webhook_secret' => 'whsec_…',
    // A directory outside the web root that the web server and the cron job may write.
    'inbox' => '/var/lib/whmcs-resellflow',
];
