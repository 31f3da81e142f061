"""Money of upstream accounts. Which file answers which question:

- What does an operation cost? `pricing` asks the upstream, `expectation` reads what the catalogue expects,
  `addonprices` adds what add-ons cost, `limits` is what the caller agreed to, and `prices` judges them all.
- Is there money for it? `funds` sets it aside and keeps the line of those who wait; `balance` reads the account's
  balance and says when it is low.
- What lies in the upstream's cart? `cart_rows` reads it and `carts` judges whose each row is.
- What is paid there? `paying` claims the cart and writes the intents, `cart_ledger` writes down what became of them.
- What did an order that was called off leave in it? `called_off_rows`.
"""
