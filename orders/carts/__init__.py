"""What lies unpaid at an upstream: in its cart, or as a row that a refused request left behind (docs/carts.md).

- `rows` reads the cart, and finds the owner of each row and whether it was paid.
- `judging` judges whose each row is and what may be paid. Pure.
- `paying` claims the cart for one operation and writes the intents of a payment.
- `ledger` writes down what became of a payment, for every order that it covered.
- `called_off` takes out what an order that was called off left in the cart.
- `leftovers` decides about the unpaid row of a request that was refused for want of money.
- `removing` removes such a row, and finds out whether it was paid meanwhile.
"""
