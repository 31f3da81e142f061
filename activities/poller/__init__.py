"""The poller of an upstream account, one job a module.

`schedule` says when what is due, and `watch` holds the state of one run. `waiting` finds the operations that wait.
`lists`, `heads` and `forms` read the upstream; `push_hints`, `keys`, `unexplained`, `renewals` and `slow` choose what
is read. `freshness` drops answers that may be stale. `isolation` keeps one failed read from stopping the others.
`delivering` signals orders, and `health` records the state of the account.
"""
