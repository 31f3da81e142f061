"""The activities: the I/O that workflows ask for. Every activity may run twice; none does its work twice.

An order: `carrying_out` in one go, or step by step `funding`, `submission` and `carts`, then `settlement`;
`calling_off` removes what is left, `records` writes what a workflow decided. `polling` watches an account (package
`poller`), `sweeping` starts what nobody started, `webhooks` sends messages. What they share: `failures` (Temporal's
retries), `heartbeat`, `slots`, `redaction`, `answers`, `refusals` and `troubles`.
"""
