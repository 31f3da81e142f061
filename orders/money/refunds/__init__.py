"""What an upstream pays back: found in its lists of expenses and payments, and written to operations.

`watched` says where to look, `finding` what the rows mean, `matching` whose a refund is, `record` writes it down,
`deciding` is for people, `orders.money.refund_views` shows it. docs/refunds.md has the rules.
"""
