"""What our customers have: a service and what it is at its upstream.

`state` makes a service what its item is, `tracking` takes over what the upstream's staff changed. `history` writes down
every change: whoever changes a service does it inside `history.changing`. `modules` gives it to another processing
module, `renewal` watches who renews it. `naming`, `forms`, `addons`, `periods`, `mappings`, `expiry` and `meaning` are
what its values mean, `keys` and `key_reader` hand out licence keys. `views` and `history_views` show it.
"""
