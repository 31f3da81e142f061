"""What our customers have: a service, and what it is at its upstream. Which file answers which question:

- How does a service change? `state` applies what the upstream shows, `tracking` takes over what the upstream's staff
  changed, and `history` writes down every change: whoever changes a service does it inside `history.changing`.
- Who works on it, and who renews it? `modules` and `renewal`.
- What do its values mean? `naming` for names and marks, `forms` for parameters, `addons`, `periods`, `expiry` for
  dates, `mappings` for its plan at the upstream; `meaning` says whether two spellings are one value.
- Where is its licence key? `keys` knows whether it has come, `key_reader` reads it.
- What is shown of it? `views` and `history_views`.
"""
