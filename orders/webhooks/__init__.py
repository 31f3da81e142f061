"""Webhooks, from the transaction that makes a message true to the receiver's answer.

`outbox` writes messages; `fanout` makes deliveries of them; `deliveries` says what is due and records attempts;
`replay` sends again. `endpoints` adds, pauses and removes receivers, `by_api` for callers of the API, `targets` checks
their addresses, `sealing` keeps secrets that were made here. `signing` and `posting` make and send the request,
`redaction` leaves out what a storefront may not see, `wording` adds what the shop wrote, `views` shows all of it.
"""
