"""What we need from any upstream, and one folder for each kind of upstream.

- `port` has the calls. `items`, `answers` and `carts` are the values that they return, `errors` how they fail.
- `adapter` is what a folder exports, `capabilities` what its kind of upstream can do, `kinds` finds it.
- `absent` is the base of adapters that leave calls out; `values` has the kinds of values in their settings.
- `connections` opens one adapter for each account, with its secret (`secrets`).
- `gate` says whether an account may be asked now, by its breakers (`circuit`) and its limits (`limits`).
- `httpcalls` sends one HTTP request and says what its failure means. `lease` and `departure` say whether it may leave
  and whether it has left, `inflate` bounds its answer, `retry_after` reads when to ask again, `plainhttp` says where an
  address without TLS is allowed.
- `lookups` looks up names so that one that hangs holds up no other.
- `hints` reads push hints.
"""
