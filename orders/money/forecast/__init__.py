"""What falls due on an upstream account, against what is there.

`demand` reads what falls due, `projection` sets it against the money, `alert` reports what will not suffice.
`orders.money.forecast_views` shows it. docs/forecast.md has the rules.
"""
