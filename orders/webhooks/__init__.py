"""Webhooks, from the transaction that makes a message true to the receiver's answer.

`outbox` writes messages; `fanout` makes deliveries of them; `deliveries` says what is due and records attempts;
`replay` sends again. `endpoints` adds, pauses and removes receivers, `targets` checks their addresses. `signing` and
`posting` make and send the request, `redaction` leaves out what a storefront may not see, `views` shows all of it.
"""
