"""What our customers have: a service, and what it is at its upstream.

- `history` writes down every change: whoever changes a service does it inside `history.changing`.
- `state` applies what the upstream shows.
- `tracking` takes over a tariff or add-ons that the upstream's staff changed.
- `modules` gives a service to another processing module.
- `renewal` says who renews it, and compares that with the upstream.
- `references` changes what the shop has written on it.
- `mappings` reads what its plan and its periods are at the upstream.
- `naming` makes numbers, names and marks, and compares them.
- `forms` checks parameters and gives each its one spelling.
- `meaning` says whether two spellings are one value.
- `addons` knows what may be ordered of each add-on.
- `expiry` judges and counts dates.
- `keys` knows whether a licence key has come, and reads it.
- `views` shows services.
- `history_views` shows their history.
- `item_views` shows a service beside its item at the upstream.
"""
