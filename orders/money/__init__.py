"""Money of upstream accounts: prices, reservations, the line of those who wait, and the cart of an upstream.

`pricing` asks what an operation costs, `prices` judges it by `expectation`, `addonprices` and `limits`. `funds` is the
ledger and the line, `balance` reads and judges what is left. `carts` weighs what lies in a cart, `paying` and
`cart_ledger` write down what was paid; `cart_rows` and `called_off_rows` deal with rows nobody wants.
"""
