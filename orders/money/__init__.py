"""Money of upstream accounts.

- `funds` sets money aside for orders, and keeps the line of those who wait for it.
- `balance` reads the account's balance and says when it is low.
- `pricing` asks the upstream what an operation costs.
- `expectation` reads what the catalogue expects it to cost.
- `addonprices` adds what add-ons cost.
- `line_views` shows who waits for the money of an account, and what was charged lately.
- `limits` is the most that the caller agreed to.
- `quoted` holds an order to the quote that it names.
- `held_prices` names the upstream's own quote in the request, while it holds its price.
- `prices` judges the price by all of these.
- `views` says what a plan is sold for, `forecast` what falls due on an account, `refunds` what was paid back.
- `forecast_views` shows what falls due.
- `refund_views` shows what was paid back.
"""
