"""A backup of the database that was brought back: how it is noticed, and what has to be so before anything is sent.

- `numbers`: which numbers the database has given, and the next ones; moving these on.
- `marks`: marks of this installation, with the tags that it had.
- `before`: what the restored database knows of an item.
- `unfinished`: operations that may have been sent since the backup get an unsettled intent.
- `proof`: what is proof for these, beyond the verdicts on a lost answer.
- `record`: the transaction of `resell restored`.

docs/backup.md has the states and what can go wrong. Whether the database is held is in `orders.installation`.
"""
